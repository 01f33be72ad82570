"""The path kernel against a twin that keeps every sequence."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np

from footfall.kernels.paths import CUT_BACK, CUT_FRONT, NO_ANCHOR, PathRules, distinct, paths
from walk_twins import arrays, cut_anywhere, path_twin, paths_twin, random_log

FAR = 1 << 62
SIDES = {0: "", CUT_FRONT: "front", CUT_BACK: "back"}


def found_paths(pieces, rules):
    found = defaultdict(lambda: np.zeros(2, np.int64))
    hashes = {}
    for person, time, code, _ in pieces:
        hashed, count, people, cut, length, pool = paths(person, time, code, rules)
        ends = np.cumsum(length)
        for i in range(len(count)):
            path = (tuple("ABC"[one] for one in pool[ends[i] - length[i] : ends[i]]), SIDES[int(cut[i])])
            found[path] += [count[i], people[i]]
            assert hashes.setdefault(tuple(hashed[i].tolist()), path) == path
    return {path: tuple(counts.tolist()) for path, counts in found.items()}


def test_paths_equal_the_twin_on_random_logs():
    for seed in range(1_200):
        chance = random.Random(seed)
        log = random_log(chance)
        gap, collapse, longest = chance.choice([0, 1, 3, FAR]), chance.random() < 0.5, chance.choice([None, 1, 2, 4])
        start, end = chance.choice([None, "A", "B"]), chance.choice([None, None, "A", "C"])
        code = {None: NO_ANCHOR, "A": 0, "B": 1, "C": 2}
        rules = PathRules(gap, code[start], code[end], FAR if longest is None else longest, collapse)
        found = found_paths(cut_anywhere(chance, arrays(log, "ABC".index)), rules)

        def shape(session, start=start, end=end, longest=longest, collapse=collapse):
            return path_twin(session, start, end, longest, collapse=collapse)

        assert found == paths_twin(log, gap, shape), f"seed {seed}"


def test_many_distinct_paths_are_all_kept():
    count = 20_000
    person = np.repeat(np.arange(count, dtype=np.int64), 15)
    code = ((np.arange(count)[:, None] >> np.arange(15)) & 1).astype(np.int32).ravel()
    hashes, sessions, people, _, length, pool = paths(person, np.zeros(count * 15, np.int64), code, PathRules(0, -1, -1, FAR, False))
    assert len({tuple(one) for one in hashes.tolist()}) == len(sessions) == count
    assert sessions.tolist() == people.tolist() == [1] * count
    assert length.tolist() == [15] * count
    assert pool.tolist() == code.tolist()


def test_distinct_adds_up_the_batches():
    for seed in range(200):
        chance = random.Random(seed)
        rows = [(chance.randrange(3), chance.randrange(3), chance.randrange(9), chance.randrange(9)) for _ in range(chance.randrange(12))]
        hashes = np.array([row[:2] for row in rows], np.uint64).reshape(-1, 2)
        first, count, people = distinct(hashes, *(np.array([row[k] for row in rows], np.int64) for k in (2, 3)))
        different = list(dict.fromkeys(row[:2] for row in rows))
        assert [rows[i][:2] for i in first] == different, f"seed {seed}"
        for k, found in ((2, count), (3, people)):
            assert found.tolist() == [sum(row[k] for row in rows if row[:2] == one) for one in different], f"seed {seed}"
