"""A window over a stream of bytes: the reader takes whole records from it, the rest stays for the next block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from footfall.connectors.files.contract import Place
from footfall.event.cells.words import SLACK
from footfall.event.raw import ROW_BYTES_MAX, TOO_LONG, Octets, RawRows

BLOCK_BYTES = 16 << 20


class ByteStream(Protocol):
    """What a window reads from."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a buffer; 0 at the end."""

    def close(self) -> None:
        """Let go of the file."""


class Window:
    """`octets[at:size]` is what lies before the reader.  At the end of the stream a missing last line end is added."""

    def __init__(self, stream: ByteStream, line_end: int, block_bytes: int = BLOCK_BYTES) -> None:
        self.stream = stream
        self.line_end = line_end
        self.block_bytes = block_bytes
        self.octets: Octets = np.empty(SLACK, np.uint8)
        self.at = 0
        self.size = 0
        self.final = False
        self.shown = 0

    def fill(self) -> bool:
        """Read another block behind what is left; False at the end of the stream.  Earlier octets stay untouched."""
        if self.final:
            return False
        left = self.size - self.at
        octets = np.empty(left + self.block_bytes + 1 + SLACK, np.uint8)
        octets[:left] = self.octets[self.at : self.size]
        view = memoryview(octets.data)
        size = left
        while size < left + self.block_bytes:
            got = self.stream.readinto(view[size : left + self.block_bytes])
            if not got:
                self.final = True
                break
            size += got
        if self.final and size and octets[size - 1] != self.line_end:
            octets[size] = self.line_end
            size += 1
        self.octets, self.at, self.size = octets, 0, size
        return True

    @property
    def overfull(self) -> bool:
        """Whether one record fills the window beyond the limit of a row."""
        return self.size - self.at > ROW_BYTES_MAX

    def too_long(self, columns: tuple[str, ...], place: Place) -> tuple[RawRows, Place]:
        """Pass the line that starts here, however long, as one refused row; the row and the place after it."""
        octets, begin = self.octets, self.at
        passed = self._skip_line()
        rows = np.array([[begin, min(self.shown, begin + passed), 0, TOO_LONG, 0]], np.int32)
        cells = np.zeros((len(columns), 1, 3), np.int32)
        raw = RawRows(octets, columns, cells, rows, place.row, place.line + 1, width=len(columns), span_of=np.zeros(2, np.int32))
        return raw, Place(place.offset + passed, place.row + 1, place.line + 1)

    def _skip_line(self) -> int:
        self.shown = self.size
        passed = 0
        while True:
            found = np.flatnonzero(self.octets[self.at : self.size] == self.line_end)
            if len(found):
                self.at += int(found[0]) + 1
                return passed + int(found[0]) + 1
            passed += self.size - self.at
            self.at = self.size
            if not self.fill() or self.size == 0:
                return passed


class WindowReader(ABC):
    """A format that is cut from a window block by block; `_cut` says how."""

    def __init__(self, window: Window, columns: tuple[str, ...], place: Place) -> None:
        self.window = window
        self.columns = columns
        self.place = place
        self.closed = False

    def read(self) -> RawRows | None:
        """The next block of rows."""
        window = self.window
        while not self.closed:
            if window.at < window.size:
                raw = self._cut()
                if len(raw):
                    return raw
                if window.overfull:
                    raw, self.place = window.too_long(self.columns, self.place)
                    return raw
            if not self.closed and not window.fill():
                return None
        return None

    @abstractmethod
    def _cut(self) -> RawRows:
        """The rows that end inside the window, if only none; passes them."""

    def _advance(self, raw: RawRows, at: int, lines: int) -> RawRows:
        """Pass the rows and their lines."""
        window, place = self.window, self.place
        self.place = Place(place.offset + at - window.at, place.row + len(raw), place.line + lines)
        window.at = at
        return raw

    def close(self) -> None:
        """Let go of the file."""
        self.window.stream.close()
