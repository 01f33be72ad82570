"""A door in this process: a real log in a folder, a real committer, and requests given to the ASGI application as uvicorn gives them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from footfall.collect.door import Door
from footfall.collect.duplicates import DuplicateWindow
from footfall.collect.keys import KeyRing
from footfall.collect.pages import Pages
from footfall.collect.places import Places
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.server import deliver_on
from footfall.collect.settings import CollectSection
from footfall.collect.steps import Desk
from footfall.event.canonical import Letter
from footfall.eventlog.committer import GroupCommit
from footfall.eventlog.contract import Block
from footfall.eventlog.sqlite import SqliteLog


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Doorway:
    """A door with its log; `async with` opens and closes it."""

    def __init__(self, folder: Path, settings: CollectSection | None = None, *, log=None, window_days: int = 7, further=None) -> None:
        self.further = further
        self.log = log or SqliteLog(folder / "log", file_bytes=64 << 20, window_days=window_days)
        self.desk = Desk(
            settings or CollectSection(),
            Routing(every_protocol()),
            KeyRing(folder / "state"),
            DuplicateWindow(window_days),
            Places(None),
            b"salt" * 8,
        )

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.committer = GroupCommit(self.log, deliver=deliver_on(loop))
        pages = Pages(self.desk, self.committer, self.log, self.further)
        self.door = pages.door = Door(self.desk, self.committer, pages.by_path(), pages.by_prefix())
        return self

    async def __aexit__(self, *problem):
        await asyncio.get_running_loop().run_in_executor(None, self.committer.close)
        self.log.close()

    async def ask(
        self,
        path: str,
        body: bytes = b"",
        headers: dict | None = None,
        *,
        method: str = "POST",
        pieces: Sequence[bytes] | None = None,
        client="127.0.0.1",
    ):
        """One request; `pieces` sends the body chunk by chunk, without a length."""
        path, _, query = path.partition("?")
        given = {name.lower().encode(): value.encode() for name, value in (headers or {}).items()}
        if pieces is None:
            given.setdefault(b"content-length", str(len(body)).encode())
        parts = list(pieces or [body])
        messages = [{"type": "http.request", "body": part, "more_body": index < len(parts) - 1} for index, part in enumerate(parts)]
        sent: list[dict] = []

        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": list(given.items()),
            "client": (client, 1234),
        }
        await self.door(scope, receive, send)
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], head, b"".join(message.get("body", b"") for message in sent[1:]))

    def blocks(self) -> list[Block]:
        found, position = [], self.log.start()
        while blocks := list(self.log.read(position)):
            found += blocks
            position = blocks[-1].end
        return found

    def letters(self) -> list[Letter]:
        decoder = msgspec.json.Decoder(Letter)
        return [one for block in self.blocks() for frame in block.frames if frame.stream == "letters" for one in decoder.decode_lines(frame.body)]


def track(number: int, **more) -> dict:
    """One Segment track call."""
    return {"type": "track", "messageId": f"id-{number}", "event": "view", "userId": "u1", "timestamp": "2026-01-02T03:04:05.678Z"} | more


def batch(*messages: dict) -> bytes:
    return json.dumps({"batch": list(messages), "sentAt": "2026-01-02T03:04:06Z", "writeKey": "shop"}).encode()
