"""For tests of actions: an alert, and a web server that answers as it is told and remembers what it was sent."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from footfall.connectors.actions.contract import Message, message_of
from footfall.stream.contract import Alert

START_US = 1_793_491_200_000_000  # 2026-11-01T00:00:00Z
SECOND_US = 1_000_000
ALERT = Alert(
    "5f0c",
    "burst",
    "high",
    {"user_id": "101"},
    START_US + 4 * SECOND_US,
    11.0,
    4711,
    START_US,
    START_US + 10 * SECOND_US,
    {"measure": "count"},
    START_US + 5 * SECOND_US,
)


def alert(**changes: Any) -> Alert:
    """The alert of the examples, with changes."""
    return msgspec.structs.replace(ALERT, **changes)


def message(**changes: Any) -> Message:
    """That alert as it is sent."""
    return message_of(alert(**changes))


def numbered(count: int) -> list[Message]:
    """Messages with the ids a0, a1, …"""
    return [message(id=f"a{number}", time_us=START_US + number * SECOND_US) for number in range(count)]


@dataclass(frozen=True)
class Taken:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Hook:
    """A web server on a free port.  `answers` are given one after the other, then 200; or a function of the request decides.

    An answer is a status, (status, headers), (status, headers, body), "hang" (no answer until it is closed), "drop" (the connection is closed) or
    "drip" (the status line, then a byte of a header now and then).
    """

    def __init__(self, answers: Sequence[Any] | Callable[[Taken], Any] = ()) -> None:
        self.taken: list[Taken] = []
        self.hanging = threading.Event()
        self._answers = answers if callable(answers) else list(answers)
        self._released = threading.Event()
        self._lock = threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hook.answer(self, Taken(self.path, dict(self.headers.items()), body))

            def do_GET(self) -> None:
                hook.answer(self, Taken(self.path, dict(self.headers.items()), b""))

            def log_message(self, *said: object) -> None:
                """Nothing."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler, taken: Taken) -> None:
        with self._lock:
            self.taken.append(taken)
            given = self._answers(taken) if callable(self._answers) else (self._answers.pop(0) if self._answers else 200)
        if given == "hang":
            self.hanging.set()
            self._released.wait(60)
            handler.close_connection = True
            return
        if given == "drop":
            handler.close_connection = True
            return
        if given == "drip":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self._released.wait(0.05):
                handler.wfile.write(b".")
                handler.wfile.flush()
            return
        status, headers, body = (given, {}, b"") if isinstance(given, int) else (*given, b"")[:3]
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def bodies(self) -> list[bytes]:
        """The bodies in the order they came."""
        with self._lock:
            return [taken.body for taken in self.taken]

    @property
    def ids(self) -> list[str]:
        """The ids of their alerts."""
        return [msgspec.json.decode(body)["id"] for body in self.bodies]

    def release(self) -> None:
        """What hangs goes on."""
        self._released.set()

    def close(self) -> None:
        """End it."""
        self.release()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()
