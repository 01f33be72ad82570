"""Where the rest of a file is found that was rotated while nobody looked: beside it, under a longer name, perhaps compressed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from footfall.connectors.files.discover import SourceFile
from footfall.connectors.files.streams import FileStream
from footfall.connectors.logs.checkpoints import Checkpoint, digest
from footfall.errors import FootfallError

COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")
_BLOCK_BYTES = 1 << 20


def is_rotated_name(path: Path, other: Path) -> bool:
    """Whether `other` is what rotation makes of `path`: app.log.1, app.log-20261122.gz, app-20261122.log."""
    if other.parent != path.parent or other == path:
        return False
    name = other.name
    if name.startswith(path.name):
        return name[len(path.name)] in ".-_"
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return bool(path.suffix) and name.endswith(path.suffix) and name.startswith(path.stem) and name[len(path.stem)] in ".-_"


def find_rest(checkpoint: Checkpoint, taken: Callable[[tuple[int, int]], bool]) -> tuple[str, int] | None:
    """The path and the descriptor of a rotated file that begins with what was read; None when there is none.

    `taken` says which files (device, inode) are read already.  A compressed one is unpacked into a file without a name.
    """
    path = Path(checkpoint.path)
    try:
        beside = [other for other in path.parent.iterdir() if is_rotated_name(path, other) and other.is_file()]
    except OSError:
        return None
    beside.sort(key=lambda other: (other.suffix in COMPRESSED, other.name))
    for other in beside:
        descriptor = _unpacked(other, checkpoint) if other.suffix in COMPRESSED else _opened(other, taken)
        if descriptor is None:
            continue
        if checkpoint.matches(descriptor):
            return str(other), descriptor
        os.close(descriptor)
    return None


def _opened(path: Path, taken: Callable[[tuple[int, int]], bool]) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if taken((found.st_dev, found.st_ino)):
        os.close(descriptor)
        return None
    return descriptor


def _unpacked(path: Path, checkpoint: Checkpoint) -> int | None:
    """A compressed file unpacked, if it begins with what was read."""
    if path.suffix == ".zip":
        return None
    buffer = bytearray(_BLOCK_BYTES)
    try:
        stream = FileStream(SourceFile(path))
    except FootfallError:
        return None
    with tempfile.TemporaryFile() as unpacked:
        try:
            first = True
            while got := stream.readinto(buffer):
                if first and got >= checkpoint.head_bytes and digest(bytes(buffer[: min(got, checkpoint.head_bytes)])) != checkpoint.head:
                    return None
                unpacked.write(memoryview(buffer)[:got])
                first = False
        except FootfallError:
            return None
        finally:
            stream.close()
        unpacked.flush()
        return os.dup(unpacked.fileno())
