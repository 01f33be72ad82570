"""kill -9 of everything under load: views, alerts and the lake are those of a run that nobody disturbed, and each alert reaches its webhook unchanged.

FOOTFALL_TEST_KILLS sets how often (8 when left out; 200 before a release).
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from footfall import clock
from footfall.app.live.path import catch_up
from footfall.app.project import init_project, open_project
from footfall.eventlog.opening import open_log
from footfall.stream.store.contract import RowsWanted
from footfall.stream.store.reading import SqliteReader
from up_support import Sender, Up, landed_all, wait_until

KILLS = int(os.environ.get("FOOTFALL_TEST_KILLS", "8"))
pytestmark = pytest.mark.slow
DECLARED = """
[[view]]
name = "own"
keys = ["user_id"]
window = { session = "30s" }
measures = { events = "count", sources = "distinct(event_id)" }

[[rule]]
name = "burst"
kind = "threshold"
key = ["user_id"]
window = { tumbling = "5s" }
measure = "count"
record_above = 1
alert_above = 10
actions = ["hook"]

[[rule]]
name = "again"
kind = "repeat"
key = ["user_id"]
times = 20
within = "20s"
cool_down = "10s"
actions = ["hook"]

[[notify]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:PORT/alerts"
"""


class Hook(ThreadingHTTPServer):
    """Takes webhooks; now and then it answers that it cannot."""

    daemon_threads = True

    def __init__(self, chance):
        super().__init__(("127.0.0.1", 0), Taken)
        self.chance = chance
        self.bodies = defaultdict(set)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Taken(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        failing = self.server.chance.random() < 0.05
        self.server.bodies[msgspec.json.decode(body)["id"]].add(body)
        self.send_response(503 if failing else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        del arguments


def everything(file):
    """Rows of views by name, and alerts without the moment when they were raised."""
    reader = SqliteReader(file)
    views = {name: reader.rows(name, RowsWanted(limit=1_000_000)) for name in reader.views() if name != "active"}
    alerts = [msgspec.structs.replace(alert, raised_us=0) for _, alert in reader.alerts(limit=1_000_000)]
    counters = reader.counters()
    reader.close()
    return {name: sorted(rows, key=repr) for name, rows in views.items()}, sorted(alerts, key=repr), counters


def caught_up(folder):
    log = open_log(open_project(folder).config.log, folder, read_only=True)
    reader = SqliteReader(folder / ".footfall" / "state.db")
    try:
        return reader.moment().position == log.end() and landed_all(folder)
    finally:
        reader.close()
        log.close()


def undisturbed(folder, other):
    """What a live path gives that takes the same log in one go."""
    init_project(other)
    shutil.copy(folder / "footfall.toml", other / "footfall.toml")
    shutil.copytree(folder / ".footfall" / "log", other / ".footfall" / "log")
    project = open_project(other)
    log = open_log(project.config.log, other, read_only=True)
    catch_up(project, log)
    log.close()
    return everything(other / ".footfall" / "state.db")


def test_views_alerts_and_lake_survive_kill_9(tmp_path):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    hook = Hook(random.Random(seed))
    folder = tmp_path / "shop"
    init_project(folder)
    with (folder / "footfall.toml").open("a", encoding="utf-8") as stream:
        stream.write(DECLARED.replace("PORT", str(hook.server_address[1])))
    up = Up(folder).start()
    senders = [Sender(up, f"c{number}", events=chance.choice([5, 20]), pause_s=0.02) for number in range(4)]
    for sender in senders:
        sender.start()
    try:
        wait_until((folder / ".footfall" / "state.db").exists, 120)
        for _ in range(KILLS):
            clock.sleep_s(chance.uniform(1.0, 4.0))
            up.kill()
            up = Up(folder, port=up.port).start()
            for sender in senders:
                sender.up = up
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join(30)
        wait_until(lambda: caught_up(folder), 120)
        views, alerts, counters = everything(folder / ".footfall" / "state.db")
        ids = {alert.id for alert in alerts}
        wait_until(lambda: ids <= set(hook.bodies), 120)
        assert up.stop() == 0
    finally:
        if up.process.poll() is None:
            up.kill()
        hook.shutdown()
        hook.server_close()
    assert len(alerts) > 10, f"state {seed}"
    assert len(ids) == len(alerts), f"state {seed}: no alert is there twice"
    assert set(hook.bodies) == ids, f"state {seed}"
    assert [one for one, bodies in hook.bodies.items() if len(bodies) != 1] == [], f"state {seed}: one content for each id"
    calm = undisturbed(folder, tmp_path / "calm")
    assert views == calm[0], f"state {seed}"
    assert alerts == calm[1], f"state {seed}"
    assert counters == calm[2], f"state {seed}"
    rows = open_project(folder).sql("SELECT count(*) AS rows, count(DISTINCT event_id) AS ids FROM events").to_pylist()
    assert rows[0]["rows"] == rows[0]["ids"] == counters["stream:events", "taken"], f"state {seed}"
