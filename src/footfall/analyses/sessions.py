"""Sessions: visits, how long they last and how many end after one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.breakdown import largest, whole
from footfall.analyses.spec.contract import Analysis, Chart, Engine, Partial, PersonBatch, Scan, Walked
from footfall.analyses.spec.names import NotNamed, known_events
from footfall.analyses.spec.span import Span
from footfall.analyses.spec.statistics import quantile_s, ratio

if TYPE_CHECKING:
    import pyarrow as pa


class Sessions(Analysis, frozen=True, kw_only=True):
    """How many sessions people have, how long they last and how many have one event.

    A session is a run of one person's events, ordered by (event_time, position), in which no pause is longer than `gap`: a pause of
    exactly `gap` does not end it.  It also ends before an event more than `max_length` after its first one, and, with
    `cut_at_midnight`, before an event of another day of the project's zone.  It ends at its last event, so a session of one event
    lasts 0 seconds.  `exclude_events` are left out as if they had not happened; so is what `where` refuses.

    Sessions are computed from the events of the range: one that crosses an edge of the range is cut there.  Session ids that clients sent
    are not used.  `bounce_rate` is the share of sessions with one event; median and p90 are exact.  With `breakdown` a session counts for
    the value at its first event; a person with sessions of several values counts in each row.

    Cost: one ordered pass over the events, 24 bytes a session in memory.
    """

    name: ClassVar[str] = "sessions"
    summary: ClassVar[str] = "how many sessions people have, how long they last and how many bounce"
    chart: ClassVar[Chart | None] = Chart(kind="bar", x="breakdown", y=("sessions", "people"), options={"percent": ("bounce_rate",)})

    gap: Annotated[Span, msgspec.Meta(description="a longer pause than this ends a session, none: one session a person")] = Span("30m")
    max_length: Annotated[Span, msgspec.Meta(description="longest session, none for no limit")] = Span("none")
    cut_at_midnight: Annotated[bool, msgspec.Meta(description="end sessions at midnight of the project's zone")] = False
    exclude_events: Annotated[tuple[str, ...], msgspec.Meta(description="event that neither opens nor extends a session; repeatable")] = ()
    breakdown: Annotated[str | None, msgspec.Meta(description="one row for each value of this column at a session's first event")] = None

    def answer(self, engine: Engine) -> Answer:
        """One walk over the events of the range."""
        known_events(engine, self.exclude_events, field="exclude_events")
        walked = self._walk(engine)
        slots = whole()
        if self.breakdown is not None:
            slots = largest(_people(walked, lambda group: group + 1, len(walked.groups) + 1), walked.groups)
        people = _people(walked, slots.of, len(slots.labels))
        slot = slots.of(gathered(walked.partials, "group"))
        rows = []
        for number, label in enumerate(slots.labels):
            chosen = slot == number if len(slots.labels) > 1 else slice(None)
            sizes, durations = (gathered(walked.partials, key)[chosen] for key in ("size", "duration_us"))
            rows.append({"breakdown": label, **_measured(sizes, durations, int(people[number]))})
        notes = list(slots.notes)
        if self.since is not None or self.until is not None:
            notes.append("sessions that cross an edge of the range are cut there")
        return Answer.of(self, engine, _table(rows, with_breakdown=self.breakdown is not None), plan=walked.plan, notes=notes)

    def _walk(self, engine: Engine) -> Walked:
        import numpy as np

        from footfall.kernels.sessions import SessionRules, sessionize

        since, until = self.range_us(engine)
        cuts = self._midnights_us(engine)
        rules = SessionRules(self.gap.us, self.max_length.us)
        where = (*self.where, NotNamed(self.exclude_events)) if self.exclude_events else self.where

        def kernel(batch: PersonBatch) -> Partial:
            person, time_us, _, group = walked_arrays(batch)
            first, duration_us = sessionize(person, time_us, cuts, rules)
            return {
                "size": np.diff(first, append=len(person)).astype(np.int32),
                "duration_us": duration_us,
                "group": group[first] if len(group) else np.full(len(first), -1, np.int32),
                "person": person[first],
            }

        return engine.walk(Scan((), where, self.breakdown, since, until), kernel)

    def _midnights_us(self, engine: Engine) -> Any:
        import numpy as np

        from footfall.analyses.spec.calendar import periods

        span = engine.span_us()
        if not self.cut_at_midnight or span is None:
            return np.empty(0, np.int64)
        return periods(engine.time_zone, "day", *span).edge_us


def _people(walked: Walked, slot_of: Any, slots: int) -> Any:
    """(slots,) persons with a session in each; whole persons come in one batch, so batches add up."""
    import numpy as np

    from footfall.kernels.sessions import people_by_slot

    people = np.zeros(slots, np.int64)
    for partial in walked.partials:
        people += people_by_slot(partial["person"], slot_of(partial["group"]).astype(np.int64), slots)
    return people


def _measured(sizes: Any, durations_us: Any, people: int) -> dict[str, Any]:
    sessions, events, single = len(sizes), int(sizes.sum()), int((sizes == 1).sum())
    return {
        "sessions": sessions,
        "people": people,
        "events": events,
        "single_event_sessions": single,
        "bounce_rate": ratio(single, sessions),
        "mean_duration_s": ratio(int(durations_us.sum()), sessions * 1_000_000),
        "median_duration_s": quantile_s(durations_us, 0.5),
        "p90_duration_s": quantile_s(durations_us, 0.9),
        "mean_events": ratio(events, sessions),
        "sessions_per_person": ratio(sessions, people),
    }


def _table(rows: list[dict[str, Any]], *, with_breakdown: bool) -> pa.Table:
    import pyarrow as pa

    whole_numbers = ("sessions", "people", "events", "single_event_sessions")
    columns = ["breakdown"] if with_breakdown else []
    columns += [
        "sessions", "people", "events", "single_event_sessions", "bounce_rate", "mean_duration_s", "median_duration_s", "p90_duration_s",
        "mean_events", "sessions_per_person",
    ]  # fmt: skip
    kinds = {name: pa.string() if name == "breakdown" else pa.int64() if name in whole_numbers else pa.float64() for name in columns}
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()})
