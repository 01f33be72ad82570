"""Bytes of a log -> lines -> elements to send: records, and lines that no format could read.

The id of an element is a hash of the content's identity, the place and the bytes of its lines, so the same lines sent again get the same id.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import xxhash

from footfall.connectors.logs.contract import LineFormat
from footfall.event.canonical import LogRecord
from footfall.event.dead_letter import ROW_TEXT_BYTES_MAX
from footfall.event.drop import DropReason

LINE_BYTES_MAX = 256 << 10
MESSAGE_BYTES_MAX = 64 << 10
RECORDS_MAX = 10_000


@dataclass(slots=True)
class Line:
    """One line of a file: from `start` to `end`, its own end of line included; `raw` is without it."""

    start: int
    end: int
    raw: bytes


@dataclass(slots=True)
class Cut:
    """Elements as JSON, and the place behind the last one of them."""

    elements: list[bytes]
    end: int
    unreadable: int = 0
    held: bool = False  # the last record waits for lines that may still belong to it


class Unreadable(msgspec.Struct, omit_defaults=True):
    """A line that becomes a dead letter."""

    line: str
    reason: str
    detail: str
    event_id: str


def lines_of(chunk: bytes, offset: int, *, final: bool) -> list[Line]:
    """The whole lines of a chunk; with `final` also what stands behind the last end of line."""
    lines: list[Line] = []
    at = 0
    while (stop := chunk.find(b"\n", at)) >= 0:
        lines.append(Line(offset + at, offset + stop + 1, chunk[at:stop].removesuffix(b"\r")))
        at = stop + 1
    if final and at < len(chunk):
        lines.append(Line(offset + at, offset + len(chunk), chunk[at:]))
    return lines


class _Open:
    """A record that later lines may still join."""

    def __init__(self, record: LogRecord, line: Line) -> None:
        self.record = record
        self.start = line.start
        self.raw = [line.raw]
        self.message = [record.message or ""]
        self.bytes = len(line.raw)
        self.left_out = 0

    def join(self, line: Line, text: str) -> None:
        self.raw.append(line.raw)
        self.bytes += len(line.raw)
        if self.bytes > MESSAGE_BYTES_MAX:
            self.left_out += 1
        else:
            self.message.append(text)

    def element(self, identity: str) -> bytes:
        if len(self.raw) > 1:
            more = [f"… {self.left_out} more lines"] if self.left_out else []
            self.record.message = "\n".join([*self.message, *more]).rstrip()
        self.record.event_id = element_id(identity, self.start, b"\n".join(self.raw))
        return msgspec.json.encode(self.record)


def cut(lines: list[Line], form: LineFormat, identity: str, *, final: bool) -> Cut:
    """Lines as elements, RECORDS_MAX at most.

    The last record of a format that joins is held back unless `final`: the next line may belong to it.  Empty lines are passed.
    """
    cutter = _Cutter(form, identity, lines[0].start if lines else 0)
    for line in lines:
        if not cutter.take(line):
            return cutter.done
    return cutter.ended(lines, final=final)


class _Cutter:
    """Takes lines one by one; `waiting` is the record that the next line may belong to."""

    def __init__(self, form: LineFormat, identity: str, start: int) -> None:
        self.form = form
        self.identity = identity
        self.done = Cut([], start)
        self.waiting: _Open | None = None

    def take(self, line: Line) -> bool:
        """One line; False when there are enough elements, and the line is left for the next time."""
        text = line.raw.lstrip(b"\0").decode("utf-8", "backslashreplace")  # a truncated file may begin with a hole
        long = len(line.raw) > LINE_BYTES_MAX
        read = self.form.read(text) if text.strip() and not long else ""
        if self.waiting is not None and (isinstance(read, LogRecord) or long):
            self._flush(line.start)
        if len(self.done.elements) >= RECORDS_MAX:
            return False
        if isinstance(read, LogRecord):
            self.waiting = _Open(read, line)
            if not (self.form.joins and read.kind == "error"):
                self._flush(line.end)
        elif self.waiting is not None:
            self.waiting.join(line, text)
        else:
            self.done.end = line.end
            if text.strip():
                self.done.elements.append(unreadable(line, self.identity, read))
                self.done.unreadable += 1
        return True

    def ended(self, lines: list[Line], *, final: bool) -> Cut:
        """There are no more lines by now."""
        if self.waiting is not None and final:
            self._flush(lines[-1].end)
        self.done.held = self.waiting is not None
        return self.done

    def _flush(self, end: int) -> None:
        assert self.waiting is not None, "asked for only when a record waits"
        self.done.elements.append(self.waiting.element(self.identity))
        self.done.end, self.waiting = end, None


def unreadable(line: Line, identity: str, problem: str) -> bytes:
    """The element of a line that becomes a dead letter; without a problem its length is what is wrong."""
    reason = DropReason.MALFORMED_ROW if problem else DropReason.ROW_TOO_LONG
    text = line.raw[:ROW_TEXT_BYTES_MAX].decode("utf-8", "backslashreplace")
    detail = problem or f"the line has more than {LINE_BYTES_MAX:,} bytes"
    return msgspec.json.encode(Unreadable(text, reason.value, detail, element_id(identity, line.start, line.raw)))


def element_id(identity: str, start: int, raw: bytes) -> str:
    """The id of what begins at a place of a content."""
    return xxhash.xxh3_128_hexdigest(f"{identity}:{start}:".encode() + raw)
