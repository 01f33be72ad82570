"""Quantiles and intervals against the definitions they name."""

from __future__ import annotations

import random

import numpy as np
import pytest

from footfall.analyses.spec.statistics import quantiles_s, ratio, wilson


def test_quantiles_equal_those_of_the_sorted_values():
    for seed in range(1_000):
        chance = random.Random(seed)
        values = [chance.randrange(10) * 1_000_000 for _ in range(chance.randrange(1, 9))]
        shares = (0.5, 0.0, 0.9, 1.0)
        assert quantiles_s(np.array(values), shares) == pytest.approx([float(np.quantile(values, share)) / 1e6 for share in shares]), f"seed {seed}"
    assert quantiles_s(np.empty(0, np.int64), (0.5, 0.9)) == [None, None]


def test_wilson_is_the_set_of_shares_that_the_score_test_accepts():
    """Published examples: Newcombe 1998, table I (method 3)."""
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (successes, trials), interval in published.items():
        assert wilson(successes, trials) == pytest.approx(interval, abs=5e-5)
    assert wilson(5, 5)[1] == 1.0
    assert wilson(0, 0) == (None, None)


def test_nothing_divided_by_nothing_is_unknown():
    assert ratio(1, 4) == 0.25
    assert ratio(0, 0) is None
