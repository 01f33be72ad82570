"""Nested records: lines of several kinds, where a line of one kind belongs to the lines of another kind before it.

A rule `KIND:target=field` says that lines whose first field is KIND give `target` their field of that number (the kind is field
0).  Values hold for the lines that follow, until a line of the same kind comes; a kind that gives `name` makes one event a line.
Lines of other kinds are passed and counted, they are no events::

    C,"10001",10001     --records C:user_id=2
    V,1000,1            --records V:name=1
    V,1001,1            -> two events of person 10001: 1000 and 1001
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from footfall.connectors.files.contract import Place
from footfall.connectors.files.delimited import DelimitedReader
from footfall.errors import InvalidQuery, nearest
from footfall.event.cells.text import equal_to
from footfall.event.cells.words import SLACK
from footfall.event.raw import FINE, NULL, Numbers, RawRows

_RULE = re.compile(r"^(?P<kind>[^:]+):(?P<target>[^=]+)=(?P<field>\d+)$")
_FIELD_MAX = 255


@dataclass(frozen=True, slots=True)
class RecordRule:
    """Lines of `kind` give `target` their field number `field`."""

    kind: str
    target: str
    field: int


def parse_rules(records: tuple[str, ...], targets: tuple[str, ...]) -> tuple[RecordRule, ...]:
    """The rules a user typed; every target once, and one kind that gives `name`."""
    rules: list[RecordRule] = []
    for text in records:
        match = _RULE.match(text)
        if match is None or not 0 < int(match["field"]) <= _FIELD_MAX:
            raise InvalidQuery(
                f"{text!r} is not a rule for records",
                field="records",
                got=text,
                hint="write KIND:field=NUMBER, e.g. --records C:user_id=2 --records V:name=1",
            )
        if match["target"] not in targets:
            near = nearest(match["target"], targets)
            hint = f"did you mean {', '.join(near)}?" if near else "targets: " + ", ".join(targets)
            raise InvalidQuery(f"events have no field {match['target']!r}", field="records", got=text, allowed=targets, hint=hint)
        rules.append(RecordRule(match["kind"], match["target"], int(match["field"])))
    named = [rule.target for rule in rules]
    if named.count("name") != 1 or len(set(named)) != len(named):
        raise InvalidQuery(
            "the records need one rule for name, and no target twice",
            field="records",
            got=", ".join(records),
            hint="e.g. --records C:user_id=2 --records V:name=1",
        )
    return tuple(rules)


class NestedReader:
    """The events among nested records; their columns are the rules' targets."""

    def __init__(self, lines: DelimitedReader, rules: tuple[RecordRule, ...]) -> None:
        self.lines = lines
        self.rules = rules
        self.columns = tuple(rule.target for rule in rules)
        self.place = lines.place
        self._event_kind = next(rule.kind for rule in rules if rule.target == "name")
        self._carried = {rule.target: (b"", NULL) for rule in rules}  # the bytes that hold for the lines to come, and what they are
        self._rows = lines.place.row

    def read(self) -> RawRows | None:
        """The next block of events; blocks without any are passed."""
        raw = self.lines.read()
        if raw is None:
            return None
        events = self._events(raw)
        self._rows += len(events)
        self.place = Place(self.lines.place.offset, self._rows, self.lines.place.line)
        return events

    def _events(self, raw: RawRows) -> RawRows:
        kinds = {rule.kind for rule in self.rules}
        of_kind = {kind: equal_to(raw.octets, raw.column(0), kind)[1] for kind in kinds}
        fine = raw.rows[:, 3] == FINE
        wanted = (of_kind[self._event_kind] & fine) | ~fine
        chosen = np.flatnonzero(wanted)
        cells = np.empty((len(self.rules), len(chosen), 3), np.int32)
        octets = np.concatenate([raw.octets, np.zeros(sum(len(value) for value, _ in self._carried.values()) + SLACK, np.uint8)])
        end = len(raw.octets)
        for place, rule in enumerate(self.rules):
            carried, what = self._carried[rule.target]
            octets[end : end + len(carried)] = np.frombuffer(carried, np.uint8)
            before = np.array([end, end + len(carried), what], np.int32)
            end += len(carried)
            cells[place] = self._column(raw, rule, of_kind[rule.kind] & fine, before)[chosen]
        width = len(self.columns)
        return RawRows(octets, self.columns, cells, raw.rows[chosen], self._rows, raw.first_line, skipped=int(len(raw) - len(chosen)), width=width)

    def _column(self, raw: RawRows, rule: RecordRule, here: np.ndarray[tuple[int], np.dtype[np.bool_]], before: Numbers) -> Numbers:
        """(rows, 3) cells of one target: each row's latest line of the rule's kind, `before` where there is none yet."""
        latest = np.maximum.accumulate(np.where(here, np.arange(len(raw)), -1)) if len(raw) else np.empty(0, np.int64)
        source = raw.column(rule.field)
        cells = np.where((latest >= 0)[:, None], source[np.maximum(latest, 0)], before)
        if len(raw) and latest[-1] >= 0:
            start, stop, what = (int(number) for number in source[latest[-1]])
            self._carried[rule.target] = (bytes(raw.octets[start:stop]), what)
        return cells.astype(np.int32)

    def close(self) -> None:
        """Let go of the file."""
        self.lines.close()
