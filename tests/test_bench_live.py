"""The stream of the live benchmark and its brute-force reference."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
MINUTE_US = 60_000_000


@pytest.fixture(scope="module", autouse=True)
def _bench_modules():
    sys.path.insert(0, str(BENCH))
    yield
    sys.path.remove(str(BENCH))


def rules():
    import live_rules

    return live_rules


def stream_of(person, track, name, minutes):
    columns = {"person": np.array(person), "track": np.array(track), "name": np.array(name)}
    return columns | {"event_us": (np.array(minutes) * MINUTE_US).astype(np.int64)}


def test_the_reference_counts_a_stream_that_fits_on_a_hand():
    person = [1, 1, 2, 1, 1, 1]
    track = [7, 7, 7, 7, 7, 8]
    name = [0, 0, 0, 1, 0, 0]
    found = rules().expected(stream_of(person, track, name, [0, 10, 10, 11, 30, 36]), play=0)
    # The third play of (1, 7) comes 30 minutes after the first; a skip is none; person 1 pauses after minutes 0, 11 and 30.
    assert found == {"r1": 1, "r1_in_order": 1, "r2": 0, "w_rows": 5, "w_sum": 6, "s": 5}


def test_eleven_actions_in_a_window_are_above_ten_and_ten_are_not():
    minutes = [0.01 * i for i in range(11)] + [1 + 0.01 * i for i in range(10)]
    found = rules().expected(stream_of([1] * 21, range(21), [0] * 21, minutes), play=0)
    assert (found["r2"], found["w_rows"], found["s"]) == (1, 2, 1)


@pytest.mark.parametrize(
    ("minutes", "on_arrival", "in_order"),
    [([0, 10, 20, 30], 2, 2), ([0, 30.1, 10, 20], 1, 2), ([0, 10, 30.1, 29.9], 1, 2), ([30, 0, 15], 1, 1), ([0, 31, 62], 0, 0), ([5, 5, 5, 5], 2, 2)],
)
def test_a_play_alerts_with_two_that_came_before_it(minutes, on_arrival, in_order):
    times = (np.array(minutes) * MINUTE_US).astype(np.int64)
    assert rules().repeats(np.ones(len(times), np.int64), times) == (on_arrival, in_order)


def test_a_session_ends_after_more_than_five_minutes():
    times = (np.array([0, 5, 10.1, 0]) * MINUTE_US).astype(np.int64)
    assert rules().sessions(np.array([1, 1, 1, 2]), times) == 3


def test_the_stream_is_the_same_every_time_and_out_of_order_by_less_than_two_seconds():
    import live_data

    once, again, other = live_data.events(20_000, 1), live_data.events(20_000, 1), live_data.events(20_000, 2)
    assert all((once[name] == again[name]).all() for name in once)
    assert (once["event_us"] != other["event_us"]).any()
    assert (np.diff(once["received_us"]) >= 0).all()
    delay_us = once["received_us"] - once["event_us"]
    assert delay_us.min() >= 0
    assert delay_us.max() < 2_000_000
    assert (np.diff(once["event_us"]) < 0).any()
    assert (once["event_us"] % 1_000 == 0).all()
    assert (once["person"] >= live_data.persons(20_000)).sum() == 40


def test_every_form_of_the_stream_holds_the_same_events(tmp_path):
    import live_data

    made = live_data.stream(tmp_path, 2_000)
    parts = [pq.read_table(path) for path in made["parquet"]]
    rows = [row for part in parts for row in part.to_pylist()]
    assert [row["position"] for row in rows] == list(range(2_000))
    names = pcsv.ReadOptions(column_names=["user_id", "track_id", "name", "event_us", "position"])
    halves = [pcsv.read_csv(path, read_options=names).to_pylist() for path in sorted(Path(made["csv"]).iterdir())]
    plain = sorted((row for half in halves for row in half), key=lambda row: row["position"])
    assert [(row["user_id"], row["track_id"], row["name"]) for row in plain] == [(row["user_id"], row["track_id"], row["name"]) for row in rows]
    assert [row["event_us"] for row in plain] == [int(row["event_time"].timestamp() * 1e6 + 0.5) for row in rows]
    bodies = list(live_data.bodies(parts[0], 30))
    messages = [one for body, _, _ in bodies for one in json.loads(body)["batch"]]
    assert [count for _, count, _ in bodies] == [30, 30, 30, 10]
    assert [one["properties"]["track_id"] for one in messages] == [row["track_id"] for row in rows[:100]]
    assert [one["timestamp"] for one in messages] == [
        row["event_time"].isoformat(timespec="milliseconds").replace("+00:00", "Z") for row in rows[:100]
    ]
    assert live_data.stream(tmp_path, 2_000) == made


def test_a_cell_says_what_an_engine_found_otherwise():
    import live

    assert live._differences({"r1": 3, "w_sum": 2_000}, {"r1": 3, "r2": 9, "w_sum": 2_001}) == "w_sum 2,000 for 2,001"
    assert live._reason("a\nException: b\nCaused by: c\nat d\n", 1) == "Caused by: c"
    assert live._reason("", 3) == "exit status 3"
