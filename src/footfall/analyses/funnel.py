"""Funnel: how many people reach each step of an ordered path, how fast, and who may still get there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.breakdown import Slots, largest, whole
from footfall.analyses.spec.contract import Analysis, Chart, Engine, Partial, PersonBatch, Scan, Walked
from footfall.analyses.spec.names import known_events
from footfall.analyses.spec.statistics import quantiles_s, ratio, wilson
from footfall.errors import InvalidQuery
from footfall.event.span import UNLIMITED_US, Span

if TYPE_CHECKING:
    import pyarrow as pa

STEPS_MAX = 30


class Funnel(Analysis, frozen=True, kw_only=True):
    """How many people do the steps in this order, the last within `window` of the first.

    An attempt starts with an event of step 1 and goes on with later events of steps 2, 3, …; other events may lie between.  Each step
    comes at most `window` after the entry, the bound included.  One event fills one step of an attempt, so A, A needs two events.
    Events of one person are ordered by (event_time, position), so equal times never make a count flip.

    Every entry is searched; a person counts with their longest attempt.  With `since` and `until` the entry lies in the range, and the
    rest may come later.  `conversion` is the share of step 1 with its 95 % interval (Wilson), `dropped` the people who got no
    further, `open` those of them whose latest entry's window had not ended at as_of: they may still get further.  `median_s` and `p90_s`
    are exact, over the people of the step, from their entry to the first moment at which they had reached it.  With `breakdown` a person
    counts for the value at the entry of their attempt: the longest, then the one completed first, then the latest entry.

    After ClickHouse's windowFunnel, without its defects.  Cost: one ordered pass over the events of the steps.
    """

    name: ClassVar[str] = "funnel"
    summary: ClassVar[str] = "how many people reach each step of an ordered path, and how fast"
    positional: ClassVar[str | None] = "steps"
    chart: ClassVar[Chart | None] = Chart(kind="funnel", x="name", y=("people",), color="breakdown", options={"percent": ("conversion",)})

    steps: Annotated[tuple[str, ...], msgspec.Meta(description="event names in order, 2 to 30; a name may come twice")]
    window: Annotated[Span, msgspec.Meta(description="longest time from the first step to the last, none for no limit")] = Span("7d")
    breakdown: Annotated[str | None, msgspec.Meta(description="one funnel for each value of this column at the entry")] = None

    def __post_init__(self) -> None:
        if len(self.steps) < 2:
            raise InvalidQuery(
                "a funnel needs 2 steps or more",
                field="steps",
                got=" ".join(self.steps),
                hint="name the events in order: footfall funnel view cart purchase",
            )
        if len(self.steps) > STEPS_MAX:
            raise InvalidQuery(
                f"a funnel has at most {STEPS_MAX} steps, not {len(self.steps)}", field="steps", got=len(self.steps), hint="leave steps out"
            )

    def answer(self, engine: Engine) -> Answer:
        """One walk over the events of the steps."""
        walked = self._walk(engine)
        known_events(engine, [step for step in self.steps if step not in walked.names], field="steps")
        slots = whole()
        if self.breakdown is not None:
            slots = largest(_people_by_group(walked), walked.groups)
        table = _Tally(len(self.steps), slots, walked.partials).table(self)
        return Answer.of(self, engine, table, plan=walked.plan, notes=self._notes(table, slots))

    def _walk(self, engine: Engine) -> Walked:
        from footfall.kernels.funnel import FunnelRules, funnel

        since, until = self.range_us(engine)
        last = None if until is None or self.window.unlimited else until + self.window.us
        rules = FunnelRules(
            steps=len(self.steps),
            window_us=self.window.us,
            since_us=-UNLIMITED_US if since is None else since,
            until_us=UNLIMITED_US if until is None else until,
            as_of_us=engine.as_of_us(),
        )

        def kernel(batch: PersonBatch) -> Partial:
            person, time_us, code, group = walked_arrays(batch)
            furthest, group, is_open, step, duration_us = funnel(person, time_us, code, group, rules)
            return {"furthest": furthest, "group": group, "is_open": is_open, "step": step, "duration_us": duration_us}

        return engine.walk(Scan(self.steps, self.where, self.breakdown, since, last), kernel)

    def _notes(self, table: pa.Table, slots: Slots) -> list[str]:
        notes = list(slots.notes)
        if self.since is not None or self.until is not None:
            notes.append("the first step lies in the range; the others may come after it")
        still_open = sum(value for value in table.column("open").to_pylist() if value)
        if still_open:
            notes.append(f"{still_open:,} people may still get further: their window had not ended at as_of")
        return notes


def _people_by_group(walked: Walked) -> Any:
    import numpy as np

    return np.bincount(gathered(walked.partials, "group") + 1, minlength=len(walked.groups) + 1)


class _Tally:
    """People, open attempts and times by row of the breakdown and step."""

    def __init__(self, steps: int, slots: Slots, partials: list[Partial]) -> None:
        import numpy as np

        self.steps, self.slots = steps, slots
        furthest = gathered(partials, "furthest").astype(np.int64)
        slot = slots.of(gathered(partials, "group"))
        cell = slot * steps + furthest - 1
        shape = (len(slots.labels), steps)
        stopped = np.bincount(cell, minlength=shape[0] * steps).reshape(shape)
        self.people = stopped[:, ::-1].cumsum(axis=1)[:, ::-1]
        self.open = np.bincount(cell[gathered(partials, "is_open").astype(bool)], minlength=shape[0] * steps).reshape(shape)
        # A person who reached step k brings one time for each of 2 to k, in this order.
        # At most 27 rows of 30 steps: numpy sorts 16-bit numbers by radix, ten times faster than wide ones.
        timed = (np.repeat(slot, furthest - 1) * steps + gathered(partials, "step").astype(np.int64) - 1).astype(np.int16)
        order = np.argsort(timed.astype(np.uint16), kind="stable")  # a radix sort: 26 rows of 30 steps fit
        self._duration_us = gathered(partials, "duration_us")[order]
        self._border = np.searchsorted(timed[order], np.arange(shape[0] * steps + 1))

    def duration_us(self, slot: int, step: int) -> Any:
        """Times from the entry to a step (from 0), one a person."""
        cell = slot * self.steps + step
        return self._duration_us[self._border[cell] : self._border[cell + 1]]

    def row(self, funnel: Funnel, slot: int, step: int) -> dict[str, Any]:
        """The row of one step."""
        people, entered = int(self.people[slot, step]), int(self.people[slot, 0])
        previous = int(self.people[slot, max(step - 1, 0)])
        after = int(self.people[slot, step + 1]) if step + 1 < self.steps else people
        low, high = wilson(people, entered)
        median_s, p90_s = quantiles_s(self.duration_us(slot, step), (0.5, 0.9))
        return {
            "breakdown": self.slots.labels[slot],
            "step": step + 1,
            "name": funnel.steps[step],
            "people": people,
            "conversion": ratio(people, entered),
            "conversion_from_previous": ratio(people, previous),
            "conversion_low": low,
            "conversion_high": high,
            "dropped": people - after,
            "open": None if funnel.window.unlimited else int(self.open[slot, step]),
            "median_s": median_s,
            "p90_s": p90_s,
        }

    def table(self, funnel: Funnel) -> pa.Table:
        """One row a step, for each row of the breakdown."""
        import pyarrow as pa

        whole_numbers = ("step", "people", "dropped", "open")
        texts = ("breakdown", "name")
        rows = [self.row(funnel, slot, step) for slot in range(len(self.slots.labels)) for step in range(self.steps)]
        columns = list(_COLUMNS if funnel.breakdown is not None else _COLUMNS[1:])
        kinds = {name: pa.int64() if name in whole_numbers else pa.string() if name in texts else pa.float64() for name in columns}
        return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()})


_COLUMNS = (
    "breakdown", "step", "name", "people", "conversion", "conversion_from_previous", "conversion_low", "conversion_high", "dropped",
    "open", "median_s", "p90_s",
)  # fmt: skip
