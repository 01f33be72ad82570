"""Parquet as rows, a batch of a row group at a time: every value becomes the text that JSON would hold for it.

So a Parquet file passes the same checks as any other.  Times become ISO text with their zone, nested values JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from footfall.connectors.files.contract import Place
from footfall.connectors.files.discover import SourceFile
from footfall.errors import InvalidFile
from footfall.event.raw import FALSE, NESTED, NULL, NUMBER, TEXT, TRUE, Numbers, Octets, RawRows
from footfall.event.words import SLACK

BATCH_ROWS = 1 << 16


class ParquetReader:
    """The rows of a Parquet file.  `place.offset` counts whole row groups; a block never spans two."""

    def __init__(self, file: SourceFile, *, place: Place) -> None:
        try:
            self._parquet = pq.ParquetFile(file.path)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as problem:
            raise InvalidFile(
                f"{file.name} is not readable Parquet", field="files", got=file.name, hint=f"fetch or write it again ({problem})"
            ) from problem
        self._file = file
        self.columns = tuple(self._parquet.schema_arrow.names)
        self.place = place
        self._batches: Any = iter(())
        self._left_in_group = 0

    @property
    def rows(self) -> int:
        """How many rows the footer promises."""
        return int(self._parquet.metadata.num_rows)

    def read(self) -> RawRows | None:
        """The next batch of rows."""
        while self._left_in_group == 0:
            if self.place.offset >= self._parquet.num_row_groups:
                return None
            self._left_in_group = self._parquet.metadata.row_group(self.place.offset).num_rows
            self._batches = self._parquet.iter_batches(BATCH_ROWS, row_groups=[self.place.offset], use_threads=False)
            if self._left_in_group == 0:
                self.place = Place(self.place.offset + 1, self.place.row, self.place.line)
        try:
            batch = next(self._batches)
        except (pa.ArrowInvalid, OSError) as problem:
            raise InvalidFile(
                f"{self._file.name} is damaged or cut off",
                field="files",
                got=self._file.name,
                hint=f"fetch it again; nothing of it was imported ({problem})",
            ) from problem
        raw = rows_of_batch(batch, self.place)
        self._left_in_group -= len(raw)
        group = self.place.offset + (self._left_in_group == 0)
        self.place = Place(group, self.place.row + len(raw), self.place.line + len(raw))
        return raw

    def close(self) -> None:
        """Let go of the file."""
        self._parquet.close()


def rows_of_batch(batch: pa.RecordBatch, place: Place) -> RawRows:
    """Arrow columns as raw rows: their text one after the other in one block of bytes."""
    size = batch.num_rows
    cells = np.zeros((batch.num_columns, size, 3), np.int32)
    pieces: list[Octets] = []
    start = 0
    for place_of_column, column in enumerate(batch.columns):
        text, what = _as_text(column)
        octets = _fill(cells[place_of_column], text, what, start)
        pieces.append(octets)
        start += len(octets)
    octets = np.concatenate([*pieces, np.zeros(SLACK, np.uint8)])
    rows = np.zeros((size, 5), np.int32)
    rows[:, 2] = np.arange(size)

    def show(row: int) -> str:
        return msgspec.json.encode(batch.slice(row, 1).to_pylist()[0], enc_hook=str).decode()

    return RawRows(octets, tuple(batch.schema.names), cells, rows, place.row, place.line + 1, width=batch.num_columns, show=show)


def _fill(cells: Numbers, text: pa.Array, what: np.ndarray[Any, Any], start: int) -> Octets:
    """Note where each value's text lies, `start` bytes into the block; the bytes."""
    _, offsets, values = text.buffers()
    bounds = np.frombuffer(memoryview(offsets), np.int32)[text.offset : text.offset + len(text) + 1]
    cells[:, 0] = bounds[:-1] - bounds[0] + start
    cells[:, 1] = bounds[1:] - bounds[0] + start
    cells[:, 2] = np.where((cells[:, 1] > cells[:, 0]) & text.is_valid().to_numpy(zero_copy_only=False), what, NULL)
    return np.frombuffer(memoryview(values), np.uint8)[bounds[0] : bounds[-1]] if values is not None else np.empty(0, np.uint8)


def _as_text(column: pa.Array) -> tuple[pa.Array, np.ndarray[Any, Any]]:
    """A column as text, and what each value is."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    kind = column.type
    size = len(column)
    if pa.types.is_boolean(kind):
        truth = column.fill_null(value=False).to_numpy(zero_copy_only=False)
        return pc.cast(column, pa.string()), np.where(truth, TRUE, FALSE)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return pc.cast(column, pa.string()), np.full(size, NUMBER)
    if pa.types.is_floating(kind):
        finite = pc.is_finite(column).fill_null(value=True).to_numpy(zero_copy_only=False)
        return pc.cast(column, pa.string()), np.where(finite, NUMBER, TEXT)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return pc.cast(column, pa.string()), np.full(size, TEXT)
    return pa.array([None if value is None else _json(value) for value in column.to_pylist()], pa.string()), np.full(size, _kind_of(kind))


def _kind_of(kind: pa.DataType) -> int:
    return NESTED if pa.types.is_nested(kind) else TEXT


def _json(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return msgspec.json.encode(_finite(value), enc_hook=str).decode()


def _finite(value: Any) -> Any:
    """Floats that JSON has no word for become their names."""
    walk: Callable[[Any], Any] = _finite
    if isinstance(value, dict):
        return {str(key): walk(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [walk(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
