"""One part of the lake as a Parquet file: how it is encoded, written without leaving half a file, and described to readers.

Encodings follow the columns: person keys and names repeat and get dictionaries; times and positions run on and get deltas;
event ids share prefixes.  The columns that kernels read are packed with snappy, which unpacks fastest, the others with zstd.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from footfall.errors import StorageFailed
from footfall.lake.contract import Part

ROW_GROUP_ROWS = 131_072
_FAST = ("person_key", "event_time", "position", "name")
_DELTAS = {"event_time": "DELTA_BINARY_PACKED", "position": "DELTA_BINARY_PACKED", "event_id": "DELTA_BYTE_ARRAY"}
_PACKED = ("event_time", "position")  # deltas leave nothing to pack, and unpacking them costs a quarter of their reading
_DISTINCT = ("person_key", "person_id", "user_id", "anonymous_id", "session_id", "properties")
_RANDOM = ("person_key", "session_id")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def writer_options(schema: pa.Schema) -> dict[str, Any]:
    """The keyword arguments of pyarrow's ParquetWriter for a table of events."""
    names = schema.names
    return {
        "compression": {name: "none" if name in _PACKED else "snappy" if name in _FAST else "zstd" for name in names},
        "compression_level": {name: 1 for name in names if name not in _FAST},
        "use_dictionary": [name for name in names if name not in _DELTAS],
        "column_encoding": {name: encoding for name, encoding in _DELTAS.items() if name in names},
        "write_statistics": ["person_key", "event_time", "position"],
        "store_schema": False,
    }


def landed_options(schema: pa.Schema) -> dict[str, Any]:
    """The same for a part in arrival order, which lives until it is compacted and must be quick to write.

    In arrival order ids hardly repeat, so dictionaries of them are made, overflow and are thrown away, and random ids are packed to
    what they were: together half of the cost of writing.
    """
    options = writer_options(schema)
    packed = ("properties", "event_id")
    return options | {
        "compression": {name: "zstd" if name in packed else "none" if name in _RANDOM else "snappy" for name in schema.names},
        "compression_level": {name: 1 for name in packed if name in schema.names},
        "use_dictionary": [name for name in options["use_dictionary"] if name not in _DISTINCT],
    }


@contextmanager
def clean_storage_errors(target: Path, partial: Path | None = None) -> Iterator[None]:
    """Turn what a disk can do to a write into one sentence, and leave no partial file behind."""
    try:
        yield
    except OSError as problem:
        if partial is not None:
            partial.unlink(missing_ok=True)
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFailed(
                f"the disk of {target} is full",
                field="lake.url",
                got=target,
                hint="free some space and run the same command again; the lake is as it was",
            ) from problem
        raise StorageFailed(
            f"{target} cannot be written: {os.strerror(problem.errno) if problem.errno else problem}",
            field="lake.url",
            got=target,
            hint="check the folder's permissions and its disk",
        ) from problem


def write_part(path: Path, table: pa.Table) -> Part:
    """Write one table as one durable file; on any failure nothing remains at `path`."""
    partial = path.with_suffix(".partial")
    with clean_storage_errors(path, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb", buffering=0) as sink:
            pq.write_table(table, sink, row_group_size=ROW_GROUP_ROWS, **landed_options(table.schema))
        partial.rename(path)
    return describe(path)


def sync(path: Path) -> None:
    """Force a file onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def describe(path: Path, bucket: int | None = None) -> Part:
    """A file's rows, size and the ranges of its person keys, times and positions, from its footer."""
    metadata = pq.read_metadata(path)
    column = {metadata.schema.column(index).path: index for index in range(metadata.num_columns)}
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    for group in range(metadata.num_row_groups):
        for name in ("person_key", "event_time", "position"):
            statistics = metadata.row_group(group).column(column[name]).statistics
            low[name] = min(low.get(name, statistics.min), statistics.min)
            high[name] = max(high.get(name, statistics.max), statistics.max)
    size = path.stat().st_size
    if not low:
        return Part(str(path), 0, size, bucket)
    stats = {
        "numRecords": metadata.num_rows,
        "minValues": {name: _plain(low[name]) for name in low},
        "maxValues": {name: _plain(high[name]) for name in high},
        "nullCount": dict.fromkeys(low, 0),
    }
    return Part(
        path=str(path),
        rows=metadata.num_rows,
        size_bytes=size,
        bucket=bucket,
        person_key_min=low["person_key"],
        person_key_max=high["person_key"],
        time_us_min=_micros(low["event_time"]),
        time_us_max=_micros(high["event_time"]),
        position_max=high["position"],
        stats=json.dumps(stats),
    )


def _micros(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return _micros(moment.astimezone(UTC))


def moment_of(us: int) -> datetime:
    """The time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


class SortedWriter:
    """Writes a stream of ordered tables into one file a bucket, cutting where the bucket of the person key changes."""

    def __init__(self, schema: pa.Schema, path_of: Callable[[int], Path]) -> None:
        self.schema = schema
        self.path_of = path_of
        self.parts: list[Part] = []
        self._bucket: int | None = None
        self._writer: Any = None
        self._path = Path()

    def write(self, bucket: int, table: pa.Table) -> None:
        """Append rows that all belong to `bucket`; buckets come in rising order."""
        if bucket != self._bucket:
            self.close()
            self._bucket = bucket
            self._path = self.path_of(bucket)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path, self.schema, **writer_options(self.schema))
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)

    def close(self) -> None:
        """Finish the current file and note it."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            sync(self._path)
            self.parts.append(describe(self._path, self._bucket))
            self._bucket = None

    def abandon(self) -> None:
        """Remove every file written so far."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._path.unlink(missing_ok=True)
        for part in self.parts:
            Path(part.path).unlink(missing_ok=True)
        self.parts.clear()
