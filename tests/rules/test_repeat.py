"""Repeat against its definition, record by record; kept times against all times."""

from __future__ import annotations

import random
from bisect import insort
from collections import defaultdict

import pytest

from footfall.errors import InvalidConfig
from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.rules.repeat import Repeat
from live_streams import LATENESS_US, T0, Record, S, in_order, plain, random_stream, run, stored_run, taken


def rule_of(times: int = 3, within: str = "30s", **more) -> Repeat:
    return Repeat(name="again", key=("user_id",), times=times, within=Span(within), **more)


def twin(rule: Repeat, records: list[Record], *, forgets: bool = True) -> list:
    """Each record among the times of its user that are kept: the fullest span that holds it."""
    kept, found = defaultdict(list), []
    for record in taken(records):
        times = kept[record.user]
        insort(times, record.time)
        spans = [
            (sum(first <= time <= first + rule.within.us for time in times), first)
            for first in times
            if first <= record.time <= first + rule.within.us
        ]
        together, first = max(spans)
        if together >= rule.times:
            found.append((record.user, record.time, record.position, together, {"first_us": first}))
        if forgets and len(times) > 2 * (rule.times - 1):
            times.pop(0)
    return found


@pytest.mark.parametrize("seed", range(200))
def test_repeat_agrees_with_its_twin_however_it_is_cut(seed):
    chance = random.Random(seed)
    rule = rule_of(chance.choice([2, 3, 5]), chance.choice(["1us", "5s", "30s", "5m"]))
    records = random_stream(chance, chance.choice([0, 1, 30, 60]), users=chance.choice([1, 3]))
    expected = twin(rule, records)
    assert plain(run(rule, records).alerts) == expected, seed
    assert plain(run(rule, records, chance).alerts) == expected, seed


def crowded(rule: Repeat, records: list[Record]) -> bool:
    """Whether more than times - 1 records of a user lie in a lateness and the minute that a clock may be ahead."""
    mine = [[record.time for record in taken(records) if record.user == user] for user in {record.user for record in records}]
    wide = LATENESS_US + 60 * S
    return any(sum(first <= time <= first + wide for time in times) > rule.times - 1 for times in mine for first in times)


def test_what_is_forgotten_matters_only_in_a_crowd():
    compared = 0
    for seed in range(300):
        chance = random.Random(seed)
        rule = rule_of(chance.choice([3, 6]), chance.choice(["2m", "10m"]))
        records = random_stream(chance, 40, users=2, step_s=chance.choice([15, 30]))
        everything = [found[:3] for found in twin(rule, records, forgets=False)]
        if not crowded(rule, records):
            compared += bool(everything)
            assert [found[:3] for found in plain(run(rule, records, chance).alerts)] == everything, seed
    assert compared > 25


@pytest.mark.parametrize("seed", range(50))
def test_in_the_order_of_time_nothing_that_matters_is_forgotten(seed):
    chance = random.Random(seed)
    rule = rule_of(chance.choice([2, 3, 4]), chance.choice(["5s", "30s"]))
    records = in_order(random_stream(chance, 60, users=2))
    everything = [found[:3] for found in twin(rule, records, forgets=False)]
    assert [found[:3] for found in plain(run(rule, records, chance).alerts)] == everything, seed


@pytest.mark.parametrize("seed", range(6))
def test_repeat_goes_on_from_a_store(seed, tmp_path):
    chance = random.Random(seed)
    records = random_stream(chance, 60)
    rule = rule_of(cool_down=Span("20s"))
    assert stored_run(rule, records, chance, tmp_path / "state.db") == run(rule, records).alerts


def test_music_rule_alerts_the_third_play_of_one_track_within_half_an_hour():
    """`country` stands for the track."""
    rule = Repeat(name="again", key=("user_id", "country"), where=(Filter("name=play"),), times=3, within=Span("30m"))
    minutes = [
        (0, "t1", "play"),
        (1, "t2", "play"),
        (2, "t1", "skip"),
        (10, "t1", "play"),
        (30, "t1", "play"),
        (31, "t1", "play"),
        (41, "t2", "play"),
    ]
    records = [Record(n, T0 + minute * 60 * S, T0 + minute * 60 * S, name, "u", None, track) for n, (minute, track, name) in enumerate(minutes)]
    found = run(rule, records).alerts
    assert [(alert.position, alert.key, alert.value, alert.details) for alert in found] == [
        (4, {"user_id": "u", "country": "t1"}, 3.0, {"first_us": T0}),
        (5, {"user_id": "u", "country": "t1"}, 3.0, {"first_us": T0 + 600 * S}),
    ]
    assert len({alert.id for alert in found}) == 2


def test_a_repeat_without_end_is_refused():
    with pytest.raises(InvalidConfig) as caught:
        rule_of(within="none")
    assert caught.value.sentence == "rule 'again' would remember without end"
    assert caught.value.field == "rule.again.within"
    with pytest.raises(InvalidConfig) as caught:
        rule_of(lateness=Span("none")).operator(lateness_us=LATENESS_US)
    assert caught.value.field == "rule.again.lateness"
    assert rule_of().look_back_us() == 30 * S
    assert rule_of(where=()).references() == ("user_id",)
