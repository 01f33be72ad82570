"""A dimension in a database: the rows of one query, which is asked again every so often; they changed when their content did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from footfall.connectors.dimensions.drivers import Place, rows_of
from footfall.errors import InvalidConfig

_PLAIN = (bool, int, float, str, date, Decimal)  # a datetime is a date


class DatabaseSource:
    """One query of one database."""

    def __init__(self, name: str, place: Place, query: str) -> None:
        self._name, self._place, self._query = name, place, query
        self._digest: str | None = None
        self._waiting: tuple[str, pa.Table] | None = None

    def load(self) -> pa.Table:
        """See `DimensionSource`: what `changed` found, or else the rows as they are now."""
        digest, table = self._waiting or self._fetched()
        self._digest, self._waiting = digest, None
        return table

    def changed(self) -> bool:
        """See `DimensionSource`; asks the whole query."""
        digest, self._digest, self._waiting = self._digest, None, None
        self._waiting = self._fetched()
        if self._waiting[0] != digest:
            return True
        self._digest, self._waiting = digest, None
        return False

    def _fetched(self) -> tuple[str, pa.Table]:
        import xxhash

        names, rows = rows_of(self._name, self._place, self._query)
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None or not names:
            sentence = "gives no columns" if doubled is None else f"gives two columns {doubled!r}"
            raise InvalidConfig(
                f"the query of dimension {self._name!r} {sentence}",
                field=f"dimensions.{self._name}.query",
                got=doubled,
                hint="write a SELECT whose columns have different names",
            )
        table = pa.table({name: _column([row[place] for row in rows]) for place, name in enumerate(names)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return xxhash.xxh3_128_hexdigest(memoryview(sink.getvalue())), table


def _column(values: Sequence[Any]) -> pa.Array:
    """Values of a driver as a column; what is of several types, or of one that has no column, becomes text."""
    there = [value for value in values if value is not None]
    if not there:
        return pa.nulls(len(values), pa.string())
    if all(isinstance(value, _PLAIN) for value in there):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.hex() if isinstance(value, bytes | memoryview) else str(value)
