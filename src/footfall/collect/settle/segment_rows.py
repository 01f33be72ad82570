"""Raw bodies of Segment without its protocol: plain calls are scanned where they stand, doubtful ones are named.

Equal to reading the body again, to the last cell: whatever the scanner does not take is left to `Segment.read` and `Segment.events`, which
stay the one place that says what a call means.  A lone half of a surrogate pair, which the protocol refuses, leaves it the whole body.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from footfall.collect.settle import segment_scan as scan
from footfall.event.canonical_rows import PROPERTY
from footfall.event.cells.json_scan import DEPTH_MAX, HEADS, Names
from footfall.event.cells.json_tree import LEAF, Tree
from footfall.event.cells.words import SLACK, octets_of
from footfall.event.raw import NULL, TEXT, RawRows
from footfall.eventlog.contract import Frame

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_BATCHES = ("/batch", "/import", "/replay")  # the ends of paths that take many calls, as the protocol has them


@dataclass(slots=True)
class Scanned:
    """Rows of plain calls: `frame_of` and `offsets` (n,) say which frame and which of its records each is.

    `placed` are the frames with the positions of their first records.  `whole` are those that are left to the protocol, `doubts` single
    records of the others: (record, where it begins and stops in the octets), by frame.
    """

    raw: RawRows
    placed: Sequence[tuple[Frame, int]]
    frame_of: np.ndarray[Any, np.dtype[np.int64]]
    offsets: np.ndarray[Any, np.dtype[np.int64]]
    whole: set[int] = field(default_factory=set)
    doubts: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)

    def positions(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) the position of every row."""
        firsts: np.ndarray[Any, np.dtype[np.int64]] = np.array([first for _, first in self.placed], np.int64)[self.frame_of] + self.offsets
        return firsts

    def call(self, number: int, calls: Sequence[tuple[int, int, int]]) -> tuple[Frame, int]:
        """Some calls of a frame that follow each other, as a frame of their own and its position."""
        frame, first = self.placed[number]
        body = frame.body
        if is_batch(frame):
            body = b'{"batch":[' + b",".join([self.raw.octets[begin:end].tobytes() for _, begin, end in calls]) + b"]}"
        return msgspec.structs.replace(frame, body=body, count=len(calls), kept=None), first + calls[0][0]


class SegmentScanner:
    """Scans bodies for canonical `fields` and promoted properties."""

    def __init__(self, fields: tuple[str, ...], promoted: Sequence[str]) -> None:
        self.columns = (*fields, *(PROPERTY + name for name in promoted))
        self._tree = Tree((*scan.MEMBERS, *((scan.PROPERTIES, name, LEAF) for name in promoted)), scan.PROPERTIES)
        self._envelope = Names(scan.ENVELOPE).arrays
        self._copied = np.array([(slot, fields.index(name)) for slot, name in scan.COPIED], np.int64)
        self._decided = np.array([fields.index(name) for name in scan.DECIDED], np.int64)
        self._promoted = len(fields)

    def scan(self, placed: Sequence[tuple[Frame, int]]) -> Scanned:
        """The rows of raw frames, which come with their positions, in their order."""
        frames = [frame for frame, _ in placed]
        words = "".join((*scan.KINDS, *scan.EVENT_NAMES)).encode()
        octets = octets_of(b"".join([*(frame.body for frame in frames), words]))
        table, kept = _table(frames)
        records = int(table[:, scan.RECORDS].sum())
        width = len(self.columns)
        cells = np.zeros((width, records, 3), np.int32)
        rows, span_of = np.zeros((records, 5), np.int32), np.empty(records + 1, np.int32)
        spans = np.empty((records * (width - self._promoted + 2) + 2, 2), np.int32)
        where, doubts, counts = np.empty((records, 2), np.int64), np.empty((records + 1, 4), np.int64), np.zeros(4, np.int64)
        kinds, names = _words(len(octets) - SLACK - len(words))
        layout = (self._copied, self._decided, self._promoted, kinds, names)
        how = (self._tree.arrays, layout, np.zeros((self._tree.slots, 3), np.int32))
        out = (cells, rows, spans, span_of, where, doubts, counts)
        lists = (kept, self._envelope, np.zeros((HEADS, 3), np.int64))
        scan.scan_frames(octets, self._tree.state(), how, out, table, lists)
        count, doubtful = int(counts[scan.ROWS]), int(counts[scan.DOUBTS])
        rows[:count, 2] = np.arange(count)
        raw = RawRows(octets, self.columns, cells if count == records else cells[:, :count], rows[:count], first_line=0, width=DEPTH_MAX)
        raw.spans, raw.span_of = spans[: span_of[count]], span_of[: count + 1]
        scanned = Scanned(raw, placed, where[:count, 0], where[:count, 1], set(np.flatnonzero(table[:, scan.BEGIN] < 0).tolist()))
        for number, record, begin, end in doubts[:doubtful].tolist():
            scanned.doubts.setdefault(number, []).append((record, begin, end))
        return scanned


def is_batch(frame: Frame) -> bool:
    """Whether a frame's body holds many calls rather than being one."""
    return frame.path.endswith(_BATCHES)


def _table(frames: Sequence[Frame]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Frames as the scanner wants them, and the kept places of all of them."""
    rows, kept, at = [], [-1], 0  # a list never begins at 0, which stands for none
    for frame in frames:
        end = at + len(frame.body)
        kind = frame.path.rsplit("/", 1)[-1]
        begin, places = (at, frame.kept) if _readable(frame.body) and frame.kept != () else (-1, None)
        first = len(kept)
        kept.extend(places or ())
        spread = (first, len(kept)) if places else (0, 0)
        rows.append((begin, end, frame.count, not is_batch(frame), scan.KINDS.index(kind) if kind in scan.KINDS else -1, *spread))
        at = end
    return np.array(rows, np.int64).reshape(len(rows), 7), np.array(kept, np.int64)


def _readable(body: bytes) -> bool:
    """Whether a body is UTF-8 and no escape in it is half a character."""
    if not body.isascii():
        try:
            str(body, "utf-8")
        except UnicodeDecodeError:
            return False
    if b"\\" not in body or not _HALF.search(body):
        return True
    return not _HALF.search(_PAIR.sub(b"", body.replace(b"\\\\", b"")))


def _words(at: int) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int32]]]:
    """Where the kinds stand in the octets, (k, 2), and the names of their events as cells, (k, 3)."""
    ends = np.cumsum([len(word) for word in (*scan.KINDS, *scan.EVENT_NAMES)]) + at
    begins = np.concatenate([[at], ends[:-1]])
    some = len(scan.KINDS)
    names = np.array([(begin, end, TEXT if end > begin else NULL) for begin, end in zip(begins[some:], ends[some:], strict=True)], np.int32)
    return np.stack([begins[:some], ends[:some]], axis=1).astype(np.int64), names
