"""How far each log file was read, on disk: written as a whole under another name, then renamed, so it is never half there.

A file is known by its content, not by its name: a hash of its first bytes, and one of the bytes before the place that was reached.
So a renamed, copied or compressed file goes on where it was left, and another file under the old name begins at its beginning.
`until` is where the batch ends that was being sent; after a crash that batch is cut just so again, and so its records get the same ids.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import xxhash

from footfall.errors import StorageFailed

HEAD_BYTES, TAIL_BYTES = 1024, 256


class Checkpoint(msgspec.Struct, omit_defaults=True):
    """How far one content was read.  `identity` goes into the ids of its records and stays with it under any name."""

    path: str
    identity: str
    device: int
    inode: int
    head: str
    head_bytes: int
    tail: str
    tail_bytes: int
    offset: int
    until: int = 0
    finished: bool = False

    def matches(self, descriptor: int) -> bool:
        """Whether an open file begins with the content that was read."""
        if os.fstat(descriptor).st_size < self.offset or not self.head_bytes:
            return False
        head = os.pread(descriptor, self.head_bytes, 0)
        tail = os.pread(descriptor, self.tail_bytes, self.offset - self.tail_bytes)
        return digest(head) == self.head and len(head) == self.head_bytes and digest(tail) == self.tail

    def look(self, descriptor: int) -> None:
        """Take the hashes anew, at the present offset."""
        self.head_bytes = max(self.head_bytes, min(HEAD_BYTES, os.fstat(descriptor).st_size))
        self.head = digest(os.pread(descriptor, self.head_bytes, 0))
        self.tail_bytes = min(TAIL_BYTES, self.offset)
        self.tail = digest(os.pread(descriptor, self.tail_bytes, self.offset - self.tail_bytes))


class _State(msgspec.Struct):
    destinations: dict[str, list[Checkpoint]]
    version: int = 1


class Checkpoints:
    """The checkpoints of one destination in a file that several processes may share, each with files of its own."""

    def __init__(self, path: Path, destination: str) -> None:
        self.path = path
        self.destination = destination

    def load(self) -> list[Checkpoint]:
        """Every checkpoint of the destination."""
        return self._read().destinations.get(self.destination, [])

    def save(self, changed: Iterable[Checkpoint], *, gone: Iterable[Checkpoint] = ()) -> None:
        """Write these checkpoints, and forget those that are gone; on disk when this returns."""
        with self._locked():
            state = self._read()
            kept = {checkpoint.identity: checkpoint for checkpoint in state.destinations.get(self.destination, [])}
            kept |= {checkpoint.identity: checkpoint for checkpoint in changed}
            for checkpoint in gone:
                kept.pop(checkpoint.identity, None)
            state.destinations[self.destination] = list(kept.values())
            self._write(msgspec.json.format(msgspec.json.encode(state), indent=1))

    def _read(self) -> _State:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_State)
        except FileNotFoundError:
            return _State({})
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise StorageFailed(
                f"{self.path} does not hold the places that were reached in log files: {problem}",
                got=str(self.path),
                hint="put back a copy of it, or remove it to read every file from its beginning",
            ) from None

    def _write(self, text: bytes) -> None:
        fresh = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, text)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def digest(content: bytes) -> str:
    """A hash that tells contents apart."""
    return xxhash.xxh3_128_hexdigest(content)
