"""Resolved persons in an engine: the relation shows canonical ids, and walks see one person where the lake has several.

Most persons are nobody else, and walk the clustered files as ever.  The rows of the others, of every id they have, are taken out of the slices,
get the canonical key, are sorted among themselves and walked as batches of their own: what is merged is their rows only.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.engines.codes import values
from footfall.engines.walk import SLICE_ROWS, Rows, joined
from footfall.event.identity import Resolution

TABLE = "footfall_people"
TAKEN_ROWS = 16_000_000
Keys = np.ndarray[Any, np.dtype[np.int64]]


class People:
    """A resolution by person key.  Two ids that share a key are one person here, as in every walk."""

    def __init__(self, resolution: Resolution) -> None:
        raw, canonical = resolution.keys
        self.raw, first = np.unique(raw, return_index=True)
        self.canonical = canonical[first]
        self._ids = resolution.canonical.take(pa.array(first))
        # Everybody whose rows leave the slices: the ids that change, and those they change to.
        self.touched, place = np.unique(np.concatenate([self.raw, self.canonical]), return_index=True)
        self._target = np.concatenate([self.canonical, self.canonical])[place]
        self.persons, self.rank = np.unique(self._target, return_inverse=True)

    def load(self, connection: Any) -> None:
        """Make the table that `resolved_sql` joins."""
        cursor = connection.cursor()
        cursor.register("footfall_shown", self.table())
        cursor.execute(f"CREATE TABLE {TABLE} AS FROM footfall_shown")

    def table(self) -> pa.Table:
        """The resolution as a table, to be joined to the events by `raw_key`."""
        return pa.table({"raw_key": self.raw, "person_key": self.canonical, "person_id": self._ids})

    def among(self, person: Keys) -> tuple[Keys, Keys, Keys]:
        """(n,) keys in order -> which of the touched persons are there, and from where to where."""
        if not len(person):
            return (np.empty(0, np.int64),) * 3
        first, last = int(np.searchsorted(self.touched, person[0], "left")), int(np.searchsorted(self.touched, person[-1], "right"))
        which = np.arange(first, last)
        low, high = np.searchsorted(person, self.touched[first:last], "left"), np.searchsorted(person, self.touched[first:last], "right")
        there = high > low
        return which[there], low[there], high[there]

    def resolved(self, table: pa.Table) -> pa.Table:
        """The same events with the canonical person_id, where the table has that column."""
        if "person_id" not in table.column_names:
            return table
        key = values(table.column("person_key"), np.int64)
        place = np.minimum(np.searchsorted(self.raw, key), len(self.raw) - 1)
        other = self.raw[place] == key
        if not other.any():
            return table
        ids = self._ids.take(pa.array(place, mask=~other)).cast(pa.string())
        column = table.column_names.index("person_id")
        return table.set_column(column, "person_id", pc.coalesce(ids, table.column("person_id").cast(pa.string())))


def resolved_sql(relation: str) -> str:
    """A SELECT of events as one with canonical persons."""
    person = ", ".join(f"coalesce(canonical.{name}, said.{name}) AS {name}" for name in ("person_key", "person_id"))
    return f"SELECT said.* REPLACE ({person}) FROM ({relation}) AS said LEFT JOIN {TABLE} AS canonical ON said.person_key = canonical.raw_key"


def names_no_person(sql: str) -> bool:
    """Whether a query of an analysis reads no column of persons; it is then spared the join, which DuckDB does not leave out by itself."""
    text = sql.lower().replace("count(*)", "")
    return "person" not in text and "*" not in text


class Taken:
    """The rows that a walk takes out of its slices.  Used by several threads."""

    def __init__(self, people: People, *, steps_only: bool, rows_max: int | None = None) -> None:
        self._people = people
        self._steps_only = steps_only
        self._rows_max = TAKEN_ROWS if rows_max is None else rows_max
        self._runs: list[Rows] = []
        self._ranks: list[Any] = []
        self._lock = threading.Lock()
        self.rows = 0

    @property
    def too_many(self) -> bool:
        """Whether there were more rows than are kept; what was kept is then of no use."""
        return self.rows > self._rows_max

    def touches(self, tables: list[pa.Table]) -> bool:
        """Whether pieces of files hold rows of touched persons."""
        return any(len(self._people.among(values(table.column("person_key"), np.int64))[0]) for table in tables)

    def take_from(self, rows: Rows) -> Rows:
        """Keep the rows of touched persons and return the others."""
        which, low, high = self._people.among(rows.person)
        if not len(which):
            return rows
        assert rows.position is not None, "a person's rows are merged by position"
        edge = np.zeros(len(rows.person) + 1, np.int8)
        edge[low] = 1
        edge[high] -= 1
        inside = np.cumsum(edge[:-1], dtype=np.int8).view(np.bool_)
        taken = rows.take(inside)
        rank = np.repeat(self._people.rank[which], high - low)
        if self._steps_only:
            # Events that fill no step are of no interest to a scan that names steps.
            steps = taken.code != 0
            taken, rank = taken.take(steps), rank[steps]
        with self._lock:
            self.rows += len(rank)
            if self.too_many:
                self._runs, self._ranks = [], []
            else:
                self._runs.append(taken)
                self._ranks.append(rank)
        return rows.take(~inside)

    def pieces(self, count: int) -> Iterator[Unsorted]:
        """Whole persons in about `count` pieces of even size."""
        from footfall.kernels.reunite import by_person

        if not self.rows:
            return
        whole = joined(self._runs)
        starts, order = by_person(np.concatenate(self._ranks), len(self._people.persons))
        count = max(count, -(-self.rows // SLICE_ROWS))
        edges = np.unique(np.searchsorted(starts, [self.rows * piece // count for piece in range(count + 1)]))
        edges[-1] = len(starts) - 1
        for first, last in itertools.pairwise(edges.tolist()):
            low, high = starts[first], starts[last]
            yield Unsorted(whole, self._people.persons[first:last], starts[first : last + 1] - low, order[low:high])


@dataclass(frozen=True, slots=True)
class Unsorted:
    """Some persons and their rows: those of person p are rows `order[starts[p]:starts[p + 1]]` of `whole`, as they came."""

    whole: Rows
    persons: Keys
    starts: Keys
    order: Keys

    def in_order(self) -> Rows:
        """The rows in order of (person, time, position)."""
        from footfall.kernels.reunite import sort_persons

        assert self.whole.position is not None, "a person's rows are merged by position"
        sort_persons(self.order, self.starts, self.whole.time_us, self.whole.position)
        group = None if self.whole.group is None else self.whole.group[self.order]
        return Rows(np.repeat(self.persons, np.diff(self.starts)), self.whole.time_us[self.order], self.whole.code[self.order], group)
