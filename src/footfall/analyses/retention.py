"""Retention: of the people who began in a period, how many came back in each period after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.breakdown import Slots, largest, whole
from footfall.analyses.spec.contract import Analysis, Chart, Engine, Partial, PersonBatch, Scan, Walked
from footfall.analyses.spec.names import known_events
from footfall.event.span import UNLIMITED_US

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.analyses.spec.calendar import Periods

ROLLING_US = {"day": 86_400_000_000, "week": 7 * 86_400_000_000, "month": 30 * 86_400_000_000}


class Retention(Analysis, frozen=True, kw_only=True):
    """Of the people whose first event fell into a period (their cohort), how many came back in the periods after it.

    A person's first event is their first `start_event` (any event when none is named) ever; with first in_range it is the first one in
    the range.  It makes the cohort: its day, week (from Monday) or month in the project's zone, named by that period's first day.
    A cohort is in the answer when that event lies in [`since`, `until`); returns count whenever they come, up to as_of.

    A return is a `return_event` (any event when none is named) that is the first event itself or comes after it in the order of
    (event_time, position).  In mode calendar it falls into period n when its day, week or month is the n-th after the cohort's;
    in mode rolling when it comes n to n + 1 times 24 hours (7 days, 30 days) after the person's own first event.  With returning on, `returned`
    are the people seen in period n; with on_or_after, those seen in period n or any later one.  Period 0 is the cohort's own.

    A cell is finished when period n has ended at as_of for the whole cohort (rolling: for its youngest member).  Unfinished cells have no
    `returned` and no `rate`; `returned_so_far` is what was seen until as_of, null when the period had not begun.  A finished on_or_after
    cell can still grow, as people may come back at any later time.  `people` is the exact size of the cohort in every row.  With `breakdown`
    a person counts for the value at their first event.

    Cost: one ordered pass over the events; 4 bytes for every person and period they were seen in.
    """

    name: ClassVar[str] = "retention"
    summary: ClassVar[str] = "how many people come back after their first day, week or month"
    chart: ClassVar[Chart | None] = Chart(kind="heatmap", x="period", y=("cohort",), value="rate", color="breakdown", options={"percent": ("rate",)})

    interval: Annotated[Literal["day", "week", "month"], msgspec.Meta(description="length of a period")] = "day"
    mode: Annotated[
        Literal["calendar", "rolling"], msgspec.Meta(description="periods of the calendar, or of 24 h, 7 d, 30 d from a person's own first event")
    ] = "calendar"
    returning: Annotated[Literal["on", "on_or_after"], msgspec.Meta(description="count people seen in the period, or in it or any later one")] = "on"
    start_event: Annotated[str | None, msgspec.Meta(description="the event that makes a person's cohort; none: any event")] = None
    return_event: Annotated[str | None, msgspec.Meta(description="the event that counts as coming back; none: any event")] = None
    periods: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="how many periods after the first to show")] = 30
    first: Annotated[Literal["ever", "in_range"], msgspec.Meta(description="cohorts by the first event ever, or by the first one in the range")] = (
        "ever"
    )
    breakdown: Annotated[str | None, msgspec.Meta(description="one table for each value of this column at the first event")] = None

    def answer(self, engine: Engine) -> Answer:
        """One walk over every person's events."""
        for field in ("start_event", "return_event"):
            event = getattr(self, field)
            known_events(engine, () if event is None else (event,), field=field)
        span = engine.span_us()
        if span is None:
            return Answer.of(self, engine, _table({}, self), plan="no events")
        from footfall.analyses.spec.calendar import periods

        # Where a clock goes back over midnight, the day of the last event may have ended once before it.
        as_of = max(engine.as_of_us(), span[1])
        calendar = periods(engine.time_zone, self.interval, span[0], as_of)
        walked = self._walk(engine, calendar)
        slots = whole()
        if self.breakdown is not None:
            import numpy as np

            slots = largest(np.bincount(gathered(walked.partials, "group") + 1, minlength=len(walked.groups) + 1), walked.groups)
        columns = _cells(self, walked, slots, calendar, as_of)
        notes = list(slots.notes)
        if len(columns["returned"]) and columns["unfinished"].any():
            notes.append("cells without a rate are not finished at as_of; returned_so_far is what was seen until then")
        if self.returning == "on_or_after":
            notes.append("finished cells can still grow: people may come back at any later time")
        return Answer.of(self, engine, _table(columns, self), plan=walked.plan, notes=notes)

    def _walk(self, engine: Engine, calendar: Periods) -> Walked:
        from footfall.kernels.retention import RetentionRules, returns

        since, until = self.range_us(engine)
        rules = RetentionRules(
            periods=self.periods,
            rolling_us=ROLLING_US[self.interval] if self.mode == "rolling" else 0,
            since_us=-UNLIMITED_US if since is None else since,
            until_us=UNLIMITED_US if until is None else until,
        )
        role_of = self._role_of(engine)

        def kernel(batch: PersonBatch) -> Partial:
            person, time_us, code, group = walked_arrays(batch)
            first, cohort, hits, hit = returns(person, time_us, (code, role_of), (calendar.edge_us, calendar.period), rules)
            return {"first_us": time_us[first], "group": group[first] if len(group) else first * 0 - 1, "cohort": cohort, "hits": hits, "hit": hit}

        steps = () if self.start_event is None or self.return_event is None else (self.start_event, self.return_event)
        named = self.start_event is not None or self.return_event is not None
        return engine.walk(Scan(steps, self.where, self.breakdown, since if self.first == "in_range" else None, None, named=named), kernel)

    def _role_of(self, engine: Engine) -> Any:
        """Event code -> its role.  With both events named the walk hands out the very bits."""
        import numpy as np

        from footfall.kernels.retention import RETURN, START

        if self.start_event is not None and self.return_event is not None:
            return np.arange(4, dtype=np.uint8)
        if self.start_event is None and self.return_event is None:
            return np.full(1, START | RETURN, np.uint8)
        names = engine.event_names()
        starts, comes_back = (np.array([wanted in (None, name) for name in names], bool) for wanted in (self.start_event, self.return_event))
        return (starts * START + comes_back * RETURN).astype(np.uint8)


def _cells(asked: Retention, walked: Walked, slots: Slots, calendar: Periods, as_of: int) -> dict[str, Any]:
    """The columns of the answer, one element a cell, and `unfinished` and `future` beside them."""
    import numpy as np

    from footfall.kernels.retention import tally

    cohorts = len(calendar.first_day)
    cohort, hits, hit, first_us = (gathered(walked.partials, key) for key in ("cohort", "hits", "hit", "first_us"))
    row = slots.of(gathered(walked.partials, "group")) * cohorts + cohort
    rows = np.flatnonzero(np.bincount(row, minlength=len(slots.labels) * cohorts))
    number = np.zeros(len(slots.labels) * cohorts, np.int64)
    number[rows] = np.arange(len(rows))
    people, on, on_or_after = tally(number[row], hits, hit.astype(np.int32), (len(rows), asked.periods))
    begins, ends = _edges(asked, calendar, rows % cohorts, (cohort, first_us))
    shown = int((begins < as_of).any(axis=0).sum())
    counted = (on if asked.returning == "on" else on_or_after)[:, :shown]
    size = np.repeat(people, shown)
    return {
        "breakdown": np.repeat(rows // cohorts, shown),
        "cohort": np.repeat(rows % cohorts, shown),
        "period": np.tile(np.arange(shown), len(rows)),
        "people": size,
        "returned": counted.ravel(),
        "rate": counted.ravel() / size,
        "unfinished": (ends[:, :shown] > as_of).ravel(),
        "future": ((begins[:, :shown] >= as_of) & (counted == 0)).ravel(),
        "labels": (slots.labels, calendar.labels()),
    }


def _edges(asked: Retention, calendar: Periods, rows: Any, members: tuple[Any, Any]) -> tuple[Any, Any]:
    """(r,) cohort of each row, (m,) cohort and first_us of each person -> (r, periods + 1) begin and end of each cell.

    A rolling period begins with the oldest member of the cohort and is over with its youngest, in every row of a breakdown.
    """
    import numpy as np

    cohorts = len(calendar.first_day)
    period = np.arange(asked.periods + 1)
    if asked.mode == "calendar":
        at = np.minimum(rows[:, None] + period, cohorts)
        return np.append(calendar.start_us, UNLIMITED_US)[at], np.append(calendar.end_us, UNLIMITED_US)[at]
    oldest, youngest = np.full(cohorts, UNLIMITED_US), np.full(cohorts, -UNLIMITED_US)
    np.minimum.at(oldest, members[0], members[1])
    np.maximum.at(youngest, members[0], members[1])
    length = ROLLING_US[asked.interval]
    return oldest[rows, None] + period * length, youngest[rows, None] + (period + 1) * length


def _table(cells: dict[str, Any], asked: Retention) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    none = np.empty(0, np.int64)
    groups, cohorts = cells.get("labels", ((), ()))
    unfinished, future = (cells.get(key, none.astype(bool)) for key in ("unfinished", "future"))
    columns = {"breakdown": pa.array(groups, pa.string()).take(pa.array(cells.get("breakdown", none)))} if asked.breakdown is not None else {}
    columns["cohort"] = pa.array(cohorts, pa.string()).take(pa.array(cells.get("cohort", none)))
    columns |= {key: pa.array(cells.get(key, none), pa.int64()) for key in ("period", "people")}
    columns["returned"] = pa.array(cells.get("returned", none), pa.int64(), mask=unfinished)
    columns["rate"] = pa.array(cells.get("rate", none), pa.float64(), mask=unfinished)
    columns["returned_so_far"] = pa.array(cells.get("returned", none), pa.int64(), mask=future)
    return pa.table(columns)
