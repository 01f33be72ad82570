"""Dead letters of the front door and of what follows it, as rows that can be found, mended and sent again.

`letter_id` is the log's name and the position, so a letter has one identity however often it is made.  `line` is the event's place in its
request, counted from 1, where the front door refused it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from footfall.event.canonical import Letter
from footfall.event.dead_letter import DEAD_LETTER_SCHEMA
from footfall.event.drop import DropReason
from footfall.event.schema import TIME
from footfall.eventlog.contract import Frame

if TYPE_CHECKING:
    from footfall.collect.settle.frames import Lines

_LETTER = msgspec.json.Decoder(Letter)


@dataclass(frozen=True, slots=True)
class Refused:
    """One record that will not be an event: its frame and position, why, and its text."""

    frame: Frame
    position: int
    reason: str
    detail: str
    row: str
    line: int | None = None


def of_the_door(lines: Lines) -> Iterable[Refused]:
    """The letters that the front door wrote into the log; refusals are few, so each is read by itself."""
    for part, first, count, frame in zip(lines.parts, lines.firsts, lines.counts, lines.frames, strict=True):
        rows = part.split(b"\n")
        for index in range(count):
            row = rows[index] if index < len(rows) else b""
            try:
                letter = _LETTER.decode(row)
            except msgspec.MsgspecError as problem:
                text = row.decode("utf-8", "backslashreplace")
                yield Refused(frame, first + index, DropReason.MALFORMED_EVENT, f"the dead letter itself cannot be read: {problem}", text)
            else:
                yield Refused(frame, first + index, letter.reason, letter.detail, letter.row, letter.place + 1)


def letter_rows(refused: Sequence[Refused], log_name: str) -> pa.Table:
    """Refused records as rows of DEAD_LETTER_SCHEMA, by position."""
    ordered = sorted(refused, key=lambda one: one.position)
    received = np.array([one.frame.received_us for one in ordered], np.int64)
    columns = {
        "file": [f"http:{one.frame.protocol}" for one in ordered],
        "line": [one.line for one in ordered],
        "reason": [str(one.reason) for one in ordered],
        "detail": [one.detail for one in ordered],
        "row": [one.row for one in ordered],
        "received_time": pa.array(received).cast(TIME),
        "digest": [None] * len(ordered),
        "letter_id": [f"{log_name}-{one.position}" for one in ordered],
        "protocol": [one.frame.protocol for one in ordered],
        "source": [one.frame.source for one in ordered],
        "position": [one.position for one in ordered],
    }
    return pa.table(columns, schema=DEAD_LETTER_SCHEMA)
