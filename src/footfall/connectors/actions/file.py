"""A file: alerts as lines of JSON, one each, on disk when they count as delivered.

Delivery: at least once, and in practice once: before it writes, the action reads the end of the file and leaves out what is there already, so a crash
between the write and the note of it repeats nothing.  A line that a crash cut in half is completed.  Programs that rotate the file may
rename it; then the next alert begins a new one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from footfall.connectors.actions.contract import Message
from footfall.errors import DeliveryFailed

TAIL_BYTES = 4 << 20


class _Line(msgspec.Struct):
    """What matters of a line that was written."""

    id: str


class FileAction:
    """Appends to one file.  Several processes may share it: each holds it while it writes."""

    batch = 100

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end: tuple[int, int, int] | None = None  # device, inode and size behind our own last write
        self._ids: set[str] = set()

    def deliver(self, messages: Sequence[Message]) -> None:
        """Append what is not there yet, and sync.

        Raises:
            DeliveryFailed: the file cannot be written; nothing of the messages is in it.
        """
        try:
            with self._opened() as descriptor:
                self._append(descriptor, messages)
        except OSError as problem:
            self._end = None
            raise DeliveryFailed(
                f"{self.path} cannot be written: {problem.strerror or problem}", hint="check the folder and the free space"
            ) from problem

    @contextmanager
    def _opened(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
            if is_new:
                _sync_folder(self.path.parent)
        finally:
            os.close(descriptor)

    def _append(self, descriptor: int, messages: Sequence[Message]) -> None:
        state = os.fstat(descriptor)
        size = state.st_size
        torn = b""
        if self._end != (state.st_dev, state.st_ino, size):
            self._ids, torn = _tail(descriptor, size)
        lines = [message.body + b"\n" for message in messages if message.id not in self._ids]
        if torn:
            # Cut in half by a crash: completed when it is one of ours, else closed, so that the next line is whole.
            ours = next((line for line in lines if line.startswith(torn)), None)
            lines = [b"\n", *lines] if ours is None else [ours[len(torn) :], *(line for line in lines if line is not ours)]
        written = b"".join(lines)
        try:
            _write(descriptor, written)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        self._ids |= {message.id for message in messages}
        if len(self._ids) > 4 * self.batch:
            self._ids = {message.id for message in messages}
        self._end = (state.st_dev, state.st_ino, size + len(written))

    def close(self) -> None:
        """The file is only open while it is written."""


def _tail(descriptor: int, size: int) -> tuple[set[str], bytes]:
    """The ids in the last lines, and the bytes behind the last line's end."""
    begin = max(0, size - TAIL_BYTES)
    *whole, torn = os.pread(descriptor, size - begin, begin).split(b"\n")
    if begin:
        whole = whole[1:]  # begins in the middle of a line
    ids = set()
    for line in whole:
        try:
            ids.add(msgspec.json.decode(line, type=_Line).id)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # somebody else's
    return ids, torn


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
