"""Threshold: a measure of a key in a window goes above a limit.

[[rule]]
name = "burst"
kind = "threshold"
key = ["user_id"]
window = { tumbling = "10s" }
measure = "count"
record_above = 1
suspicious_above = 5
alert_above = 10

A window is recorded from the first record on with which its measure is above `record_above`, suspicious above `suspicious_above`, and raises one
alert above `alert_above`; each only once the window has `events_min` records.  An alert is raised by the record that brings the measure above the limit,
while the window is still open, and has the measure's value at that record; `alert` of the recorded row says whether it was raised (a key
that rests or is allowed raises none), `level` how high the window came; the recorded row goes on changing until the window is final.  A
measure that can fall again (a mean, a share) stays recorded once it was.  Windows and measures are those of docs/views.md.

A quantile is held against `alert_above` exactly; what is shown, and held against the other limits, comes from a sketch and is within 1 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from footfall.kernels.live import measures as measuring
from footfall.kernels.live import windows
from footfall.rules.contract import Rule, spec_of
from footfall.rules.raising import Candidates, Raiser, key_of, key_texts
from footfall.stream.aggregate import Aggregate, Changed, Watched
from footfall.stream.contract import Outputs, StreamName, ViewColumn, ViewRows, ViewSchema
from footfall.stream.measure import Measure, measure
from footfall.stream.state import sweep_tables
from footfall.stream.view import check_session, column_of, view_schema
from footfall.stream.window import window

if TYPE_CHECKING:
    from footfall.kernels.live.table import KeyedTable
    from footfall.stream.batch import Batch

LEVELS = ("recorded", "suspicious", "alert")


class Threshold(Rule, frozen=True, kw_only=True, tag="threshold"):
    """More of something than a limit, in a window."""

    kind: ClassVar[str] = "threshold"

    window: Annotated[dict[str, str], Meta(description='{ tumbling = "10s" }, { sliding = "5m", every = "1m" } or { session = "30m" }')]
    measure: Annotated[str, Meta(description="count, sum(x), mean(x), share(status>=500), distinct(x), p95(x), …")] = "count"
    record_above: Annotated[float | None, Meta(description="record windows above this; left out: those that raise an alert")] = None
    suspicious_above: Annotated[float | None, Meta(description="mark recorded windows above this as suspicious")] = None
    alert_above: Annotated[float | None, Meta(description="raise an alert above this; left out: only record")] = None
    events_min: Annotated[int, Meta(description="look at a window once it has so many records", ge=1)] = 1

    def __post_init__(self) -> None:
        if not self.window:
            raise self.wrong("needs a window", "window", None, 'write window = { tumbling = "10s" }')
        window(self.window, field=f"rule.{self.name}.window")
        if self.measured().kind == measuring.PATH:
            raise self.wrong("measures a path, which is not above anything", "measure", self.measure, "write count, sum(x), share(x>1), p95(x)")
        given = [limit for limit in (self.record_above, self.suspicious_above, self.alert_above) if limit is not None]
        if not given:
            raise self.wrong("has no limit", "alert_above", None, "write alert_above = 10, or record_above = 1")
        if given != sorted(given):
            raise self.wrong("has limits out of order", "alert_above", given, "record_above <= suspicious_above <= alert_above")

    def measured(self) -> Measure:
        """Its measure."""
        return measure(self.measure, field=f"rule.{self.name}.measure", name="value")

    def operator(self, *, lateness_us: int) -> ThresholdOperator:
        """The rule in motion."""
        return ThresholdOperator(self, self.lateness_us(lateness_us))

    def measures(self) -> tuple[Measure, ...]:
        """What it measures."""
        return (self.measured(),)

    def look_back_us(self) -> int:
        """A window."""
        return window(self.window, field="window").size_us


class ThresholdOperator:
    """A threshold in motion: windows that are watched, and rows of those that are recorded."""

    def __init__(self, rule: Threshold, lateness_us: int) -> None:
        self.rule = rule
        self.name = f"rule:{rule.name}"
        self.spec = spec_of(rule)
        self.stream: StreamName = rule.stream
        self.lateness_us = lateness_us
        self.window = window(rule.window, field=f"rule.{rule.name}.window")
        check_session(self.window, lateness_us, f"rule.{rule.name}.window")
        lowest = min(limit for limit in (rule.record_above, rule.suspicious_above, rule.alert_above) if limit is not None)
        levels = [lowest if rule.record_above is None else rule.record_above, rule.suspicious_above, rule.alert_above]
        watched = Watched(tuple(np.inf if level is None else float(level) for level in levels), rule.events_min)  # type: ignore[arg-type]
        self._aggregate = Aggregate(self.window, (rule.measured(),), watched, lateness_us=lateness_us)
        self._raiser = Raiser(rule, self.name)
        columns = (column_of(rule.measured()), ViewColumn("events", "integer"), ViewColumn("level", "text"), ViewColumn("alert", "boolean"))
        self.views: Sequence[ViewSchema] = [view_schema(rule.name, f"{rule.name}: recorded windows", self, rule.key, columns, keep_us=rule.keep.us)]

    def tables(self) -> Mapping[str, KeyedTable]:
        """Its windows, and which keys rest."""
        return {**self._aggregate.tables(), **self._raiser.tables()}

    def take(self, batch: Batch, out: Outputs) -> None:
        """Add records to their windows; alerts of windows that go above the limit; rows of recorded windows."""
        wanted = batch.take_part(self.name, self.lateness_us, self.rule.where, out)
        keys, valid = key_of(self.rule, batch, wanted)
        out.count(self.name, "no_key", int(wanted.sum() - valid.sum()))
        refused = self._aggregate.refused
        crossed = self._aggregate.take(batch, np.flatnonzero(valid), keys, batch.clock_us - self.lateness_us)
        out.count(self.name, "taken", int(valid.sum()))
        out.count(self.name, "no_room", self._aggregate.refused - refused)
        record = crossed[:, windows.CROSSED_RECORD]
        texts = key_texts(self.rule, batch, record)
        start_us, end_us = crossed[:, windows.CROSSED_START], crossed[:, windows.CROSSED_END]
        value = np.ascontiguousarray(crossed[:, windows.CROSSED_VALUE]).view(np.float64)
        group = crossed[:, windows.CROSSED_GROUP]
        found = Candidates(group, batch.time_us[record], batch.position[record], value, start_us, texts, start_us, end_us)
        self._aggregate.flag_raised(crossed[self._raiser.raise_alerts(found, out), windows.CROSSED_ROW])
        changed = self._aggregate.changed(recorded=True)
        if len(changed.ids) or changed.gone:
            out.rows.append(self._rows(batch, changed))

    def _rows(self, batch: Batch, changed: Changed) -> ViewRows:
        value, flags = changed.values[0], changed.flags
        values = value.astype(np.int64).tolist() if self.rule.measured().counts else value.tolist()
        level = np.where(flags & windows.ALERTED, 2, np.where(flags & windows.SUSPICIOUS, 1, 0))
        columns: list[Any] = [*key_texts(self.rule, batch, changed.record)]
        columns += [values, changed.count.tolist(), [LEVELS[one] for one in level.tolist()], (flags & windows.RAISED != 0).tolist()]
        gone = list(changed.gone)
        if self.window.kind == "session":
            gone += self._aggregate.moved(changed, np.arange(len(changed.ids)))
            self._aggregate.shown(changed.ids)
        return ViewRows(self.rule.name, changed.ids.tolist(), changed.start_us.tolist(), changed.end_us.tolist(), columns, gone)

    def sweep(self, clock_us: int) -> None:
        """Forget windows that nothing can change any more, and keys that have rested."""
        self._aggregate.sweep(clock_us - self.lateness_us)
        sweep_tables(self._raiser.tables().values(), clock_us - self.lateness_us)

    def tick(self, clock_us: int, out: Outputs) -> bool:
        """Windows need no timer."""
        del clock_us, out
        return False
