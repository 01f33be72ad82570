"""Dead letters: rows that could not be used, kept with their file, line and reason so that they can be found and mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from footfall.event.canonical import ROW_TEXT_BYTES_MAX
from footfall.event.schema import TIME

__all__ = ["DEAD_LETTER_SCHEMA", "ROW_TEXT_BYTES_MAX", "DeadLetter", "letter_table"]


DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("row", pa.string()),
        pa.field("received_time", TIME, nullable=False),
        pa.field("digest", pa.string()),
        pa.field("letter_id", pa.string()),
        pa.field("protocol", pa.string()),
        pa.field("source", pa.string()),
        pa.field("position", pa.int64()),
    ]
)


class DeadLetter(msgspec.Struct, frozen=True):
    """One row that could not be used: its line in the file, a DropReason, what was wrong in words, and the row as it stood."""

    line: int
    reason: str
    detail: str
    row: str


def letter_table(letters: Sequence[DeadLetter], file: str, received_us: int, digest: str) -> pa.Table:
    """Dead letters of one file as rows of DEAD_LETTER_SCHEMA."""
    nothing = [None] * len(letters)
    columns: dict[str, Any] = {
        "file": [file] * len(letters),
        "line": [letter.line for letter in letters],
        "reason": [letter.reason for letter in letters],
        "detail": [letter.detail for letter in letters],
        "row": [letter.row for letter in letters],
        "received_time": pa.array([received_us] * len(letters), pa.int64()).cast(TIME),
        "digest": [digest] * len(letters),
        "letter_id": [f"{digest[:16]}-{letter.line}" for letter in letters],
        "protocol": nothing,
        "source": nothing,
        "position": nothing,
    }
    return pa.table(columns, schema=DEAD_LETTER_SCHEMA)
