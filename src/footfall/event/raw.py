"""Rows as a source read them: slices of one block of bytes, before anything is believed about them.

A cell is three numbers: where its bytes start, where they stop, and what they are.  So a value is copied once, into the
column it ends in, and nothing is made for a value that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from footfall.event.drop import DropReason

# What a cell's bytes are.
NULL = 0  # nothing was sent
TEXT = 1  # the text itself
DOUBLED = 2  # text in which "" stands for one quote (CSV)
ESCAPED = 3  # the inside of a JSON string that holds backslashes
NUMBER = 4  # a JSON number
TRUE = 5
FALSE = 6
NESTED = 7  # a JSON object or array

# Why a row has no cells; the row's `extra` number goes with it.
FINE = 0
WRONG_WIDTH = 1
AFTER_QUOTE = 2
OPEN_QUOTE = 3
NOT_JSON = 4
NOT_OBJECT = 5
TOO_DEEP = 6
NOT_A_LOG_LINE = 7
TOO_LONG = 8
NOT_TEXT = 9
LONE_SURROGATE = 10

FAULTS: Mapping[int, tuple[DropReason, str]] = {
    WRONG_WIDTH: (DropReason.MALFORMED_ROW, "the row has {extra} fields, the header has {width}"),
    AFTER_QUOTE: (DropReason.MALFORMED_ROW, "text follows a closing quote at byte {extra} of the row"),
    OPEN_QUOTE: (DropReason.MALFORMED_ROW, "a quote opens and never closes"),
    NOT_JSON: (DropReason.MALFORMED_ROW, "the JSON is broken at byte {extra} of the row"),
    NOT_OBJECT: (DropReason.MALFORMED_ROW, "the row is JSON, and not an object"),
    TOO_DEEP: (DropReason.MALFORMED_ROW, "the JSON is nested deeper than {width} levels"),
    NOT_A_LOG_LINE: (DropReason.MALFORMED_ROW, "the line is no common or combined log line from byte {extra} on"),
    TOO_LONG: (DropReason.ROW_TOO_LONG, "the row is longer than 16 MiB"),
    NOT_TEXT: (DropReason.INVALID_ENCODING, "the bytes of the row are not text in the file's encoding"),
    LONE_SURROGATE: (DropReason.INVALID_ENCODING, "an escape in a mapped value stands for half a character"),
}

ROW_BYTES_MAX = 16 << 20

Octets = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(slots=True)
class RawRows:
    """The rows of one block.

    `cells` is (columns, rows or more, 3): start, stop, what.  `rows` is (rows, 5): start, stop, line after `first_line`, fault, extra.
    `spans` and `span_of` hold the members of a JSON row that are no column: row i owns `spans[span_of[i]:span_of[i + 1]]`.
    """

    octets: Octets
    columns: tuple[str, ...]
    cells: Numbers
    rows: Numbers
    first_row: int = 0
    first_line: int = 1
    skipped: int = 0
    width: int = 0
    spans: Numbers = field(default_factory=lambda: np.empty((0, 2), np.int32))
    span_of: Numbers | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, index: int) -> Numbers:
        """The cells of one column, (rows, 3)."""
        return self.cells[index, : len(self.rows)]

    def line(self, row: int) -> int:
        """The line of the file on which a row starts, counted from 1."""
        return self.first_line + int(self.rows[row, 2])

    def text(self, row: int, bytes_max: int = 1 << 14) -> str:
        """A row as it stands in the file; bytes that are no text are shown as hex escapes."""
        start, stop = int(self.rows[row, 0]), int(self.rows[row, 1])
        return bytes(self.octets[start : min(stop, start + bytes_max)]).decode("utf-8", "backslashreplace").rstrip("\r\n")

    def value(self, column: int, row: int, bytes_max: int = 200) -> str:
        """A cell as it stands in the file, cut to a readable length."""
        start, stop, _ = (int(number) for number in self.cells[column, row])
        return bytes(self.octets[start : min(stop, start + bytes_max)]).decode("utf-8", "backslashreplace")

    def fault(self, row: int) -> tuple[DropReason, str]:
        """Why a row without cells has none."""
        reason, sentence = FAULTS[int(self.rows[row, 3])]
        return reason, sentence.format(extra=int(self.rows[row, 4]), width=self.width)
