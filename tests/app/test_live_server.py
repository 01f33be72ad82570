"""The streams of a real server: changes within a moment, a clean end on both sides, and readers that cost nothing when they do not read."""

from __future__ import annotations

import json
import re
import socket

import psutil
import pytest

from footfall import clock
from footfall.app.live.path import ProjectPath
from footfall.collect.streaming import STREAMS_MAX
from footfall.eventlog.opening import open_log
from live_support import Listener, declare
from up_support import Up, wait_until

pytestmark = pytest.mark.slow
STREAM = "/api/v1/views/pages/stream"


class Running:
    """A door as a process of its own, and the live path here."""

    def __init__(self, folder):
        self.project = declare(folder)
        self.up = Up(folder, only="door").start()
        self.log = open_log(self.project.config.log, folder, read_only=True)
        self.path = ProjectPath(self.project, self.log)
        self.sent = 0

    def visit(self, *pages, person="ada"):
        """Events over HTTP, taken by the live path."""
        events = []
        for page in pages:
            self.sent += 1
            events.append({"name": "view", "event_id": f"e{self.sent}", "user_id": person, "page": page})
        status, body = self.up.ask("/api/v1/events", json.dumps(events).encode())
        assert status == 200, body
        while self.path.step(self.log.end()):
            pass

    def visit_and_see(self, listener, *pages):
        """Visits, one after the other, until a reader who reads has seen each."""
        for page in pages:
            self.visit(page)
            while page not in {row["page"] for row in listener.next()[2]["rows"]}:
                pass

    def stuck(self):
        """A client that asks for a stream and reads nothing of it."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.settimeout(30)
        client.connect(("127.0.0.1", self.up.port))
        client.sendall(f"GET {STREAM}?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client

    def open_streams(self):
        return int(re.search(r"^footfall_open_streams (\d+)$", self.up.ask("/metrics")[1].decode(), re.MULTILINE)[1])

    def close(self):
        self.path.close()
        self.log.close()
        if self.up.process.poll() is None:
            self.up.stop()


@pytest.fixture
def running(tmp_path):
    made = Running(tmp_path / "shop")
    yield made
    made.close()


def test_changes_arrive_within_a_moment_and_readers_come_and_go(running):
    running.visit("/")
    first = Listener(running.up.port, f"{STREAM}?latest=1")
    assert first.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [row["page"] for row in first.next()[2]["rows"]] == ["/"]
    alerts = Listener(running.up.port, "/api/v1/alerts/stream")
    began_s = clock.monotonic_s()
    running.visit("/cart", "/pay", "/thanks")
    _, number, document = first.next()
    assert clock.monotonic_s() - began_s < 2
    assert {"/", "/cart"} <= {row["page"] for row in document["rows"]}
    assert alerts.next()[2]["rule"] == "burst"
    assert running.open_streams() == 2
    first.close()
    wait_until(lambda: running.open_streams() == 1)
    resumed = Listener(running.up.port, STREAM, {"Last-Event-ID": number})
    running.visit("/more")
    assert "/more" in {row["page"] for row in resumed.next()[2]["rows"]}
    resumed.close()
    alerts.close()
    wait_until(lambda: running.open_streams() == 0)


def test_a_door_that_is_told_to_stop_ends_streams_and_does_not_wait_for_those_who_do_not_read(running):
    running.visit(*(f"/{'long/' * 200}{number}" for number in range(900)))
    listener = Listener(running.up.port, f"{STREAM}?order=-events&limit=1000")
    listener.next()
    stuck = running.stuck()
    running.visit_and_see(listener, *(f"/{number}" for number in range(10)))
    began_s = clock.monotonic_s()
    assert running.up.stop() == 0
    assert clock.monotonic_s() - began_s < 20
    with pytest.raises(EOFError):
        listener.next()
    listener.close()
    stuck.close()
    assert [line for line in running.up.talk if "rror" in line] == []


def test_readers_that_do_not_read_hold_no_memory_and_then_get_the_newest(running):
    running.visit(*(f"/{'long/' * 100}{number}" for number in range(500)))
    process = psutil.Process(running.up.process.pid)
    stuck = [running.stuck() for _ in range(20)]
    listener = Listener(running.up.port, f"{STREAM}?limit=1000")
    wait_until(lambda: running.open_streams() == 21)
    before = process.memory_info().rss
    running.visit_and_see(listener, *(f"/{number}" for number in range(30)))
    assert process.memory_info().rss - before < 48 << 20, "30 states of 300 KB for 20 readers would be 180 MB"
    assert running.up.ask("/v1/track", b'{"event":"x","userId":"u"}')[0] == 200
    running.visit_and_see(listener, "/newest")
    found = b""
    while b'"/newest"' not in found:
        found += stuck[0].recv(1 << 16)
    assert found.count(b"event: rows") < 20, "states in between are left out"
    for client in stuck:
        client.close()
    listener.close()
    wait_until(lambda: running.open_streams() == 0)


def test_streams_are_bounded(running):
    running.visit("/")
    listeners = [Listener(running.up.port, STREAM) for _ in range(STREAMS_MAX)]
    for listener in listeners:
        assert listener.next()[0] == "rows"
    refused = Listener(running.up.port, STREAM)
    assert refused.answer.status == 429
    assert int(refused.answer.headers["retry-after"]) >= 1
    assert running.up.ask("/api/v1/views/pages")[0] == 200
    running.visit("/everybody")
    for listener in listeners:
        assert "/everybody" in {row["page"] for row in listener.next()[2]["rows"]}
    for listener in [*listeners, refused]:
        listener.close()
    wait_until(lambda: running.open_streams() == 0)


def test_from_the_sender_to_the_reader_with_everything_running(tmp_path):
    declare(tmp_path / "shop")
    with Up(tmp_path / "shop") as up:
        assert up.ask("/v1/track", b'{"event":"warm","userId":"u","messageId":"w"}')[0] == 200
        wait_until(lambda: up.ask("/api/v1/views/pages")[0] == 200, 120)
        listener = Listener(up.port, f"{STREAM}?page=/cart")
        assert listener.next()[2]["rows"] == []
        took_s = []
        for number in range(5):
            began_s = clock.monotonic_s()
            assert (
                up.ask("/api/v1/events", json.dumps({"name": "view", "event_id": f"e{number}", "user_id": "ada", "page": "/cart"}).encode())[0] == 200
            )
            rows = listener.next()[2]["rows"]
            took_s.append(clock.monotonic_s() - began_s)
        assert sum(row["events"] for row in rows) == 5
        assert sorted(took_s)[2] < 1.5, took_s
        assert [alert["rule"] for alert in json.loads(up.ask("/api/v1/alerts")[1])["alerts"]] == ["burst"]
        status = json.loads(up.ask("/api/v1/live")[1])
        assert (status["position"], status["lag_records"]) == (6, 0)
        assert up.stop() == 0
        with pytest.raises(EOFError):
            listener.next()
        listener.close()
