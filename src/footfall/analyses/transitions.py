"""Transitions: which event people do next, how often and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.batches import gathered, walked_arrays
from footfall.analyses.spec.contract import Analysis, Chart, Engine, Partial, PersonBatch, Scan
from footfall.event.span import Span

if TYPE_CHECKING:
    import pyarrow as pa


class Transitions(Analysis, frozen=True, kw_only=True):
    """Which event comes right after which, within sessions: one row for every pair that occurs.

    A pair is two events of one person, one directly after the other in the order of (event_time, position), with a pause of at most `gap`
    between them; other events do not lie between.  With `collapse` repeats count once: a a b is one pair, timed from the first a.

    `count` is how often the pair occurs and `people` how many persons do it at least once.  `probability` is its share of all pairs
    with the same source, so a last event of a session does not count against it.  `mean_s` is the mean time between the two.  Rows
    are ordered by count, then by name; `limit` keeps the first ones and changes no number.

    Cost: one ordered pass over the events of the range; about 100 bytes a distinct pair and thread.
    """

    name: ClassVar[str] = "transitions"
    summary: ClassVar[str] = "which event people do next, how often and how soon"
    chart: ClassVar[Chart | None] = Chart(kind="heatmap", x="target", y=("source",), value="probability", options={"percent": ("probability",)})

    gap: Annotated[Span, msgspec.Meta(description="a longer pause than this ends a session, none: pairs across the whole history")] = Span("30m")
    collapse: Annotated[bool, msgspec.Meta(description="count runs of one event once")] = False
    limit: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None, msgspec.Meta(description="show this many rows, the most frequent first; none: all")
    ] = None

    def answer(self, engine: Engine) -> Answer:
        """One walk over the events of the range."""
        from footfall.kernels.transitions import DENSE_NAMES, dense_transitions, sparse_transitions

        since, until = self.range_us(engine)
        names = list(engine.event_names())
        count_pairs = dense_transitions if len(names) <= DENSE_NAMES else sparse_transitions

        def kernel(batch: PersonBatch) -> Partial:
            person, time_us, code, _ = walked_arrays(batch)
            pair, cells = count_pairs(person, time_us, code, len(names), (self.gap.us, self.collapse))
            return {"pair": pair, "cells": cells}

        walked = engine.walk(Scan((), self.where, None, since, until), kernel)
        table = _table(*_added(walked.partials), names)
        notes = ["a pair counts once each time it occurs; people counts persons", "runs of one event count once" if self.collapse else ""]
        if self.limit is not None and self.limit < len(table):
            notes.append(f"{self.limit:,} of {len(table):,} pairs are shown")
            table = table.slice(0, self.limit)
        return Answer.of(self, engine, table, plan=walked.plan, notes=[note for note in notes if note])


def _added(partials: list[Partial]) -> tuple[Any, Any]:
    """Pairs of all batches, ascending, each once with its sums."""
    import numpy as np

    from footfall.kernels.transitions import FIELDS

    pair = gathered(partials, "pair")
    if not len(pair):
        return pair, np.empty((0, FIELDS), np.int64)
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    first = np.flatnonzero(np.append(True, pair[1:] != pair[:-1]))
    return pair[first], np.add.reduceat(gathered(partials, "cells")[order], first, axis=0)


def _table(pair: Any, cells: Any, names: Sequence[str]) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    from footfall.kernels.transitions import COUNT, KIBI_US, PEOPLE, REST_US

    source, target = np.divmod(pair, max(len(names), 1))
    count = cells[:, COUNT]
    outgoing = np.zeros(max(len(names), 1), np.int64)
    np.add.at(outgoing, source, count)
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    order = np.lexsort((rank[target], rank[source], -count))
    texts = pa.array(names, pa.string())
    elapsed_us = cells[:, KIBI_US] * 1024.0 + cells[:, REST_US]
    return pa.table(
        {
            "source": texts.take(pa.array(source[order])),
            "target": texts.take(pa.array(target[order])),
            "count": pa.array(count[order], pa.int64()),
            "people": pa.array(cells[order, PEOPLE], pa.int64()),
            "probability": pa.array((count / outgoing[source])[order], pa.float64()),
            "mean_s": pa.array((elapsed_us / count / 1e6)[order], pa.float64()),
        }
    )
