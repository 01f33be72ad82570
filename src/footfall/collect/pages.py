"""footfall's own paths on the port: health, numbers, the description of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from footfall.collect.keys import KeyRing
from footfall.collect.openapi import document
from footfall.collect.steps import Desk
from footfall.collect.tag import answer_tag
from footfall.collect.wire.contract import JSON, TEXT, Answer, Asked
from footfall.eventlog.committer import GroupCommit
from footfall.eventlog.contract import EventLog

if TYPE_CHECKING:
    from footfall.collect.door import Door, OwnPage

_EXPOSITION = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Further:
    """What the rooms above show on the same port.

    `pages` by path and `prefixes` by how a path begins; `paths` is their part of the OpenAPI document, `metrics` gives their lines of /metrics,
    and `close` is called when the port has closed.
    """

    pages: Mapping[str, OwnPage]
    prefixes: Mapping[str, OwnPage]
    paths: Mapping[str, Any]
    metrics: Callable[[], Awaitable[str]]
    close: Callable[[], None]


class Pages:
    """The pages and what they look at."""

    def __init__(self, desk: Desk, committer: GroupCommit, log: EventLog, further: Further | None = None) -> None:
        self.desk = desk
        self.committer = committer
        self.log = log
        self.further = further
        self.door: Door | None = None
        self._document = msgspec.json.encode(document(desk.routing, further.paths if further is not None else {}))

    def by_path(self) -> dict[str, OwnPage]:
        """Path -> page."""
        further = self.further.pages if self.further is not None else {}
        own: dict[str, OwnPage] = {"/": self.front, "/healthz": self.health, "/metrics": self.metrics, "/openapi.json": self.openapi}
        return {**further, **own, "/tag.js": answer_tag}

    def by_prefix(self) -> Mapping[str, OwnPage]:
        """How a path begins -> page."""
        return self.further.prefixes if self.further is not None else {}

    def front(self, asked: Asked) -> Answer:
        """What a person sees who opens the port in a browser."""
        del asked
        titles = ", ".join(protocol.title for protocol in self.desk.routing.protocols)
        return Answer(200, f"footfall takes events here: {titles}.\nThe paths: /openapi.json\n".encode(), (TEXT,))

    def health(self, asked: Asked) -> Answer:
        """200 while events are taken; 503 while the log cannot be written."""
        del asked
        failing = self.committer.failing
        body = msgspec.json.encode({"status": "failing" if failing else "ok", "reason": failing.sentence if failing else None})
        return Answer(503 if failing else 200, body, (JSON, (b"cache-control", b"no-store")))

    async def metrics(self, asked: Asked) -> Answer:
        """Counters for Prometheus; asks for a read key where the project has one."""
        if not allowed(asked, self.desk.keys):
            return Answer(401, b"a read key is needed: Authorization: Bearer KEY\n", (TEXT, (b"www-authenticate", b"Bearer")))
        assert self.door is not None, "the pages are shown by a door"
        gauges: dict[str, float] = {
            "footfall_waiting_bytes": self.door.waiting_bytes + self.committer.waiting_bytes,
            "footfall_duplicate_window_ids": len(self.desk.window),
            "footfall_log_end_position": self.log.end(),
            "footfall_open_streams": self.door.streams.open,
        }
        totals = self.log.totals()
        gauges |= {f"footfall_log_{name}_events": getattr(totals, name) for name in ("received", "accepted", "duplicate", "dead_lettered")}
        more = await self.further.metrics() if self.further is not None else ""
        return Answer(200, (self.door.counters.exposition(gauges) + more).encode(), (_EXPOSITION,))

    def openapi(self, asked: Asked) -> Answer:
        """The description of every path, for programs."""
        del asked
        return Answer(200, self._document, (JSON,))


def allowed(asked: Asked, keys: KeyRing) -> bool:
    """Whether a request may read: a read or admin key, or nobody asks for one."""
    if not keys.guarded("read") and not keys.guarded("write") and not keys.guarded("admin"):
        return True
    scheme, _, sent = (asked.header(b"authorization") or "").partition(" ")
    return scheme.lower() == "bearer" and keys.source(sent, "read") is not None
