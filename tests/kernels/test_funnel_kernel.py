"""The funnel kernel against the definition's own table, and against a twin that tries every attempt."""

from __future__ import annotations

import random

import numpy as np
import pytest

from footfall.kernels.funnel import FunnelRules, funnel
from walk_twins import arrays, cut_anywhere, funnel_twin, histories, random_log

FAR = 1 << 62
GROUPS = ["x", "y", None]


def steps_code(steps):
    return lambda name: sum(1 << bit for bit, step in enumerate(steps) if step == name)


def furthest_of(log: str, steps: str, window: int) -> int:
    """A log such as `A0 B5`, written in order of acceptance."""
    events = [(int(word[1:]), place, word[0]) for place, word in enumerate(log.split())]
    ordered = sorted(events)
    person = np.zeros(len(ordered), np.int64)
    time = np.array([event[0] for event in ordered], np.int64)
    code = np.array([steps_code(steps)(event[2]) for event in ordered], np.int32)
    found = funnel(person, time, code, np.empty(0, np.int32), FunnelRules(len(steps), window, -FAR, FAR, FAR))
    return int(found[0][0]) if len(found[0]) else 0


@pytest.mark.parametrize(
    ("log", "steps", "deepest"),
    [
        ("A0 A8 B12", "AB", 2),
        ("A0 B12", "AB", 1),
        ("A0 B10", "AB", 2),
        ("A0 B9 C18", "ABC", 2),
        ("A5 B5", "AB", 2),
        ("B5 A5", "AB", 1),
        ("A0 X1 B2", "AB", 2),
        ("A0 C1 B2 C3", "ABC", 3),
        ("A0 B1 A2 C3", "ABC", 3),
        ("A0 B1 B2 C3", "ABC", 3),
        ("A0 B5 A6 B7 C15", "ABC", 3),
        ("A0", "AA", 1),
        ("A1 A2", "AA", 2),
        ("A1 A2 B3", "AAB", 3),
        ("A1 B2 A3 B4", "ABAB", 4),
        ("X1", "AB", 0),
        ("", "AB", 0),
    ],
)
def test_default_semantics_table(log, steps, deepest):
    assert furthest_of(log, steps, 10) == deepest


def test_funnel_equals_the_twin_on_random_logs():
    for seed in range(1_200):
        chance = random.Random(seed)
        log = random_log(chance, names="ABCX")
        steps = "".join(chance.choice("ABC") for _ in range(chance.randrange(2, 5)))
        window = chance.choice([0, 1, 3, 6, FAR])
        low, high = chance.choice([(-FAR, FAR), (2, 9), (0, 4)])
        as_of = chance.choice([6, 12, 20])
        expected = [one for mine in histories(log) if (one := funnel_twin(mine, steps, window, range(low, high), as_of)) is not None]
        rules = FunnelRules(len(steps), window, low, high, as_of)
        pieces = [funnel(*piece, rules) for piece in cut_anywhere(chance, arrays(log, steps_code(steps)))]
        furthest, group, is_open, step, duration_us = (np.concatenate([piece[k] for piece in pieces]).tolist() for k in range(5))
        message = f"seed {seed}"
        assert furthest == [one.furthest for one in expected], message
        assert [GROUPS[code] for code in group] == [one.group for one in expected], message
        assert is_open == [one.is_open for one in expected], message
        assert duration_us == [time for one in expected for time in one.times], message
        assert step == [k + 2 for one in expected for k in range(len(one.times))], message


def test_thirty_steps_and_no_breakdown():
    steps = [str(k) for k in range(30)]
    code = np.array([1 << k for k in range(30)], np.int32)
    time = np.arange(30, dtype=np.int64)
    furthest, group, is_open, _, duration_us = funnel(np.zeros(30, np.int64), time, code, np.empty(0, np.int32), FunnelRules(30, 29, -FAR, FAR, FAR))
    assert len(steps) == furthest[0] == 30
    assert group.tolist() == [-1]
    assert not is_open[0]
    assert duration_us.tolist() == list(range(1, 30))
