"""A load of Segment bodies over keep-alive connections: what `wrk` with a script does, in one process without dependencies.

    python bench/load.py --port 8787 --events 100 --connections 32 --seconds 4 [--gzip]

Every event has an id of its own, so a server that removes duplicates keeps them all.  Prints one JSON line: requests and events a second, answers'
p50 and p99 in milliseconds, statuses, and the CPU seconds this process took itself.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import selectors
import socket
import sys
import time

EVENT = {
    "type": "track", "messageId": "ID-000000000000", "event": "Product Viewed", "userId": "user-000000000000", "anonymousId": "7a1c2f6e-5b1d-4f0e-9d55-0c9bd3a1e2f4",
    "timestamp": "2026-11-20T10:11:12.345Z",
    "context": {"library": {"name": "analytics.js", "version": "4.1.2"}, "page": {"url": "https://shop.example/p/4711?utm_source=mail", "path": "/p/4711", "referrer": "https://search.example/"},
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36", "locale": "en-GB"},
    "properties": {"product_id": 4711, "price": 19.95, "currency": "EUR", "category": "hats", "position": 3},
}  # fmt: skip
MARK, PERSON = b"ID-000000000000", b"user-000000000000"


class Bodies:
    """Bodies of `events` events; ids count up over everything that was ever made."""

    def __init__(self, events: int, packed: bool) -> None:
        self.events = events
        self.packed = packed
        self.run = os.getpid() % 10_000
        one = json.dumps(EVENT, separators=(",", ":")).encode()
        body = b'{"batch":[' + b",".join([one] * events) + b'],"sentAt":"2026-11-20T10:11:12.400Z","writeKey":"bench"}'
        self.template = bytearray(body)
        self.places, self.people = [], []
        at = 0
        for _ in range(events):
            at = body.index(MARK, at)
            self.places.append(at + 3)
            self.people.append(body.index(PERSON, at) + 5)
            at += 1
        self.number = 0
        encoding = b"Content-Encoding: gzip\r\n" if packed else b""
        self.head = b"POST /v1/batch HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n" + encoding + b"Content-Length: %d\r\n\r\n"
        self.ready: list[bytes] = []

    def next(self) -> bytes:
        """One whole request."""
        if self.ready:
            return self.ready.pop()
        number = self.number
        template = self.template
        for place, person in zip(self.places, self.people, strict=True):
            template[place : place + 12] = b"%04d%08d" % (self.run, number)
            template[person : person + 12] = b"%012d" % (number % 100_003)
            number += 1
        self.number = number
        body = gzip.compress(bytes(template), 1) if self.packed else bytes(template)
        return self.head % len(body) + body

    def prepare(self, count: int) -> None:
        """Make requests before the clock runs."""
        self.ready = [self.next() for _ in range(count)]


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.left = memoryview(b"")
        self.began = 0.0
        self.answer = b""

    def send(self, request: bytes) -> None:
        self.left = memoryview(request)
        self.began = time.perf_counter()
        self.answer = b""
        self.push()

    def push(self) -> None:
        while self.left:
            try:
                self.left = self.left[self.socket.send(self.left) :]
            except BlockingIOError:
                return

    def receive(self) -> int | None:
        """The status once the answer is complete."""
        try:
            got = self.socket.recv(65_536)
        except BlockingIOError:
            return None
        if not got:
            raise ConnectionResetError("the server closed a connection")
        self.answer += got
        head, ended, body = self.answer.partition(b"\r\n\r\n")
        if not ended:
            return None
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        return int(head[9:12]) if len(body) >= length else None


def run(port: int, events: int, connections: int, seconds: float, packed: bool, prepared: int) -> dict:
    """Send for some seconds."""
    bodies = Bodies(events, packed)
    bodies.prepare(prepared)
    selector = selectors.EpollSelector()
    clients = [Connection(port) for _ in range(connections)]
    statuses: dict[int, int] = {}
    times: list[float] = []
    own = time.process_time()
    begin = time.perf_counter()
    end = begin + seconds
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(bodies.next())
    open_requests = len(clients)
    while open_requests:
        for key, _ in selector.select(1.0):
            client = key.data
            status = client.receive()
            if status is None:
                client.push()
                continue
            now = time.perf_counter()
            statuses[status] = statuses.get(status, 0) + 1
            times.append(now - client.began)
            if now < end:
                client.send(bodies.next())
            else:
                open_requests -= 1
                selector.unregister(client.socket)
        for client in clients:
            if client.left:
                client.push()
    took = time.perf_counter() - begin
    good = sum(count for status, count in statuses.items() if status < 300)
    times.sort()
    return {
        "requests_s": good / took, "events_s": good * events / took, "p50_ms": 1e3 * times[len(times) // 2], "p99_ms": 1e3 * times[min(len(times) - 1, int(len(times) * 0.99))],
        "statuses": statuses, "seconds": took, "client_cpu_s": time.process_time() - own, "events": good * events,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--prepared", type=int, default=0)
    given = parser.parse_args()
    print(json.dumps(run(given.port, given.events, given.connections, given.seconds, given.gzip, given.prepared)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
