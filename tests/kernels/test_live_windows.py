"""Tumbling and sliding windows, and rows without one, through a view, against the records of each."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from view_twin import MEASURES, check, operator_of, shown

from live_streams import Record, S, accepted, random_stream, run_of

WINDOWS = [(10, 10), (1, 1), (60, 60), (30, 10), (25, 10), (60, 7)]


def twin(records: list[Record], size: int, every: int) -> dict:
    """(start, end, user) -> records, of every window that holds one."""
    windows = defaultdict(list)
    for record, _ in accepted(records):
        last = record.time // every * every
        for start in range(last, record.time - size, -every):
            windows[start, start + size, record.user].append(record)
    return windows


@pytest.mark.parametrize("seed", range(200))
def test_windows_agree_with_their_twin_however_they_are_cut(seed):
    chance = random.Random(seed)
    size_s, every_s = WINDOWS[seed % len(WINDOWS)]
    window = {"tumbling": f"{size_s}s"} if size_s == every_s else {"sliding": f"{size_s}s", "every": f"{every_s}s"}
    measures = dict(chance.sample(sorted(MEASURES.items()), chance.choice([1, 4, len(MEASURES)])))
    records = random_stream(chance, chance.choice([1, 40, 80]))
    found = run_of(lambda: operator_of(window, measures), records, chance)
    check(shown(found, 1, list(measures)), twin(records, size_s * S, every_s * S), seed)
    whole = run_of(lambda: operator_of(window, measures), records)
    assert shown(whole, 1, list(measures)) == shown(found, 1, list(measures)), seed


def test_many_windows_in_one_batch():
    chance = random.Random(1)
    records = random_stream(chance, 6_000, names="abcdefgh", users=50)
    found = run_of(lambda: operator_of({"sliding": "60s", "every": "10s"}, MEASURES, ("user_id",)), records)
    check(shown(found, 1, list(MEASURES)), twin(records, 60 * S, 10 * S), 1)


@pytest.mark.parametrize("seed", range(60))
def test_rows_without_a_window_are_forgotten_after_a_while(seed):
    """A key whose row was over begins anew, swept or not."""
    chance = random.Random(seed)
    measures = {name: text for name, text in MEASURES.items() if name not in ("names", "high", "median")}
    keep_s = chance.choice([20, 45])
    records = random_stream(chance, chance.choice([1, 60]), users=4)
    rows: dict = {}
    for record, watermark in accepted(records):
        mine = rows.setdefault(record.user, [])
        if mine and max(other.time for other in mine) + keep_s * S < watermark:
            mine.clear()
        mine.append(record)
    expected = {(0, max(record.time for record in mine), user): mine for user, mine in rows.items()}
    found = run_of(lambda: operator_of({}, measures, keep=f"{keep_s}s"), records, chance)
    check(shown(found, 1, list(measures)), expected, seed)


def test_what_is_over_is_forgotten():
    chance = random.Random(2)
    records = random_stream(chance, 4_000, users=2_000)
    kept = run_of(lambda: operator_of({"tumbling": "10s"}, MEASURES), records, random.Random(9)).rows_kept
    assert kept < 400


def test_records_that_are_late_or_ahead_are_counted():
    chance = random.Random(3)
    records = random_stream(chance, 200)
    found = run_of(lambda: operator_of({"tumbling": "10s"}, {"n": "count"}), records, chance).counts
    ahead = sum(record.time > record.received + 60 * S for record in records)
    assert (found["taken"], found["ahead"]) == (len(accepted(records)), ahead)
    assert found["late"] == len(records) - found["taken"] - ahead > 0
