"""Absence against its definition: of the records that were taken, whatever their order of arrival, which were not followed in time?"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from footfall.errors import InvalidConfig
from footfall.event.span import Span
from footfall.kernels.live.absences import NEWEST, WAITS
from footfall.rules.absence import Absence
from footfall.stream.runtime import LivePath
from footfall.stream.store.contract import Keep
from footfall.stream.store.sqlite import SqliteViews
from live_streams import LATENESS_US, T0, Record, Runner, S, random_stream, run, stored_run, table_of, taken

NEVER = Span("1us")


def rule_of(within: str = "1m", first="name=a", then="name=b", **more) -> Absence:
    return Absence(name="missing", key=("user_id",), first=first, then=then, within=Span(within), **more)


def twin(rule: Absence, records: list[Record], clock: int | None = None) -> list:
    """(user, alert time, position) of the records that nothing follows, once the clock has passed."""
    mine = taken(records)
    clock = max(min(record.time, record.received) for record in records) if clock is None else clock
    first, then = ({*str(step).removeprefix("name=").split("|")} for step in (rule.first, rule.then))
    found, rests = [], {}
    for record in sorted((record for record in mine if record.name in first), key=lambda record: (record.time, record.position)):
        deadline = record.time + rule.within.us
        followed = any(
            other.user == record.user
            and other.name in then
            and (other.time, other.position) > (record.time, record.position)
            and other.time <= deadline
            for other in mine
        )
        if not followed and deadline < clock - LATENESS_US and rests.get(record.user, 0) <= deadline - (rule.cool_down or rule.within).us:
            found.append((record.user, deadline, record.position))
            rests[record.user] = deadline
    return found


def crowded(rule: Absence, records: list[Record]) -> bool:
    """Whether more waits may be open than a key has, or more of what fulfils may lie in a lateness and a minute."""
    if max(Counter(record.user for record in records).values()) > WAITS:
        return True
    wide = LATENESS_US + 60 * S
    times = {user: [record.time for record in taken(records) if record.user == user] for user in {record.user for record in records}}
    many = any(sum(begin <= time <= begin + wide for time in mine) > NEWEST for mine in times.values() for begin in mine)
    return rule.within.us < wide and many


def found_of(alerts) -> list:
    return [(alert.key["user_id"], alert.time_us, alert.position) for alert in alerts]


RULES = [("name=a", "name=b"), ("name=a|c", "name=b"), ("name=a", "name=a"), ("name=a", "name=a|b"), ("name=a|b", "name=b|c")]


def test_absence_agrees_with_its_twin_however_it_is_cut():
    compared = raised = 0
    for seed in range(500):
        chance = random.Random(seed)
        first, then = chance.choice(RULES)
        rule = rule_of(chance.choice(["1us", "10s", "1m", "90s", "5m"]), first, then, cool_down=chance.choice([None, NEVER]))
        records = random_stream(chance, chance.choice([1, 20, 40]), users=4, step_s=chance.choice([4, 15]))
        end = records[-1].received + chance.choice([0, 80, 500]) * S
        records.append(Record(records[-1].position + 1, end, end, "x", "u0"))
        if not crowded(rule, records):
            expected = twin(rule, records)
            compared, raised = compared + 1, raised + bool(expected)
            whole = run(rule, records).alerts
            assert found_of(whole) == expected, seed
            assert run(rule, records, chance).alerts == whole, seed
    assert compared >= 250
    assert raised >= 150


@pytest.mark.parametrize("seed", range(80))
def test_in_a_crowd_it_does_not_matter_how_the_stream_is_cut(seed):
    chance = random.Random(seed)
    first, then = chance.choice(RULES)
    rule = rule_of(chance.choice(["5s", "1m", "3m"]), first, then, cool_down=NEVER)
    records = random_stream(chance, 120, users=2, step_s=1)
    assert run(rule, records, chance).alerts == run(rule, records).alerts, seed


@pytest.mark.parametrize("seed", range(40))
def test_the_idle_clock_decides_what_is_left(seed):
    chance = random.Random(seed)
    rule = rule_of(chance.choice(["90s", "5m"]), cool_down=NEVER)
    records = random_stream(chance, 40, users=4, step_s=15)
    runner = Runner(lambda: rule.operator(lateness_us=LATENESS_US))
    runner.take(records)
    if seed % 2:
        runner.restart(whole=seed % 4 == 1)
    later = runner.clock_us + chance.choice([30, 120, 400]) * S
    moved = runner.tick(later)
    found = found_of(runner.finish().alerts)
    assert found == twin(rule, records, later), seed
    assert moved is (found != twin(rule, records))
    assert runner.tick(later) is False


@pytest.mark.parametrize("seed", range(6))
def test_absence_goes_on_from_a_store(seed, tmp_path):
    chance = random.Random(seed)
    records = random_stream(chance, 80, users=4, step_s=15)
    rule = Absence(name="missing", key=("user_id", "country"), first="name=a", then="name=b", within=Span("90s"))
    found = stored_run(rule, records, chance, tmp_path / "state.db")
    assert found == run(rule, records).alerts
    assert {len(alert.key) for alert in found} == {2}


def test_texts_of_keys_that_wait_stay_in_the_store(tmp_path):
    rule = rule_of("1h")
    store = SqliteViews(tmp_path / "state.db")
    live = LivePath([rule.operator(lateness_us=LATENESS_US)], store, "log")
    records = [
        Record(1, T0, T0, "a", "u1"),
        Record(2, T0 + 1_800 * S, T0 + 1_800 * S, "x", "u2"),
        Record(3, T0 + 3_700 * S, T0 + 3_700 * S, "x", "u2"),
    ]
    live.take({"events": table_of(records[:2])}, 2)
    store.prune(live.moment.clock_us, {}, Keep(texts_us=live.texts_keep_us))
    live = LivePath([rule.operator(lateness_us=LATENESS_US)], store, "log")
    waiting = live.operators[0].wanted_texts()
    assert list(store.texts(waiting).values()) == ["u1"]
    [alert] = live.take({"events": table_of(records[2:])}, 3).alerts
    assert (alert.key, alert.time_us, alert.position, alert.value) == ({"user_id": "u1"}, T0 + 3_600 * S, 1, None)
    store.prune({"events": T0 + 7_200 * S}, {}, Keep(texts_us=live.texts_keep_us))
    assert store.texts(waiting) == {}
    store.close()


def test_a_record_at_the_deadline_is_in_time_and_equal_times_go_by_position():
    rule = rule_of("1m", cool_down=NEVER)

    def alerts(*then: tuple[str, int]) -> list[int]:
        records = [Record(n, T0 + at * S, T0 + at * S, name, "u") for n, (name, at) in enumerate([*then, ("x", 200)])]
        return [alert.position for alert in run(rule, records).alerts]

    assert alerts(("a", 0), ("b", 60)) == []
    assert alerts(("a", 0), ("b", 61)) == [0]
    assert alerts(("a", 0), ("b", 0)) == []
    assert alerts(("b", 0), ("a", 0)) == [1]


def test_it_waits_until_nothing_can_come_any_more():
    rule = rule_of("1m")
    runner = Runner(lambda: rule.operator(lateness_us=LATENESS_US))
    runner.take([Record(0, T0, T0, "a", "u"), Record(1, T0 + 70 * S, T0 + 70 * S, "x", "u")])
    assert runner.run.alerts == []  # a record of the deadline itself may still come
    runner.take([Record(2, T0 + 70 * S + 1, T0 + 70 * S + 1, "x", "u")])
    assert found_of(runner.run.alerts) == [("u", T0 + 60 * S, 0)]


def test_of_too_many_waits_the_second_oldest_goes():
    records = [Record(n, T0 + n * S, T0 + n * S, "a", "u") for n in range(40)]
    alerts = run(rule_of("1h", cool_down=NEVER), [*records, Record(40, T0 + 9_000 * S, T0 + 9_000 * S, "x", "u")]).alerts
    assert [alert.position for alert in alerts] == [0, *range(40 - WAITS + 1, 40)]


def test_a_cart_filled_in_steps_is_abandoned_once():
    records = [Record(n, T0 + n * 60 * S, T0 + n * 60 * S, "a", "u") for n in range(5)]
    assert len(run(rule_of("1h"), [*records, Record(9, T0 + 9_000 * S, T0 + 9_000 * S, "x", "v")]).alerts) == 1


def test_conditions_that_are_none_are_refused():
    with pytest.raises(InvalidConfig) as caught:
        rule_of(then="purchase")
    assert (caught.value.sentence, caught.value.field) == ("rule 'missing': 'purchase' is not a condition", "rule.missing.then")
    rule = rule_of(first=("name=a", "price>1"))
    assert rule.references() == ("user_id", "name", "price")
    assert rule.look_back_us() == 60 * S
