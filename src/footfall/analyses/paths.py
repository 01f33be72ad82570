"""Paths: the whole sequences of events that sessions consist of, most frequent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.contract import Analysis, Chart, Engine, Partial, PersonBatch, Scan
from footfall.analyses.spec.names import known_events
from footfall.event.span import UNLIMITED_US, Span

if TYPE_CHECKING:
    import pyarrow as pa

OTHER = "(other)"
ARROW = " > "
CUT = "…"


class Paths(Analysis, frozen=True, kw_only=True):
    """The whole sequences of events that sessions consist of: one row for every different one, most frequent first.

    The unit is the session: a run of one person's events, ordered by (event_time, position), without a pause longer than `gap`.  With
    gap none it is a person's whole history, which process mining calls a variant.  With `start` a path begins at the session's first such
    event; with `end` it stops at the first one (with both, the first one after the start).  Sessions without the named event do not count.  With
    `collapse` repeats count once: a a b is a > b.  `max_steps` keeps a path's first steps, and with `end` alone its last ones;
    … stands for what was cut off.

    `count` is sessions, `people` the persons who took the path at least once, `share` of all sessions that count.  Ties are in
    the order of the event names.  Beyond `limit` rows the rest is one row (other), where people stay null: a person may have several paths.

    Cost: one ordered pass over the events of the range.  Memory: 50 bytes a distinct path, and 4 bytes for each of its steps.
    """

    name: ClassVar[str] = "paths"
    summary: ClassVar[str] = "whole sequences of events, most frequent first"
    chart: ClassVar[Chart | None] = Chart(kind="sankey", x="path", value="count", options={"separator": ARROW})

    gap: Annotated[Span, msgspec.Meta(description="a longer pause than this ends a session, none: a person's whole history")] = Span("30m")
    start: Annotated[str | None, msgspec.Meta(description="paths begin at this event")] = None
    end: Annotated[str | None, msgspec.Meta(description="paths stop at this event")] = None
    max_steps: Annotated[Annotated[int, msgspec.Meta(ge=1)] | None, msgspec.Meta(description="cut longer paths off; none: whole paths")] = None
    collapse: Annotated[bool, msgspec.Meta(description="count runs of one event once")] = False
    limit: Annotated[int, msgspec.Meta(ge=0, description="rows before the rest becomes (other), 0 for all")] = 50

    def answer(self, engine: Engine) -> Answer:
        """One walk over the events of the range."""
        from footfall.kernels.paths import NO_ANCHOR, PathRules, paths

        for field, anchor in (("start", self.start), ("end", self.end)):
            known_events(engine, () if anchor is None else (anchor,), field=field)
        names = list(engine.event_names())
        start, end = (NO_ANCHOR if anchor is None else names.index(anchor) for anchor in (self.start, self.end))
        longest = UNLIMITED_US if self.max_steps is None else self.max_steps
        rules = PathRules(gap_us=self.gap.us, start=start, end=end, max_steps=longest, collapse=self.collapse)

        def kernel(batch: PersonBatch) -> Partial:
            person, time_us, code, _ = walked_arrays(batch)
            return dict(zip(("hashes", "count", "people", "cut", "length", "pool"), paths(person, time_us, code, rules), strict=True))

        since, until = self.range_us(engine)
        walked = engine.walk(Scan((), self.where, None, since, until), kernel)
        found = _Distinct.of(walked.partials, names)
        shown = found.first(self.limit or len(found.count))
        return Answer.of(self, engine, found.table(shown), plan=walked.plan, notes=self._notes(found, shown))

    def _notes(self, found: _Distinct, shown: Any) -> list[str]:
        unit = "one person's whole history" if self.gap.unlimited else f"one session (pauses of at most {self.gap})"
        notes = [f"a path is {unit}; {len(found.count):,} different paths in {int(found.count.sum()):,}"]
        if self.start is not None or self.end is not None:
            notes.append("only sessions with the named events count")
        if self.collapse:
            notes.append("runs of one event count once")
        cut_off = int(found.count[found.cut > 0].sum())
        if cut_off:
            notes.append(f"{cut_off:,} were cut to {self.max_steps} steps, marked {CUT}")
        if len(shown) < len(found.count):
            notes.append(f"{OTHER} holds the {len(found.count) - len(shown):,} less frequent paths")
        return notes


@dataclass(frozen=True, slots=True)
class _Distinct:
    """Every different path once: its counts, and where its codes lie in the pool."""

    names: Sequence[str]
    count: Any
    people: Any
    cut: Any
    begin: Any
    length: Any
    pool: Any

    @classmethod
    def of(cls, partials: list[Partial], names: Sequence[str]) -> _Distinct:
        """The paths of all batches added up."""
        import numpy as np

        from footfall.kernels.paths import distinct

        count, people, cut, length, pool = (gathered(partials, key) for key in ("count", "people", "cut", "length", "pool"))
        begin = np.cumsum(length, dtype=np.int64) - length
        if len(count):
            first, count, people = distinct(gathered(partials, "hashes"), count, people)
            begin, length, cut = begin[first], length[first], cut[first]
        return cls(names, count, people, cut, begin, length, pool)

    def first(self, limit: int) -> Any:
        """The paths of the first `limit` rows: by count, then by the names of their steps."""
        import numpy as np

        candidates = np.arange(len(self.count))
        if limit < len(candidates):
            least = -np.partition(-self.count, limit - 1)[limit - 1]
            certain, tied = np.flatnonzero(self.count > least), np.flatnonzero(self.count == least)
            candidates = np.concatenate([certain, self._first_by_name(tied, limit - len(certain))])
        keys = {which: (-int(self.count[which]), self.steps(which), int(self.cut[which])) for which in candidates.tolist()}
        return np.array(sorted(keys, key=keys.__getitem__)[:limit], np.int64)

    def _first_by_name(self, tied: Any, wanted: int) -> Any:
        """At least the first `wanted` of many equally frequent paths, without comparing all of them as text: step by step."""
        import numpy as np

        rank = np.empty(len(self.names), np.int64)
        rank[sorted(range(len(self.names)), key=self.names.__getitem__)] = np.arange(len(self.names))
        sure: list[Any] = []
        step = 0
        while len(tied) > max(4 * wanted, 1_000) and wanted > 0 and step < self.length[tied].max():
            at = np.minimum(self.begin[tied] + step, len(self.pool) - 1)
            value = np.where(step < self.length[tied], rank[self.pool[at]], -1)
            border = np.partition(value, wanted - 1)[wanted - 1]
            sure.append(tied[value < border])
            wanted -= len(sure[-1])
            tied = tied[value == border]
            step += 1
        return np.concatenate([*sure, tied])

    def steps(self, which: int) -> tuple[str, ...]:
        """The event names of one path."""
        begin = int(self.begin[which])
        return tuple(self.names[code] for code in self.pool[begin : begin + int(self.length[which])].tolist())

    def text(self, which: int) -> str:
        """The path as one line."""
        from footfall.kernels.paths import CUT_BACK, CUT_FRONT

        before = f"{CUT} " if self.cut[which] == CUT_FRONT else ""
        after = f" {CUT}" if self.cut[which] == CUT_BACK else ""
        return before + ARROW.join(self.steps(which)) + after

    def table(self, shown: Any) -> pa.Table:
        """The shown paths, and one row for the rest."""
        import pyarrow as pa

        total = int(self.count.sum())
        rest = total - int(self.count[shown].sum())
        count = self.count[shown].tolist() + ([rest] if rest else [])
        return pa.table(
            {
                "path": pa.array([self.text(which) for which in shown.tolist()] + ([OTHER] if rest else []), pa.string()),
                "steps": pa.array(self.length[shown].tolist() + ([None] if rest else []), pa.int64()),
                "count": pa.array(count, pa.int64()),
                "people": pa.array(self.people[shown].tolist() + ([None] if rest else []), pa.int64()),
                "share": pa.array([one / total for one in count], pa.float64()),
            }
        )
