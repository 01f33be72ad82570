"""A backtest raises what the rule raised live, and on history what it would have raised."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime

import msgspec
import pytest

from footfall.app.front.landing import Landing
from footfall.app.front.tailing import Tail, TailOptions
from footfall.app.live.backtest import backtest
from footfall.app.live.path import ProjectPath
from footfall.app.project import open_project
from footfall.errors import InvalidConfig, InvalidQuery
from footfall.eventlog.contract import Counts, Frame, Group
from footfall.eventlog.opening import open_log
from footfall.stream.store.contract import RowsWanted
from footfall.stream.store.reading import SqliteReader, iso
from live_support import START_US, declare
from up_support import Up, wait_until

S = 1_000_000
DECLARED = """
[live]
views = []

[dimensions.tiers]
path = "tiers.csv"
key = "user_id"

[[rule]]
name = "burst"
kind = "threshold"
key = ["user_id"]
window = { tumbling = "10s" }
record_above = 1
alert_above = 3
cool_down = "20s"
allow = ["u3"]

[[rule]]
name = "gold"
kind = "threshold"
key = ["tiers.tier"]
where = ["tiers.tier=gold", "properties.ms>200"]
window = { sliding = "30s", every = "10s" }
measure = "sum(properties.ms)"
alert_above = 2000

[[rule]]
name = "visits"
kind = "threshold"
key = ["user_id"]
window = { session = "15s" }
measure = "distinct(page)"
record_above = 1

[[rule]]
name = "again"
kind = "repeat"
key = ["user_id", "page"]
times = 3
within = "30s"

[[rule]]
name = "then"
kind = "sequence"
key = ["user_id"]
steps = ["name=view", "name=buy"]
within = "40s"

[[rule]]
name = "left"
kind = "absence"
key = ["user_id"]
first = "name=cart"
then = "name=buy"
within = "15s"

[[rule]]
name = "spiky"
kind = "spike"
window = { tumbling = "10s" }
baseline = 5
windows_min = 2
events_min = 2
sigmas = 1
"""
NAMES = ("burst", "gold", "visits", "again", "then", "left", "spiky")


def group_of(chance, first, now_us):
    """Some events in the log: out of order, late, ahead, of nobody."""
    frames = []
    for number in range(chance.randrange(1, 30)):
        behind = chance.choice([0, 0, chance.randrange(5 * S), 10 * S, 10 * S + 1, 40 * S, -2 * S, -90 * S])
        line = {
            "name": chance.choice(["view", "cart", "buy"]),
            "event_id": f"e{first + number}",
            "page": chance.choice(["/x", "/y"]),
            "true_time": True,
        }
        line |= {"event_time": now_us - behind, "properties": {"ms": chance.randrange(1_000)}}
        line |= {"user_id": chance.choice(["u1", "u2", "u3"])} if chance.random() < 0.9 else {"anonymous_id": "a1"}
        frames.append(Frame("events", "native", "lines", 1, now_us + S, json.dumps(line).encode() + b"\n"))
        now_us += chance.choice([0, chance.randrange(2 * S)])
    return Group(frames, b"", Counts(len(frames), len(frames)), now_us), now_us


def rows_of(store, name):
    rows = store.rows(name, RowsWanted(limit=100_000))
    return sorted(({key: value for key, value in row.items() if key != "final"} for row in rows), key=repr)


@pytest.mark.parametrize("seed", range(4))
def test_backtest_equals_live(tmp_path, seed):
    chance = random.Random(seed)
    project = declare(tmp_path, DECLARED)
    (tmp_path / "tiers.csv").write_text("user_id,tier\nu1,gold\nu2,gold\n")
    log = open_log(project.config.log, project.path)
    path, landing, now_us, sent = ProjectPath(project, log), Landing(project, log), START_US, 0
    for _ in range(40):
        group, now_us = group_of(chance, sent, now_us)
        sent += len(group.frames)
        log.append(group)
        while path.step(log.end()):
            pass
        if chance.random() < 0.1:
            path.path.tick(now_us + 60 * S)  # nothing arrives for a minute
        if chance.random() < 0.2:
            path.close()
            path = ProjectPath(project, log)
        if chance.random() < 0.3:
            landing.step()
    while landing.step():
        pass
    project.lake.compact(force=True)
    raised = [alert for _, alert in path.store.alerts(limit=100_000, newest=False)]
    assert {alert.rule for alert in raised} >= {"burst", "gold", "again", "then", "left"}
    for name in NAMES:
        found = backtest(open_project(tmp_path), name)
        live = [msgspec.structs.replace(alert, raised_us=0) for alert in raised if alert.rule == name]
        assert sorted(found.alerts, key=repr) == sorted(live, key=repr), name
        assert found.records == sent
        if name in path.store.views():
            assert sorted(({key: value for key, value in row.items() if key != "final"} for row in found.rows), key=repr) == rows_of(path.store, name)
        since = found.alerts[len(found.alerts) // 2].time_us if found.alerts else START_US
        later = backtest(open_project(tmp_path), name, since=iso(since))
        assert sorted(later.alerts, key=repr) == sorted((alert for alert in found.alerts if alert.time_us >= since), key=repr), name
    assert path._gauges(0)["dimension_unknown"]["tiers"] > 0, "u3 has no tier, which is counted"
    path.close()
    log.close()


def shop(tmp_path, rows, more=""):
    """The shop's burst rule over imported rows (user, second)."""
    project = declare(
        tmp_path,
        '[[rule]]\nname = "burst"\nkind = "threshold"\nkey = ["user_id"]\nwindow = { tumbling = "10s" }\nmeasure = "count"\nrecord_above = 1\nalert_above = 10\n'
        + more,
    )
    lines = [f"{user},view,2026-11-01T00:00:{second:09.6f}Z" for user, second in rows]
    (tmp_path / "visits.csv").write_text("user_id,name,event_time\n" + "\n".join(lines) + "\n")
    project.import_files(tmp_path / "visits.csv", mapping={"user_id": "user_id", "name": "name", "event_time": "event_time"})
    return project


def test_the_shops_burst_rule_on_imported_rows_in_any_order(tmp_path):
    rows = [(f"u{count}", 9 * index / max(1, count - 1)) for count in (1, 2, 10, 11) for index in range(count)]
    random.Random(1).shuffle(rows)
    found = backtest(shop(tmp_path, rows), "burst")
    assert [(row["user_id"], row["value"], row["alert"]) for row in found.rows] == [("u10", 10, False), ("u11", 11, True), ("u2", 2, False)]
    assert {(row["window_start"], row["window_end"]) for row in found.rows} == {("2026-11-01T00:00:00Z", "2026-11-01T00:00:10Z")}
    assert [(alert.key, alert.value, alert.details) for alert in found.alerts] == [({"user_id": "u11"}, 11.0, {"measure": "count"})]
    assert found.counts == {"taken": 24, "alerts": 1}, "history has no late records"


def test_what_cannot_be_asked_is_said(tmp_path):
    project = shop(tmp_path, [("u", 1)])
    with pytest.raises(InvalidQuery, match="there is no rule 'brust'") as told:
        backtest(project, "brust")
    assert told.value.hint == "did you mean 'burst'?"
    with pytest.raises(InvalidQuery, match="'soon' is not a date or time"):
        backtest(project, "burst", since="soon")
    (tmp_path / "footfall.toml").write_text(
        '[[rule]]\nname = "x"\nkind = "threshold"\nkey = ["usr_id"]\nwindow = { tumbling = "1s" }\nalert_above = 1\n'
    )
    with pytest.raises(InvalidConfig, match="rule 'x': events have no column 'usr_id'"):
        backtest(open_project(tmp_path), "x")


WEB = """
[[rule]]
name = "hammering"
kind = "threshold"
stream = "logs"
key = ["ip"]
where = ["is_bot!=true"]
window = { tumbling = "10s" }
measure = "count"
alert_above = 100

[[rule]]
name = "errors"
kind = "threshold"
stream = "logs"
window = { tumbling = "1m" }
measure = "share(status>=400)"
events_min = 20
alert_above = 0.3
"""


def tailed(tmp_path, text):
    """Log lines through the door, the log and the live path, as `footfall tail` sends them; the alerts."""
    project = declare(tmp_path / "web", '[collect]\nip = "hash"\n' + WEB)
    (tmp_path / "access.log").write_bytes(text if text.endswith(b"\n") else text + b"\n")
    with Up(project.path) as up:
        options = TailOptions(once=True)
        Tail((str(tmp_path / "access.log"),), f"http://127.0.0.1:{up.port}", tmp_path / "tail", options, say=lambda _: None).run()
        log = open_log(project.config.log, project.path, read_only=True)
        reader = SqliteReader(project.path / ".footfall" / "state.db")
        wait_until(lambda: reader.moment().position == log.end() > 0, 120)
        alerts = [alert for _, alert in reader.alerts(limit=100_000, newest=False)]
        log.close()
        reader.close()
    return alerts


@pytest.mark.slow
def test_a_scanner_raises_alerts_within_its_first_seconds(tmp_path, real_data):
    text = gzip.decompress(real_data("web_scanner_logs/netsparker.txt.gz").read_bytes())
    alerts = tailed(tmp_path, b"\n".join(line.strip().removeprefix(b'"').removesuffix(b'"') for line in text.splitlines()))
    first_us = int(datetime(2016, 12, 22, 12, 19, 5, tzinfo=UTC).timestamp()) * S
    for rule in ("hammering", "errors"):
        times = [alert.time_us for alert in alerts if alert.rule == rule]
        assert times, rule
        assert min(times) - first_us < 60 * S, (rule, (min(times) - first_us) / S)


@pytest.mark.slow
def test_ordinary_visitors_raise_none(tmp_path, real_data):
    alerts = tailed(tmp_path, gzip.decompress(real_data("elastic_apache_logs/apache_logs.gz").read_bytes()))
    assert alerts == []
