"""Sequence against every chain that there is; what is begun against what is forgotten."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from footfall.errors import InvalidConfig
from footfall.event.span import Span
from footfall.kernels.live.sequences import recent_of
from footfall.rules.sequence import Sequence
from live_streams import LATENESS_US, T0, Record, S, in_order, plain, random_stream, run, stored_run, taken

STEPS = [("name=a", "name=b"), ("name=a", "name=a"), ("name=a", "name=b|a", ("name=c|b", "price>=1")), ("name=a", "name=b", "name=a", "name=c")]


def rule_of(steps=STEPS[0], within: str = "30s", **more) -> Sequence:
    return Sequence(name="chain", key=("user_id",), steps=steps, within=Span(within), **more)


def meets(record: Record, step) -> bool:
    wide = "price>=1" in step
    names = (step[0] if wide else step).removeprefix("name=").split("|")
    return record.name in names and (not wide or (record.price or 0) >= 1)


def twin(rule: Sequence, records: list[Record]) -> list:
    """Every chain of records of a user that arrived so far, with the newest in it."""
    found, count = [], len(rule.steps)
    mine = [record for record in taken(records) if any(meets(record, step) for step in rule.steps)]
    for n, new in enumerate(mine, 1):
        order = sorted((record for record in mine[:n] if record.user == new.user), key=lambda record: (record.time, record.position))
        best = None
        for places in combinations(range(len(order)), count):
            chain = [order[place] for place in places]
            if new in chain and chain[-1].time - chain[0].time <= rule.within.us and all(map(meets, chain, rule.steps)):
                k = chain.index(new)
                rank = (chain[0].time, -chain[-1].time, -k, places[:k][::-1], [-place for place in places[k:]])
                best = max(best or (rank, chain), (rank, chain), key=lambda one: one[0])
        if best is not None:
            times = [record.time for record in best[1]]
            found.append((new.user, new.time, new.position, (times[-1] - times[0]) / S, {"times_us": times}))
    return found


def crowded(rule: Sequence, records: list[Record]) -> bool:
    """Whether more records of a user may lie in a lateness and the minute that a clock may be ahead than are kept."""
    mine = [[record.time for record in taken(records) if record.user == user] for user in {record.user for record in records}]
    wide = LATENESS_US + 60 * S
    return any(sum(first <= time <= first + wide for time in times) > recent_of(len(rule.steps)) for times in mine for first in times)


def test_sequence_agrees_with_its_twin_however_it_is_cut():
    compared = 0
    for seed in range(320):
        chance = random.Random(seed)
        rule = rule_of(chance.choice(STEPS), chance.choice(["1us", "10s", "1m", "10m"]))
        records = random_stream(chance, chance.choice([0, 1, 20, 24]), users=chance.choice([2, 4]), step_s=chance.choice([4, 15]))
        if not crowded(rule, records):
            expected = twin(rule, records)
            compared += 1
            assert plain(run(rule, records).alerts) == expected, seed
            assert plain(run(rule, records, chance).alerts) == expected, seed
    assert compared >= 200


@pytest.mark.parametrize("seed", range(60))
def test_in_the_order_of_time_any_crowd_is_exact(seed):
    chance = random.Random(seed)
    rule = rule_of(chance.choice(STEPS[:3]), chance.choice(["5s", "40s", "5m"]))
    records = in_order(random_stream(chance, 50, users=2, step_s=1))
    assert plain(run(rule, records, chance).alerts) == twin(rule, records), seed


@pytest.mark.parametrize("seed", range(60))
def test_in_a_crowd_nothing_is_raised_that_is_not_there(seed):
    chance = random.Random(seed)
    rule = rule_of(chance.choice(STEPS[:3]), chance.choice(["5s", "1m"]))
    records = random_stream(chance, 50, users=1, step_s=1)
    found = run(rule, records).alerts
    assert run(rule, records, chance).alerts == found, seed
    assert {alert.position for alert in found} <= {one[2] for one in twin(rule, records)}, seed


@pytest.mark.parametrize("seed", range(6))
def test_sequence_goes_on_from_a_store(seed, tmp_path):
    chance = random.Random(seed)
    records = random_stream(chance, 60)
    rule = rule_of(STEPS[2], "2m", cool_down=Span("20s"))
    assert stored_run(rule, records, chance, tmp_path / "state.db") == run(rule, records).alerts


def test_a_long_time_between_steps_is_bridged():
    """Twenty carts after the view that counts, none of them forgotten for another."""
    rule = rule_of(("name=view", "name=cart", "name=purchase"), "1h")
    names = ["view", *["cart"] * 20, "purchase"]
    records = [Record(n, T0 + n * 60 * S, T0 + n * 60 * S, name, "u") for n, name in enumerate(names)]
    [alert] = run(rule, records).alerts
    assert (alert.position, alert.value) == (21, 1260.0)
    assert alert.details == {"times_us": [T0, T0 + 20 * 60 * S, T0 + 21 * 60 * S]}


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (("name=a",), "rule 'chain' has 1 steps"),
        (("name=a", ()), "rule 'chain' has a step without a condition"),
        (("name=a", "name"), "rule 'chain': 'name' is not a condition"),
    ],
)
def test_steps_that_are_none_are_refused(steps, sentence):
    with pytest.raises(InvalidConfig) as caught:
        rule_of(steps)
    assert (caught.value.sentence, caught.value.field) == (sentence, "rule.chain.steps")


def test_what_it_looks_at():
    rule = rule_of(STEPS[2], "2m")
    assert rule.references() == ("user_id", "name", "price")
    assert rule.look_back_us() == 120 * S
