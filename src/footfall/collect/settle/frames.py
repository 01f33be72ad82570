"""Frames to canonical lines: raw bodies are read again by their protocol, lines are taken as they are.

Everything of one stream in a call ends in one buffer, cut into pieces that know their frame and positions.  A body that cannot be
read again becomes dead letters, one a record, so that no position is left without an outcome.  Plain calls in Segment's bodies are scanned
where they stand (`segment_rows.py`); what that leaves in doubt is read like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from footfall.collect.protocols.segment import Segment
from footfall.collect.settle.letters import Refused
from footfall.collect.settle.segment_rows import Scanned, SegmentScanner
from footfall.collect.wire.contract import Asked, Batch, WireProtocol
from footfall.collect.wire.json_body import json_text, text_of
from footfall.errors import FootfallError, InvalidConfig, nearest
from footfall.event.drop import DropReason
from footfall.eventlog.contract import Block, Frame

_ENCODER = msgspec.json.Encoder()
# What a protocol's reading may raise on a body that it took before: a defect, which must not stop everything behind it.
_DEFECTS = (FootfallError, msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


@dataclass(slots=True)
class Lines:
    """The canonical lines of one stream.  Piece k ends at `ends[k]`, belongs to `frames[k]`, and its `counts[k]` records begin at `firsts[k]`."""

    parts: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    size: int = 0

    def add(self, frame: Frame, first: int, count: int, lines: bytes) -> None:
        """Append the records of a frame, or some of them."""
        if lines and lines[-1] != 10:
            lines += b"\n"
        self.parts.append(lines)
        self.size += len(lines)
        self.ends.append(self.size)
        self.counts.append(count)
        self.firsts.append(first)
        self.frames.append(frame)

    def extend(self, lines: Lines) -> None:
        """Append all of another's."""
        for part, first, count, frame in zip(lines.parts, lines.firsts, lines.counts, lines.frames, strict=True):
            self.add(frame, first, count, part)

    def pieces(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(p, 2) ends and counts, as the scanner wants them."""
        return np.array([self.ends, self.counts], np.int64).T

    def positions(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) the position of every record."""
        counts = np.array(self.counts, np.int64)
        before = np.cumsum(counts) - counts
        positions: np.ndarray[Any, np.dtype[np.int64]] = np.arange(counts.sum()) + np.repeat(np.array(self.firsts, np.int64) - before, counts)
        return positions

    def piece_of_row(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) the piece that every record belongs to."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


@dataclass(slots=True)
class Gathered:
    """The frames of some blocks by stream, what was scanned as it stands, and what could not be read again."""

    events: Lines = field(default_factory=Lines)
    scanned: Scanned | None = None
    logs: Lines = field(default_factory=Lines)
    letters: Lines = field(default_factory=Lines)
    refused: list[Refused] = field(default_factory=list)


def gather(blocks: Iterable[Block], protocols: Mapping[str, WireProtocol], scanner: SegmentScanner) -> Gathered:
    """Every frame of the blocks as canonical lines, but for the calls that the scanner takes.

    Raises:
        InvalidConfig: a raw frame is of a protocol that this version does not have; nothing is lost, the log still holds it.
    """
    gathered = Gathered()
    placed = list(_placed(blocks))
    bodies = [one for one in placed if _is_scanned(one[0], protocols)]
    scanned = gathered.scanned = scanner.scan(bodies) if bodies else None
    number = -1
    for frame, position in placed:
        into = gathered.events if frame.stream == "events" else gathered.logs if frame.stream == "logs" else gathered.letters
        if scanned is not None and _is_scanned(frame, protocols):
            number += 1
            if number not in scanned.whole and _doubts_read(scanned, number, protocols[frame.protocol], into, gathered.refused):
                continue
            scanned.whole.add(number)
        if frame.form == "lines" or _is_canonical(frame):
            into.add(frame, position, frame.count, frame.body)
        else:
            read_again(frame, position, _protocol(frame, protocols), into, gathered.refused)
    return gathered


def _placed(blocks: Iterable[Block]) -> Iterator[tuple[Frame, int]]:
    """The frames of some blocks, each with the position of its first record."""
    for block in blocks:
        position = block.position
        for frame in block.frames:
            yield frame, position
            position += frame.count
        assert position == block.end, "a block's frames must hold as many records as it counts"


def _is_scanned(frame: Frame, protocols: Mapping[str, WireProtocol]) -> bool:
    """Whether the scanner knows what a body means; a protocol that only calls itself Segment is asked instead."""
    kind: object = type(protocols.get(frame.protocol))
    return kind is Segment and frame.form == "raw" and frame.stream == "events"


def _doubts_read(scanned: Scanned, number: int, protocol: WireProtocol, into: Lines, refused: list[Refused]) -> bool:
    """Read the calls that were left in doubt, neighbours together; False when the protocol refuses one, so that places may have shifted."""
    doubts = scanned.doubts.get(number)
    if doubts is None:
        return True
    lines, problems = Lines(), list[Refused]()
    for begin, end in _runs(doubts):
        frame, position = scanned.call(number, doubts[begin:end])
        read_again(frame, position, protocol, lines, problems)
    if any(problem.reason == DropReason.MALFORMED_BODY for problem in problems):
        return False
    into.extend(lines)
    refused.extend(problems)
    return True


def _runs(doubts: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Where records that follow each other begin and stop in a list of doubts."""
    begin = 0
    for index in range(1, len(doubts) + 1):
        if index == len(doubts) or doubts[index][0] != doubts[index - 1][0] + 1:
            yield begin, index
            begin = index


def _is_canonical(frame: Frame) -> bool:
    """Whether a raw body is the array or the lines of canonical events that the scanner takes as they stand, without an envelope."""
    if frame.protocol != "native" or frame.kept is not None:
        return False
    body = frame.body
    if body[:64].lstrip()[:1] == b"[":
        return True
    return not (b'"events"' in body or (b"\\" in body and b"\\u0065" in body))


def _protocol(frame: Frame, protocols: Mapping[str, WireProtocol]) -> WireProtocol:
    if frame.protocol not in protocols:
        near = nearest(frame.protocol, protocols, limit=1)
        raise InvalidConfig(
            f"the log holds bodies of the protocol {frame.protocol!r}, which this version cannot read",
            field="protocol",
            got=frame.protocol,
            allowed=tuple(protocols),
            hint="run the version that wrote them" + (f"; the nearest known is {near[0]!r}" if near else ""),
        )
    return protocols[frame.protocol]


def read_again(frame: Frame, position: int, protocol: WireProtocol, into: Lines, refused: list[Refused]) -> None:
    """Add what a protocol makes of a raw body, or a letter for each of its records."""
    try:
        batch = protocol.read(Asked("POST", frame.path, frame.body, received_us=frame.received_us))
    except _DEFECTS as problem:
        _refuse_whole(frame, position, f"the body cannot be read again: {problem}", refused)
        return
    if frame.kept is not None:
        batch = _picked(batch, frame.kept)
    if len(batch.items) != frame.count:
        _refuse_whole(frame, position, f"the body held {frame.count} accepted events and now has {len(batch.items)}", refused)
        return
    try:
        into.add(frame, position, frame.count, _ENCODER.encode_lines(protocol.events(batch)))
    except _DEFECTS:
        _one_by_one(frame, position, (protocol, batch), into, refused)


def _picked(batch: Batch, kept: Sequence[int]) -> Batch:
    """The batch with only the kept items; an index that is not there leaves one too few, which is noticed."""
    there = [index for index in kept if index < len(batch.items)]
    return Batch([batch.items[index] for index in there], [batch.ids[index] for index in there], batch.key, batch.sent, extra=batch.extra)


def _one_by_one(frame: Frame, position: int, read: tuple[WireProtocol, Batch], into: Lines, refused: list[Refused]) -> None:
    """Each item for itself, so that one that cannot be turned into an event takes no other with it."""
    protocol, batch = read
    for index, item in enumerate(batch.items):
        one = Batch([item], [batch.ids[index]], batch.key, batch.sent, extra=batch.extra)
        try:
            into.add(frame, position + index, 1, _ENCODER.encode_lines(protocol.events(one)))
        except _DEFECTS as problem:
            detail = f"the item cannot be made an event: {problem}"
            refused.append(Refused(frame, position + index, DropReason.MALFORMED_EVENT, detail, json_text(item)))


def _refuse_whole(frame: Frame, position: int, detail: str, refused: list[Refused]) -> None:
    """One letter a record, so that sums hold; the body stands in the first."""
    for index in range(frame.count):
        row = text_of(frame.body) if index == 0 else ""
        refused.append(Refused(frame, position + index, DropReason.MALFORMED_BODY, detail, row))
