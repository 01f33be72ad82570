"""The transition kernels, dense and sparse, against a twin that counts pairs one by one."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from footfall.kernels.transitions import COUNT, KIBI_US, PEOPLE, REST_US, dense_transitions, sparse_transitions
from walk_twins import Event, arrays, cut_anywhere, random_log, transitions_twin

FAR = 1 << 62


@pytest.mark.parametrize("kernel", [dense_transitions, sparse_transitions])
def test_transitions_equal_the_twin_on_random_logs(kernel):
    for seed in range(1_000):
        chance = random.Random(seed)
        log = random_log(chance, tick_us=chance.choice([1, 700]))
        gap, collapse = chance.choice([0, 1, 3, 2_000, FAR]), chance.random() < 0.5
        found = defaultdict(lambda: np.zeros(3, np.int64))
        for person, time, code, _ in cut_anywhere(chance, arrays(log, "ABC".index)):
            for pair, cell in zip(*kernel(person, time, code, 3, (gap, collapse)), strict=True):
                found["ABC"[pair // 3], "ABC"[pair % 3]] += [cell[COUNT], cell[PEOPLE], cell[KIBI_US] * 1024 + cell[REST_US]]
        expected = transitions_twin(log, gap, collapse=collapse)
        assert {pair: tuple(cell.tolist()) for pair, cell in found.items()} == expected, f"seed {seed}"


def test_the_sparse_table_grows_for_many_names():
    chance = random.Random(1)
    names = [f"n{k}" for k in range(3_000)]
    log = [Event(k // 50, k, chance.choice(names)) for k in range(12_000)]
    person, time, code, _ = arrays(log, lambda name: int(name[1:]))
    pair, cells = sparse_transitions(person, time, code, 3_000, (FAR, False))
    expected = transitions_twin(log, FAR, collapse=False)
    assert pair.tolist() == sorted(int(one[1:]) * 3_000 + int(other[1:]) for one, other in expected)
    assert cells[:, COUNT].sum() == sum(count for count, _, _ in expected.values())


def test_long_pauses_of_many_people_do_not_overflow():
    people, century_us = 4_000, 3_155_760_000_000_000
    person = np.repeat(np.arange(people, dtype=np.int64), 2)
    time = np.tile(np.array([0, century_us], np.int64), people)
    _, cells = dense_transitions(person, time, np.zeros(2 * people, np.int32), 1, (FAR, False))
    assert int(cells[0, KIBI_US]) * 1024 + int(cells[0, REST_US]) == people * century_us
