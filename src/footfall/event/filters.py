"""Filters: conditions on one column, written `country=DE`, `price>=10`, `brand~sam`, `country=DE|FR`.

`=` and `!=` take several values apart by `|`; an empty value (`brand=`) is null.  `~` and `!~` look for a piece of text without
regard to case.  `<`, `<=`, `>`, `>=` compare numbers, times or text by the column's type.  `!=` and `!~` keep rows whose
column is null: a row without a brand is not of that brand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from math import isfinite

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
            pattern = re.sub(r"([\\%_])", r"\\\1", self.piece)
            found = f"lower(CAST({column} AS VARCHAR)) LIKE {quoted('%' + pattern + '%')} ESCAPE '\\'"
            return found if self.operator == "~" else f"NOT coalesce({found}, FALSE)"
        self.check_order()
        if kind == "json":
            return f"TRY_CAST({column} AS DOUBLE) {self.operator} {self._literal_sql('float64', self.value)}"
        return f"{column} {self.operator} {self._literal_sql(kind, self.value)}"

    def check_order(self) -> None:
        """Refuse `price>` and its like: an order needs something to compare with."""
        if not self.value:
            raise InvalidQuery(f"{self.text!r} compares with nothing", field="where", got=self.text, hint="write a value after the operator")

    @property
    def piece(self) -> str:
        """The text that `~` looks for, in lower case as the engine's lower() has it: one character for one."""
        return "".join("i" if character == "\u0130" else character.lower() for character in self.value)

    def _equality(self, column: str, kind: str) -> str:
        values = self.value.split("|")
        literals = [self._literal_sql(kind, value) for value in values if value]
        found = f"{column} IN ({', '.join(literals)})" if literals else ""
        if "" in values:
            found = f"({found} OR {column} IS NULL)" if found else f"{column} IS NULL"
        return found if self.operator == "=" else f"NOT coalesce({found}, FALSE)"

    def _literal_sql(self, kind: str, value: str) -> str:
        literal = self.literal(kind, value)
        if isinstance(literal, bool):
            return str(literal).upper()
        if isinstance(literal, datetime):
            return f"CAST('{literal.isoformat(' ')}' AS TIMESTAMPTZ)"
        if isinstance(literal, date):
            return f"CAST('{literal.isoformat()}' AS DATE)"
        return quoted(literal) if isinstance(literal, str) else repr(literal)

    def literal(self, kind: str, value: str) -> bool | int | float | datetime | date | str:
        """One of the values as what a column of this type holds; times without an offset are in UTC.

        Raises:
            InvalidQuery: it is no such value.
        """
        if kind in _NUMERIC:
            return self._number(value)
        if kind in ("bool", "boolean"):
            if value.lower() not in ("true", "false"):
                raise InvalidQuery(
                    f"{self.column!r} is true or false, not {value!r}",
                    field="where",
                    got=self.text,
                    allowed=("true", "false"),
                    hint="write true or false",
                )
            return value.lower() == "true"
        if kind in ("timestamp", "date"):
            try:
                moment = datetime.fromisoformat(value)
                if kind == "date":
                    return moment.date()
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            except (ValueError, OverflowError):
                raise InvalidQuery(
                    f"{value!r} is not a time", field="where", got=self.text, hint="write 2026-11-01 or 2026-11-01T08:00:00Z"
                ) from None
        return value

    def _number(self, value: str) -> int | float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not isfinite(number):
            raise InvalidQuery(
                f"{self.column!r} holds numbers, and {value!r} is not one", field="where", got=self.text, hint="compare it with a number"
            )
        # What no column of whole numbers can hold is written 1e+22: with decimals beside it, SQL would find no type for all of them.
        whole = int(value) if re.fullmatch(r"\s*-?[0-9]+\s*", value) else None
        return number if whole is None or not -(2**63) <= whole < 2**63 else whole

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
