"""Numbers and truth values: exactly what Python reads, or refused."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from raw_support import cells_of

from footfall.event.cells.numbers import decimals, integers, truths
from footfall.event.cells.times import INVALID, MISSING, READ
from footfall.event.raw import FALSE, TRUE


def test_integers_at_the_edges():
    values = [
        "0",
        "-0",
        "+7",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "-9223372036854775809",
        "12.0",
        "12.50",
        "1e3",
        "",
        "-",
        "1 2",
        "0x1",
        None,
        "007",
    ]
    numbers, state = integers(*cells_of(values))
    assert state.tolist() == [READ] * 5 + [INVALID] * 2 + [READ] + [INVALID] * 6 + [MISSING, READ]
    assert numbers[:5].tolist() == [0, 0, 7, 2**63 - 1, -(2**63)]
    assert (numbers[7], numbers[15]) == (12, 7)


def test_decimals_against_python():
    random.seed(1)
    values = [repr(random.uniform(-1e6, 1e6)) for _ in range(2_000)]
    values += [repr(random.uniform(-1, 1) * 10 ** random.randint(-320, 308)) for _ in range(2_000)]
    values += [f"{random.randint(0, 99999)}.{random.randint(0, 99):02d}" for _ in range(2_000)]
    values += ["0", "-0.0", "1e22", "1e23", "9007199254740993", "123456789012345678901234567890", "0.1", "5e-324", "1.7976931348623157e308"]
    numbers, state = decimals(*cells_of(values))
    assert set(state.tolist()) == {READ}
    for text, number in zip(values, numbers.tolist(), strict=True):
        assert number == float(text), text
        assert math.copysign(1, number) == math.copysign(1, float(text))


def test_what_is_no_decimal_is_refused():
    values = ["nan", "inf", "1e400", "", ".", "-", "1,5", "1_000", "0x10", "1e", "1e+", "--1", "1 "]
    assert decimals(*cells_of(values))[1].tolist() == [INVALID] * len(values)


@given(st.lists(st.text(alphabet="0123456789.eE+-", max_size=24), max_size=20))
@settings(max_examples=500, deadline=None)
def test_decimals_of_any_text(values):
    numbers, state = decimals(*cells_of(values))
    for text, number, fine in zip(values, numbers.tolist(), state.tolist(), strict=True):
        if fine == READ:
            assert number == float(text)


def test_truth_values():
    values, state = truths(*cells_of(["true", "FALSE", "1", "0", "yes", "N", "2", None, ""]))
    assert state.tolist() == [READ] * 6 + [INVALID, MISSING, INVALID]
    assert values[:6].tolist() == [True, False, True, False, True, False]
    assert truths(*cells_of(["true"], TRUE))[0].tolist() == [True]
    assert truths(*cells_of(["false"], FALSE))[0].tolist() == [False]
