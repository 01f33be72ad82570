"""How the live path reads records: what a reference holds, which rows meet filters, keys as hashes.

Everything means what it means to the engine over the lake (`engines/relation.py`, `Filter.sql`), so that a view and a query agree.  What was
worked out once is kept as long as the `Columns` live, which is one micro-batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.errors import InvalidQuery, nearest
from footfall.stream.reading.cell_text import Truths, decimals_of, integers_of, plain, read_text, truths_of, valid_of
from footfall.stream.reading.filter_masks import met
from footfall.stream.reading.key_hashes import Hashes, tuple_hashes
from footfall.stream.reading.references import Found, Known

if TYPE_CHECKING:
    from footfall.event.cells.json_members import Members
    from footfall.event.filters import Filter
    from footfall.stream.dimensions import DimensionTable

NUMERIC = ("int64", "float64", "bool", "json")
_DAY_US = 86_400_000_000
Decimals = np.ndarray[Any, np.dtype[np.float64]]


class Columns:
    """The columns of (n,) records of one stream.  `dimensions` are joined by key; `time_zone` is where days begin.  One thread at a time."""

    def __init__(self, table: pa.Table, dimensions: Mapping[str, DimensionTable] | None = None, *, time_zone: str = "UTC") -> None:
        self.table = table
        self._dimensions = dimensions or {}
        self._time_zone = time_zone
        self._known = _known(table.schema, self._dimensions)
        self._found: dict[str, Found] = {}
        self._arrays: dict[str, pa.Array] = {}
        self._members: dict[str, Members] = {}
        self._rows: dict[str, Any] = {}
        self._masks: dict[str, Truths] = {}
        self._hashes: dict[tuple[str, ...], tuple[Hashes, Truths]] = {}

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def type(self, reference: str) -> str:
        """The type name of a reference; `json` for a member of the properties or attributes.

        Raises:
            UnknownColumn: there is no such column.
        """
        return self._find(reference).type

    def prepare(self, references: Sequence[str]) -> None:
        """Read all members that these references need in one pass over the JSON column; without it each is a pass of its own."""
        wanted = {}
        for reference in references:
            name, found = reference, self._find(reference)
            if found.kind == "dimension":
                name, found = self._dimensions[found.name].column, self._known.key_of(found.name)
            if found.kind == "member" and name not in self._members:
                wanted[name] = found.parts
        if wanted:
            from footfall.event.cells.json_members import members

            read = members(plain(self.table.column(str(self._known.json))), list(dict.fromkeys(wanted.values())))
            by_parts = dict(zip(dict.fromkeys(wanted.values()), read, strict=True))
            self._members |= {reference: by_parts[parts] for reference, parts in wanted.items()}

    def array(self, reference: str) -> pa.Array:
        """(n,) values of a reference in one array of string, int64, float64, bool, timestamp (microseconds, UTC) or date.

        A member is text: strings without quotes, numbers, truths, objects and arrays as JSON; missing and JSON's null are null.
        """
        if reference not in self._arrays:
            self._arrays[reference] = self._read(reference, self._find(reference))
        return self._arrays[reference]

    def doubles(self, reference: str) -> tuple[Decimals, Truths]:
        """(n,) numbers of a reference, and which rows have one; a number may be NaN.

        Raises:
            InvalidQuery: it holds no numbers.
        """
        kind = check_number(self._known, reference)
        if kind == "json":
            return self._member(reference).numbers()
        array = self.array(reference)
        if kind == "float64":
            return decimals_of(array), valid_of(array)
        return (truths_of(array) if kind == "bool" else integers_of(array)).astype(np.float64), valid_of(array)

    def numbers(self, reference: str) -> Decimals:
        """(n,) numbers of a reference, NaN where there is none: members by TRY_CAST, true and false as 1 and 0."""
        values, valid = self.doubles(reference)
        return values if valid.all() else np.where(valid, values, np.nan)

    def mask(self, filters: Sequence[Filter]) -> Truths:
        """(n,) bool: the rows that meet all filters, as `Filter.sql` has them."""
        self.prepare([condition.column for condition in filters])
        found = np.ones(len(self), np.bool_)
        for condition in filters:
            if condition.text not in self._masks:
                self._masks[condition.text] = met(condition, self)
            found &= self._masks[condition.text]
        return found

    def hashes(self, references: Sequence[str]) -> tuple[Hashes, Truths]:
        """(n,) hashes of the values of these references, and which rows have no null among them; see `key_hashes`."""
        key = tuple(references)
        if key not in self._hashes:
            self.prepare(references)
            self._hashes[key] = tuple_hashes([self.array(reference) for reference in references])
        return self._hashes[key]

    def texts(self, references: Sequence[str], rows: Any) -> list[list[str | None]]:
        """The values of some rows as a person reads them, a list for each row."""
        columns = self.text_columns(references, rows)
        return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(rows))]

    def text_columns(self, references: Sequence[str], rows: Any) -> list[list[str | None]]:
        """The same, a list for each reference."""
        taken = pa.array(rows, pa.int64())
        return [read_text(pc.take(self.array(reference), taken)) for reference in references]

    def _find(self, reference: str) -> Found:
        found = self._found.get(reference)
        if found is None:
            found = self._found[reference] = self._known.find(reference)
        return found

    def _member(self, reference: str) -> Members:
        if reference not in self._members:
            self.prepare([reference])
        return self._members[reference]

    def _read(self, reference: str, found: Found) -> pa.Array:
        if found.kind == "column":
            return plain(self.table.column(found.name))
        if found.kind == "member":
            return self._member(reference).texts()
        if found.kind == "derived":
            return self._derived(found.name)
        table = self._dimensions[found.name]
        if found.name not in self._rows:
            self._known.key_of(found.name)
            self._rows[found.name] = table.rows_of(*self.hashes((table.column,)))
        return table.values(found.parts[0], self._rows[found.name])

    def _derived(self, name: str) -> pa.Array:
        """`time_us`, or the local time's microseconds or days since 1970."""
        times = self.array("event_time")
        time_us = integers_of(times)
        if name != "time_us" and self._time_zone not in ("UTC", "Etc/UTC"):
            ZoneInfo(self._time_zone)
            time_us = integers_of(pc.local_timestamp(times.cast(pa.timestamp("us", tz=self._time_zone))))
        return pa.array(time_us // _DAY_US if name == "day" else time_us, pa.int64())


def _known(schema: pa.Schema, dimensions: Mapping[str, DimensionTable]) -> Known:
    return Known(schema, {name: table.columns for name, table in dimensions.items()})


def check_reference(schema: pa.Schema, dimensions: Mapping[str, DimensionTable], reference: str) -> str:
    """The type name of a reference over a schema, before there is a record.

    Raises:
        UnknownColumn: there is no such column, or a dimension's key is nowhere; the hint has the nearest.
    """
    known = _known(schema, dimensions)
    found = known.find(reference)
    if found.kind == "dimension":
        known.key_of(found.name)
    return found.type


def check_number(known: Known, reference: str) -> str:
    """The type name of a reference that holds numbers.

    Raises:
        InvalidQuery: it holds something else.
    """
    kind = known.find(reference).type
    if kind not in NUMERIC:
        numbers = [name for name, of_type in known.types.items() if of_type in NUMERIC]
        near = nearest(reference, numbers, limit=1)
        raise InvalidQuery(
            f"numbers are needed, and {reference!r} holds {kind}",
            field=reference,
            got=reference,
            hint=f"did you mean {near[0]!r}?" if near else "name a column of numbers or a property",
        )
    return kind


def check_numbers(schema: pa.Schema, dimensions: Mapping[str, DimensionTable], reference: str) -> str:
    """The type name of a reference whose numbers are wanted, before there is a record.

    Raises:
        UnknownColumn: there is no such column.
        InvalidQuery: it holds no numbers.
    """
    check_reference(schema, dimensions, reference)
    return check_number(_known(schema, dimensions), reference)


def check_filters(schema: pa.Schema, dimensions: Mapping[str, DimensionTable], filters: Sequence[Filter]) -> None:
    """Refuse filters that cannot be met, before there is a record.

    Raises:
        UnknownColumn: a column does not exist.
        InvalidQuery: a value does not suit its column's type.
    """
    for condition in filters:
        condition.sql(lambda reference: reference, lambda reference: check_reference(schema, dimensions, reference))
