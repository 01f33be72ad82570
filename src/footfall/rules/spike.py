"""Spike: a key does much more of something than it did just before.

[[rule]]
name = "errors"
kind = "spike"
stream = "logs"
key = ["path"]
window = { tumbling = "1m" }
measure = "share(status>=500)"
baseline = 30
sigmas = 3
events_min = 20

A record raises an alert when the measure of its window, as it stands with this record, is above the mean + `sigmas` * the standard deviation (of the
population) of the `baseline` windows before it, as those stand at that moment.  Of counts and sums a window without records counts as 0
from the key's first window on; of shares and means windows without records, or values, are left out.  At least `windows_min` windows must
count, the record's window must have `events_min` records and, with `above`, a measure above that.  A window alerts once.  A key that had no
record in a whole baseline begins anew: nothing is known of it.

The value is the measure at the record; `mean`, `deviation` and `windows` are those of the baseline.  Windows begin at multiples of their size since
1970; every window that a record may still fall into is kept beside the baseline, so nothing is left out, whatever the order of arrival.

After control charts (Shewhart 1931).  Cost: about 0.4 us a record; 8 bytes (count), 16 (sum, share) or 24 (mean) a key and window that is kept, which
are `baseline` and those of the lateness and a minute; a key is forgotten a baseline after its newest record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from footfall.kernels.live import spikes
from footfall.kernels.live.table import KeyedTable
from footfall.rules.contract import LONGEST, Rule
from footfall.rules.operator import RuleOperator, pieces
from footfall.rules.raising import Candidates, Details, key_texts
from footfall.stream.batch import AHEAD_US
from footfall.stream.measure import Measure, measure
from footfall.stream.window import window

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.contract import Outputs

KEPT_MAX = 4_000


class Spike(Rule, frozen=True, kw_only=True, tag="spike"):
    """Much more than just before."""

    kind: ClassVar[str] = "spike"

    window: Annotated[dict[str, str], Meta(description='{ tumbling = "1m" }')]
    measure: Annotated[str, Meta(description="count, count(status>=500), sum(x), share(status>=500) or mean(x)")] = "count"
    baseline: Annotated[int, Meta(description="with how many windows before it a window is compared", ge=2, le=1_000)] = 30
    sigmas: Annotated[float, Meta(description="how many standard deviations above their mean it must be", ge=0)] = 3.0
    windows_min: Annotated[int, Meta(description="compare once so many windows before it count", ge=2)] = 5
    events_min: Annotated[int, Meta(description="look at a window once it has so many records", ge=1)] = 20
    above: Annotated[float | None, Meta(description="a floor: raise no alert unless the measure is above this too")] = None

    def __post_init__(self) -> None:
        kind = window(self.window, field=f"rule.{self.name}.window")
        if kind.kind != "tumbling" or kind.size_us > LONGEST.us:
            raise self.wrong("needs a tumbling window", "window", dict(self.window), 'write window = { tumbling = "1m" }')
        if self.measured().kind not in spikes.KINDS:
            raise self.wrong(f"cannot compare {self.measure}", "measure", self.measure, "write count, count(x>1), sum(x), share(x>1) or mean(x)")
        if self.windows_min > self.baseline:
            raise self.wrong(
                f"has a baseline of {self.baseline} windows and needs {self.windows_min}", "windows_min", self.windows_min, "lower windows_min"
            )

    def measured(self) -> Measure:
        """Its measure."""
        return measure(self.measure, field=f"rule.{self.name}.measure", name="value")

    def operator(self, *, lateness_us: int) -> SpikeOperator:
        """The rule in motion."""
        return SpikeOperator(self, self.lateness_us(lateness_us))

    def measures(self) -> tuple[Measure, ...]:
        """What it measures."""
        return (self.measured(),)

    def look_back_us(self) -> int:
        """Two baselines: the first says since when the windows of the second count."""
        return (2 * self.baseline + 1) * window(self.window, field="window").size_us


class SpikeOperator(RuleOperator):
    """A spike in motion: the windows of every key, in a ring."""

    def __init__(self, rule: Spike, lateness_us: int) -> None:
        self.rule = rule
        self._measure = rule.measured()
        self._size_us = window(rule.window, field="window").size_us
        width = spikes.KINDS[self._measure.kind]
        kept = rule.baseline + 1 + -(-(lateness_us + AHEAD_US) // self._size_us)
        if kept > KEPT_MAX:
            raise rule.wrong(f"would keep {kept} windows of every key", "window", dict(rule.window), "lengthen the window, or lower the lateness")
        shape = (self._measure.kind, self._size_us, rule.baseline, rule.windows_min, rule.events_min, width)
        limits = np.array([rule.sigmas, -np.inf if rule.above is None else rule.above], np.float64)
        self._how = np.array(shape, np.int64), limits
        self._windows = KeyedTable(spikes.RING - spikes.FIRST + kept * width)
        super().__init__(rule, lateness_us, {"windows": self._windows})

    def take(self, batch: Batch, out: Outputs) -> None:
        """Add records to the windows of their keys; those with which a window spikes raise."""
        keys, which = self._taken(batch, out)
        given = np.zeros((2, len(batch)), np.int64)
        given[spikes.TIME] = batch.time_us
        given.view(np.float64)[spikes.NUMBER] = self._numbers(batch)
        found = [self._piece(piece, keys, given) for piece in pieces(which)]
        if found:
            self._raise(batch, keys, np.concatenate(found), out)

    def _numbers(self, batch: Batch) -> Any:
        if self._measure.condition is not None:
            return batch.columns.mask((self._measure.condition,))
        return 0.0 if self._measure.reference is None else batch.columns.numbers(self._measure.reference)

    def _piece(self, which: Any, keys: Any, given: Any) -> Any:
        found = np.zeros((len(which) + 1, 6), np.int64)
        spikes.take(self._windows.reserve(len(which)), which, keys, given, self._how, found)
        return found[1 : found[0, 0] + 1]

    def _raise(self, batch: Batch, keys: Any, found: Any, out: Outputs) -> None:
        record, reals = found[:, spikes.RECORD], found.view(np.float64)
        start_us = found[:, spikes.WINDOW] * self._size_us
        details = Details(mean=reals[:, spikes.MEAN_BEFORE], deviation=reals[:, spikes.DEVIATION], windows=found[:, spikes.WINDOWS])
        texts, value = key_texts(self.rule, batch, record), reals[:, spikes.VALUE]
        times = (batch.time_us[record], batch.position[record])
        self._raiser.raise_alerts(Candidates(keys[record], *times, value, start_us, texts, start_us, start_us + self._size_us, details), out)
