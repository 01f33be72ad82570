"""Expressions in Python's words that can do no harm: one value out of the names that are given, nothing else in reach.

An expression is parsed and walked, never handed to Python.  It may hold literals, dictionaries, lists, subscripts, comparisons, arithmetic,
conditions, a few functions (str, int, float, len, round) and a few methods of texts and dictionaries.  A result is limited in size,
and no loop, attribute, name or call beyond these exists.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from footfall.errors import InvalidQuery

LENGTH_MAX = 10_000
TEXT_MAX = 1 << 20
DIGITS_MAX = 4_000
FUNCTIONS: dict[str, Callable[..., Any]] = {"str": str, "int": int, "float": float, "bool": bool, "len": len, "round": round}
METHODS: dict[type, tuple[str, ...]] = {
    str: ("lower", "upper", "title", "strip", "lstrip", "rstrip", "replace", "split", "startswith", "endswith", "removeprefix", "removesuffix", "isdigit"),
    dict: ("get", "keys", "values", "items"),
    list: ("index", "count"),
}  # fmt: skip
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Mult: operator.mul, ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Not: operator.not_, ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda one, many: one in many, ast.NotIn: lambda one, many: one not in many,
}  # fmt: skip
_HINT = "an expression looks like {**row, 'user_id': str(row['id']), 'name': row.get('event', 'view').lower()}"
_Names = Mapping[str, Any]


class Failed(Exception):
    """An expression has no value for these names; the reason in words."""


class Expression:
    """A checked expression.  `names` are those that it may use.

    Raises:
        InvalidQuery: it is no expression, or uses what is not allowed.
    """

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        if len(text) > LENGTH_MAX:
            raise InvalidQuery(f"the expression is longer than {LENGTH_MAX:,} characters", field="python", hint=_HINT)
        try:
            self._body = ast.parse(text.strip(), mode="eval").body
            _check(self._body, names)
        except (SyntaxError, ValueError) as problem:
            said = problem.msg if isinstance(problem, SyntaxError) else str(problem)
            raise InvalidQuery(f"this is no expression: {said}", field="python", got=text, hint=_HINT) from None
        except RecursionError:
            raise InvalidQuery("the expression is nested too deeply", field="python", hint=_HINT) from None

    def value(self, names: _Names) -> Any:
        """Its value; Failed with the reason when it has none."""
        try:
            return _value(self._body, names)
        except KeyError as problem:
            raise Failed(f"there is no {problem.args[0]!r}") from None
        except (TypeError, ValueError, IndexError, ArithmeticError, AttributeError, RecursionError, MemoryError) as problem:
            raise Failed(str(problem) or type(problem).__name__) from None


def _refuse(node: ast.AST, what: str) -> InvalidQuery:
    return InvalidQuery(f"an expression may not hold {what}: {ast.unparse(node)[:80]}", field="python", got=ast.unparse(node)[:200], hint=_HINT)


_PLAIN = (
    ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Subscript, ast.Slice, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr,
    ast.FormattedValue, ast.expr_context, ast.boolop,
)  # fmt: skip


def _check(node: ast.AST, names: tuple[str, ...]) -> None:
    """Refuse what is not in the list, before anything has a value."""
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise InvalidQuery(
                f"an expression knows no name {node.id!r}",
                field="python",
                got=node.id,
                allowed=(*names, *FUNCTIONS),
                hint="names: " + ", ".join(names),
            )
        return
    if isinstance(node, ast.Call):
        _check_call(node, names)
        return
    if isinstance(node, ast.operator | ast.unaryop | ast.cmpop):
        if type(node) not in _OPERATORS:
            raise _refuse(node, f"the operator {type(node).__name__}")
        return
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
        raise _refuse(node, "a format")
    if not isinstance(node, _PLAIN):
        raise _refuse(node, f"a {type(node).__name__.lower()}")
    for child in ast.iter_child_nodes(node):
        _check(child, names)


def _check_call(node: ast.Call, names: tuple[str, ...]) -> None:
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise _refuse(node, "arguments by name or with a star")
    if isinstance(node.func, ast.Name):
        if node.func.id not in FUNCTIONS:
            raise _refuse(node, f"a call of {node.func.id}(); functions: {', '.join(FUNCTIONS)}")
    elif isinstance(node.func, ast.Attribute):
        allowed = {method for methods in METHODS.values() for method in methods}
        if node.func.attr not in allowed:
            raise _refuse(node, f"a call of .{node.func.attr}(); methods: {', '.join(sorted(allowed))}")
        _check(node.func.value, names)
    else:
        raise _refuse(node, "a call of a value")
    for argument in node.args:
        _check(argument, names)


def _value(node: ast.AST | None, names: _Names) -> Any:
    return None if node is None else _VALUES[type(node)](node, names)


def _dictionary(node: ast.Dict, names: _Names) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            made |= _value(value, names)
        else:
            made[_value(key, names)] = _value(value, names)
    return made


def _logic(node: ast.BoolOp | ast.Compare, names: _Names) -> Any:
    if isinstance(node, ast.BoolOp):
        wanted = isinstance(node.op, ast.Or)
        value = None
        for one in node.values:
            value = _value(one, names)
            if bool(value) is wanted:
                break
        return value
    left = _value(node.left, names)
    for kind, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, names)
        if not _OPERATORS[type(kind)](left, right):
            return False
        left = right
    return True


def _binary(node: ast.BinOp, names: _Names) -> Any:
    left, right = _value(node.left, names), _value(node.right, names)
    if isinstance(node.op, ast.Mult) and not (_is_number(left) and _is_number(right)):
        raise TypeError("only numbers can be multiplied")
    if isinstance(node.op, ast.Mod) and not (_is_number(left) and _is_number(right)):
        raise TypeError("only numbers have a remainder")
    return _limited(_OPERATORS[type(node.op)](left, right))


def _call(node: ast.Call, names: _Names) -> Any:
    arguments = [_value(argument, names) for argument in node.args]
    if isinstance(node.func, ast.Name):
        return _limited(FUNCTIONS[node.func.id](*arguments))
    assert isinstance(node.func, ast.Attribute), "checked before"
    owner, method = _value(node.func.value, names), node.func.attr
    if method not in METHODS.get(type(owner), ()):
        raise TypeError(f"{type(owner).__name__} has no .{method}()")
    if method == "replace" and len(owner) * max(1, len(str(arguments[1])) if len(arguments) > 1 else 1) > TEXT_MAX:
        raise ValueError("the text becomes too long")
    found = getattr(owner, method)(*arguments)
    return list(found) if method in ("keys", "values", "items") else _limited(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _limited(value: Any) -> Any:
    """A value that has not grown out of hand."""
    if isinstance(value, str | list) and len(value) > TEXT_MAX:
        raise ValueError("the value becomes too long")
    if isinstance(value, int) and value.bit_length() > DIGITS_MAX:
        raise ValueError("the number becomes too large")
    return value


def _slice(node: ast.Slice, names: _Names) -> slice:
    return slice(_value(node.lower, names), _value(node.upper, names), _value(node.step, names))


_VALUES: dict[type[ast.AST], Callable[[Any, _Names], Any]] = {
    ast.Constant: lambda node, _: node.value,
    ast.Name: lambda node, names: names[node.id],
    ast.Dict: _dictionary,
    ast.List: lambda node, names: [_value(one, names) for one in node.elts],
    ast.Tuple: lambda node, names: [_value(one, names) for one in node.elts],
    ast.Subscript: lambda node, names: _value(node.value, names)[_value(node.slice, names)],
    ast.Slice: _slice,
    ast.UnaryOp: lambda node, names: _OPERATORS[type(node.op)](_value(node.operand, names)),
    ast.BinOp: _binary,
    ast.BoolOp: _logic,
    ast.Compare: _logic,
    ast.IfExp: lambda node, names: _value(node.body if _value(node.test, names) else node.orelse, names),
    ast.JoinedStr: lambda node, names: _limited("".join(str(_value(one, names)) for one in node.values)),
    ast.FormattedValue: lambda node, names: str(_value(node.value, names)),
    ast.Call: _call,
}
