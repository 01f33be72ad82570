"""Filters on columns in memory: which rows meet a condition, exactly as the engine's SQL of the same `Filter` has it.

A comparison with null is neither true nor false, so a row with a null meets `=`, `~` and orders never, `!=` and `!~` always; an empty value
is null.  Properties are ordered as numbers, and what is no number has no order.  As in SQL, NaN is greater than every number.
Letters that Unicode received after version 15 are looked for with regard to case by the engine, without here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.stream.reading.cell_text import Truths, days_of, decimals_of, integers_of, sql_text, truths_of, valid_of

if TYPE_CHECKING:
    from footfall.event.filters import Filter
    from footfall.stream.columns import Columns

_ORDERS: dict[str, Any] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1


def met(condition: Filter, columns: Columns) -> Truths:
    """(n,) bool: the rows that meet a condition.

    Raises:
        UnknownColumn: its column does not exist.
        InvalidQuery: its value does not suit the column's type.
    """
    kind = columns.type(condition.column)
    if condition.operator in ("=", "!="):
        found = _equal(condition, columns, kind)
        return found if condition.operator == "=" else ~found
    if condition.operator in ("~", "!~"):
        lowered = pc.utf8_lower(sql_text(columns.array(condition.column)))
        found = _true(pc.match_substring(lowered, condition.piece))
        return found if condition.operator == "~" else ~found
    condition.check_order()
    if kind == "json":
        values, valid = columns.doubles(condition.column)
        return valid & _ordered(values, condition.operator, condition.literal("float64", condition.value))
    array, literal = columns.array(condition.column), condition.literal(kind, condition.value)
    if kind == "string":
        compare = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}[condition.operator]
        return _true(compare(array, pa.scalar(literal, pa.string())))
    return valid_of(array) & _ordered(_values(array), condition.operator, literal)


def _true(found: pa.Array) -> Truths:
    """Where a bool column is true; null is not."""
    return truths_of(found) & valid_of(found) if found.null_count else truths_of(found)


def _equal(condition: Filter, columns: Columns, kind: str) -> Truths:
    array, values = columns.array(condition.column), condition.value.split("|")
    literals = [condition.literal(kind, value) for value in values if value]
    if not literals:
        found = np.zeros(len(array), np.bool_)
    elif kind in ("string", "json"):
        found = _true(pc.is_in(array, value_set=pa.array(literals, pa.string())))
    else:
        found = valid_of(array) & _among(_values(array), literals)
    return found | ~valid_of(array) if "" in values else found


def _values(array: pa.Array) -> Any:
    """A column of numbers, truths or times as numpy."""
    if pa.types.is_boolean(array.type):
        return truths_of(array)
    if pa.types.is_floating(array.type):
        return decimals_of(array)
    return days_of(array) if pa.types.is_date(array.type) else integers_of(array)


def _number(literal: Any) -> Any:
    """A literal as the numbers of its column."""
    if isinstance(literal, datetime):
        delta = literal - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return (literal - _EPOCH.date()).days if isinstance(literal, date) else literal


def _is_double(literal: Any) -> bool:
    """Whether SQL takes the literal for a DOUBLE, which whole numbers are then compared as; otherwise it is a decimal, compared exactly."""
    return isinstance(literal, float) and "e" in repr(literal)


def _among(values: Any, literals: Sequence[Any]) -> Truths:
    numbers = [_number(literal) for literal in literals]
    if values.dtype == np.int64 and any(map(_is_double, numbers)):
        values = values.astype(np.float64)
    if values.dtype == np.int64:
        numbers = [int(number) for number in numbers if number == int(number) and _INT_MIN <= number <= _INT_MAX]
    elif values.dtype == np.float64:
        numbers = [float(number) for number in numbers]
    found: Truths = np.zeros(len(values), np.bool_) if len(numbers) != 1 else values == numbers[0]
    return found if len(numbers) < 2 else np.isin(values, np.array(numbers, values.dtype))


def _ordered(values: Any, sign: str, literal: Any) -> Truths:
    number = _number(literal)
    if values.dtype == np.float64:
        found: Truths = _ORDERS[sign](values, float(number))
        return found | np.isnan(values) if sign[0] == ">" else found
    if values.dtype == np.int64 and _is_double(number):
        return _ordered(values.astype(np.float64), sign, number)
    if isinstance(number, float):
        number = math.ceil(number) if sign in ("<", ">=") else math.floor(number)
    if values.dtype == np.int64 and not _INT_MIN <= number <= _INT_MAX:
        return np.full(len(values), _ORDERS[sign](0, number))
    compared: Truths = _ORDERS[sign](values, number)
    return compared
