"""Parquet as rows: row groups are streamed, every value becomes the text that a JSON file would have held.

So numbers keep all their digits, times keep their zone, and lists and structs stay JSON inside `properties`.  A row has no text of
its own; a dead letter shows it as a JSON object.  Cost: one pass, and one more over numbers and times to write them out.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from footfall.connectors.files.contract import Place
from footfall.event.cells.words import SLACK
from footfall.event.raw import FALSE, NESTED, NULL, NUMBER, TEXT, TRUE, Numbers, RawRows

BATCH_ROWS = 131_072


class ParquetBatch(RawRows):
    """Rows of one record batch, kept so that a refused row can be shown."""

    __slots__ = ("batch",)

    batch: pa.RecordBatch

    def text(self, row: int, bytes_max: int = 1 << 14) -> str:
        """The row as a JSON object."""
        return json.dumps(self.batch.slice(row, 1).to_pylist()[0], default=_plain, ensure_ascii=False)[:bytes_max]


class ParquetReader:
    """The rows of a Parquet file from a row on."""

    def __init__(self, path: Path, *, place: Place, batch_rows: int = BATCH_ROWS) -> None:
        self.file = pq.ParquetFile(path, memory_map=True)
        self.columns: tuple[str, ...] = tuple(self.file.schema_arrow.names)
        self.place = place
        self._batches = self.file.iter_batches(batch_size=batch_rows, use_threads=False)
        self._skip = place.row

    @property
    def rows(self) -> int:
        """Rows in the whole file."""
        count: int = self.file.metadata.num_rows
        return count

    def read(self) -> RawRows | None:
        """The next batch of rows."""
        for batch in self._batches:
            batch.validate(full=True)  # text that is no text would reach the lake
            if self._skip >= batch.num_rows:
                self._skip -= batch.num_rows
                continue
            left = batch.slice(self._skip)
            self._skip = 0
            raw = _raw(left, self.columns, self.place.row)
            done = self.place.row + left.num_rows
            self.place = Place(done, done, done)
            return raw
        return None

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


def _raw(batch: pa.RecordBatch, columns: tuple[str, ...], first_row: int) -> ParquetBatch:
    """A batch as cells over one array of bytes."""
    count = batch.num_rows
    cells = np.zeros((len(columns), count, 3), np.int32)
    pieces: list[Any] = []
    size = 0
    for number, column in enumerate(batch.columns):
        text, kind = _text(column)
        text = pc.cast(text, pa.large_string()) if not isinstance(text, pa.LargeStringArray) else text
        _, offsets, values = text.buffers()
        starts = np.frombuffer(memoryview(offsets), dtype=np.int64)[text.offset : text.offset + count + 1]
        octets = np.frombuffer(memoryview(values), dtype=np.uint8)[starts[0] : starts[-1]] if values is not None and count else np.empty(0, np.uint8)
        cells[number, :, 0] = starts[:-1] - starts[0] + size
        cells[number, :, 1] = starts[1:] - starts[0] + size
        cells[number, :, 2] = kind
        empty = np.asarray(pc.is_null(column)) | ((cells[number, :, 1] == cells[number, :, 0]) & (cells[number, :, 2] == TEXT))
        cells[number, empty] = (0, 0, NULL)
        pieces.append(octets)
        size += len(octets)
    whole = np.concatenate([*pieces, np.zeros(SLACK, np.uint8)])
    rows = np.zeros((count, 5), np.int32)
    rows[:, 2] = np.arange(count)
    raw = ParquetBatch(whole, columns, cells, rows, first_row, first_row + 1, width=len(columns))
    raw.batch = batch
    return raw


def _text(column: pa.Array) -> tuple[pa.Array, int | Numbers]:
    """A column as text, and what its cells are."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column, TEXT
    if pa.types.is_boolean(kind):
        truth: Numbers = np.where(np.asarray(pc.fill_null(column, fill_value=False)), TRUE, FALSE).astype(np.int32)
        return pc.cast(column, pa.string()), truth
    if pa.types.is_floating(kind):
        finite = pc.fill_null(pc.is_finite(column), fill_value=False)
        return pc.cast(pc.if_else(finite, column, pa.scalar(None, kind)), pa.string()), _kinds(finite)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return pc.cast(column, pa.string()), NUMBER
    if pa.types.is_timestamp(kind):
        text = pc.cast(pc.cast(column, pa.timestamp(kind.unit)) if kind.tz else column, pa.string())
        return (pc.binary_join_element_wise(text, "Z", "") if kind.tz else text), TEXT
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return pc.cast(column, pa.string()), TEXT
    nested = [None if value is None else json.dumps(value, default=_plain, ensure_ascii=False) for value in column.to_pylist()]
    return pa.array(nested, pa.large_string()), NESTED


def _kinds(finite: pa.Array) -> Numbers:
    """Numbers where there is a finite one, null elsewhere: JSON has no NaN."""
    kinds: Numbers = np.where(np.asarray(finite), NUMBER, NULL).astype(np.int32)
    return kinds


def _plain(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
