"""What a content is called: a digest that can be computed in parallel, while reading, and for any beginning of a file.

It is xxh3-128 over the xxh3-128 of each 16 MiB and the length.  It names a content so that a second import changes nothing; it is no
protection against somebody who forges files.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import xxhash

from footfall.connectors.files.discover import SourceFile, unreadable

CHUNK_BYTES = 16 << 20


def _of_chunks(chunks: Iterable[bytes], size: int) -> str:
    whole = xxhash.xxh3_128()
    for chunk in chunks:
        whole.update(chunk)
    whole.update(size.to_bytes(8, "little"))
    return whole.hexdigest()


class ContentDigest:
    """The digest of a stream, fed in pieces of any size."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._current = xxhash.xxh3_128()
        self._filled = 0
        self.size = 0

    def update(self, piece: Any) -> None:
        """Take the next bytes."""
        view = memoryview(piece)
        self.size += len(view)
        while view:
            part = view[: CHUNK_BYTES - self._filled]
            self._current.update(part)
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == CHUNK_BYTES:
                self._chunks.append(self._current.digest())
                self._current, self._filled = xxhash.xxh3_128(), 0

    def hexdigest(self) -> str:
        """The digest of everything so far."""
        rest = [self._current.digest()] if self._filled else []
        return _of_chunks([*self._chunks, *rest], self.size)


class FileDigest:
    """The digests of a file on disk and of its beginnings.  Cost: one read of the file, by two threads."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self.path = path
        try:
            self.size = path.stat().st_size
            with ThreadPoolExecutor(threads) as pool:
                self._chunks = list(pool.map(self._chunk, range(0, self.size, CHUNK_BYTES)))
        except OSError as problem:
            raise unreadable(path, problem) from problem

    def _chunk(self, start: int, stop: int | None = None) -> bytes:
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            left = min(CHUNK_BYTES, (stop if stop is not None else self.size) - start)
            digest = xxhash.xxh3_128()
            while left > 0 and (piece := file.read(min(left, 1 << 20))):
                digest.update(piece)
                left -= len(piece)
            return digest.digest()

    def of_beginning(self, size: int) -> str:
        """The digest of the first `size` bytes."""
        full = size // CHUNK_BYTES
        rest = [self._chunk(full * CHUNK_BYTES, size)] if size % CHUNK_BYTES else []
        return _of_chunks([*self._chunks[:full], *rest], size)

    def hexdigest(self) -> str:
        """The digest of the whole file."""
        return _of_chunks(self._chunks, self.size)

    def ends_a_line(self, size: int) -> bool:
        """Whether the first `size` bytes end with a line, or right before its end."""
        with self.path.open("rb") as file:
            file.seek(max(0, size - 1))
            last, following = file.read(1), file.read(1)
        return (last == b"\n" or (last == b"\r" and following != b"\n")) or following in (b"\n", b"\r")

    def lines_of_beginning(self, size: int, line_end: int) -> int:
        """How many line ends the first `size` bytes hold."""
        found = 0
        with self.path.open("rb", buffering=0) as file:
            while size > 0 and (piece := file.read(min(size, 1 << 20))):
                found += piece.count(line_end)
                size -= len(piece)
        return found


def digest_of(file: SourceFile, threads: int = 2) -> FileDigest:
    """The digests of a source's file; a zip member shares its archive's."""
    return FileDigest(file.path, threads)
