"""Events at a rate with bursts that trip a rule, and how long each alert takes until another process reads it, committed.

    python bench/live_load.py --port 8787 --state shop/.footfall/state.db --rate 20000 --seconds 8

Bodies of 100 Segment events leave on schedule over a few keep-alive connections; in some of them eleven events are of one new user, which is what the rule
`r2` waits for.  The latency of an alert runs from the moment its body was due to the moment it was seen in the store, which is looked at every 2 ms; `raised`
runs to the time that the alert itself carries.  Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import selectors
import sqlite3
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from load import Connection

BODY, BURST = 100, 11
CONNECTIONS = 16
BURSTS_S = 40
LOOK_S = 0.002
PERSONS, TRACKS = 89_000, 5_000
WAIT_S = 20.0
_MARKS = (b"ID-000000000000", b"user-000000000000", b"track-0000")
_EVENT = {
    "type": "track", "messageId": "ID-000000000000", "event": "play", "userId": "user-000000000000", "timestamp": "2026-11-30T00:00:00.000Z",
    "context": {"library": {"name": "analytics.js", "version": "4.1.2"}, "page": {"url": "https://listen.example/album/4711", "path": "/album/4711"},
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36", "locale": "en-GB"},
    "properties": {"track_id": "track-0000", "volume": 61, "playlist": "Rainy days"},
}  # fmt: skip


class Bodies:
    """Requests of BODY events by random people, or with a burst of one of them."""

    def __init__(self, seed: int) -> None:
        one = json.dumps(_EVENT, separators=(",", ":")).encode()
        self.run = seed % 10_000
        self.template = b'{"batch":[' + b",".join([one] * BODY) + b"]}"
        self.random = random.Random(seed)
        self.number = 0
        self.places = []
        at = 0
        for _ in range(BODY):
            at = self.template.index(_MARKS[0], at)
            user, track = self.template.index(_MARKS[1], at), self.template.index(_MARKS[2], at)
            self.places.append((at + 3, user + 5, track + 6))
            at += 1
        self.head = b"POST /v1/batch HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(self.template)

    def next(self, burst: int | None) -> bytes:
        """One whole request; `burst` is the number of the user who does BURST things at once."""
        body = bytearray(self.template)
        people = self.random.choices(range(PERSONS), k=BODY)
        tracks = self.random.choices(range(TRACKS), k=BODY)
        for index, ((place, user, track), person, played) in enumerate(zip(self.places, people, tracks, strict=True)):
            body[place : place + 12] = b"%04d%08d" % (self.run, self.number)
            self.number += 1
            body[user : user + 12] = b"%012d" % person if burst is None or index >= BURST else b"burst%07d" % burst
            body[track : track + 4] = b"%04d" % played
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23].encode() + b"Z"
        return self.head + bytes(body).replace(b"2026-11-30T00:00:00.000Z", now)


class Watching(threading.Thread):
    """Looks for committed alerts of the rule, as any other process would."""

    def __init__(self, state: Path) -> None:
        super().__init__(daemon=True)
        self.state = state
        self.seen: dict[str, tuple[float, int]] = {}  # user -> (seen at, raised_us)
        self.stop = threading.Event()
        self.batch_ms: list[float] = []  # what the live path says of its last 512 micro-batches

    def run(self) -> None:
        from footfall.stream.store.reading import SqliteReader

        while not there(self.state):
            self.stop.wait(0.05)
        reader, after = SqliteReader(self.state), 0
        while not self.stop.is_set():
            for number, alert in reader.alerts(after=after, rule="r2", limit=10_000, newest=False):
                self.seen.setdefault(str(alert.key["user_id"]), (time.time(), alert.raised_us))
                after = number
            self.stop.wait(LOOK_S)
        gauges = reader.gauges()
        self.batch_ms = [round(gauges.get("batch_ms", {}).get(share, 0.0), 1) for share in ("p50", "p99")]
        reader.close()


def there(state: Path) -> bool:
    """Whether the store has all its tables."""
    if not state.exists():
        return False
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as connection:
        return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'counts'").fetchone())


def send(port: int, rate: float, seconds: float, seed: int) -> tuple[dict[int, float], int, dict[int, int]]:
    """(burst -> when its body was due, events that were answered, statuses)."""
    bodies = Bodies(seed)
    selector = selectors.EpollSelector()
    idle = deque(Connection(port) for _ in range(CONNECTIONS))  # each in turn, so that none rests until the server lets go of it
    for client in idle:
        selector.register(client.socket, selectors.EVENT_READ, client)
    due: dict[int, float] = {}
    statuses: dict[int, int] = {}
    every_s, sent, answered = BODY / rate, 0, 0
    share = min(1.0, BURSTS_S * every_s)
    begin = time.time()
    count = int(seconds / every_s)
    while answered < count:
        now = time.time()
        while idle and sent < count and begin + sent * every_s <= now:
            burst = sent if int((sent + 1) * share) > int(sent * share) else None
            if burst is not None:
                due[seed * 100_000 + burst] = begin + sent * every_s
            idle.popleft().send(bodies.next(None if burst is None else seed * 100_000 + burst))
            sent += 1
        wait_s = begin + sent * every_s - time.time() if idle and sent < count else 0.05
        for key, _ in selector.select(max(0.0, wait_s)):
            status = key.data.receive()
            if status is not None:
                statuses[status] = statuses.get(status, 0) + 1
                answered += 1
                idle.append(key.data)
        for client in [one.data for one in selector.get_map().values() if one.data.left]:
            client.push()
    return due, answered * BODY, statuses


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warm", type=float, default=3)
    given = parser.parse_args()
    watching = Watching(given.state)
    watching.start()
    warm, _, _ = send(given.port, given.rate, given.warm, 1)
    wait_for(watching, warm)
    own, begin = time.process_time(), time.time()
    due, events, statuses = send(given.port, given.rate, given.seconds, 2)
    took = time.time() - begin
    missing = wait_for(watching, due)
    watching.stop.set()
    watching.join()
    seen = [(at, *watching.seen[name_of(burst)]) for burst, at in due.items() if name_of(burst) in watching.seen]
    latency_ms = sorted(1e3 * (visible - at) for at, visible, _ in seen)
    raised_ms = sorted(raised_us / 1e3 - 1e3 * at for at, _, raised_us in seen if raised_us)
    found = {"rate": given.rate, "reached": events / took, "events": events, "alerts": len(seen), "missing": missing, "statuses": statuses}
    found |= {f"{name}_ms": [share(times, q) for q in (0.5, 0.99, 1.0)] for name, times in (("seen", latency_ms), ("raised", raised_ms)) if times}
    print(json.dumps(found | {"batch_ms": watching.batch_ms, "client_cpu": (time.process_time() - own) / took}))
    return 0


def name_of(burst: int) -> str:
    return f"user-burst{burst:07}"


def wait_for(watching: Watching, due: dict[int, float]) -> int:
    """Until all alerts are there, but not for ever; how many are not."""
    until = time.time() + WAIT_S
    while (missing := sum(name_of(burst) not in watching.seen for burst in due)) and time.time() < until:
        time.sleep(0.05)
    return missing


def share(times: list[float], of: float) -> float:
    return round(times[min(len(times) - 1, int(len(times) * of))], 1)


if __name__ == "__main__":
    sys.exit(main())
