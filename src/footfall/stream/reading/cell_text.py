"""Plain columns, their values as numpy, and two ways to write them: as SQL casts them to text, and as a person reads them.

A plain column is one array of string, int64, float64, bool, timestamp (microseconds, UTC) or date.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.event.schema import COLUMN_TYPES, type_name

Truths = np.ndarray[Any, np.dtype[np.bool_]]


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece and of a plain type; what has no plain type becomes text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    wanted = COLUMN_TYPES[type_name(column.type)]
    if column.type == wanted:
        return column
    if pa.types.is_decimal(column.type):
        return _whole(column) if column.type.scale == 0 else column.cast(pa.float64(), safe=False)
    try:
        return column.cast(wanted, safe=not pa.types.is_timestamp(column.type))  # a time that is finer than a microsecond is cut
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if value is None else json.dumps(value, default=str) for value in column.to_pylist()], pa.string())


def _whole(column: pa.Array) -> pa.Array:
    """Whole numbers of any length: int64 where all of them fit, text otherwise."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def bits(bitmap: pa.Buffer | None, offset: int, rows: int) -> Truths:
    """An Arrow bitmap as (rows,) bool; all True where there is none."""
    if bitmap is None:
        return np.ones(rows, np.bool_)
    skip = offset % 8
    octets = np.frombuffer(bitmap, np.uint8)[offset // 8 : (offset + rows + 7) // 8]
    return np.unpackbits(octets, bitorder="little")[skip : skip + rows].view(np.bool_)


def valid_of(array: pa.Array) -> Truths:
    """Which values are not null."""
    return bits(array.buffers()[0] if array.null_count else None, array.offset, len(array))


def truths_of(array: pa.Array) -> Truths:
    """A bool column as numpy; null is what it happens to be."""
    return bits(array.buffers()[1], array.offset, len(array))


def integers_of(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """An int64 or timestamp column as numpy, without a copy; null is what it happens to be."""
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array)] if len(array) else np.empty(0, np.int64)


def decimals_of(array: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A float64 column as numpy, without a copy; null is what it happens to be."""
    return integers_of(array).view(np.float64)


def days_of(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A date column as days since 1970; null is what it happens to be."""
    days = np.frombuffer(array.buffers()[1], np.int32) if len(array) else np.empty(0, np.int32)
    return days[array.offset : array.offset + len(array)].astype(np.int64)


def sql_text(array: pa.Array) -> pa.Array:
    """A plain column as CAST(... AS VARCHAR) writes it in a session whose zone is UTC."""
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_floating(array.type):
        return _each(array, repr)
    if pa.types.is_timestamp(array.type):
        return _each_moment(array, lambda text: text.replace("T", " ").rstrip("0").rstrip(".") + "+00" if "." in text else text)
    return array.cast(pa.string())


def read_text(array: pa.Array) -> list[str | None]:
    """A plain column as a person reads it: whole numbers without a point, true and false, times in ISO 8601."""
    if pa.types.is_string(array.type):
        return list(array.to_pylist())
    if pa.types.is_floating(array.type):
        return [None if value is None else repr(value).removesuffix(".0") for value in array.to_pylist()]
    if pa.types.is_timestamp(array.type):
        return list(_each_moment(array, lambda text: text.rstrip("0").rstrip(".") + "Z").to_pylist())
    return list(array.cast(pa.string()).to_pylist())


def _each(array: pa.Array, write: Any) -> pa.Array:
    """Every different value written by Python."""
    coded = array.dictionary_encode()
    texts = pa.array([write(value) for value in coded.dictionary.to_pylist()], pa.string())
    return pc.take(texts, coded.indices)


def _each_moment(array: pa.Array, write: Any) -> pa.Array:
    moments = np.datetime_as_string(integers_of(array).view("datetime64[us]"), unit="us")
    valid = valid_of(array)
    return pa.array([write(text) if there else None for text, there in zip(moments.tolist(), valid.tolist(), strict=True)], pa.string())
