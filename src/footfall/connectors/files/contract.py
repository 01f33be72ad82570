"""What every file format gives: blocks of raw rows, in order, from a place where an earlier read stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from footfall.event.raw import RawRows


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next row starts: bytes of text (or row groups) passed, rows passed, lines passed."""

    offset: int = 0
    row: int = 0
    line: int = 0


class RowReader(Protocol):
    """The rows of one open file.  One thread at a time calls `read`; what it returns belongs to the caller."""

    columns: tuple[str, ...]

    @property
    def place(self) -> Place:
        """Where the next row starts."""

    def read(self) -> RawRows | None:
        """The next block, None at the end."""

    def close(self) -> None:
        """Let go of the file."""
