"""A real server for the SDKs to talk to, and a gate in front of it that answers as servers in trouble do."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

import footfall
from footfall import clock
from footfall.eventlog.opening import open_log

T = TypeVar("T")
READY_SECONDS = 60
LANDED_SECONDS = 60
FOOTFALL = Path(sys.executable).parent / "footfall"
LISTENING = re.compile(r"http://[\w.\[\]:]+?:(\d+)")


def wait_for(look: Callable[[], T | None], what: str, seconds: float = LANDED_SECONDS) -> T:
    """The first thing that `look` finds; the test fails when there is none in time."""
    end = clock.monotonic_s() + seconds
    while clock.monotonic_s() < end:
        found = look()
        if found is not None:
            return found
        clock.sleep_s(0.1)
    pytest.fail(f"waited {seconds} s in vain for {what}")


def post(url: str, body: bytes | str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of one request; status 0 when the connection broke before an answer came."""
    content = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=content, headers={"Content-Type": "application/json", **(headers or {})}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, problem.read()
    except (urllib.error.URLError, ConnectionError):
        return 0, b""


class Door:
    """`footfall up` over a new project.  It keeps its port when it is stopped and started again.

    Many tests may use one door after the other.  Each calls `begin`: from then on only what is accepted later is seen, and `key` is a
    write key that nobody had before, since ids are removed as duplicates within one key.
    """

    def __init__(self, project: Path, configuration: str = "") -> None:
        self.project = project
        footfall.init(project)
        with (project / "footfall.toml").open("a", encoding="utf-8") as file:
            file.write("\n" + configuration)
        self.port = 0
        self.key = "key"
        self._keys = (f"key-{number}" for number in itertools.count())
        self._begin = 0
        self._opened = footfall.open(project)
        self._log = project.parent / f"{project.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Look at nothing that was accepted until now."""
        self.key = next(self._keys)
        log = open_log(self._opened.config.log, self.project, read_only=True)
        self._begin = log.end()
        log.close()

    def start(self) -> None:
        """Start it, on the port of the last time, and wait until it is ready."""
        assert self._process is None, "the door runs already"
        with self._log.open("wb") as log:
            command = [str(FOOTFALL), "-C", str(self.project), "up", "--port", str(self.port)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.port = wait_for(self._told_port, "the server's address", READY_SECONDS)
        wait_for(self._is_ready, "GET /healthz", READY_SECONDS)

    def _told_port(self) -> int | None:
        told = LISTENING.search(self.said())
        if told is None and self._process.poll() is not None:
            pytest.fail(f"the server did not start: {self.said()[-2000:]}")
        return int(told[1]) if told else None

    def _is_ready(self) -> bool | None:
        if self._process.poll() is not None:
            pytest.fail(f"the server ended while it started: {self.said()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return True if answer.status == 200 else None
        except OSError:
            return None

    def said(self) -> str:
        """What the server wrote to its terminal since it started."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """SIGTERM, and wait until it has drained; it must end well."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the server did not drain within 60 s: {self.said()[-2000:]}")
        assert status == 0, f"the server ended with {status}: {self.said()[-2000:]}"

    def kill(self) -> None:
        """End it and all of its parts with no time for last words."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def post(self, path: str, body: bytes | str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of one request, for what no SDK sends."""
        return post(self.url + path, body, headers)

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query over the project's lake as it is now."""
        return self._opened.sql(query).to_pylist()

    def events(self, expect: int, where: str = "true") -> list[dict[str, Any]]:
        """The events in order of acceptance, `properties` parsed, once there are `expect` of them; the test fails when there are more."""
        query = f"SELECT * FROM events WHERE position >= {self._begin} AND ({where}) ORDER BY position"
        rows = wait_for(lambda: found if len(found := self.sql(query)) >= expect else None, f"{expect} events in the lake")
        assert len(rows) == expect, f"{len(rows)} events, not {expect}: {[row['name'] for row in rows]}"
        for row in rows:
            row["properties"] = json.loads(row["properties"]) if row["properties"] else {}
        return rows

    def letters(self, expect: int = 0) -> list[dict[str, Any]]:
        """The dead letters, once there are `expect` of them; the test fails when there are more."""
        query = f"SELECT * FROM dead_letters WHERE position >= {self._begin} ORDER BY position"
        rows = wait_for(lambda: found if len(found := self.sql(query)) >= expect else None, f"{expect} dead letters")
        assert len(rows) == expect, f"{len(rows)} dead letters, not {expect}: {rows[:3]}"
        return rows


class Gate:
    """A way to the door that answers the next POST requests itself: `answers` are statuses, with headers if need be, or "lose".

    "lose" hands the request to the door and breaks off before its answer comes back, as a network does.  What is left over goes through.
    `seen` is (method, path, status) of every request, `bodies` the bodies of the POST requests as they came.
    """

    def __init__(self, door: Door, answers: Sequence[int | str | tuple[int, Mapping[str, str]]] = ()) -> None:
        self.door = door
        self.answers = list(answers)
        self.seen: list[tuple[str, str, int]] = []
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Gatekeeper,), {"gate": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def next_answer(self, method: str) -> int | str | tuple[int, Mapping[str, str]] | None:
        """What to answer, None to let the request through."""
        with self._lock:
            return self.answers.pop(0) if method == "POST" and self.answers else None

    def wait_until_answered(self, requests: int) -> None:
        """Wait until so many POST requests were answered."""
        wait_for(lambda: True if sum(method == "POST" for method, *_ in self.seen) >= requests else None, f"{requests} requests at the gate")

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Gatekeeper(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "POST":
            self.gate.bodies.append(body)
        answer = self.gate.next_answer(self.command)
        if answer is None or answer == "lose":
            self._pass_on(body, lose=answer == "lose")
            return
        status, headers = (answer, {}) if isinstance(answer, int) else answer
        # A browser shows a script nothing of an answer that does not allow it.
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
        self._reply(status, {**allowed, **headers}, b'{"success":false}')

    def _pass_on(self, body: bytes, *, lose: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.door.port, timeout=30)
        try:
            connection.request(self.command, self.path, body, {**self.headers, "Connection": "close"})
            answer = connection.getresponse()
            content = answer.read()
        except OSError:
            self._lose()
            return
        finally:
            connection.close()
        if lose:
            self._lose()
            return
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection", "transfer-encoding")}
        self._reply(answer.status, kept, content)

    def _lose(self) -> None:
        self.gate.seen.append((self.command, self.path, 0))
        self.close_connection = True

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.gate.seen.append((self.command, self.path, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_OPTIONS = do_PUT = _take  # noqa: N815
