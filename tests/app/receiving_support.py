"""A tiny collector: a real HTTP server that keeps what it is sent, removes ids it knows, and answers as it is told."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Collector(ThreadingHTTPServer):
    """`answers` are (status, headers, body) for the next requests; afterwards everything is taken with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.stored: dict[str, dict[str, Any]] = {}
        self.again = 0
        self.on_request: Callable[[], None] | None = None
        self.guard = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.shutdown()
        self.server_close()

    def lines(self) -> list[dict[str, Any]]:
        """Every NDJSON line of every request that was taken."""
        return [json.loads(line) for _, _, body in self.requests for line in body.splitlines()]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_GET(self) -> None:
        self._answer(200, {}, b"ok")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.server.guard:
            status, headers, reply = self.server.answers.pop(0) if self.server.answers else (200, {}, b'{"status":"ok"}')
            if 200 <= status < 300:
                self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self._store(body)
            if self.server.on_request:
                self.server.on_request()
        if status == 0:  # take it and break off before the answer
            self._store(body)
            self.close_connection = True
            return
        self._answer(status, headers, reply)

    def _store(self, body: bytes) -> None:
        if not self.path.startswith("/api/v1/"):
            return
        for line in body.splitlines():
            item = json.loads(line)
            self.server.again += item["event_id"] in self.server.stored
            self.server.stored.setdefault(item["event_id"], item)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass
