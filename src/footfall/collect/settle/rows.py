"""The events of some blocks before they are typed: rows that were scanned from canonical lines and from bodies, in the order of their positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.collect.settle.frames import Gathered, Lines
from footfall.collect.settle.segment_rows import Scanned
from footfall.event.canonical_rows import joined, scan_lines
from footfall.event.raw import RawRows
from footfall.eventlog.contract import Frame

Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(slots=True)
class Rows:
    """Rows with their `positions` (n,); row k belongs to `frames[piece[k]]`.  `scanned` (n,) are rows of `source`, -1 for rows of lines."""

    raw: RawRows
    positions: Integers
    frames: list[Frame]
    piece: Integers
    source: Scanned | None = None
    scanned: Integers | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def calls(self, rows: Sequence[int]) -> list[tuple[Frame, int]]:
        """Those of some rows that were scanned in a body, each as a frame of its own with its position."""
        if self.source is None or self.scanned is None:
            return []
        found = []
        for row in self.scanned[list(rows)].tolist():
            if row >= 0:
                begin, end = self.source.raw.rows[row, :2].tolist()
                found.append(self.source.call(int(self.source.frame_of[row]), [(int(self.source.offsets[row]), begin, end)]))
        return found


def rows_of_lines(lines: Lines, fields: tuple[str, ...], promoted: Sequence[str]) -> Rows:
    """The rows of canonical lines."""
    raw = scan_lines(b"".join(lines.parts), lines.pieces(), fields, promoted)
    return Rows(raw, lines.positions(), lines.frames, lines.piece_of_row())


def rows_of(gathered: Gathered, fields: tuple[str, ...], promoted: Sequence[str]) -> Rows | None:
    """All events that were gathered, by position; None when there are none."""
    source = gathered.scanned
    written = rows_of_lines(gathered.events, fields, promoted) if gathered.events.counts else None
    if source is None or not len(source.raw):
        return written
    frames = [frame for frame, _ in source.placed]
    if written is None and not source.whole:
        return Rows(source.raw, source.positions(), frames, source.frame_of, source, np.arange(len(source.raw)))
    usable = np.flatnonzero(~np.isin(source.frame_of, list(source.whole)))
    parts = [source.raw] if written is None else [source.raw, written.raw]
    places = [source.positions()[usable], *([] if written is None else [written.positions])]
    pieces = [source.frame_of[usable], *([] if written is None else [written.piece + len(frames)])]
    indexes = [usable, *([] if written is None else [np.arange(len(written)) + len(source.raw)])]
    positions = np.concatenate(places)
    order = np.argsort(positions, kind="stable")
    index = np.concatenate(indexes)[order]
    all_frames = frames if written is None else [*frames, *written.frames]
    scanned = np.where(index < len(source.raw), index, -1)
    return Rows(joined(parts, index), positions[order], all_frames, np.concatenate(pieces)[order], source, scanned)
