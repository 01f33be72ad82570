"""Formulas: arithmetic over series, written `B / A * 100`.

The letters A, B, C … are the series in the order they were asked for.  `+ - * /`, parentheses and plain numbers, with the usual
precedence; nothing else is understood, so a formula cannot do anything but arithmetic.  A missing value makes the result
missing, and so does a division by zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from footfall.errors import InvalidQuery

LENGTH_MAX = 500
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<letter>[A-Za-z])(?![A-Za-z0-9_])|(?P<operator>[-+*/()]))")
_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "negative": 3}


class Formula:
    """One formula.  Errors: InvalidQuery with the position of what is wrong."""

    __slots__ = ("letters", "steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not self.text or len(self.text) > LENGTH_MAX:
            raise InvalidQuery(f"a formula has 1 to {LENGTH_MAX} characters", field="formula", got=text, hint="write for example B / A * 100")
        self.steps = _postfix(self.text)
        self.letters = tuple(sorted({step for step in self.steps if isinstance(step, str) and len(step) == 1 and step.isalpha()}))

    def value(self, series: Mapping[str, float | None]) -> float | None:
        """The result for one value a letter; None where a value is missing, a divisor is zero or the result has no finite value."""
        stack: list[float | None] = []
        for step in self.steps:
            if isinstance(step, float):
                stack.append(step)
            elif step == "negative":
                top = stack.pop()
                stack.append(None if top is None else -top)
            elif step in _STRENGTH:
                right, left = stack.pop(), stack.pop()
                stack.append(_apply(step, left, right))
            else:
                stack.append(series[step])
        return stack.pop()


def _apply(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (operator == "/" and right == 0):
        return None
    if operator == "+":
        result = left + right
    elif operator == "-":
        result = left - right
    else:
        result = left * right if operator == "*" else left / right
    return float(result) if math.isfinite(result) else None


def _postfix(text: str) -> tuple[float | str, ...]:
    """Dijkstra's shunting yard: operators wait on a stack until one that binds less arrives, so nesting needs no recursion."""
    output: list[float | str] = []
    waiting: list[str] = []
    wants_value = True
    for kind, part, position in _parts(text):
        if wants_value:
            wants_value = _take_value(text, kind, part, position, (output, waiting))
        elif kind != "operator" or part == "(":
            _refuse(text, position, "needs an operator before it")
        elif part == ")":
            _close(text, position, output, waiting)
        else:
            while waiting and waiting[-1] != "(" and _STRENGTH[waiting[-1]] >= _STRENGTH[part]:
                output.append(waiting.pop())
            waiting.append(part)
            wants_value = True
    if wants_value:
        _refuse(text, len(text), "is where a number, a letter or a parenthesis is missing")
    if "(" in waiting:
        _refuse(text, len(text), "is where a closing parenthesis is missing")
    return (*output, *reversed(waiting))


def _parts(text: str) -> Iterator[tuple[str, str, int]]:
    """Number, letter or operator; its text; its position."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse(text, len(text) - len(text[position:].lstrip()), "is not part of a formula")
        kind = match.lastgroup or ""
        yield kind, match[kind], match.start(kind)
        position = match.end()


def _take_value(text: str, kind: str, part: str, position: int, stacks: tuple[list[float | str], list[str]]) -> bool:
    """Where a value is due: take it, or a sign or a parenthesis before it.  Whether a value is still due."""
    output, waiting = stacks
    if kind == "operator":
        if part not in "+-(":
            _refuse(text, position, "needs a value before it")
        waiting.extend({"(": ["("], "-": ["negative"], "+": []}[part])
        return True
    output.append(float(part) if kind == "number" else part.upper())
    return False


def _close(text: str, position: int, output: list[float | str], waiting: list[str]) -> None:
    while waiting and waiting[-1] != "(":
        output.append(waiting.pop())
    if not waiting:
        _refuse(text, position, "closes a parenthesis that was never opened")
    waiting.pop()


def _refuse(text: str, position: int, why: str) -> NoReturn:
    what = "the end" if position >= len(text) else repr(text[position])
    raise InvalidQuery(
        f"formula {text!r}: {what} at position {position + 1} {why}",
        field="formula",
        got=text,
        hint="letters of the series, numbers, + - * / and parentheses, for example B / A * 100",
    )


def check_letters(formula: Formula, series: Sequence[str]) -> None:
    """InvalidQuery when the formula names a letter that no series has."""
    known = letters_of(series)
    for letter in formula.letters:
        if letter not in known:
            meaning = ", ".join(f"{name} = {what}" for name, what in zip(known, series, strict=False))
            raise InvalidQuery(
                f"formula {formula.text!r} uses {letter}, and there is no such series", field="formula", got=formula.text, allowed=known, hint=meaning
            )


def letters_of(series: Sequence[str]) -> list[str]:
    """A, B, C … for as many series as there are."""
    return [chr(ord("A") + number) for number in range(len(series))]
