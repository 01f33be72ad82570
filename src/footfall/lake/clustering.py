"""Sorting many parts into files of one person bucket each, by (person_key, event_time, position, event_id), in bounded memory.

What fits into `MEMORY_BYTES` is sorted by row number and gathered once; what does not is first dealt out to spill files by
ranges of the person key, each of which then fits.  Cost: one read, one gather and one write of every row, and one more
write and read of what was spilled.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.event.person import BUCKET_BITS
from footfall.lake.contract import Part
from footfall.lake.parquet import ROW_GROUP_ROWS, describe, sync, writer_options

MEMORY_BYTES = 3 << 29
FILE_ROWS = 4_000_000
_FULL = 1 << 64
_OFFSET = 1 << 63


class Clustering:
    """One run over `parts`, keeping rows of [low_us, high_us), into `folder` under `label`; `schema` is the table's."""

    def __init__(self, folder: Path, label: str, schema: pa.Schema, span_us: tuple[int, int], spill_root: Path) -> None:
        self.folder = folder
        self.label = label
        self.schema = schema
        self.span_us = span_us
        self.spill_root = spill_root
        self.written: list[Path] = []
        self.threads = os.cpu_count() or 1

    def run(self, parts: Sequence[Part]) -> list[Part]:
        """The new files, described; on any failure none of them remains."""
        try:
            with ThreadPoolExecutor(self.threads, thread_name_prefix="footfall-cluster") as pool:
                total = sum(self._size_bytes(part) for part in parts)
                if total <= MEMORY_BYTES:
                    return self._sort(list(pool.map(self._read, parts)), pool)
                return self._spilled(parts, -(-total // MEMORY_BYTES), pool)
        except BaseException:
            for path in self.written:
                path.unlink(missing_ok=True)
            raise

    def _size_bytes(self, part: Part) -> int:
        """What a part takes in memory: its uncompressed bytes, and the growth of its dictionaries to plain text."""
        metadata = pq.read_metadata(part.path)
        plain: int = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
        return max(plain, part.rows * 16 * len(self.schema) // 2)

    def _read(self, part: Part) -> pa.Table:
        """A part's rows of the span, in the table's schema, without the columns that are null throughout."""
        return self._inside(pq.read_table(part.path, use_threads=False, memory_map=True), part)

    def _inside(self, table: pa.Table, part: Part) -> pa.Table:
        low, high = self.span_us
        if part.time_us_min < low or part.time_us_max >= high:
            times = table.column("event_time").cast(pa.int64()).to_numpy()
            table = table.filter(pa.array((times >= low) & (times < high)))
        empty = [name for name in table.column_names if table.column(name).null_count == len(table) and len(table)]
        return table.drop_columns(empty)

    def _spilled(self, parts: Sequence[Part], ranges: int, pool: ThreadPoolExecutor) -> list[Part]:
        edges = [_FULL * number // ranges - _OFFSET for number in range(ranges + 1)]
        self.spill_root.mkdir(parents=True, exist_ok=True)
        new: list[Part] = []
        with tempfile.TemporaryDirectory(dir=self.spill_root) as spill:
            list(pool.map(lambda numbered: self._deal(numbered, edges, Path(spill)), enumerate(parts)))
            for group in range(ranges):
                paths = sorted(Path(spill).glob(f"{group}-*.parquet"))
                tables = list(pool.map(lambda path: pq.read_table(path, use_threads=False), paths))
                new += self._sort(tables, pool)
                for path in paths:
                    path.unlink()
        return new

    def _deal(self, numbered: tuple[int, Part], edges: Sequence[int], spill: Path) -> None:
        """Write a part's rows to the spill files of their key ranges, named so that they come back in the order of arrival."""
        number, part = numbered
        file = pq.ParquetFile(part.path, memory_map=True)
        step = max(1, 1_000_000 // ROW_GROUP_ROWS)
        inner = np.array(edges[1:-1], np.int64)
        for start in range(0, file.metadata.num_row_groups, step):
            groups = list(range(start, min(start + step, file.metadata.num_row_groups)))
            table = self._inside(file.read_row_groups(groups, use_threads=False), part).combine_chunks()
            ranges = np.searchsorted(inner, table.column("person_key").to_numpy(), "right")
            order = np.argsort(ranges, kind="stable")
            bounds = np.searchsorted(ranges[order], np.arange(len(edges)))
            for group, (first, last) in enumerate(itertools.pairwise(bounds.tolist())):
                if last > first:
                    path = spill / f"{group}-{number:06d}-{start:06d}.parquet"
                    pq.write_table(table.take(pa.array(order[first:last])), path, compression="lz4", use_dictionary=False)

    def _sort(self, tables: list[pa.Table], pool: ThreadPoolExecutor) -> list[Part]:
        """Sort tables that together cover a key range and write a file for every bucket, or several when one is large."""
        whole = pa.concat_tables([table for table in tables if len(table)], promote_options="default") if any(map(len, tables)) else None
        tables.clear()
        if whole is None:
            return []
        whole = whole.combine_chunks()
        keys = whole.column("person_key").to_numpy()
        order = sorted_order(keys, whole.column("event_time").cast(pa.int64()).to_numpy(), whole.column("position").to_numpy(), whole)
        cuts = _cuts(keys[order])
        return list(pool.map(lambda cut: self._write(whole, order[cut[1] : cut[2]], cut[0]), cuts))

    def _write(self, whole: pa.Table, order: Any, bucket: int) -> Part:
        path = self.folder / f"sorted-{self.label}-b{bucket:02d}-{uuid.uuid4().hex[:12]}.parquet"
        self.written.append(path)
        self.folder.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, self.schema, **writer_options(self.schema)) as writer:
            for start in range(0, len(order), ROW_GROUP_ROWS):
                table = whole.take(pa.array(order[start : start + ROW_GROUP_ROWS]))
                columns = [
                    table.column(field.name).cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
                    for field in self.schema
                ]
                writer.write_table(pa.table(columns, schema=self.schema))
        sync(path)
        return describe(path, bucket)


def sorted_order(keys: Any, times: Any, positions: Any, table: pa.Table) -> Any:
    """(n,) keys, times, positions -> (n,) row numbers in order.

    Parts come in the order of time, so a stable sort by person alone is nearly always right already, and it is checked.  Equal
    positions of one person at one time come from outside writers alone; then the event id decides.
    """
    order = np.argsort(keys, kind="stable")
    if not _ordered(keys[order], times[order], positions[order]):
        order = np.lexsort((positions, times, keys))
        key, time, position = keys[order], times[order], positions[order]
        if np.any((key[1:] == key[:-1]) & (time[1:] == time[:-1]) & (position[1:] == position[:-1])):
            order = np.lexsort((np.asarray(table.column("event_id").to_pylist()), positions, times, keys))
    return order


def _ordered(keys: Any, times: Any, positions: Any) -> bool:
    same = keys[1:] == keys[:-1]
    later = (times[1:] > times[:-1]) | ((times[1:] == times[:-1]) & (positions[1:] > positions[:-1]))
    return bool(np.all(later | ~same))


def _cuts(keys: Any) -> list[tuple[int, int, int]]:
    """Sorted keys -> (bucket, first row, end row) of every file; a bucket of more than FILE_ROWS rows is cut between persons."""
    buckets = (keys >> np.int64(64 - BUCKET_BITS)) + np.int64(1 << (BUCKET_BITS - 1))
    edges = [0, *(np.flatnonzero(np.diff(buckets)) + 1).tolist(), len(keys)]
    cuts = []
    for first, last in itertools.pairwise(edges):
        start = first
        while last - start > FILE_ROWS:
            end = int(np.searchsorted(keys[start:last], keys[start + FILE_ROWS], "left")) + start
            if end == start:
                end = int(np.searchsorted(keys[start:last], keys[start], "right")) + start
            cuts.append((int(buckets[first]), start, end))
            start = end
        if last > start:
            cuts.append((int(buckets[first]), start, last))
    return cuts
