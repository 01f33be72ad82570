"""One log file while it grows: what was read is checked to be still there, so rotation and truncation lose nothing that exists.

Reading remembers nothing but a place: each time whole lines are read from the place where the last acknowledged batch ended.
A chunk counts only when, after it was read, the file still begins as before and the bytes before the place are the same; else the
content was replaced, as `copytruncate` does.
"""

from __future__ import annotations

import os

from msgspec import structs

from footfall import clock
from footfall.connectors.logs.checkpoints import Checkpoint, digest
from footfall.connectors.logs.contract import LineFormat
from footfall.connectors.logs.cutting import Cut, Line, cut, lines_of, unreadable

CHUNK_BYTES = 1 << 20
JOIN_S = 1.0  # a record that later lines may join is sent when the file was quiet for so long
DRAIN_S = 5.0  # a rotated file may still be written to by a process that has it open


class Followed:
    """An open log file and its checkpoint.  `rotated` says that the path leads elsewhere by now, `replaced` that the content is gone."""

    def __init__(self, path: str, descriptor: int, form: LineFormat, checkpoint: Checkpoint | None = None) -> None:
        self.path = path
        self.form = form
        self.descriptor = descriptor
        self.checkpoint = checkpoint
        self.rotated = False
        self.replaced = False
        self.previous = ""  # the identity of the content that this one replaced
        self._quiet_since_s = clock.monotonic_s()
        self._size = -1
        self._ahead: tuple[str, int, str, int] | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode."""
        found = os.fstat(self.descriptor)
        return found.st_dev, found.st_ino

    @property
    def offset(self) -> int:
        """Where the next record begins."""
        return self.checkpoint.offset if self.checkpoint else 0

    @property
    def unread(self) -> int:
        """Bytes behind the place that was reached."""
        return max(0, os.fstat(self.descriptor).st_size - self.offset)

    def begin(self, *, at_end: bool = False) -> Checkpoint | None:
        """The checkpoint; a content gets its identity once it has a first byte, and has none while it is empty."""
        found = os.fstat(self.descriptor)
        if self.checkpoint is None and found.st_size:
            start = _last_line_end(self.descriptor, found.st_size) if at_end else 0
            checkpoint = Checkpoint(self.path, "", found.st_dev, found.st_ino, "", 0, "", 0, start)
            checkpoint.look(self.descriptor)
            checkpoint.identity = digest(f"{found.st_dev}:{found.st_ino}:{self.previous}:{checkpoint.head}".encode())
            self.checkpoint = checkpoint
        return self.checkpoint

    def next(self, *, last: bool) -> Cut | None:
        """The next elements, None when there are none by now or the content was replaced.

        With `last` nothing more is waited for: the record that later lines may join is cut, and a rotated file's line without an end too.
        """
        checkpoint = self.begin()
        if checkpoint is None:
            return None
        resumed = checkpoint.until > checkpoint.offset
        size = os.fstat(self.descriptor).st_size
        wanted = min(CHUNK_BYTES, checkpoint.until - checkpoint.offset) if resumed else CHUNK_BYTES
        chunk = os.pread(self.descriptor, wanted, checkpoint.offset)
        whole = checkpoint.offset + len(chunk) >= size
        done = last or self._quiet(size) >= (DRAIN_S if self.rotated else JOIN_S)
        made = self._cut(chunk, whole=whole and done, resumed=resumed)
        self._ahead = self._look_ahead(made.end) if made else None
        if not checkpoint.matches(self.descriptor):
            self.replaced = True
            return None
        return made

    def _cut(self, chunk: bytes, *, whole: bool, resumed: bool) -> Cut | None:
        checkpoint = self.checkpoint
        assert checkpoint is not None, "next gave it one"
        lines = lines_of(chunk, checkpoint.offset, final=(resumed or (self.rotated and whole)) and len(chunk) < CHUNK_BYTES)
        if not lines:
            return self._long_line(chunk, checkpoint.offset, checkpoint.identity, whole=whole) if len(chunk) == CHUNK_BYTES else None
        made = cut(lines, self.form, checkpoint.identity, final=resumed or whole)
        if made.held and made.end == checkpoint.offset and len(chunk) == CHUNK_BYTES:
            made = cut(lines, self.form, checkpoint.identity, final=True)  # one record fills the chunk
        return made if made.end > checkpoint.offset else None

    def passed(self, end: int) -> None:
        """Everything before `end` is acknowledged."""
        assert self.checkpoint is not None, "nothing is sent before there is a checkpoint"
        assert self._ahead is not None, "its end was looked at when it was cut"
        known = self.checkpoint
        known.offset, known.until = end, 0
        known.head, known.head_bytes, known.tail, known.tail_bytes = self._ahead

    def _look_ahead(self, end: int) -> tuple[str, int, str, int]:
        """The hashes that a checkpoint at `end` will have, from the same content as the elements: it is checked after this."""
        assert self.checkpoint is not None, "next gave it one"
        ahead = structs.replace(self.checkpoint, offset=end)
        ahead.look(self.descriptor)
        return ahead.head, ahead.head_bytes, ahead.tail, ahead.tail_bytes

    def drained(self, *, last: bool) -> bool:
        """Whether a rotated file has nothing more to give."""
        if not self.rotated or self.unread:
            return False
        return last or self._quiet(os.fstat(self.descriptor).st_size) >= DRAIN_S

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)

    def _note_size(self, size: int) -> None:
        if size != self._size:
            self._size, self._quiet_since_s = size, clock.monotonic_s()

    def _quiet(self, size: int) -> float:
        """Seconds since the file was last seen to grow."""
        self._note_size(size)
        return clock.monotonic_s() - self._quiet_since_s

    def _long_line(self, chunk: bytes, start: int, identity: str, *, whole: bool) -> Cut | None:
        """A line that is longer than a chunk, once it has an end: its beginning is all that is kept."""
        at = start + len(chunk)
        while block := os.pread(self.descriptor, CHUNK_BYTES, at):
            stop = block.find(b"\n")
            at += len(block) if stop < 0 else stop + 1
            if stop >= 0:
                whole = True
                break
        return Cut([unreadable(Line(start, at, chunk), identity, "")], at, 1) if whole else None


def _last_line_end(descriptor: int, size: int) -> int:
    """Where the last line of a file begins that has no end yet."""
    at = size
    while at > 0:
        start = max(0, at - CHUNK_BYTES)
        found = os.pread(descriptor, at - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0
