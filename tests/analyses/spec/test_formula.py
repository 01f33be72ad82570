"""Formulas: arithmetic as written, and refusals that point at what is wrong."""

from __future__ import annotations

import random

import pytest

from footfall.analyses.spec.formula import Formula, check_letters
from footfall.errors import InvalidQuery

VALUES = {"A": 8.0, "B": 2.0, "C": 0.0, "D": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("B / A * 100", 25.0),
        ("a+b*3", 14.0),
        ("(A + B) * 3", 30.0),
        ("-A + 10", 2.0),
        ("2 * -B", -4.0),
        ("- -B", 2.0),
        ("+A", 8.0),
        ("A - B - 1", 5.0),
        ("A / B / 2", 2.0),
        ("-B * B", -4.0),
        (".5*A + 1.", 5.0),
        ("A / C", None),
        ("A + D", None),
        ("-D", None),
        ("A * " + "9" * 308 + " * A", None),
        ("(" * 100 + "A" + ")" * 100, 8.0),
    ],
)
def test_a_formula_computes_what_it_says(text, value):
    assert Formula(text).value(VALUES) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("B /", "the end at position 4 is where a number, a letter or a parenthesis is missing"),
        ("A B", "'B' at position 3 needs an operator before it"),
        ("A (B)", "'(' at position 3 needs an operator before it"),
        ("* A", "'*' at position 1 needs a value before it"),
        ("(A", "the end at position 3 is where a closing parenthesis is missing"),
        ("A)", "')' at position 2 closes a parenthesis that was never opened"),
        ("()", "')' at position 2 needs a value before it"),
        ("A ** B", "'*' at position 4 needs a value before it"),
        ("AB + 1", "'A' at position 1 is not part of a formula"),
        ("A + __import__", "'_' at position 5 is not part of a formula"),
        ("A % 2", "'%' at position 3 is not part of a formula"),
        ("", "a formula has 1 to 500 characters"),
        ("A+" * 300 + "A", "a formula has 1 to 500 characters"),
    ],
)
def test_a_malformed_formula_is_refused_with_its_position(text, words):
    with pytest.raises(InvalidQuery) as refused:
        Formula(text)
    assert words in refused.value.sentence
    assert refused.value.field == "formula"
    assert refused.value.hint


def test_random_formulas_equal_python():
    seed = 70
    chance = random.Random(seed)

    def written(depth):
        if depth == 0 or chance.random() < 0.3:
            return chance.choice(["A", "B", "C", "3", "0.25"])
        if chance.random() < 0.15:
            return f"-{written(depth - 1)}"
        return f"({written(depth - 1)} {chance.choice('+-*/')} {written(depth - 1)})"

    for _ in range(1_000):
        text = written(4)
        if len(text) > 500:
            continue
        values = {"A": chance.choice([0.0, 1.0, -7.5]), "B": 2.0, "C": chance.uniform(-1, 1)}
        try:
            expected = eval(text, {}, values)
        except ZeroDivisionError:
            expected = None
        assert Formula(text).value(values) == (expected if expected is None else pytest.approx(expected)), f"seed {seed} {text} {values}"


def test_letters_must_be_series():
    check_letters(Formula("A + B"), ["view", "cart"])
    with pytest.raises(InvalidQuery, match="uses C") as refused:
        check_letters(Formula("A + C"), ["view", "cart"])
    assert refused.value.hint == "A = view, B = cart"
