"""Deliveries: every alert gets through or is set aside with its reason, the same bytes in every try, and nobody waits for another."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from itertools import pairwise

import pytest
from delivering_support import DAY_S, START_US, Bench, Clock, OtherSide, Outbox, alerts, later, never, same_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions_support import Hook
from footfall import clock
from footfall.app.front import deliveries as deliveries_module
from footfall.app.front.deliveries import Deliveries
from footfall.app.front.delivering import Deliverer, Outlet
from footfall.connectors.actions.webhook import WebhookAction
from footfall.errors import StorageFailed
from footfall.stream.store.contract import Keep
from up_support import wait_until

IDS = [f"a{number}" for number in range(100)]


@pytest.fixture
def bench_of(tmp_path):
    """bench_of(verdicts, …): a channel over a real outbox; every bench of a test has a folder of its own."""
    made = []

    def build(verdicts=None, **options):
        made.append(Bench(tmp_path / f"bench{len(made)}", verdicts, **options))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


# --- one channel -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_everything_goes_out_once_and_in_order(batch, bench_of):
    bench = bench_of(batch=batch)
    bench.post(alerts(20))
    bench.post(alerts(10, first=20))
    bench.run(1)
    assert bench.side.ids == IDS[:30]
    assert bench.deliveries.totals()["ops"].delivered == 30
    bench.run(DAY_S)
    assert len(bench.side.tries) == 30


def test_an_action_gets_only_what_is_posted_to_it(bench_of):
    bench = bench_of()
    bench.outbox.post(alerts(3), "other")
    bench.outbox.post(alerts(2, first=3), "ops", "other")
    bench.run(1)
    assert bench.side.ids == ["a3", "a4"]


def test_another_process_goes_on_where_the_first_ended(bench_of):
    bench = bench_of(batch=4)
    bench.post(alerts(10))
    bench.channel.turn()
    bench.channel = bench.new_channel()
    bench.run(1)
    assert bench.side.calls == [IDS[:4], IDS[4:8], IDS[8:10]]


def test_an_alert_that_fails_is_tried_again_ever_later_with_the_same_bytes(bench_of):
    bench = bench_of({"a0": [later()] * 8})
    bench.post(alerts(1))
    bench.run(DAY_S)
    times = bench.side.times("a0")
    pauses = [after - before for before, after in pairwise(times)]
    for pause, wanted in zip(pauses, [1, 3, 9, 27, 81, 243, 729, 2_187], strict=True):
        assert 0.75 * wanted <= pause <= 1.25 * wanted + 60  # beside it the channel may rest for up to a minute
    assert bench.side.ids == ["a0"]
    assert same_bytes(bench.side.tries)
    totals = bench.deliveries.totals()["ops"]
    assert (totals.delivered, totals.retried, totals.parked, totals.dead, totals.error) == (1, 8, 0, 0, "not now")


def test_pauses_differ_from_alert_to_alert(bench_of):
    bench = bench_of({"a0": [later()], "a1": [later()]})
    bench.post(alerts(2))
    bench.run(10)
    assert bench.side.times("a0")[1] != bench.side.times("a1")[1]


def test_an_alert_that_never_gets_through_is_set_aside_after_its_tries(bench_of):
    bench = bench_of({"a1": [later("503")] * 50}, tries=5)
    bench.post(alerts(3))
    bench.run(DAY_S)
    assert len(bench.side.times("a1")) == 5
    assert bench.dead() == [("a1", "503")]
    assert bench.side.ids == ["a0", "a2"]


def test_an_alert_is_set_aside_when_its_time_is_over_and_is_tried_then_once_more(bench_of):
    bench = bench_of({"a0": [later()] * 50}, tries=50, give_up_us=600_000_000)
    bench.post(alerts(1))
    bench.run(2 * DAY_S)
    assert bench.side.times("a0")[-1] == pytest.approx(600, abs=90)
    assert bench.dead() == [("a0", "not now")]


def test_an_alert_that_cannot_get_through_is_set_aside_at_once(bench_of):
    bench = bench_of({"a1": [never("404: gone")]})
    bench.post(alerts(3))
    bench.run(DAY_S)
    assert bench.side.ids == ["a0", "a2"]
    assert len(bench.side.times("a1")) == 1
    assert bench.dead() == [("a1", "404: gone")]


def test_a_poisoned_alert_holds_up_no_other(bench_of):
    """Others arrive in order, and no later than if it were not there."""
    bench = bench_of({"a3": [later()] * 50})
    bench.post(alerts(10))
    bench.run(0.1)
    assert bench.side.ids == [name for name in IDS[:10] if name != "a3"]
    for first in range(10, 40):
        bench.post(alerts(1, first=first))
        bench.run(0.3)
        assert bench.side.ids[-1] == f"a{first}"


def test_many_poisoned_alerts_hold_up_no_other(bench_of):
    """Even while all that is tried for a long time are those that fail."""
    bench = bench_of({f"a{number}": [later()] * 50 for number in range(5)})
    bench.post(alerts(5))
    bench.run(3_000)
    for first in range(5, 12):
        bench.post(alerts(1, first=first))
        bench.run(0.5)
        assert bench.side.ids[-1] == f"a{first}"
        bench.run(1_000)
    bench.run(DAY_S)
    assert [name for name, _ in bench.dead()] == IDS[:5]


def test_of_a_batch_only_those_that_failed_are_tried_again(bench_of):
    bench = bench_of({"a1": [later(), later()], "a4": [later()]}, batch=10)
    bench.post(alerts(6))
    bench.run(30)
    assert bench.side.calls[0] == IDS[:6]
    assert sorted(bench.side.ids) == IDS[:6]
    assert len(bench.side.tries) == 6 + 3


def test_a_batch_that_is_refused_as_a_whole_is_tried_one_by_one(bench_of):
    """One alert of it may be to blame for all."""
    bench = bench_of(batch=5)
    bench.side.away = lambda: never("too large") if len(bench.side.calls[-1]) > 1 or bench.side.calls[-1] == ["a2"] else None
    bench.post(alerts(8))
    bench.run(1)
    assert [name for name, _ in bench.dead()] == ["a2"]
    assert bench.side.ids == [name for name in IDS[:8] if name != "a2"]


def test_a_defect_of_an_action_is_a_failure_like_others(bench_of, caplog):
    bench = bench_of({"a0": [ZeroDivisionError("oops"), None]})
    bench.post(alerts(2))
    bench.run(30)
    assert sorted(bench.side.ids) == ["a0", "a1"]
    assert bench.deliveries.totals()["ops"].error == "ZeroDivisionError: oops"
    assert "ZeroDivisionError" in caplog.text


def test_another_side_that_is_away_is_asked_now_and_then_and_then_gets_everything_in_order(bench_of):
    bench = bench_of(give_up_us=7 * DAY_S * 1_000_000)
    bench.side.away = lambda: later("away") if bench.clock.passed_s < 7_200 else None
    bench.post(alerts(60))
    bench.run(7_200)
    asked = [when for when, _ in bench.side.tries]
    assert len([when for when in asked if when > 600]) < 2 * (7_200 - 600) / 45 + 24, "about one try a minute, new or parked"
    assert max(after - before for before, after in pairwise(asked)) < 80
    bench.run(120)
    assert sorted(bench.side.ids, key=lambda name: int(name[1:])) == IDS[:60]
    behind = bench.side.ids.index("a59")
    assert bench.side.ids[behind - 1] == "a58", "what was not tried meanwhile keeps its order"
    assert bench.dead() == []
    assert same_bytes(bench.side.tries)


def test_what_failed_while_the_other_side_was_away_need_not_wait_its_time(bench_of):
    bench = bench_of()
    bench.side.away = lambda: later("away") if bench.clock.passed_s < 3_000 else None
    bench.post(alerts(6))
    bench.run(3_000)
    bench.run(90)
    assert sorted(bench.side.ids) == IDS[:6]


def test_a_retry_after_is_respected(bench_of):
    bench = bench_of({"a0": [later(after_s=120)]})
    bench.post(alerts(3))
    bench.run(3_600)
    assert [when for when, _ in bench.side.tries][1] >= 120
    assert sorted(bench.side.ids) == IDS[:3]


def test_a_retry_after_of_a_year_is_not(bench_of):
    bench = bench_of({"a0": [later(after_s=365 * DAY_S)]})
    bench.post(alerts(3))
    bench.run(310)
    assert bench.side.ids == ["a1", "a2"]
    bench.run(3_600)
    assert bench.side.ids == ["a1", "a2", "a0"]


def test_an_alert_that_was_set_aside_can_be_replayed(bench_of):
    bench = bench_of({"a1": [never()], "a2": [never(), later(), never("again")]})
    bench.post(alerts(4))
    bench.run(1)
    numbers = {letter.alert.id: letter.number for letter in bench.deliveries.letters("ops")}
    assert bench.deliveries.replay("ops", 99, bench.clock.now_us()) == 0
    assert bench.deliveries.replay("ops", numbers["a0"] if "a0" in numbers else numbers["a1"], bench.clock.now_us()) == 1
    bench.run(1)
    assert bench.side.ids == ["a0", "a3", "a1"]
    assert bench.deliveries.replay("ops", None, bench.clock.now_us()) == 1
    bench.run(60)
    assert bench.dead() == [("a2", "again")]
    assert same_bytes(bench.side.tries)


def test_what_was_delivered_but_could_not_be_noted_is_not_sent_again(bench_of, monkeypatch):
    monkeypatch.setattr(deliveries_module, "BUSY_S", 0.05)
    bench = bench_of(batch=3)
    bench.post(alerts(6))
    bench.channel.turn()
    with sqlite3.connect(bench.folder / "deliveries.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(StorageFailed, match=r"deliveries.db cannot be written: database is locked"):
                bench.channel.turn()
        other.execute("COMMIT")
    other.close()
    bench.run(1)
    assert bench.side.ids == IDS[:6]
    assert bench.deliveries.totals()["ops"].delivered == 6


def test_parked_alerts_outlive_the_outbox(bench_of):
    bench = bench_of({"a1": [later()] * 3, "a2": [never()]})
    bench.post(alerts(4))
    bench.run(0.1)
    passed = bench.deliveries.totals()["ops"].passed
    bench.outbox.store.prune({}, {"ops": passed}, Keep(alerts_since_us=START_US + DAY_S * 1_000_000))
    assert bench.views.alerts() == []
    bench.run(60)
    assert bench.side.ids == ["a0", "a3", "a1"]
    assert bench.dead() == [("a2", "never")]


def test_a_state_that_is_made_anew_sends_nothing_twice_and_leaves_nothing_out(bench_of):
    bench = bench_of({"a2": [never()], "a3": [later()] * 50})
    bench.post(alerts(10))
    bench.run(1)
    bench.views.close()
    bench.outbox.close()
    (bench.folder / "state.db").unlink()
    bench.outbox = Outbox(bench.folder / "state.db")
    bench.views = bench.outbox.reader()
    bench.channel = bench.new_channel()
    bench.post(alerts(3, prefix="b"))
    bench.post(alerts(10))  # as a replay of the log raises them, under other numbers
    bench.post(alerts(2, first=10))
    bench.run(10)
    delivered = [name for name in IDS[:10] if name not in ("a2", "a3")]
    assert bench.side.ids == [*delivered, "b0", "b1", "b2", "a10", "a11"]
    assert [name for name, _ in bench.dead()] == ["a2"]
    assert bench.parked() == ["a3"]


def test_a_clock_that_is_set_back_keeps_nothing_waiting(bench_of):
    bench = bench_of({"a0": [later()] * 2})
    bench.clock.passed_s = 400 * DAY_S
    bench.post(alerts(2))
    bench.run(0.1)
    before = bench.clock.passed_s
    bench.clock.now_us = lambda: START_US + round((bench.clock.passed_s - before) * 1e6)
    for _ in range(200):
        bench.clock.passed_s += max(0.05, bench.channel.turn())
    assert sorted(bench.side.ids) == ["a0", "a1"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from(["later", "never", "defect"]), max_size=6), min_size=1, max_size=12),
    st.sampled_from([1, 3, 100]),
    st.integers(1, 5),
    st.integers(0, 1_000),
)
def test_every_alert_ends_as_its_tries_say(bench_of, scripts, batch, tries, seed):
    """Against a twin of a few lines: an alert is delivered at its first fine try, else set aside at its first `never` or its last try."""
    made = {"later": later, "never": never, "defect": lambda: RuntimeError("defect")}
    alone = batch == 1 or not any("defect" in script for script in scripts)  # a defect takes the whole batch with it
    bench = bench_of({f"a{n}": [made[verdict]() for verdict in script] for n, script in enumerate(scripts)}, batch=batch, tries=tries, seed=seed)
    bench.post(alerts(len(scripts)))
    bench.run(3 * DAY_S)
    fine, dead = [], []
    for number, script in enumerate(scripts):
        ends = next((index for index, verdict in enumerate([*script, "fine"]) if verdict in ("never", "fine")), None)
        (fine if [*script, "fine"][ends] == "fine" and ends < tries else dead).append(f"a{number}")
    if alone:
        assert sorted(bench.side.ids) == sorted(fine)
        assert sorted(name for name, _ in bench.dead()) == sorted(dead)
        assert [name for name in bench.side.ids if not scripts[int(name[1:])]] == [name for name in fine if not scripts[int(name[1:])]]
    assert sorted({*bench.side.ids, *(name for name, _ in bench.dead())}) == sorted(f"a{number}" for number in range(len(scripts)))
    assert bench.parked() == []
    assert same_bytes(bench.side.tries)


# --- all channels ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def start_deliverer(tmp_path, outbox):
    """start_deliverer({name: hook}, …): a deliverer of webhooks with threads of its own."""
    running = []

    def start(hooks, **patience):
        ways = [Outlet(name, WebhookAction(hook.url, timeout_s=20), **patience) for name, hook in hooks.items()]
        running.append(Deliverer(ways, outbox.reader, tmp_path / "deliveries.db"))
        running[-1].start()
        return running[-1]

    yield start
    for deliverer in running:
        deliverer.stop()


def test_a_slow_channel_delays_no_other(outbox, start_deliverer):
    """While the first request to one side has no answer, all alerts reach the other."""
    with Hook(["hang"]) as slow, Hook() as fast:
        deliverer = start_deliverer({"slow": slow, "fast": fast})
        outbox.post(alerts(1), "slow", "fast")
        assert slow.hanging.wait(30)
        outbox.post(alerts(50, first=1), "slow", "fast")
        wait_until(lambda: len(fast.ids) == 51)
        assert slow.ids == ["a0"], "it still waits for its first answer"
        assert fast.ids == IDS[:51]
        waiting = {row.action: row.waiting for row in deliverer.metrics()}
        assert waiting["slow"] == 51
        slow.release()
        wait_until(lambda: set(slow.ids) == set(IDS[:51]))
        deliverer.stop()


def test_metrics_and_what_the_outbox_may_forget(outbox, start_deliverer):
    with Hook([200, 404, 500, 200]) as hook:
        deliverer = start_deliverer({"ops": hook, "idle": hook})
        assert deliverer.delivered() == {"ops": 0, "idle": 0}
        outbox.post(alerts(4), "ops")
        deliverer.wake()
        wait_until(lambda: [row.delivered for row in deliverer.metrics()] == [3, 0])
        assert deliverer.delivered() == {"ops": 4, "idle": 0}
        (ops, idle) = deliverer.metrics()
        assert (ops.delivered, ops.retried, ops.dead, ops.parked, ops.waiting) == (3, 1, 1, 0, 0)
        assert ops.error == "127.0.0.1 answers 500"
        assert ops.delivered_us <= clock.now_us()
        assert (idle.delivered, idle.error) == (0, None)
        (letter,) = deliverer.dead("ops")
        assert (letter.alert.id, letter.reason, letter.tries) == ("a1", "127.0.0.1 answers 404", 1)
        assert deliverer.replay("ops", letter.number) == 1
        wait_until(lambda: deliverer.metrics()[0].delivered == 4)
        assert hook.ids == ["a0", "a1", "a2", "a3", "a2", "a1"] or hook.ids.count("a1") == 2


def test_of_two_deliverers_one_delivers(outbox, start_deliverer):
    with Hook() as hook:
        first = start_deliverer({"ops": hook})
        outbox.post(alerts(1), "ops")
        wait_until(lambda: hook.ids == ["a0"])
        start_deliverer({"ops": hook})
        outbox.post(alerts(200, first=1), "ops")
        wait_until(lambda: len(set(hook.ids)) == 201)
        assert len(hook.ids) == 201
        first.stop()
        outbox.post(alerts(1, first=201), "ops")
        wait_until(lambda: hook.ids[-1] == "a201")
        assert len(hook.ids) == 202


def test_before_there_is_a_state_nothing_happens(tmp_path):
    from footfall.stream.store.reading import SqliteReader

    with Hook() as hook:
        deliverer = Deliverer([Outlet("ops", WebhookAction(hook.url))], lambda: SqliteReader(tmp_path / "state.db"), tmp_path / "deliveries.db")
        deliverer.start()
        outbox = Outbox(tmp_path / "state.db")
        outbox.post(alerts(1), "ops")
        wait_until(lambda: hook.ids == ["a0"])
        deliverer.stop()
        outbox.close()


def test_a_file_that_is_not_there_says_that_nothing_was_delivered(tmp_path):
    reading = Deliveries(tmp_path / "deliveries.db", read_only=True)
    assert reading.totals() == {}
    assert reading.letters() == []
    assert not (tmp_path / "deliveries.db").exists()


_PROGRAM = """
import sys
from itertools import pairwise
from pathlib import Path
from footfall.app.front.delivering import Deliverer, Outlet
from footfall.connectors.actions.webhook import WebhookAction
from footfall.connectors.actions.file import FileAction
from footfall.stream.store.reading import SqliteReader

folder, url = Path(sys.argv[1]), sys.argv[2]
ways = [Outlet("hook", WebhookAction(url, secret="s3cret", timeout_s=5), tries=1_000), Outlet("file", FileAction(folder / "alerts.ndjson"))]
deliverer = Deliverer(ways, lambda: SqliteReader(folder / "state.db"), folder / "deliveries.db")
deliverer.start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_no_alert_and_changes_none(tmp_path):
    """Eight processes, each killed at some moment of its work, while the other side fails now and then: every id arrives, each with one content."""
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    outbox = Outbox(tmp_path / "state.db")
    outbox.post(alerts(400), "hook", "file")
    answers = random.Random(seed)
    with Hook(lambda _: "drop" if answers.random() < 0.01 else (500 if answers.random() < 0.05 else 200)) as hook:
        for killed in range(9):
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(tmp_path), hook.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            assert process.stdout.readline() == b"started\n"
            if killed < 8:
                outbox.post(alerts(50, first=400 + 50 * killed), "hook", "file")
                enough = min(800, len(set(hook.ids)) + dice.randrange(1, 90))
                wait_until(lambda enough=enough: len(set(hook.ids)) >= enough, 60)
                os.kill(process.pid, signal.SIGKILL)
            else:
                wait_until(lambda: len(set(hook.ids)) == 800, 120)
                deliveries = Deliveries(tmp_path / "deliveries.db", read_only=True)
                wait_until(lambda reading=deliveries: all(one.parked == 0 and one.passed == 800 for one in reading.totals().values()))
                deliveries.close()
                process.kill()
            process.wait(10)
            process.stdin.close()
            process.stdout.close()
    outbox.close()
    assert set(hook.ids) == {f"a{number}" for number in range(800)}, f"seed {seed}"
    contents = {(taken.body, taken.headers["X-Footfall-Signature"], taken.headers["X-Footfall-Id"]) for taken in hook.taken}
    assert len(contents) == 800, f"seed {seed}"
    lines = (tmp_path / "alerts.ndjson").read_bytes().splitlines()
    assert sorted(lines) == sorted(body for body, _, _ in contents), f"seed {seed}: the file has each alert once"


def test_clock_and_other_side_are_what_the_contract_says():
    """The fake of an outside system passes what every action does: an error names those that did not get through, and the others did."""
    side = OtherSide(Clock(), {"a1": [later()]}, batch=3)
    from footfall.connectors.actions.contract import message_of
    from footfall.errors import DeliveryFailed

    with pytest.raises(DeliveryFailed) as problem:
        side.deliver([message_of(alert) for alert in alerts(3)])
    assert problem.value.ids == {"a1"}
    assert side.ids == ["a0", "a2"]
