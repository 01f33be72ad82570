"""Absence: something that should follow does not, within a span.

[[rule]]
name = "abandoned"
kind = "absence"
key = ["user_id"]
first = "name=cart"
then = "name=purchase"
within = "2h"

A record A of `first` raises an alert when no record of `then` of its key lies after it (later in time, or at the same time and a later
position) and at most `within` later; the alert's time is A's time + `within`, its position A's.  What matters is which records were taken, not
when they came: the alert is raised once the event clock, less the lateness, is later than its time, when no such record can come any more, and
while nothing arrives the clock goes on with the wall clock.  Alerts are raised in the order of their times, equal times by position.  A record can
be both: it fulfils the waits before it and opens its own.

Unless the rule says otherwise its cool-down is `within`: a cart that is filled in five steps is abandoned once.  A key has at most 16 open waits;
when there is one more, the second oldest goes.  It keeps its 4 newest times of `then` for records that come later and lie before them; that is
exact as long as `within` is at least the lateness and a minute, or no more than 4 of them come in that time.

Cost: about 0.9 us a record with a million keys, and 1 us an alert; 112 bytes a key, 256 more for one with more than two open waits, and its text while it has any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.kernels.live import absences
from footfall.kernels.live.table import KEY, KeyedTable
from footfall.rules.contract import Rule
from footfall.rules.operator import RuleOperator, pieces
from footfall.rules.raising import Candidates, key_texts
from footfall.rules.steps import Conditions, Written, conditions
from footfall.rules.timers import Timers
from footfall.stream.batch import AHEAD_US

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.contract import Outputs


class Absence(Rule, frozen=True, kw_only=True, tag="absence"):
    """Something that should follow does not."""

    kind: ClassVar[str] = "absence"

    first: Annotated[Written, Meta(description="what opens a wait: a condition or a list of them, e.g. name=cart")]
    then: Annotated[Written, Meta(description="what fulfils it: a condition or a list of them, e.g. name=purchase")]
    within: Annotated[Span, Meta(description="how long after the first it must come, such as 2h")]

    def __post_init__(self) -> None:
        self.check_span(self.within, "within")
        self.conditions()

    def conditions(self) -> tuple[Conditions, Conditions]:
        """The conditions of what opens a wait and of what fulfils it."""
        return conditions(self, self.first, "first"), conditions(self, self.then, "then")

    def operator(self, *, lateness_us: int) -> AbsenceOperator:
        """The rule in motion."""
        return AbsenceOperator(self, self.lateness_us(lateness_us))

    def filters(self) -> tuple[Filter, ...]:
        """Every condition that it holds records against."""
        return (*super().filters(), *(one for step in self.conditions() for one in step))

    def look_back_us(self) -> int:
        """As long as a wait."""
        return self.within.us


class AbsenceOperator(RuleOperator):
    """An absence in motion: open waits of every key, timers, and the texts of keys that wait."""

    def __init__(self, rule: Absence, lateness_us: int) -> None:
        self.rule = rule
        self._first, self._then = rule.conditions()
        self._within_us = rule.within.us
        self._keys = KeyedTable(absences.KEY_FIELDS)
        self._more = KeyedTable(absences.MORE_FIELDS)
        self._timers: Timers | None = None
        self._texts: dict[int, str] = {}
        # A text is written when a key begins to wait and whenever its timer is set again, which is within this time.
        self.texts_keep_us = self._within_us + lateness_us + 2 * AHEAD_US
        super().__init__(rule, lateness_us, {"waits": self._keys, "more": self._more}, cool_down_us=self._within_us)

    def take(self, batch: Batch, out: Outputs) -> None:
        """Add records to the waits of their keys, and decide what the clock has passed with them."""
        what = batch.columns.mask(self._first) * absences.OPENS | batch.columns.mask(self._then) * absences.FULFILS
        keys, which = self._taken(batch, out, what != 0)
        given = np.stack([keys, batch.time_us, batch.position, what, batch.clock_us - self.lateness_us])
        due, timers = [], self._ready()
        for piece in pieces(which):
            found = _room_for(len(piece))
            absences.take(self._keys.reserve(len(piece)), self._more.reserve(len(piece)), piece, given, self._within_us, found)
            due.append(_found(found, absences.DUE))
            timers.set(_found(found, absences.TIMERS)[:, :2])
        learned = self._learned(batch, due)
        self._decide(batch.clock_end_us - self.lateness_us, due, out)
        out.texts.update({key: self._texts[key] for key in learned if key in self._texts})

    def tick(self, clock_us: int, out: Outputs) -> bool:
        """Raise alerts of waits that the clock has passed."""
        return self._decide(clock_us, [], out)

    def wanted_texts(self) -> list[int]:
        """The keys that wait, whose texts must be given back after a restart."""
        rows = self._keys.every()
        return rows[rows[:, absences.COUNT] > 0, KEY].tolist() if self.rule.key else []

    def give_texts(self, texts: Mapping[int, str]) -> None:
        """The texts of keys that wait."""
        self._texts |= texts

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _ready(self) -> Timers:
        """The timers; those of waits that were read back are set first."""
        if self._timers is None:
            self._timers = Timers(self._within_us)
            found = _room_for(len(self._keys))
            absences.set_timers(self._keys.array(), self._within_us, found)
            self._timers.set(_found(found, absences.TIMERS)[:, :2])
        return self._timers

    def _decide(self, clock_us: int, due: list[Any], out: Outputs) -> bool:
        timers = self._ready()
        rung = timers.rung(clock_us)
        if len(rung):
            found = _room_for(len(rung))
            absences.decide(self._keys.reserve(0), self._more.reserve(0), rung, clock_us, self._within_us, found)
            again = _found(found, absences.TIMERS)
            timers.set(again[:, :2])
            out.texts.update({key: self._texts[key] for key in again[:, 1].tolist() if key in self._texts})
            due = [*due, _found(found, absences.DUE)]
        decided = np.concatenate(due) if due else np.empty((0, 3), np.int64)
        if len(decided):
            self._raise(decided[np.lexsort((decided[:, 2], decided[:, 0]))], out)
        if self._texts:
            changed = self._keys.changes()[0]
            for key in changed[self._keys.rows(changed)[:, absences.COUNT] == 0].tolist():
                self._texts.pop(key, None)
        return bool(len(decided))

    def _raise(self, due: Any, out: Outputs) -> None:
        deadline, key, position = due.T
        first_us = deadline - self._within_us
        own, value = np.stack([first_us, position], axis=1), np.full(len(due), np.nan)
        self._raiser.raise_alerts(Candidates(key, deadline, position, value, own, self._texts_of(key)), out)

    def _learned(self, batch: Batch, due: list[Any]) -> list[int]:
        """Note the texts of keys that wait since this batch, or did within it; which they are."""
        if not self.rule.key:
            return []
        keys, record = self._keys.changes()
        wanted = self._keys.rows(keys)[:, absences.COUNT] > 0
        for piece in due:
            wanted |= np.isin(keys, piece[:, 1])
        rows = [row for row, key in enumerate(keys.tolist()) if wanted[row] and key not in self._texts]
        columns = key_texts(self.rule, batch, record[rows])
        for key, *texts in zip(keys[rows].tolist(), *columns, strict=True):
            self._texts[key] = texts[0] if len(texts) == 1 else msgspec.json.encode(texts).decode()
        return keys[rows].tolist()  # type: ignore[no-any-return]

    def _texts_of(self, keys: Any) -> Sequence[Sequence[str | None]]:
        """The texts of keys, one list a key column."""
        many = len(self.rule.key)
        texts = [self._texts.get(key) for key in keys.tolist()]
        if many <= 1:
            return [texts] * many
        read = [[None] * many if text is None else msgspec.json.decode(text) for text in texts]
        return [list(column) for column in zip(*read, strict=True)]


def _room_for(records: int) -> Any:
    """Nothing found yet, with room."""
    found = np.empty((2, 1 + records * absences.WAITS, 3), np.int64)
    found[:, 0, 0] = 0
    return found


def _found(found: Any, what: int) -> Any:
    return found[what, 1 : found[what, 0, 0] + 1].copy()
