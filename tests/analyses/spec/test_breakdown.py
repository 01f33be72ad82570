"""Which values of a breakdown get a row of their own."""

from __future__ import annotations

import numpy as np

from footfall.analyses.spec.breakdown import largest, whole


def test_the_largest_values_come_first_and_the_rest_is_one_row():
    slots = largest(np.array([3, 5, 0, 3, 1, 1]), ["b", "never", "a", "d", "c"], top=3)
    assert slots.labels == ("b", "a", None, "(other)")
    assert slots.of(np.array([-1, 0, 2, 3, 4])).tolist() == [2, 0, 1, 3, 3]
    assert slots.notes == ("(other) holds the 2 smallest values of the breakdown together",)


def test_few_values_need_no_other_row():
    slots = largest(np.array([0, 2, 2]), ["y", "x"])
    assert slots.labels == ("x", "y")
    assert slots.notes == ()
    assert largest(np.array([0]), []).labels == ()


def test_without_a_breakdown_everything_is_one_row():
    assert whole().of(np.array([-1, -1])).tolist() == [0, 0]
    assert whole().labels == (None,)
