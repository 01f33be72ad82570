"""What every kind of rule must do, asked of its examples: the same alerts however the stream is cut, after every restart, within bounds.

The kinds are those of the menu; the examples of one are in `rule_examples.py`.
"""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
from msgspec import Meta
from rule_examples import EXAMPLES, ready

from footfall.event.span import Span
from footfall.rules.contract import spec_of
from footfall.rules.menu import every_rule
from footfall.stream.contract import Alert
from live_streams import AHEAD_US, LATENESS_US, Record, Runner, S, accepted, random_stream, run, run_of, stored_run, taken

SEEDS = 12
NEVER = "1us"


def every_example() -> list[tuple[str, int]]:
    """(kind, number) of every example."""
    return [(kind, number) for kind in every_rule() for number in range(len(EXAMPLES.get(kind, ())))]


def _table(kind: str, number: int) -> dict:
    return {"kind": kind} | EXAMPLES[kind][number]


def _stream(seed: int, length: int = 80) -> list[Record]:
    return random_stream(random.Random(seed), length, users=3, step_s=3)


def check_cuts(kind: str, number: int) -> None:
    """Cut, swept and restarted anywhere, the alerts are the same, byte for byte; the streams raise some."""
    rule = ready(_table(kind, number))
    raised = 0
    for seed in range(SEEDS):
        whole, cut = run(rule, _stream(seed)), run(rule, _stream(seed), random.Random(seed))
        assert msgspec.json.encode(cut.alerts) == msgspec.json.encode(whole.alerts), seed
        assert {what: cut.counts[what] for what in whole.counts} == dict(whole.counts), seed
        raised += len(whole.alerts)
    assert raised > SEEDS


def check_store(kind: str, number: int, path: Path) -> None:
    """The same after crashes, from a real store."""
    rule = ready(_table(kind, number))
    assert stored_run(rule, _stream(5), random.Random(7), path) == run(rule, _stream(5)).alerts


def check_logs(kind: str, number: int) -> None:
    """Lines of applications are taken as events are."""
    written = msgspec.json.encode(EXAMPLES[kind][number]).replace(b"name", b"level").replace(b"country", b"source")
    table = {"kind": kind, "stream": "logs"} | msgspec.json.decode(written)
    if kind == "score" or b"price" in written:
        return  # lines have no such column
    rule = ready(table)
    lines = run_of(lambda: rule.operator(lateness_us=LATENESS_US), _stream(1), random.Random(3)).alerts
    assert [alert.id for alert in lines] == [alert.id for alert in run(ready(_table(kind, number)), _stream(1)).alerts] != []


def check_counts(kind: str, number: int) -> None:
    """Nobody, too late and ahead raise nothing and are counted; with conditions, those that meet them."""
    table = _table(kind, number)
    records = _stream(2, 300)
    found = run(ready(table), records, random.Random(2))
    ahead = sum(record.time > record.received + AHEAD_US for record in records)
    late = len(records) - len(accepted(records)) - ahead
    if kind in ("sequence", "absence") or "where" in table:
        assert 0 < found.counts["late"] <= late
        assert 0 < found.counts["ahead"] <= ahead
        assert 0 < found.counts["taken"] <= len(taken(records))
    else:
        nobody = len(accepted(records)) - len(taken(records))
        assert (found.counts["late"], found.counts["ahead"]) == (late, ahead)
        assert (found.counts["taken"], found.counts["no_key"]) == (len(taken(records)), nobody)
    assert found.counts["no_key"] > 0
    assert found.counts["alerts"] == len(found.alerts)
    assert all(alert.key["user_id"] is not None for alert in found.alerts)


def check_allowed(kind: str, number: int) -> None:
    """Keys on the allow-list raise nothing; nothing else changes."""
    for seed in range(SEEDS):
        everybody = run(ready(_table(kind, number), cool_down=NEVER), _stream(seed))
        others = run(ready(_table(kind, number), cool_down=NEVER, allow=["u1"]), _stream(seed), random.Random(seed))
        assert others.alerts == [alert for alert in everybody.alerts if alert.key["user_id"] != "u1"], seed
        assert others.counts["allowed"] >= len(everybody.alerts) - len(others.alerts)


def check_cool_down(kind: str, number: int) -> None:
    """A key that raised an alert rests, in event time and the order in which conditions came true."""
    for seed in range(SEEDS):
        every = run(ready(_table(kind, number), cool_down=NEVER), _stream(seed)).alerts
        calm = _calm(every, Span("40s").us)
        found = run(ready(_table(kind, number), cool_down="40s"), _stream(seed), random.Random(seed))
        # Two at one time rest even after a microsecond, so the first run may lack one that the second has no need of.
        assert [alert.id for alert in found.alerts] == [alert.id for alert in calm], seed
        assert found.counts["resting"] >= len(every) - len(calm)


def _calm(alerts: list[Alert], cool_down_us: int) -> list[Alert]:
    newest: dict[str | None, int] = {}
    calm = []
    for alert in alerts:
        user = alert.key["user_id"]
        if user not in newest or newest[user] <= alert.time_us - cool_down_us:
            calm.append(alert)
            newest[user] = max(newest.get(user, alert.time_us), alert.time_us)
    return calm


def check_bounds(kind: str, number: int) -> None:
    """Over a long stream whose keys change, what is kept does not grow."""
    rule = ready(_table(kind, number), cool_down="30s")
    runner, kept, texts = Runner(lambda: rule.operator(lateness_us=LATENESS_US)), [], []
    chance = random.Random(3)
    records = [record._replace(user=f"u{index // 4}") for index, record in enumerate(random_stream(chance, 6_000, step_s=1))]
    for begin in range(0, len(records), 100):
        runner.take(records[begin : begin + 100])
        runner.sweep()
        kept.append(sum(len(table) for table in runner.operator.tables().values()))
        texts.append(len(getattr(runner.operator, "_texts", ())))
    assert max(kept[30:]) <= 2 * max(kept[5:30], default=0) + 50
    assert max(kept) < 3_000
    assert max(texts) < 300
    assert sum(table.size_bytes for table in runner.operator.tables().values()) < 8 << 20


def check_alerts(kind: str, number: int) -> None:
    """An alert has an id of its own, names its key and its record, and can be written down."""
    rule = ready(_table(kind, number), severity="high")
    positions = {record.position for record in _stream(4)}
    alerts = run(rule, _stream(4)).alerts
    assert len({alert.id for alert in alerts}) == len(alerts) > 0
    for alert in alerts:
        assert (alert.rule, alert.severity, list(alert.key)) == ("example", "high", ["user_id"])
        assert alert.position in positions
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(alert), type=Alert) == alert
        assert (alert.window_start_us is None) is (alert.window_end_us is None)


def check_keys(kind: str, number: int) -> None:
    """About everybody together, or about somebody by several columns."""
    for key in ([], ["user_id", "country"]):
        rule = ready(_table(kind, number), key=key)
        raised = 0
        for seed in range(4):
            alerts = run(rule, _stream(seed), random.Random(seed)).alerts
            assert alerts == run(rule, _stream(seed)).alerts, seed
            assert all(list(alert.key) == key and None not in alert.key.values() for alert in alerts)
            raised += len(alerts)
        assert raised > 0


def check_spec(kind: str, number: int) -> None:
    """Every field says what it is; what is remembered depends on no severity, action or allow-list."""
    rule, other = ready(_table(kind, number)), ready(_table(kind, number), severity="low", actions=["mail"], allow=["u9"])
    assert spec_of(rule) == spec_of(other)
    assert spec_of(rule) != spec_of(ready(_table(kind, number), key=["country"]))
    for field in msgspec.structs.fields(every_rule()[kind]):
        described = [meta.description for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, Meta)]
        assert described, field.name
    assert {"user_id", *(one.column for one in rule.filters()), *rule.numbers()} <= set(rule.references())
    assert rule.look_back_us() >= 0
    assert rule.operator(lateness_us=LATENESS_US).name == "rule:example"
    assert ready(_table(kind, number), lateness="3s").operator(lateness_us=LATENESS_US).lateness_us == 3 * S
