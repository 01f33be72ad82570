"""`footfall tail`: from growing log files to the collector, each line into the log exactly once.

For each batch: note where it ends, send it, and once the collector has it on disk, note that it is done.  A crash in between sends the same
batch again with the same ids, and the collector's window of duplicates takes them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from footfall import clock
from footfall.app.front.sending.door import Door, Post, Reply, refused
from footfall.connectors.logs.checkpoints import Checkpoints
from footfall.connectors.logs.contract import LineFormat
from footfall.connectors.logs.cutting import Cut
from footfall.connectors.logs.following import Followed
from footfall.connectors.logs.formats import line_format
from footfall.connectors.logs.moments import Moments
from footfall.connectors.logs.watching import LogFiles
from footfall.errors import StorageFailed

PATH = "/api/v1/logs"
POLL_S = 0.25
ONCE_PATIENCE_S = 60.0
STATE_FILE = "tail.json"
_TOO_LARGE = 413

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TailOptions:
    """How files are followed.  `zone` is that of times without an offset; `at_end` passes what is there at the very first start.

    `destination` is the name that checkpoints are kept under, where the address of one collector may change; the address by default.
    """

    format: str = "auto"
    zone: str = "UTC"
    key: str | None = None
    at_end: bool = False
    once: bool = False
    destination: str | None = None


@dataclass(slots=True)
class TailCounts:
    """What was sent so far: elements, those of them that no format could read, and requests."""

    sent: int = 0
    unreadable: int = 0
    requests: int = 0


class Tail:
    """Follows files and sends what they say to one collector."""

    def __init__(
        self, files: Sequence[str], to: str, state: Path, options: TailOptions, *, say: Say, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.options = options
        self.counts = TailCounts()
        self._stopped = stopped
        self._say = say
        self._moments = Moments(options.zone)
        self._form()  # refuses a format that does not exist before anything is read
        patience_s = ONCE_PATIENCE_S if options.once else None
        self.door = Door(to, patience_s=patience_s, say=say, stopped=stopped)
        self.files = LogFiles(files, Checkpoints(state / STATE_FILE, options.destination or self.door.url), self._form, say=say)
        self._headers = {"Content-Type": "application/x-ndjson"} | ({"Authorization": f"Bearer {options.key}"} if options.key else {})

    def run(self) -> TailCounts:
        """Follow until `stopped`; with `once` to the end of every file."""
        try:
            while not self._stopped():
                moved = self.round()
                if not moved and self.options.once:
                    break
                if not moved:
                    clock.sleep_s(POLL_S)
        except StorageFailed:
            if not self._stopped():
                raise
        finally:
            if self.options.once:
                self._tell_unfinished()
            self.files.close()
            self.door.close()
        return self.counts

    def round(self) -> bool:
        """Look at every file once and send what is there; whether there was anything."""
        self.files.look(at_end=self.options.at_end)
        moved = False
        for followed in self.files:
            if self._stopped():
                break
            made = followed.next(last=self.options.once)
            if made is not None:
                self._deliver(followed, made)
                moved = True
            elif followed.replaced:
                moved = True
            elif followed.drained(last=self.options.once):
                self.files.finish(followed)
        return moved

    def _deliver(self, followed: Followed, made: Cut) -> None:
        checkpoint = followed.checkpoint
        assert checkpoint is not None, "elements come from a content that has an identity"
        if made.elements:
            checkpoint.until = made.end
            self.files.checkpoints.save([checkpoint])
            self._send(made.elements)
        followed.passed(made.end)
        self.files.checkpoints.save([checkpoint])
        self.counts.sent += len(made.elements)
        self.counts.unreadable += made.unreadable

    def _send(self, elements: list[bytes]) -> None:
        reply = self._post(elements)
        if reply.fine:
            return
        if reply.status != _TOO_LARGE:
            raise refused(self.door, reply)
        if len(elements) > 1:
            middle = len(elements) // 2
            self._send(elements[:middle])
            self._send(elements[middle:])
        elif not (reply := self._post([_as_letter(elements[0])])).fine:
            raise refused(self.door, reply)

    def _post(self, elements: list[bytes]) -> Reply:
        self.counts.requests += 1
        return self.door.post(Post(PATH, b"\n".join(elements) + b"\n", self._headers))

    def _form(self) -> LineFormat:
        return line_format(self.options.format, self._moments)

    def _tell_unfinished(self) -> None:
        for followed in self.files:
            if followed.unread and not self._stopped():
                self._say(f"{followed.path}: the last line has no end yet ({followed.unread:,} bytes); it is read when it has one")


def _as_letter(element: bytes) -> bytes:
    """A record that is too large for the collector, as a line that becomes a dead letter."""
    event_id = msgspec.json.decode(element).get("event_id")
    text = element[: 8 << 10].decode("utf-8", "replace")
    detail = f"the record has {len(element):,} bytes, which is more than the collector takes"
    return msgspec.json.encode({"line": text, "reason": "event_too_large", "detail": detail, "event_id": event_id})
