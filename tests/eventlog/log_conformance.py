"""The logs that every test of the EventLog contract runs on, and groups to append.

To add a log, add an entry to LOGS: a function that opens it at a folder, for appending or for reading only.  A log opened twice on the same
folder is the same log.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from footfall import clock
from footfall.eventlog.contract import Block, Counts, EventLog, Frame, Group
from footfall.eventlog.sqlite import SqliteLog

Maker = Callable[[Path, bool], EventLog]

LOGS: dict[str, Maker] = {
    "sqlite": lambda folder, read_only: SqliteLog(folder, read_only=read_only),
    # A file for every few groups: everything that happens at the edge of two files happens all the time.
    "sqlite-small-files": lambda folder, read_only: SqliteLog(folder, file_bytes=2_000, read_only=read_only),
}


def frame(number: int, count: int = 1, *, size: int = 0) -> Frame:
    """A frame that can be told from every other."""
    body = f'{{"number":{number}}}'.encode() + bytes(number * 7 % 251 for _ in range(size))
    return Frame("events", "segment", "raw", count, 1_700_000_000_000_000 + number, body, source="web", path="/v1/track")


def group(number: int, counts: tuple[int, ...] = (1,), *, duplicate: int = 0, size: int = 0, received_us: int | None = None) -> Group:
    """A group with a frame for each of `counts`, and ids that name the group."""
    accepted = sum(counts)
    frames = [frame(number * 100 + place, count, size=size) for place, count in enumerate(counts)]
    ids = b"".join((number * 100 + record).to_bytes(8, "little") for record in range(accepted))
    received_us = clock.now_us() if received_us is None else received_us
    return Group(frames, ids, Counts(accepted + duplicate, accepted, duplicate, 0), received_us)


def blocks(log: EventLog, position: int = 0) -> list[Block]:
    """Everything from a position on, as a reader gets it who asks again and again."""
    found: list[Block] = []
    while more := list(log.read(position, bytes_max=3_000)):
        found += more
        position = more[-1].end
    return found


def expected(groups: list[Group], position: int = 0) -> list[Block]:
    """The blocks that appending groups from a position on makes."""
    made = []
    for one in groups:
        count = sum(part.count for part in one.frames)
        if count:
            made.append(Block(position, count, one.received_us, list(one.frames)))
        position += count
    return made


def sum_of(groups: list[Group]) -> Counts:
    """The counts of groups."""
    total = Counts()
    for one in groups:
        total += one.counts
    return total
