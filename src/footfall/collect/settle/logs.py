"""Lines of applications' logs (`event/canonical.py:LogRecord`) as rows of LOG_SCHEMA.

A record without a time gets that of its receipt; one whose time cannot be read is a dead letter.  A number that is no number is
left out: the front door has typed these records before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.collect.settle.agents import agent_columns
from footfall.collect.settle.clocks import READER
from footfall.collect.settle.frames import Lines
from footfall.collect.settle.letters import Refused
from footfall.event.canonical import LogRecord
from footfall.event.canonical_rows import scan_lines
from footfall.event.cells.numbers import decimals, integers
from footfall.event.cells.text import mend_cells, texts
from footfall.event.cells.times import INVALID, READ
from footfall.event.dead_letter import ROW_TEXT_BYTES_MAX
from footfall.event.drop import DropReason
from footfall.event.normalise import time_array
from footfall.event.raw import FINE, RawRows
from footfall.event.schema import LOG_SCHEMA

FIELDS: tuple[str, ...] = tuple(LogRecord.__struct_fields__)


def log_rows(lines: Lines, log_name: str) -> tuple[pa.Table, list[Refused]]:
    """The log records of some frames, and those that are none."""
    if not lines.counts:
        return LOG_SCHEMA.empty_table(), []
    raw = scan_lines(b"".join(lines.parts), lines.pieces(), FIELDS)
    piece, positions = lines.piece_of_row(), lines.positions()
    received = np.array([frame.received_us for frame in lines.frames], np.int64)[piece]
    us, state, _ = READER.read(raw.octets, _cells(raw, "time"))
    kind = _text(raw, "kind")
    broken = raw.rows[:, 3] != FINE
    timeless = (state == INVALID) & ~broken
    nameless = kind.is_null().to_numpy(zero_copy_only=False) & ~broken & ~timeless
    mend_cells(raw.octets, _cells(raw, "attributes"))
    columns = {name: _typed(raw, name) for name in FIELDS if name not in ("time", "event_id")}
    columns["kind"] = kind.fill_null("")
    columns["time"] = time_array(np.where(state == READ, us, received))
    columns["received_time"] = time_array(received)
    columns["position"] = pa.array(positions)
    columns["source"] = pa.array([frame.source for frame in lines.frames], pa.string()).take(pa.array(piece))
    made = pc.binary_join_element_wise(f"{log_name}-", pc.cast(columns["position"], pa.string()), "")
    columns["event_id"] = pc.coalesce(_text(raw, "event_id"), made)
    columns["is_bot"] = agent_columns(columns["agent"]).get("is_bot", pa.nulls(len(raw), pa.bool_()))
    table = pa.table([columns[name] for name in LOG_SCHEMA.names], schema=LOG_SCHEMA)
    wrong = broken | timeless | nameless
    if not wrong.any():
        return table, []
    refused = []
    for row in np.flatnonzero(wrong).tolist():
        reason, detail = raw.fault(row) if broken[row] else _why(raw, row, timeless=bool(timeless[row]))
        text = raw.text(row, ROW_TEXT_BYTES_MAX)
        refused.append(Refused(lines.frames[piece[row]], int(positions[row]), reason, detail, text))
    return table.filter(pa.array(~wrong)), refused


def _why(raw: RawRows, row: int, *, timeless: bool) -> tuple[DropReason, str]:
    if timeless:
        return DropReason.INVALID_TIME, f"time = {raw.value(raw.columns.index('time'), row)!r} is no time between 1970 and 2200"
    return DropReason.MISSING_NAME, "empty: kind"


def _typed(raw: RawRows, name: str) -> pa.Array:
    kind = LOG_SCHEMA.field(name).type
    if kind == pa.string():
        return _text(raw, name)
    values, state = (integers if kind == pa.int64() else decimals)(raw.octets, _cells(raw, name))
    missing = state != READ
    return pa.array(values, kind, mask=missing if missing.any() else None)


def _text(raw: RawRows, name: str) -> pa.Array:
    return texts(raw.octets, _cells(raw, name))[0]


def _cells(raw: RawRows, name: str) -> Any:
    return raw.column(raw.columns.index(name))
