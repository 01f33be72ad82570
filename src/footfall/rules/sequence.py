"""Sequence: a key does several things one after the other within a span.

[[rule]]
name = "checkout"
kind = "sequence"
key = ["user_id"]
steps = ["name=cart", ["name=purchase", "properties.price>=100"]]
within = "30m"

Records of a key are ordered by time, equal times by position.  A record raises an alert when it takes part in a complete chain: a record for each
step, each later in that order than the one before, no record for two steps, and the last at most `within` after the first.  It need not be the
last step: a record that comes late can complete a chain too.  Of several chains with the record the one that starts latest counts, of such the one
that ends first; `times_us` are the times of its steps, the value is the seconds from its first to its last.

A key keeps, of what the watermark has passed, the chain with the latest start for each number of steps, and 4 + 2 * steps records after it.
That is exact for records that come in the order of time, and otherwise as long as no more records of a key than that lie in the lateness; if there
are more, the oldest counts as passed, and what comes later but lies before it finds no chain through it.

Cost: about 0.4 us a record with two steps; 176 bytes a key with two and 224 with three, which is forgotten `within` after its newest record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.kernels.live import sequences
from footfall.kernels.live.table import KeyedTable
from footfall.rules.contract import Rule
from footfall.rules.operator import RuleOperator, pieces
from footfall.rules.raising import Details
from footfall.rules.steps import Conditions, Written, conditions

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.contract import Outputs

STEPS_MAX = 8


class Sequence(Rule, frozen=True, kw_only=True, tag="sequence"):
    """Several things one after the other within a span."""

    kind: ClassVar[str] = "sequence"

    steps: Annotated[tuple[Written, ...], Meta(description='2 to 8 steps, each a condition or a list of them: ["name=cart", "name=purchase"]')]
    within: Annotated[Span, Meta(description="the longest time from the first step to the last, such as 30m")]

    def __post_init__(self) -> None:
        self.check_span(self.within, "within")
        if not 2 <= len(self.steps) <= STEPS_MAX:
            raise self.wrong(f"has {len(self.steps)} steps", "steps", list(self.steps), f"write 2 to {STEPS_MAX} steps")
        self.conditions()

    def conditions(self) -> tuple[Conditions, ...]:
        """The conditions of each step."""
        return tuple(conditions(self, step, "steps") for step in self.steps)

    def operator(self, *, lateness_us: int) -> SequenceOperator:
        """The rule in motion."""
        return SequenceOperator(self, self.lateness_us(lateness_us))

    def filters(self) -> tuple[Filter, ...]:
        """Every condition that it holds records against."""
        return (*super().filters(), *(one for step in self.conditions() for one in step))

    def look_back_us(self) -> int:
        """As long as steps may be apart."""
        return self.within.us


class SequenceOperator(RuleOperator):
    """A sequence in motion: chains that are begun, and the newest records of every key."""

    def __init__(self, rule: Sequence, lateness_us: int) -> None:
        self.rule = rule
        self._steps = rule.conditions()
        self._chains = KeyedTable(sequences.fields_of(len(rule.steps)))
        super().__init__(rule, lateness_us, {"chains": self._chains})

    def take(self, batch: Batch, out: Outputs) -> None:
        """Add records to the chains of their keys; those that complete one raise."""
        given = np.stack([batch.time_us, np.zeros(len(batch), np.int64), batch.clock_us - self.lateness_us])
        for step, wanted in enumerate(self._steps):
            given[sequences.STEPS] |= batch.columns.mask(wanted).astype(np.int64) << step
        keys, which = self._taken(batch, out, given[sequences.STEPS] != 0)
        found = [self._piece(piece, keys, given) for piece in pieces(which)]
        if found:
            record, times_us = (complete := np.concatenate(found))[:, 0], complete[:, 1:]
            seconds = (times_us[:, -1] - times_us[:, 0]) / 1e6
            self._raise_at(batch, record, (keys, seconds, Details(times_us=times_us)), out)

    def _piece(self, which: Any, keys: Any, given: Any) -> Any:
        steps = len(self._steps)
        found = np.zeros((len(which) + 1, 1 + steps), np.int64)
        sequences.take(self._chains.reserve(len(which)), which, keys, given, (steps, self.rule.within.us), found)
        return found[1 : found[0, 0] + 1]
