"""Spike against its definition: the windows of a user as they stand at each record."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from footfall.errors import InvalidConfig
from footfall.rules.spike import Spike
from live_streams import T0, Record, S, random_stream, run, stored_run, taken

MEASURES = ["count", "count(name=a)", "sum(price)", "share(name=a)", "mean(price)"]


def rule_of(size: str = "10s", measure: str = "count", **more) -> Spike:
    settings = {"baseline": 5, "sigmas": 1.0, "windows_min": 2, "events_min": 1}
    return Spike(name="spike", key=("user_id",), window={"tumbling": size}, measure=measure, **(settings | more))


def value_of(measure: str, records: list[Record] | None) -> float:
    """The measure of a window's records; NaN where it does not count."""
    hits, prices = sum(record.name == "a" for record in records or []), [record.price for record in records or [] if record.price is not None]
    many = len(records or [])
    return {
        "count": float(many),
        "count(name=a)": float(hits),
        "sum(price)": sum(prices),
        "share(name=a)": hits / many if many else math.nan,
        "mean(price)": sum(prices) / len(prices) if prices else math.nan,
    }[measure]


def twin(rule: Spike, records: list[Record], size_us: int) -> list:
    """All records of a user by window; a user who was silent for a baseline is new."""
    windows, found, alerted = {}, [], set()
    for record in taken(records):
        mine, now = windows.setdefault(record.user, {}), record.time // size_us
        if mine and now > max(mine) + rule.baseline:
            mine.clear()
            alerted = {one for one in alerted if one[0] != record.user}
        mine.setdefault(now, []).append(record)
        before = [value_of(rule.measure, mine.get(other)) for other in range(max(now - rule.baseline, min(mine)), now)]
        before = [value for value in before if not math.isnan(value)]
        value = value_of(rule.measure, mine[now])
        if len(mine[now]) < rule.events_min or not value > (-math.inf if rule.above is None else rule.above) or len(before) < rule.windows_min:
            continue
        mean = sum(before) / len(before)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in before) / len(before))
        if value > mean + rule.sigmas * deviation and (record.user, now) not in alerted:
            alerted.add((record.user, now))
            details = {"measure": rule.measure, "mean": mean, "deviation": deviation, "windows": len(before)}
            found.append((record.user, record.position, now * size_us, value, details))
    return found


@pytest.mark.parametrize("seed", range(240))
def test_spike_agrees_with_its_twin_however_it_is_cut(seed):
    chance = random.Random(seed)
    size_s = chance.choice([1, 10, 25])
    more = {
        "baseline": chance.choice([2, 5, 12]),
        "windows_min": 2,
        "events_min": chance.choice([1, 1, 2]),
        "above": chance.choice([None, None, 1.0]),
    }
    rule = rule_of(f"{size_s}s", MEASURES[seed % len(MEASURES)], **more, sigmas=chance.choice([0.0, 1.0, 2.0]))
    records = random_stream(chance, chance.choice([1, 30, 80]), users=chance.choice([1, 3]))
    whole = run(rule, records).alerts
    assert [(one.key["user_id"], one.position, one.window_start_us, one.value, one.details) for one in whole] == twin(rule, records, size_s * S), seed
    assert all(one.window_end_us == one.window_start_us + size_s * S for one in whole)
    assert run(rule, records, chance).alerts == whole, seed


@pytest.mark.parametrize("seed", range(6))
def test_spike_goes_on_from_a_store(seed, tmp_path):
    chance = random.Random(seed)
    records = random_stream(chance, 80)
    rule = rule_of(measure="mean(price)")
    assert stored_run(rule, records, chance, tmp_path / "state.db") == run(rule, records).alerts


def stream_of(counts: list[int]) -> list[Record]:
    """So many records of one user in each window of 10 s."""
    times = [T0 + window * 10 * S + n * 1_000 for window, count in enumerate(counts) for n in range(count)]
    return [Record(n, time, time, "a", "u") for n, time in enumerate(times)]


def test_a_spike_is_raised_by_the_record_that_makes_it_one():
    counts = [4, 6, 4, 6, 4, 6, 0, 30]
    rule = Spike(name="spike", key=("user_id",), window={"tumbling": "10s"}, events_min=5)
    [alert] = run(rule, stream_of(counts)).alerts
    mean, deviation = float(np.mean(counts[:7])), float(np.std(counts[:7]))
    assert alert.value == math.floor(mean + 3 * deviation) + 1
    assert alert.details == {"measure": "count", "mean": pytest.approx(mean), "deviation": pytest.approx(deviation), "windows": 7}
    assert alert.window_start_us == T0 + 70 * S
    assert run(rule_of(sigmas=3.0, above=12.0), stream_of(counts)).alerts[0].value == 13.0


def test_who_was_silent_for_a_baseline_is_new():
    silence = [0] * 5
    assert run(rule_of(), stream_of([3, 3, *silence[:4], 9])).alerts != []
    assert run(rule_of(), stream_of([3, 3, *silence, 9])).alerts == []


@pytest.mark.parametrize(
    ("more", "sentence", "field"),
    [
        ({"window": {"sliding": "5m", "every": "1m"}}, "rule 'spike' needs a tumbling window", "window"),
        ({"measure": "p95(price)"}, "rule 'spike' cannot compare p95(price)", "measure"),
        ({"windows_min": 31}, "rule 'spike' has a baseline of 30 windows and needs 31", "windows_min"),
    ],
)
def test_what_cannot_be_compared_is_refused(more, sentence, field):
    with pytest.raises(InvalidConfig) as caught:
        Spike(**{"name": "spike", "window": {"tumbling": "1m"}} | more)
    assert (caught.value.sentence, caught.value.field) == (sentence, f"rule.spike.{field}")


def test_a_ring_that_would_not_end_is_refused():
    with pytest.raises(InvalidConfig) as caught:
        rule_of("10ms").operator(lateness_us=10 * S)
    assert caught.value.sentence == "rule 'spike' would keep 7006 windows of every key"
    rule = rule_of(measure="share(country=DE)")
    assert rule.references() == ("user_id", "country")
    assert rule.look_back_us() == 110 * S
