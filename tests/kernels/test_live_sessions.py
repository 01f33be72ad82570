"""Sessions in disorder, through a view, against the records of each user in the order of time."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from view_twin import MEASURES, check, operator_of, shown

from live_streams import T0, Record, S, accepted, random_stream, run_of


def twin(records: list[Record], gap: int) -> dict:
    """(first, last, user) -> records of every session."""
    sessions = {}
    mine = defaultdict(list)
    for record, _ in accepted(records):
        mine[record.user].append(record)
    for user, ordered in mine.items():
        ordered.sort(key=lambda record: record.time)
        begin = 0
        for end in range(1, len(ordered) + 1):
            if end == len(ordered) or ordered[end].time - ordered[end - 1].time > gap:
                session = sorted(ordered[begin:end], key=lambda record: record.position)
                sessions[ordered[begin].time, ordered[end - 1].time, user] = session
                begin = end
    return sessions


@pytest.mark.parametrize("seed", range(240))
def test_sessions_agree_with_their_twin_however_they_are_cut(seed):
    chance = random.Random(seed)
    gap_s = chance.choice([10, 12, 15, 20, 60])
    measures = dict(chance.sample(sorted(MEASURES.items()), chance.choice([1, 4, len(MEASURES)])))
    records = random_stream(chance, chance.choice([1, 40, 80]), users=chance.choice([1, 3]), step_s=chance.choice([4, 10]))
    window = {"session": f"{gap_s}s"}
    found = run_of(lambda: operator_of(window, measures), records, chance)
    check(shown(found, 1, list(measures)), twin(records, gap_s * S), seed)
    whole = run_of(lambda: operator_of(window, measures), records)
    assert shown(whole, 1, list(measures)) == shown(found, 1, list(measures)), seed


def test_as_many_sessions_are_open_at_once_as_clocks_can_run_ahead():
    """One moment of receipt, clocks up to a minute ahead, a short gap: six sessions, which one record after the other joins."""
    seconds = [*range(0, 60, 11), *range(5, 60, 11)]
    for upto in range(1, len(seconds) + 1):
        records = [Record(n, T0 + at * S, T0, "a", "u") for n, at in enumerate(seconds[:upto])]
        found = run_of(lambda: operator_of({"session": "10s"}, MEASURES), records)
        check(shown(found, 1, list(MEASURES)), twin(records, 10 * S), upto)


def test_many_sessions_in_one_batch_make_room_as_they_join():
    chance = random.Random(1)
    records = random_stream(chance, 8_000, names="abcdefgh", users=300)
    found = run_of(lambda: operator_of({"session": "30s"}, MEASURES), records)
    check(shown(found, 1, list(MEASURES)), twin(records, 30 * S), 1)


def test_sessions_that_are_over_are_forgotten():
    chance = random.Random(2)
    records = random_stream(chance, 4_000, users=2_000)
    kept = run_of(lambda: operator_of({"session": "20s"}, MEASURES), records, random.Random(9)).rows_kept
    assert kept < 600
