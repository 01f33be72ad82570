"""The whole live path: however the records are cut, wherever it restarts or a commit fails, views, alerts and counts are the same."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from footfall.app.live.built_in import VIEWS
from footfall.errors import StorageFailed
from footfall.event.schema import LOG_SCHEMA, TIME
from footfall.rules.menu import rule_of
from footfall.stream.active import ActiveNow
from footfall.stream.runtime import LivePath
from footfall.stream.store.contract import RowsWanted
from footfall.stream.store.sqlite import SqliteViews
from footfall.stream.view import View, ViewOperator
from tests_support import event_table

S = 1_000_000
T0 = 1_795_996_800 * S
LATENESS_US = 10 * S
RULES = (
    {"name": "burst", "kind": "threshold", "key": ["user_id"], "window": {"tumbling": "10s"}, "record_above": 1, "alert_above": 3, "cool_down": "20s"},
    {"name": "slow", "kind": "threshold", "stream": "logs", "key": ["path"], "window": {"sliding": "20s", "every": "5s"}, "measure": "p95(duration_ms)",
     "events_min": 3, "alert_above": 500},
    {"name": "visits", "kind": "threshold", "key": ["user_id"], "window": {"session": "15s"}, "measure": "distinct(page)", "alert_above": 2},
    {"name": "again", "kind": "repeat", "key": ["user_id", "page"], "times": 3, "within": "30s"},
    {"name": "then", "kind": "sequence", "key": ["user_id"], "steps": ["name=view", "name=cart", "name=buy"], "within": "40s"},
    {"name": "left", "kind": "absence", "key": ["user_id"], "first": "name=cart", "then": "name=buy", "within": "15s"},
    {"name": "spiky", "kind": "spike", "window": {"tumbling": "10s"}, "baseline": 5, "windows_min": 2, "events_min": 2, "sigmas": 1},
)  # fmt: skip


def operators():
    views = [ViewOperator(view, lateness_us=LATENESS_US) for view in VIEWS.values()]
    own = View(
        name="own",
        keys=("user_id",),
        window={"session": "12s"},
        measures={"n": "count", "pages": "distinct(page)", "path": "path(page, 4)", "buys": "count(name=buy)"},
    )
    return [ActiveNow(lateness_us=LATENESS_US, span_us=30 * S), *views, ViewOperator(own, lateness_us=LATENESS_US)] + [
        rule_of(rule).operator(lateness_us=LATENESS_US) for rule in RULES
    ]


def records(chance, count):
    """Records of both streams in the order of their positions: out of order, late, ahead, with ties, nulls and the same again."""
    now, found = T0, []
    for position in range(count):
        now += chance.choice([0, 0, chance.randrange(S), 3 * S])
        behind = chance.choice([0, 0, chance.randrange(5 * S), 10 * S, 10 * S + 1, 40 * S, -2 * S, -90 * S])
        common = {"position": position, "received_us": now + S, "time_us": now - behind}
        if chance.random() < 0.25:
            found.append(
                {
                    "stream": "logs",
                    "path": chance.choice(["/a", "/b"]),
                    "ms": chance.choice([None, chance.random() * 1_000]),
                    "status": chance.choice([200, 500]),
                    **common,
                }
            )
        else:
            user = chance.choice(["u1", "u2", "u3", None])
            found.append(
                {
                    "stream": "events",
                    "user": user,
                    "name": chance.choice(["view", "cart", "buy"]),
                    "page": chance.choice(["/x", "/y", None]),
                    **common,
                }
            )
    return found


def tables(some):
    events = [
        {"user_id": one["user"], "person_id": one["user"] or "nobody", "name": one["name"], "page": one["page"], "event_time": one["time_us"],
         "received_time": one["received_us"], "position": one["position"], "event_id": str(one["position"])}
        for one in some if one["stream"] == "events"
    ]  # fmt: skip
    lines = [one for one in some if one["stream"] == "logs"]
    given = {
        "time": pa.array([one["time_us"] for one in lines], pa.int64()).cast(TIME), "received_time": pa.array([one["received_us"] for one in lines], pa.int64()).cast(TIME),
        "position": [one["position"] for one in lines], "path": [one["path"] for one in lines], "duration_ms": [one["ms"] for one in lines],
        "status": [one["status"] for one in lines], "kind": ["access"] * len(lines), "event_id": [str(one["position"]) for one in lines],
    }  # fmt: skip
    logs = pa.table(
        {field.name: pa.array(given[field.name], field.type) if field.name in given else pa.nulls(len(lines), field.type) for field in LOG_SCHEMA}
    )
    return {"events": event_table(events) if events else None, "logs": logs}


class Path:
    """A live path that can be left behind and begun again over the same store."""

    def __init__(self, file):
        self.file = file
        self.begin()

    def begin(self):
        self.store = SqliteViews(self.file)
        self.path = LivePath(operators(), self.store, "log", actions={"burst": ("hook",)})

    def again(self):
        self.store.close()
        self.begin()

    def take(self, some):
        self.path.take(tables(some), some[-1]["position"] + 1)

    def everything(self):
        views = {name: self.store.rows(name, RowsWanted(limit=100_000)) for name in self.store.views()}
        alerts = [
            (alert.id, alert.rule, alert.key, alert.time_us, alert.value, alert.window_start_us, alert.details)
            for _, alert in self.store.alerts(limit=100_000)
        ]
        posted = [one.alert.id for one in self.store.posted("hook", after=0, limit=100_000)]
        return views, sorted(alerts, key=repr), sorted(posted), self.store.counters(), self.store.moment().clock_us


@pytest.mark.parametrize("seed", range(12))
def test_cuts_and_restarts_change_nothing(tmp_path, seed):
    chance = random.Random(seed)
    given = records(chance, 400)
    whole = Path(tmp_path / "whole.db")
    whole.take(given)
    cut = Path(tmp_path / "cut.db")
    left = list(given)
    while left:
        size = chance.choice([1, 2, 7, 60])
        cut.take(left[:size])
        left = left[size:]
        if chance.random() < 0.2:
            cut.again()
    views, alerts, posted, counts, clocks = whole.everything()
    assert {alert[1] for alert in alerts} >= {"burst", "again", "then", "left"}, "the streams raise something"
    again = cut.everything()
    assert again[0] == views
    assert again[1:3] == (alerts, posted)
    assert again[3:] == (counts, clocks)


def test_state_is_read_back_from_parts_and_changes(tmp_path, monkeypatch):
    monkeypatch.setattr("footfall.stream.state.PART_BYTES_MIN", 64)
    chance = random.Random(5)
    given = records(chance, 600)
    path = Path(tmp_path / "state.db")
    for first in range(0, 600, 3):
        path.take(given[first : first + 3])
        if first % 30 == 0:
            path.store.prune({}, {})
            before = {name: table.every().tolist() for name, table in path.path.saved.tables.items()}
            path.again()
            after = {
                name: dict(zip(table.every()[:, 0].tolist(), table.every().tolist(), strict=True)) for name, table in path.path.saved.tables.items()
            }
            for name, rows in before.items():
                if name.startswith(("view:active@", "rule:left@")):
                    continue  # some of their fields are worked out anew after a restart
                assert [(row, after[name].get(row[0])) for row in rows if after[name].get(row[0]) != row] == [], name
    whole = Path(tmp_path / "whole.db")
    whole.take(given)
    assert path.everything()[:2] == whole.everything()[:2]


def test_a_commit_that_fails_is_tried_again_first(tmp_path, monkeypatch):
    chance = random.Random(3)
    given = records(chance, 200)
    path = Path(tmp_path / "state.db")
    commit, fail = path.store.commit, [True]

    def failing(change):
        if fail[0]:
            raise StorageFailed("the disk is full")
        commit(change)

    monkeypatch.setattr(path.store, "commit", failing)
    with pytest.raises(StorageFailed):
        path.take(given[:100])
    with pytest.raises(StorageFailed):
        path.path.retry()
    assert path.path.waits
    assert path.store.moment().position == 0
    fail[0] = False
    path.path.retry()
    path.take(given[100:])
    whole = Path(tmp_path / "whole.db")
    whole.take(given)
    assert path.everything() == whole.everything()


def test_a_commit_that_fails_beside_the_next_batch_is_said_and_tried_again(tmp_path, monkeypatch):
    given = records(random.Random(4), 200)
    store = SqliteViews(tmp_path / "state.db")
    path = LivePath(operators(), store, "log", beside=True)
    commit, fail = store.commit, [True]

    def failing(change):
        if fail[0]:
            raise StorageFailed("the disk is full")
        commit(change)

    monkeypatch.setattr(store, "commit", failing)
    path.take(tables(given[:100]), 100)
    with pytest.raises(StorageFailed):
        path.drain()
    assert path.waits
    with pytest.raises(StorageFailed):
        path.take(tables(given[100:]), 200)
    assert (path.taken.position, store.moment().position) == (100, 0), "nothing more is taken before what failed is stored"
    fail[0] = False
    path.retry()
    path.take(tables(given[100:]), 200)
    path.drain()
    path.close()
    whole = Path(tmp_path / "whole.db")
    whole.take(given)
    assert store.counters() == whole.store.counters()
    assert {one.id for _, one in store.alerts(limit=100_000)} == {one.id for _, one in whole.store.alerts(limit=100_000)}


def test_a_declaration_that_changes_begins_anew(tmp_path):
    store = SqliteViews(tmp_path / "state.db")
    view = View(name="pages", keys=("page",), window={"tumbling": "1m"})
    given = records(random.Random(1), 50)
    LivePath([ViewOperator(view, lateness_us=LATENESS_US)], store, "log").take(tables(given), 50)
    assert store.rows("pages", RowsWanted())
    other = View(name="pages", keys=("page",), window={"tumbling": "2m"})
    path = LivePath([ViewOperator(other, lateness_us=LATENESS_US)], store, "log")
    assert path.moment.position == 50
    assert store.rows("pages", RowsWanted()) == []
    assert len(store.tables()) == 0
    LivePath([ViewOperator(other, lateness_us=LATENESS_US)], store, "another log")
    assert store.moment().position == 0


def test_people_leave_while_nothing_arrives(tmp_path):
    path = Path(tmp_path / "state.db")
    event = {"stream": "events", "user": "u1", "name": "cart", "page": "/x", "position": 0, "time_us": T0, "received_us": T0}
    path.take([event])
    assert [row["people"] for row in path.store.rows("active", RowsWanted())] == [1]
    assert not path.path.tick(T0 + 20 * S)
    assert path.path.tick(T0 + 31 * S)
    assert path.store.rows("active", RowsWanted()) == []
    assert [alert.rule for _, alert in path.store.alerts()] == ["left"], "a cart that nobody bought within 15 s and the lateness"
    assert path.store.ticks("rule:left") == [(1, T0 + 31 * S)]
    assert not path.path.tick(T0 + 60 * S)
