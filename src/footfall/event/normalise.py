"""Raw rows to events: every mapped cell typed, every row either kept whole or refused with its reason.

The first thing that is wrong with a row is its reason, in the order of `DropReason`: shape, encoding, time, name, person, tracking
plan, promoted values.  No value is changed to make it fit.  Cost: one pass over the bytes of each column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.errors import nearest
from footfall.event.cells.numbers import decimals, integers, truths
from footfall.event.cells.text import count_suspects, make_null, row_ids, texts
from footfall.event.cells.times import INVALID, MISSING, READ, TimeReader
from footfall.event.cells.words import octets_of
from footfall.event.dead_letter import ROW_TEXT_BYTES_MAX, DeadLetter
from footfall.event.drop import DropReason
from footfall.event.mapping import DELAY_UNITS, EventMapping
from footfall.event.person import person_keys
from footfall.event.plan import TrackingPlan
from footfall.event.properties import properties
from footfall.event.raw import FAULTS, FINE, LONE_SURROGATE, NULL, TEXT, Numbers, Octets, RawRows
from footfall.event.schema import MAPPABLE, TIME

_REASONS = tuple(DropReason)
_CODE = {reason: code for code, reason in enumerate(_REASONS, start=1)}
_FAULT_CODES = np.array([0] + [_CODE[FAULTS[fault][0]] for fault in sorted(FAULTS)], np.uint8)
_PERSONS = ("user_id", "anonymous_id")
DAY_US = 86_400_000_000


@dataclass(slots=True)
class Normalised:
    """What became of one block: its events, its dead letters, and what deserves a warning."""

    events: pa.Table
    letters: list[DeadLetter]
    naive_times: int = 0
    suspects: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """What rows get because of where they come from: first position, time of receipt, prefix of made-up event ids.

    `given` are columns that the caller has made already.  With an event_time comes `states`: READ, MISSING or INVALID for each row; with
    a position, made-up event ids end in it.
    """

    position: int
    received_us: int
    id_prefix: str
    given: Mapping[str, pa.Array] = field(default_factory=dict)
    states: np.ndarray[Any, Any] | None = None


class _Verdicts:
    """The first reason against each row, and which target it concerns."""

    def __init__(self, faults: np.ndarray[Any, Any]) -> None:
        self.reason = _FAULT_CODES[faults]
        self.target = np.zeros(len(faults), np.int16)

    def refuse(self, rows: np.ndarray[Any, Any], reason: DropReason, target: int = 0) -> None:
        if not rows.any():
            return
        rows = rows & (self.reason == 0)
        self.reason[rows] = _CODE[reason]
        self.target[rows] = target

    def kept(self) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        """Which rows have no reason against them; None when that is all of them."""
        return (self.reason == 0) if self.reason.any() else None


class Normaliser:
    """Makes events of the raw rows of one source.  Safe to call from several threads."""

    def __init__(self, columns: Sequence[str], mapping: EventMapping, plan: TrackingPlan, times: Mapping[str, TimeReader]) -> None:
        self.columns = tuple(columns)
        self.mapping = mapping
        self.plan = plan
        self.schema = plan.schema()
        self.times = times
        self.targets = ("", *MAPPABLE, *plan.columns)
        index = {column: place for place, column in enumerate(self.columns)}
        self.place = {target: index[column] for target, column in mapping.columns.items()}
        for name in plan.columns:
            if name in index and name not in self.place and name not in mapping.constants:
                self.place[name] = index[name]
        self.delay = index[mapping.delay[0]] if mapping.delay else None
        used = set(self.place.values()) | ({self.delay} if self.delay is not None else set())
        self.leftover = [place for place in range(len(self.columns)) if place not in used]

    def normalise(self, raw: RawRows, origin: Origin) -> Normalised:
        """The events and dead letters of one block."""
        return _Block(self, raw, origin).normalised()


class _Block:
    """One block on its way."""

    def __init__(self, how: Normaliser, raw: RawRows, origin: Origin) -> None:
        self.how = how
        self.raw = raw
        self.origin = origin
        self.size = len(raw)
        self.result = Normalised(how.schema.empty_table(), [])
        self._make_nulls()
        self._fill_empties()

    def normalised(self) -> Normalised:
        """Type every column, then judge every row."""
        if self.size == 0:
            return self.result
        verdicts = _Verdicts(self.raw.rows[:, 3])
        columns: dict[str, Any] = dict(self.origin.given)
        columns["event_time"] = self._event_time(verdicts)
        columns["name"] = self._name(verdicts)
        columns |= self._persons(verdicts)
        self._judge_names(columns["name"], verdicts)
        for target in self.how.targets[1:]:
            if target not in columns and target != "event_id":
                columns[target] = self._value(target, verdicts)
        kept = verdicts.kept()
        columns["person_key"] = pa.array(person_keys(columns["person_id"]))
        columns["event_id"] = self._event_ids(verdicts)
        if "position" not in columns:
            columns["position"] = pa.array(np.arange(self.origin.position, self.origin.position + self.size, dtype=np.int64))
        if "received_time" not in columns:
            columns["received_time"] = time_array(np.full(self.size, self.origin.received_us, np.int64))
        if "properties" not in columns:
            columns["properties"] = properties(self.raw, self.how.leftover)
        events = pa.table([columns[name] for name in self.how.schema.names], schema=self.how.schema)
        self.result.events = events if kept is None else events.filter(pa.array(kept))
        if kept is not None:
            self.result.letters = [self._letter(int(row), verdicts) for row in np.flatnonzero(~kept)]
        return self.result

    # --- where values come from ------------------------------------------------------------------------------------------

    def _make_nulls(self) -> None:
        for column, literals in self.how.mapping.nulls.items():
            if column:
                make_null(self.raw.octets, self.raw.column(self.how.columns.index(column)), literals)
                continue
            for target in _PERSONS:
                if target in self.how.place:
                    make_null(self.raw.octets, self.raw.column(self.how.place[target]), literals)

    def _fill_empties(self) -> None:
        for column, text in self.how.mapping.empties.items():
            cells = self.raw.column(self.how.columns.index(column))
            start = len(self.raw.octets)
            self.raw.octets = np.concatenate([self.raw.octets, octets_of(text.encode())])
            cells[cells[:, 2] == NULL] = (start, start + len(text.encode()), TEXT)

    def _cells(self, target: str) -> tuple[Octets, Numbers] | None:
        if target in self.how.mapping.constants:
            constant = self.how.mapping.constants[target].encode()
            cells = np.empty((self.size, 3), np.int32)
            cells[:] = (0, len(constant), TEXT if constant else NULL)
            return octets_of(constant), cells
        if target in self.how.place:
            return self.raw.octets, self.raw.column(self.how.place[target])
        return None

    def _text(self, target: str, verdicts: _Verdicts) -> pa.Array:
        cells = self._cells(target)
        if cells is None:
            return pa.nulls(self.size, pa.string())
        array, broken = texts(*cells)
        if broken is not None:
            fine = broken & (self.raw.rows[:, 3] == FINE)
            self.raw.rows[fine, 3] = LONE_SURROGATE
            verdicts.refuse(broken, DropReason.INVALID_ENCODING, self.how.targets.index(target))
        return array

    # --- columns ---------------------------------------------------------------------------------------------------------

    def _event_time(self, verdicts: _Verdicts) -> pa.Array:
        if self.origin.states is not None:
            self._judge_times(self.origin.states, verdicts)
            return self.origin.given["event_time"]
        cells = self._cells("event_time")
        assert cells is not None, "a mapping without event_time is refused before any row is read"
        us, state, naive = self.how.times["event_time"].read(*cells)
        self.result.naive_times = naive
        if self.how.delay is not None:
            assert self.how.mapping.delay is not None, "a delay column comes from the mapping"
            added, added_state = integers(self.raw.octets, self.raw.column(self.how.delay))
            us = us + added * DELAY_UNITS[self.how.mapping.delay[1]]
            state = np.where((state == READ) & (added_state != READ), INVALID, state)
        self._judge_times(state, verdicts)
        return time_array(us)

    def _judge_times(self, state: np.ndarray[Any, Any], verdicts: _Verdicts) -> None:
        target = self.how.targets.index("event_time")
        verdicts.refuse(state == MISSING, DropReason.MISSING_TIME, target)
        verdicts.refuse(state == INVALID, DropReason.INVALID_TIME, target)

    def _name(self, verdicts: _Verdicts) -> pa.Array:
        name = self._text("name", verdicts)
        target = self.how.targets.index("name")
        if name.null_count:
            verdicts.refuse(name.is_null().to_numpy(zero_copy_only=False), DropReason.MISSING_NAME, target)
            name = name.fill_null("")
        return name

    def _judge_names(self, name: pa.Array, verdicts: _Verdicts) -> None:
        if self.how.plan.names is not None:
            known = pc.is_in(name, value_set=pa.array(self.how.plan.names, pa.string())).to_numpy(zero_copy_only=False)
            verdicts.refuse(~known, DropReason.UNKNOWN_NAME, self.how.targets.index("name"))

    def _persons(self, verdicts: _Verdicts) -> dict[str, pa.Array]:
        user, anonymous = self._text("user_id", verdicts), self._text("anonymous_id", verdicts)
        person = user if not user.null_count else pc.coalesce(user, anonymous)
        if person.null_count:
            verdicts.refuse(person.is_null().to_numpy(zero_copy_only=False), DropReason.MISSING_PERSON)
            person = person.fill_null("")
        for person_field in _PERSONS:
            if person_field in self.how.place:
                found = count_suspects(self.raw.octets, self.raw.column(self.how.place[person_field]))
                if found:
                    self.result.suspects[person_field] = found
        return {"user_id": user, "anonymous_id": anonymous, "person_id": person}

    def _event_ids(self, verdicts: _Verdicts) -> pa.Array:
        given = None if self._cells("event_id") is None else self._text("event_id", verdicts)
        if given is not None and not given.null_count:
            return given
        positions = self.origin.given.get("position")
        if positions is None:
            made = row_ids(self.origin.id_prefix, self.raw.first_row, self.size)
        else:
            made = pc.binary_join_element_wise(self.origin.id_prefix, pc.cast(positions, pa.string()), "")
        return made if given is None else pc.coalesce(given, made)

    def _value(self, target: str, verdicts: _Verdicts) -> pa.Array:
        kind = self.how.schema.field(target).type
        if kind == pa.string():
            return self._text(target, verdicts)
        cells = self._cells(target)
        if cells is None:
            return pa.nulls(self.size, kind)
        if kind == pa.int64():
            values, state = integers(*cells)
        elif kind == pa.float64():
            values, state = decimals(*cells)
        elif kind == pa.bool_():
            values, state = truths(*cells)
        else:
            values, state, _ = self.how.times[target].read(*cells)
        verdicts.refuse(state == INVALID, DropReason.INVALID_VALUE, self.how.targets.index(target))
        missing = state != READ
        mask = missing if missing.any() else None
        if kind == TIME:
            return time_array(values, mask)
        if kind == pa.date32():
            return pa.array((values // DAY_US).astype(np.int32), pa.date32(), mask=mask)
        return pa.array(values, kind, mask=mask)

    # --- refusals --------------------------------------------------------------------------------------------------------

    def _letter(self, row: int, verdicts: _Verdicts) -> DeadLetter:
        reason = _REASONS[int(verdicts.reason[row]) - 1]
        detail = self.raw.fault(row)[1] if self.raw.rows[row, 3] != FINE else self._detail(reason, row, self.how.targets[int(verdicts.target[row])])
        return DeadLetter(self.raw.line(row), reason.value, detail, self.raw.text(row, ROW_TEXT_BYTES_MAX))

    def _detail(self, reason: DropReason, row: int, target: str) -> str:
        place = self.how.place.get(target)
        column = target if place is None else self.how.columns[place]
        value = self.how.mapping.constants.get(target, "") if place is None else self.raw.value(place, row)
        if reason is DropReason.MISSING_PERSON:
            tried = [self.how.columns[self.how.place[one]] for one in _PERSONS if one in self.how.place]
            return f"empty: {', '.join(tried)}"
        if reason in (DropReason.MISSING_TIME, DropReason.MISSING_NAME):
            return f"empty: {column}"
        if reason is DropReason.INVALID_TIME:
            return f"{column} = {value!r} is no time between 1970 and 2200"
        if reason is DropReason.UNKNOWN_NAME:
            near = nearest(value, self.how.plan.names or ())
            return f"{column} = {value!r} is not in the tracking plan" + (f"; near: {', '.join(near)}" if near else "")
        return f"{column} = {value!r} is not {self.how.plan.columns.get(target, str(self.how.schema.field(target).type))}"


def time_array(us: np.ndarray[Any, Any], mask: np.ndarray[Any, Any] | None = None) -> pa.Array:
    """(n,) microseconds -> times, null where the mask is set."""
    validity = None if mask is None else pa.py_buffer(np.packbits(~mask, bitorder="little"))
    return pa.Array.from_buffers(TIME, len(us), [validity, pa.py_buffer(np.ascontiguousarray(us, np.int64))])
