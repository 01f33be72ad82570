"""Sessions: visits, how long they last and how many end after one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.breakdown import Slots, largest, whole
from footfall.analyses.spec.contract import Analysis, Chart, Engine, Partial, PersonBatch, Scan, Walked
from footfall.analyses.spec.names import NotNamed, known_events
from footfall.analyses.spec.statistics import quantiles_s, ratio
from footfall.event.span import Span

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

    Cost: one ordered pass over the events, 17 bytes a session in memory.
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
        from footfall.kernels.sessions import PEOPLE

        known_events(engine, self.exclude_events, field="exclude_events")
        walked = self._walk(engine)
        slots = whole() if self.breakdown is None else largest(_tallied(walked, None)[0][:, PEOPLE], walked.groups)
        totals, ordered_us, border = _tallied(walked, slots)
        rows = [
            {"breakdown": label, **_measured(totals[slot], ordered_us[border[slot] : border[slot + 1]])} for slot, label in enumerate(slots.labels)
        ]
        notes = list(slots.notes)
        if self.since is not None or self.until is not None:
            notes.append("sessions that cross an edge of the range are cut there")
        return Answer.of(self, engine, _table(rows, with_breakdown=self.breakdown is not None), plan=walked.plan, notes=notes)

    def _walk(self, engine: Engine) -> Walked:
        from footfall.kernels.sessions import SessionRules, sessionize

        since, until = self.range_us(engine)
        cuts = self._midnights_us(engine)
        rules = SessionRules(self.gap.us, self.max_length.us)
        where = (*self.where, NotNamed(self.exclude_events)) if self.exclude_events else self.where

        def kernel(batch: PersonBatch) -> Partial:
            person, time_us, _, group = walked_arrays(batch)
            first, size, duration_us, opens = sessionize(person, time_us, cuts, rules)
            return {"size": size, "duration_us": duration_us, "opens": opens, "group": group[first] if len(group) else group}

        return engine.walk(Scan((), where, self.breakdown, since, until, named=False), kernel)

    def _midnights_us(self, engine: Engine) -> Any:
        import numpy as np

        from footfall.analyses.spec.calendar import periods

        span = engine.span_us()
        if not self.cut_at_midnight or span is None:
            return np.empty(0, np.int64)
        return periods(engine.time_zone, "day", *span).edge_us


def _tallied(walked: Walked, slots: Slots | None) -> tuple[Any, Any, Any]:
    """Sums, ordered durations and their borders by row of the breakdown, or by group code + 1 while the rows are not known."""
    import numpy as np

    from footfall.kernels.sessions import tally_sessions

    opens, size, duration_us, group = (gathered(walked.partials, key) for key in ("opens", "size", "duration_us", "group"))
    if slots is None:
        slot, count = group + 1, len(walked.groups) + 1
    else:
        slot, count = slots.of(group), len(slots.labels)
    totals, ordered_us, border = tally_sessions(opens.astype(bool), size.astype(np.int32), duration_us, slot.astype(np.int64), count)
    return totals, ordered_us, border


def _measured(totals: Any, ordered_us: Any) -> dict[str, Any]:
    sessions, people, events, single, kibi_us, rest_us = totals.tolist()
    median_s, p90_s = quantiles_s(ordered_us, (0.5, 0.9))
    return {
        "sessions": sessions,
        "people": people,
        "events": events,
        "single_event_sessions": single,
        "bounce_rate": ratio(single, sessions),
        "mean_duration_s": ratio(kibi_us * 1_024 + rest_us, sessions * 1_000_000),
        "median_duration_s": median_s,
        "p90_duration_s": p90_s,
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
