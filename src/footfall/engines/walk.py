"""Two ways to bring every person's ordered events to a kernel, with equal results.

`slices` is for a clustered lake: a slice is a range of person keys; its rows are read from the row groups that can hold it,
already in order, merged where several files hold the same persons, and walked by as many threads as there are cores.  Memory is
bounded by slices, not by the table.  `ordered` is for everything else: one sorted stream of batches, in which a person may
span batches, so the last person of a batch is held back until the next one starts (without it results are silently wrong).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.analyses.spec.contract import PersonBatch
from footfall.engines.codes import values
from footfall.lake.contract import Part

SLICE_ROWS = 2_000_000
KEY_MIN = -(1 << 63)
KEY_END = 1 << 63


@functools.lru_cache(maxsize=4_096)
def _metadata(path: str) -> Any:
    """The footer of a Parquet file; files of a lake never change, so footers may be kept."""
    return pq.read_metadata(path)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of a clustered file and the range of its person keys."""

    path: str
    index: int
    rows: int
    key_min: int
    key_max: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A half-open range of person keys and the row groups that can hold it."""

    low: int
    high: int
    groups: tuple[RowGroup, ...]


def row_groups(parts: Iterable[Part]) -> list[RowGroup]:
    """Every row group of the parts with its key range, from the footers."""
    groups = []
    for part in parts:
        metadata = _metadata(part.path)
        column = next(index for index in range(metadata.num_columns) if metadata.schema.column(index).path == "person_key")
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            statistics = group.column(column).statistics
            low, high = (statistics.min, statistics.max) if statistics is not None and statistics.has_min_max else (KEY_MIN, KEY_END - 1)
            groups.append(RowGroup(part.path, index, group.num_rows, low, high))
    return groups


def plan_slices(groups: Sequence[RowGroup], slice_rows: int = SLICE_ROWS) -> list[Slice]:
    """Cut the key space so that a slice's row groups hold about `slice_rows`; a person is never cut.

    A cut where one file ends and the next begins comes early, at an eighth of that: a slice within one file needs no merge.
    """
    edges = [KEY_MIN]
    filled = 0
    reached, path = KEY_MIN, ""
    for group in sorted(groups, key=lambda group: (group.key_min, group.key_max)):
        border = group.path != path and group.key_min > reached
        if filled and group.key_min > edges[-1] and (filled + group.rows > slice_rows or (border and filled >= slice_rows // 8)):
            edges.append(group.key_min)
            filled = 0
        filled += group.rows
        reached, path = max(reached, group.key_max), group.path
    edges.append(KEY_END)
    slices = []
    for low, high in itertools.pairwise(edges):
        inside = tuple(group for group in groups if group.key_max >= low and group.key_min < high)
        if inside:
            slices.append(Slice(low, high, inside))
    return slices


def read_slice(piece: Slice, columns: Sequence[str]) -> list[pa.Table]:
    """One table a file, in order, with only the rows whose key lies in the slice."""
    tables = []
    for path in dict.fromkeys(group.path for group in piece.groups):
        file = pq.ParquetFile(path, metadata=_metadata(path), read_dictionary=["name"], memory_map=True)
        have = [name for name in columns if name in file.schema_arrow.names]
        table = file.read_row_groups([group.index for group in piece.groups if group.path == path], columns=have, use_threads=False)
        keys = values(table.column("person_key"), np.int64)
        first = int(np.searchsorted(keys, piece.low, "left")) if piece.low > KEY_MIN else 0
        last = int(np.searchsorted(keys, piece.high, "left")) if piece.high < KEY_END else len(keys)
        if last > first:
            tables.append(table if last - first == len(keys) else table.slice(first, last - first))
    return tables


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as arrays, in order; `position` only where runs have to be merged."""

    person: np.ndarray[Any, np.dtype[np.int64]]
    time_us: np.ndarray[Any, np.dtype[np.int64]]
    code: np.ndarray[Any, np.dtype[np.int32]]
    group: np.ndarray[Any, np.dtype[np.int32]] | None = None
    position: np.ndarray[Any, np.dtype[np.int64]] | None = None

    def cut(self, low: int, high: int) -> Rows:
        """The rows whose key lies in [low, high)."""
        first = int(np.searchsorted(self.person, low, "left")) if low > KEY_MIN else 0
        last = int(np.searchsorted(self.person, high, "left")) if high < KEY_END else len(self.person)
        return self.take(slice(first, last))

    def take(self, which: Any) -> Rows:
        """The chosen rows."""
        return Rows(
            self.person[which],
            self.time_us[which],
            self.code[which],
            None if self.group is None else self.group[which],
            None if self.position is None else self.position[which],
        )

    def batch(self) -> PersonBatch:
        """The rows as the batch that a kernel sees."""
        return PersonBatch(self.person, self.time_us, self.code, self.group)


def merged(runs: Sequence[Rows]) -> Rows:
    """Runs that are each in order -> one in (person, time, position) order."""
    runs = [run for run in runs if len(run.person)]
    runs.sort(key=lambda run: int(run.person[0]))
    if all(int(before.person[-1]) < int(after.person[0]) for before, after in itertools.pairwise(runs)):
        return joined(runs)
    from footfall.kernels.merge import merge_order

    assert all(run.position is not None for run in runs), "runs are merged by position"
    whole = joined(runs)
    lengths = [0, *np.cumsum([len(run.person) for run in runs]).tolist()[:-1]]
    return whole.take(merge_order(whole.person, whole.time_us, whole.position, lengths))


def mended(rows: Rows) -> Rows:
    """Rows in order of (person, time) -> in order of (person, time, position): only events at one moment change places.

    Sorting by two keys and mending the few ties here takes a third of the time that DuckDB needs to sort by position as well.
    """
    if rows.position is None or len(rows.person) < 2:
        return rows
    tie = (rows.person[1:] == rows.person[:-1]) & (rows.time_us[1:] == rows.time_us[:-1])
    if not np.any(tie & (rows.position[1:] < rows.position[:-1])):
        return rows
    tied = np.flatnonzero(np.append(tie, False) | np.insert(tie, 0, False))
    order = np.arange(len(rows.person))
    order[tied] = tied[np.lexsort((rows.position[tied], rows.time_us[tied], rows.person[tied]))]
    return rows.take(order)


def whole_persons(batches: Iterable[Rows]) -> Iterator[Rows]:
    """A stream in order of (person, time), cut anywhere -> in full order, cut between persons only.

    Holds one person's rows in memory at most beside the batch.
    """
    held: list[Rows] = []
    for batch in batches:
        if not len(batch.person):
            continue
        if held and held[-1].person[-1] != batch.person[0]:
            yield mended(joined(held))
            held = []
        border = int(np.searchsorted(batch.person, batch.person[-1], "left"))
        if border:
            yield mended(joined([*held, batch.take(slice(0, border))]))
            held = [batch.take(slice(border, None))]
        else:
            held.append(batch)
    if held:
        yield mended(joined(held))


def joined(pieces: Sequence[Rows]) -> Rows:
    """Consecutive pieces of one ordered stream -> one."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        none = np.empty(0, np.int64)
        return Rows(none, none, np.empty(0, np.int32), np.empty(0, np.int32), none)
    return Rows(
        np.concatenate([piece.person for piece in pieces]),
        np.concatenate([piece.time_us for piece in pieces]),
        np.concatenate([piece.code for piece in pieces]),
        None if pieces[0].group is None else np.concatenate([piece.group for piece in pieces if piece.group is not None]),
        None if pieces[0].position is None else np.concatenate([piece.position for piece in pieces if piece.position is not None]),
    )
