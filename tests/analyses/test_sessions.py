"""Sessions through a real engine against their twin, over midnights of zones, and with every switch."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import numpy as np
import pytest

from footfall.analyses.sessions import Sessions
from footfall.analyses.spec.build import build
from footfall.errors import InvalidQuery, UnknownEvent
from walk_twins import HOUR_US, T0, Event, as_dicts, histories, lake_of_logs, local_day, sessions_twin


def summary(sessions):
    """What a row says about these sessions."""
    lengths = [(session[-1].time - session[0].time) / 1e6 for session in sessions]
    events, people = sum(map(len, sessions)), len({session[0].person for session in sessions})
    return {
        "sessions": len(sessions),
        "people": people,
        "events": events,
        "single_event_sessions": sum(len(session) == 1 for session in sessions),
        "bounce_rate": sum(len(session) == 1 for session in sessions) / len(sessions),
        "mean_duration_s": sum(lengths) / len(sessions),
        "median_duration_s": float(np.quantile(lengths, 0.5)),
        "p90_duration_s": float(np.quantile(lengths, 0.9)),
        "mean_events": events / len(sessions),
        "sessions_per_person": len(sessions) / people,
    }


@pytest.mark.parametrize("seed", range(40))
def test_sessions_equal_the_twin_on_random_logs(engine_of, seed):
    chance = random.Random(seed)
    logs, events, _ = lake_of_logs(chance, ticks=60)
    zone = chance.choice(["UTC", "Europe/Berlin", "Asia/Kathmandu"])
    gap, longest, cut, without = chance.choice([1, 3, 1_000]), chance.choice([None, 6]), chance.random() < 0.5, chance.choice(["", "A"])
    asked = {"gap": f"{gap}h", "max_length": longest and f"{longest}h", "cut_at_midnight": cut, "exclude_events": [*without]}
    asked |= {"breakdown": "log", "where": ["log!=none"]}
    found = {row.pop("breakdown"): row for row in build(Sessions, asked).answer(engine_of(events, time_zone=zone)).rows}
    day_of = local_day(zone)
    for log, everything in logs.items():
        mine = [event for event in everything if event.name not in without]
        limits = gap * HOUR_US, longest and longest * HOUR_US, (lambda time: day_of(T0 + time)) if cut else lambda _: None
        sessions = [session for person in histories(mine) for session in sessions_twin(person, *limits)]
        if sessions:
            assert found[log] == pytest.approx(summary(sessions)), f"seed {seed} {log}"
        else:
            assert log not in found, f"seed {seed} {log}"


def test_breakdown_takes_the_first_event_and_counts_people_in_each_row(engine_of):
    log = [Event(0, 0, "A", "x"), Event(0, 1, "A", "y"), Event(0, HOUR_US, "A", "y"), Event(1, 0, "A", None), Event(2, 0, "A", "y")]
    answer = Sessions(breakdown="country").answer(engine_of(as_dicts(log)))
    rows = [(row["breakdown"], row["sessions"], row["people"], row["events"]) for row in answer.rows]
    assert rows == [("y", 2, 2, 2), ("x", 1, 1, 2), (None, 1, 1, 1)]


def test_many_values_are_folded_with_distinct_people(engine_of):
    log = [Event(person, hour * 2 * HOUR_US, "A", f"g{(person + hour) % 40:02}") for person in range(40) for hour in range(2)]
    log += [Event(person, 100 * HOUR_US, "A", f"g{person:02}") for person in range(40, 65)]
    log = [event._replace(group=f"g{event.person - 40:02}") if event.person >= 40 else event for event in log]
    answer = Sessions(breakdown="country").answer(engine_of(as_dicts(log)))
    assert len(answer.rows) == 26
    other = answer.rows[-1]
    folded = {event.person for event in log if event.group >= "g25"}
    assert (other["breakdown"], other["people"], other["sessions"]) == ("(other)", len(folded), 30)
    assert answer.notes == ("(other) holds the 15 smallest values of the breakdown together",)


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Europe/Berlin", "2024-10-27T22:59:59", "2024-10-27T23:00:00"),  # the day of 25 hours
        ("Europe/Berlin", "2024-03-31T21:59:59", "2024-03-31T22:00:00"),  # the day of 23 hours
        ("Asia/Kathmandu", "2024-03-31T18:14:59", "2024-03-31T18:15:00"),
        ("America/New_York", "2024-11-04T04:59:59", "2024-11-04T05:00:00"),
        ("UTC", "2024-03-31T23:59:59", "2024-04-01T00:00:00"),
    ],
)
def test_midnight_is_that_of_the_zone(engine_of, zone, before, after):
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (before, after)]
    engine = engine_of([{"user_id": "a", "name": "A", "event_time": time} for time in times], time_zone=zone)
    assert [row["sessions"] for row in Sessions().answer(engine).rows] == [1]
    assert [row["sessions"] for row in Sessions(cut_at_midnight=True).answer(engine).rows] == [2]


def test_no_gap_is_one_session_a_person_and_names_may_hold_anything(engine_of):
    log = [Event(0, 0, "a|b"), Event(0, 900 * HOUR_US, "it's"), Event(1, 5, "a"), Event(1, 6, "b")]
    engine = engine_of(as_dicts(log))
    answer = build(Sessions, {"gap": "none"}).answer(engine)
    assert [(row["sessions"], row["sessions_per_person"]) for row in answer.rows] == [(2, 1.0)]
    left = build(Sessions, {"gap": "none", "exclude_events": ["a|b", "it's"]}).answer(engine).rows[0]
    assert (left["sessions"], left["events"]) == (1, 2)


def test_an_empty_lake_has_no_sessions(engine_of):
    for cut in (False, True):
        (row,) = Sessions(cut_at_midnight=cut).answer(engine_of([])).rows
        assert (row["sessions"], row["people"], row["bounce_rate"], row["median_duration_s"]) == (0, 0, None, None)


def test_the_range_cuts_and_the_answer_says_so(engine_of):
    log = [Event(0, hour * HOUR_US // 4, "A") for hour in range(8)]
    answer = build(Sessions, {"since": "2026-09-21T15:00"}).answer(engine_of(as_dicts(log)))
    assert answer.rows[0]["events"] == 4
    assert answer.notes == ("sessions that cross an edge of the range are cut there",)


def test_bad_questions_are_user_errors(engine_of):
    with pytest.raises(InvalidQuery, match="'soon' is not a span of time"):
        build(Sessions, {"gap": "soon"})
    with pytest.raises(UnknownEvent, match=r"^there is no event named 'B'$"):
        build(Sessions, {"exclude_events": ["B"]}).answer(engine_of(as_dicts([Event(0, 0, "A")])))
