"""Measures: what is counted about a group of events, written `count`, `people`, `per_person`, `sum:price`, `median:price`.

| measure | meaning |
| --- | --- |
| `count` | events |
| `people` | different people |
| `per_person` | events per different person |
| `sum:C`, `mean:C`, `min:C`, `max:C`, `median:C` | of the numbers in column C; events without one are left out |
| `distinct:C` | different values of column C |

All are exact.  The median of an even number of values is the mean of the two in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footfall.errors import InvalidQuery, nearest

if TYPE_CHECKING:
    from footfall.analyses.spec.contract import Engine

PLAIN = ("count", "people", "per_person")
OF_COLUMN = ("sum", "mean", "min", "max", "median", "distinct")
NUMERIC = frozenset({"int64", "float64", "int32", "double", "bigint", "integer", "bool", "boolean"})
FORMS = (*PLAIN, *(f"{kind}:COLUMN" for kind in OF_COLUMN))

_AGGREGATE = {
    "count": "COUNT(*)",
    "people": "COUNT(DISTINCT person_key)",
    "per_person": "CAST(COUNT(*) AS DOUBLE) / COUNT(DISTINCT person_key)",
    "sum": "SUM(measured)",
    "mean": "AVG(measured)",
    "min": "MIN(measured)",
    "max": "MAX(measured)",
    "distinct": "COUNT(DISTINCT measured)",
}


class Measure:
    """One measure.  Errors: InvalidQuery for a form that does not exist, and for numbers wanted of a column that has none."""

    __slots__ = ("column", "kind", "text")

    def __init__(self, text: str) -> None:
        kind, colon, column = (part.strip() for part in text.partition(":"))
        if kind not in (OF_COLUMN if colon else PLAIN) or (colon and not column):
            near = nearest(kind, (*PLAIN, *OF_COLUMN), limit=1)
            whole = {**dict.fromkeys(PLAIN, ""), **dict.fromkeys(OF_COLUMN, ":COLUMN")}
            hint = f"did you mean {near[0] + whole[near[0]]!r}?" if near else "measures: " + ", ".join(FORMS)
            raise InvalidQuery(f"{text!r} is not a measure", field="measure", got=text, allowed=FORMS, hint=hint)
        self.text, self.kind, self.column = text, kind, column or None

    @property
    def zero(self) -> int | None:
        """What the measure is where nothing happened: 0, or None for a measure that needs an event to have a value."""
        return 0 if self.kind in ("count", "people", "sum", "distinct") else None

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number."""
        return self.kind in ("count", "people", "distinct")

    def measured_sql(self, engine: Engine) -> list[str]:
        """The select-list entries that a relation needs before it can be aggregated by this measure."""
        entries = ["person_key"] if self.kind in ("people", "per_person") else []
        if self.column is None:
            return entries
        column, kind = engine.column_sql(self.column), engine.column_type(self.column)
        if self.kind == "distinct":
            return [*entries, f"{column} AS measured"]
        if kind == "json":
            return [*entries, f"TRY_CAST({column} AS DOUBLE) AS measured"]
        if kind not in NUMERIC:
            numbers = [name for name, type_name in engine.columns().items() if type_name in NUMERIC]
            near = nearest(self.column, numbers, limit=1)
            raise InvalidQuery(
                f"{self.text!r} needs a column of numbers, and {self.column!r} holds {kind}",
                field="measure",
                got=self.text,
                hint=f"did you mean {self.kind}:{near[0]}?" if near else f"distinct:{self.column} counts its different values",
            )
        return [*entries, f"CAST({column} AS DOUBLE) AS measured"]

    def grouped_sql(self, relation: str, groups: Sequence[str]) -> str:
        """SELECT the groups and `value` from a relation with the entries of `measured_sql`."""
        keys = ", ".join(groups)
        if self.kind != "median":
            return f"SELECT {keys}, {_AGGREGATE[self.kind]} AS value FROM {relation} GROUP BY {keys}"
        return (
            f"SELECT {keys}, AVG(CASE WHEN 2 * nth BETWEEN total AND total + 2 THEN measured END) AS value FROM (\n"
            f"    SELECT {keys}, measured,\n"
            f"        ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY measured) AS nth,\n"
            f"        COUNT(*) OVER (PARTITION BY {keys}) AS total\n"
            f"    FROM {relation} WHERE measured IS NOT NULL\n"
            f"  ) AS ordered GROUP BY {keys}"
        )
