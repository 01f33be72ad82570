"""Repeat: a key does the same thing several times within a span.

[[rule]]
name = "again"
kind = "repeat"
key = ["user_id", "properties.track_id"]
where = ["name=play"]
times = 3
within = "30m"

A record raises an alert when, with it, `times` or more of its key that were taken lie within `within`: the last at most so long after the
first, whatever the order in which they came.  Records with equal times count separately, each record that completes or prolongs a repeat raises,
and a cool-down makes it one.

A key keeps its 2 * (times - 1) newest times; an older one is forgotten.  That is exact for records that come in the order of time, and otherwise
as long as of no key more than times - 1 records come within the lateness.  The value is how many of the records that are kept, this
one included, lie in the fullest span that holds it, so at most 2 * times - 1; `first_us` is where that span begins.

Cost: about 0.3 us a record with a million keys; 8 * (2 * times + 2) bytes a key, which is forgotten `within` after its newest record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from footfall.event.span import Span
from footfall.kernels.live import repeats
from footfall.kernels.live.table import KeyedTable
from footfall.rules.contract import Rule
from footfall.rules.operator import RuleOperator, pieces
from footfall.rules.raising import Details

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.contract import Outputs


class Repeat(Rule, frozen=True, kw_only=True, tag="repeat"):
    """The same thing several times within a span."""

    kind: ClassVar[str] = "repeat"

    times: Annotated[int, Meta(description="how many records of a key are a repeat, 2 to 100", ge=2, le=100)]
    within: Annotated[Span, Meta(description="the longest time from the first of them to the last, such as 30m")]

    def __post_init__(self) -> None:
        self.check_span(self.within, "within")

    def operator(self, *, lateness_us: int) -> RepeatOperator:
        """The rule in motion."""
        return RepeatOperator(self, self.lateness_us(lateness_us))

    def look_back_us(self) -> int:
        """As long as records may be apart."""
        return self.within.us


class RepeatOperator(RuleOperator):
    """A repeat in motion: the newest times of every key."""

    def __init__(self, rule: Repeat, lateness_us: int) -> None:
        self.rule = rule
        self._times = KeyedTable(2 * (rule.times - 1))
        super().__init__(rule, lateness_us, {"times": self._times})

    def take(self, batch: Batch, out: Outputs) -> None:
        """Add records to their keys; those that complete a repeat raise."""
        keys, which = self._taken(batch, out)
        found = [self._piece(piece, keys, batch.time_us) for piece in pieces(which)]
        if found:
            record, first_us, together = np.concatenate(found).T
            self._raise_at(batch, record, (keys, together, Details(first_us=first_us)), out)

    def _piece(self, which: Any, keys: Any, times: Any) -> Any:
        found = np.zeros((len(which) + 1, 3), np.int64)
        repeats.take(self._times.reserve(len(which)), which, keys, times, (self.rule.times, self.rule.within.us), found)
        return found[1 : found[0, 0] + 1]
