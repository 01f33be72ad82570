"""Which clock says when: event time = received - (sent - client) when the client said when it sent, else the client's time, else received.

Sent and client times are of one clock, so their difference is right however wrong that clock is.  An event that says its time is true is
not corrected.  A time of sending that cannot be read corrects nothing; an event time that cannot be read, or that lies outside
1970 to 2200 after the correction, makes a dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.collect.settle.rows import Rows
from footfall.event.cells.numbers import truths
from footfall.event.cells.times import INVALID, MISSING, READ, US_MAX, TimeReader
from footfall.event.normalise import time_array
from footfall.event.raw import NULL, RawRows
from footfall.eventlog.contract import Frame

READER = TimeReader(unit="us")


@dataclass(frozen=True, slots=True)
class Times:
    """The four times of every row, READ or INVALID for each, and which were readable before they were corrected."""

    columns: dict[str, pa.Array]
    states: np.ndarray[Any, Any]
    readable: np.ndarray[Any, np.dtype[np.bool_]]


def times_of(rows: Rows) -> Times:
    """The times of scanned events."""
    raw, piece = rows.raw, rows.piece
    received = np.array([frame.received_us for frame in rows.frames], np.int64)[piece]
    client, client_state, _ = READER.read(raw.octets, _cells(raw, "event_time"))
    sent, sent_known = _sent(raw, rows.frames, piece)
    there = client_state == READ
    moves = there & sent_known
    true_cells = _cells(raw, "true_time")
    if (true_cells[:, 2] != NULL).any():
        true, state = truths(raw.octets, true_cells)
        moves &= ~(true & (state == READ))
    moment = np.where(there, client, received)
    moment[moves] += received[moves] - sent[moves]
    states = np.where(client_state == MISSING, READ, client_state)
    states[(moment < 0) | (moment >= US_MAX)] = INVALID
    columns = {
        "event_time": time_array(moment),
        "received_time": time_array(received),
        "sent_time": _nullable(sent, sent_known),
        "client_time": _nullable(client, there),
    }
    return Times(columns, states, there)


def _sent(raw: RawRows, frames: list[Frame], piece: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """When each event was sent, and whether that is known: the event's own word, else its request's."""
    whole = [READER.read_text(str(frame.sent)) if frame.sent is not None else None for frame in frames]
    sent = np.array([us or 0 for us in whole], np.int64)[piece]
    known = np.array([us is not None for us in whole], np.bool_)[piece]
    cells = _cells(raw, "sent_time")
    if (cells[:, 2] != NULL).any():
        own, state, _ = READER.read(raw.octets, cells)
        sent = np.where(state == READ, own, sent)
        known |= state == READ
    return sent, known


def _nullable(us: np.ndarray[Any, Any], known: np.ndarray[Any, Any]) -> pa.Array:
    return time_array(us, None if known.all() else ~known)


def _cells(raw: RawRows, column: str) -> Any:
    return raw.column(raw.columns.index(column))
