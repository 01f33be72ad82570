"""Filters: conditions on one column, written `country=DE`, `price>=10`, `brand~sam`, `country=DE|FR`.

`=` and `!=` take several values apart by `|`; an empty value (`brand=`) is null.  `~` and `!~` look for a piece of text without
regard to case.  `<`, `<=`, `>`, `>=` compare numbers, times or text by the column's type.  `!=` and `!~` keep rows whose
column is null: a row without a brand is not of that brand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from footfall.errors import InvalidQuery

OPERATORS = ("!=", ">=", "<=", "!~", "=", ">", "<", "~")
_SHAPE = re.compile(r"^\s*(?P<column>[^=!<>~]+?)\s*(?P<operator>!=|>=|<=|!~|=|>|<|~)(?P<value>.*)$", re.DOTALL)
_NUMERIC = ("int64", "float64", "double", "bigint", "integer", "int32")


class Filter:
    """One condition.  `column` is a column, a `properties.key` or a `dimension.column`."""

    __slots__ = ("column", "operator", "text", "value")

    def __init__(self, text: str | Filter) -> None:
        self.text: str = text.text if isinstance(text, Filter) else text
        match = _SHAPE.match(self.text)
        if match is None:
            raise InvalidQuery(
                f"{self.text!r} is not a condition",
                field="where",
                got=self.text,
                hint="write column, operator, value: country=DE, price>=10, brand~sam, country=DE|FR",
            )
        self.column: str = match["column"]
        self.operator: str = match["operator"]
        self.value: str = match["value"].strip()

    def sql(self, column_sql: Callable[[str], str], column_type: Callable[[str], str]) -> str:
        """The condition as portable SQL; `column_sql` and `column_type` are the engine's."""
        column = column_sql(self.column)
        kind = column_type(self.column)
        if self.operator in ("=", "!="):
            return self._equality(column, kind)
        if self.operator in ("~", "!~"):
            pattern = re.sub(r"([\\%_])", r"\\\1", self.value.lower())
            found = f"lower(CAST({column} AS VARCHAR)) LIKE {quoted('%' + pattern + '%')} ESCAPE '\\'"
            return found if self.operator == "~" else f"NOT coalesce({found}, FALSE)"
        if not self.value:
            raise InvalidQuery(f"{self.text!r} compares with nothing", field="where", got=self.text, hint="write a value after the operator")
        if kind == "json":
            return f"TRY_CAST({column} AS DOUBLE) {self.operator} {self._literal('float64', self.value)}"
        return f"{column} {self.operator} {self._literal(kind, self.value)}"

    def _equality(self, column: str, kind: str) -> str:
        values = self.value.split("|")
        literals = [self._literal(kind, value) for value in values if value]
        found = f"{column} IN ({', '.join(literals)})" if literals else ""
        if "" in values:
            found = f"({found} OR {column} IS NULL)" if found else f"{column} IS NULL"
        return found if self.operator == "=" else f"NOT coalesce({found}, FALSE)"

    def _literal(self, kind: str, value: str) -> str:
        if kind in _NUMERIC:
            try:
                number = float(value)
            except ValueError:
                raise InvalidQuery(
                    f"{self.column!r} holds numbers, and {value!r} is not one", field="where", got=self.text, hint="compare it with a number"
                ) from None
            return value.strip() if re.fullmatch(r"\s*-?\d+\s*", value) else repr(number)
        if kind in ("bool", "boolean"):
            if value.lower() not in ("true", "false"):
                raise InvalidQuery(
                    f"{self.column!r} is true or false, not {value!r}",
                    field="where",
                    got=self.text,
                    allowed=("true", "false"),
                    hint="write true or false",
                )
            return value.upper()
        if kind in ("timestamp", "date"):
            try:
                datetime.fromisoformat(value)
            except ValueError:
                raise InvalidQuery(
                    f"{value!r} is not a time", field="where", got=self.text, hint="write 2026-11-01 or 2026-11-01T08:00:00Z"
                ) from None
            return f"CAST({quoted(value)} AS {'DATE' if kind == 'date' else 'TIMESTAMPTZ'})"
        return quoted(value)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def quoted(text: str) -> str:
    """The text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
