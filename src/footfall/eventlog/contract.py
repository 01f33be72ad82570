"""The EventLog contract: what was accepted, in order, on disk before anybody is told so.

A log is a line of positions.  Every record (an event, a line of an application log, a dead letter) has one.  A writer appends groups of
frames; a group is one block, durable as a whole when `append` returns, and visible to readers of any process from then on.  A
reader asks for blocks from a position on and notes how far it came under a name; what every name has passed may be trimmed.
One process appends, any number read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

Stream = Literal["events", "logs", "letters"]
Form = Literal["raw", "lines"]


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The accepted part of one request, with its envelope.

    `body` is the request's body as it came (`raw`; `path` and `kept`, the indexes of the accepted items or None for all, belong to it), or
    one canonical JSON object a line (`lines`: Event, LogRecord or Letter by stream).  `count` records take `count` positions, in order.
    `sent` is the client's clock when it sent the request, as ISO text or microseconds.  `agent` is the client's User-Agent and the place is
    that of its address, both only where the client is the user's own device.
    """

    stream: Stream
    protocol: str
    form: Form
    count: int
    received_us: int
    body: bytes
    source: str | None = None
    sent: str | int | None = None
    agent: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    path: str = ""
    kept: tuple[int, ...] | None = None


class Counts(msgspec.Struct, frozen=True, gc=False):
    """received = accepted + duplicate + dead_lettered, always, for the records of a group or of a whole log."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    dead_lettered: int = 0

    def __add__(self, other: Counts) -> Counts:
        """The sum of two."""
        return Counts(
            self.received + other.received,
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.dead_lettered + other.dead_lettered,
        )


class Group(msgspec.Struct, frozen=True):
    """What is appended at once: frames, the 64-bit hashes of the message ids in them (8 bytes each, little endian), and the counts."""

    frames: Sequence[Frame]
    ids: bytes
    counts: Counts
    received_us: int


class Block(msgspec.Struct, frozen=True):
    """One appended group as a reader gets it; its records have the positions `position` to `position + count - 1`."""

    position: int
    count: int
    received_us: int
    frames: list[Frame]

    @property
    def end(self) -> int:
        """The position behind the last record."""
        return self.position + self.count


class EventLog(Protocol):
    """An append-only, durable log."""

    name: str  # stays with the log's data; commit ids of what was read are made with it

    def append(self, group: Group) -> int:
        """Make a group durable and return its first position.  A group may have counts only.

        Raises:
            StorageFailed: it is not durable, no reader will ever see it, and the log can be used on.
        """

    def start(self) -> int:
        """The first position that is still there."""

    def end(self) -> int:
        """The position that the next record gets."""

    def read(self, position: int, *, bytes_max: int = 16 << 20) -> Iterator[Block]:
        """Blocks from the one that holds `position` on, up to about `bytes_max` of packed bytes, at least one if there is one."""

    def ids(self, since_us: int) -> Iterator[tuple[int, bytes]]:
        """(time of receipt, hashes) of every group received since then, trimmed ones included as long as the window of duplicates lasts."""

    def totals(self) -> Counts:
        """The counts of everything ever appended."""

    def positions(self) -> Mapping[str, int]:
        """Every reader's name and the position it has passed."""

    def move(self, reader: str, position: int) -> None:
        """Note that a reader has passed everything before `position`."""

    def forget(self, reader: str) -> None:
        """Let a reader's name go, so that it no longer holds back trimming."""

    def trim(self) -> int:
        """Remove whole files that every reader has passed; the bytes that were freed.  Without readers nothing is removed."""

    def due(self) -> bool:
        """Whether the appending process should append a group without frames, so that what is there can be trimmed in time."""

    def ask_for_file(self) -> None:
        """From any process: ask that what is there now can be trimmed once every reader has passed it."""

    def close(self) -> None:
        """Let go of the files."""
