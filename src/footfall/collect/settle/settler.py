"""Blocks of the log to tables: what was accepted is read, typed, held against the tracking plan and enriched, by columns.

Every record of the blocks ends in exactly one table: events, dead letters or log lines.  Settling the same blocks again gives the same
rows, with the same ids and positions; only pairs of ids that are known by then make no second line of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.collect.routing import every_protocol
from footfall.collect.settle.agents import agent_columns
from footfall.collect.settle.clocks import READER, Times, times_of
from footfall.collect.settle.edges import edges_of, note
from footfall.collect.settle.frames import Lines, gather, read_again
from footfall.collect.settle.known_pairs import KnownPairs
from footfall.collect.settle.letters import Refused, letter_rows, of_the_door
from footfall.collect.settle.logs import log_rows
from footfall.collect.settle.rows import Rows, rows_of, rows_of_lines
from footfall.collect.settle.segment_rows import SegmentScanner
from footfall.collect.settle.urls import address_columns
from footfall.collect.wire.contract import WireProtocol
from footfall.event.canonical import Event
from footfall.event.canonical_rows import PROPERTY, leftover_text
from footfall.event.cells.text import texts
from footfall.event.dead_letter import DEAD_LETTER_SCHEMA, DeadLetter
from footfall.event.drop import DropReason
from footfall.event.mapping import EventMapping
from footfall.event.normalise import Normaliser, Origin
from footfall.event.plan import TrackingPlan
from footfall.event.raw import FINE, NULL, RawRows
from footfall.event.schema import IDENTITY_SCHEMA, LOG_SCHEMA, MAPPABLE
from footfall.eventlog.contract import Block, Frame

# What is settled at a time: buffers of this size are used again by the allocator, larger ones are fresh pages on every call, which costs
# as much as scanning them.
RECORDS_AT_ONCE = 20_000
BYTES_AT_ONCE = 16 << 20
FIELDS: tuple[str, ...] = tuple(Event.__struct_fields__)
_KEPT = (("properties", "$properties"), ("context", "$context"), ("ip", "$ip"))
_PLACE = ("country", "region", "city")


@dataclass(frozen=True, slots=True)
class Settled:
    """The rows of some blocks: `records` = events + letters + logs."""

    events: pa.Table
    letters: pa.Table = field(default_factory=DEAD_LETTER_SCHEMA.empty_table)
    logs: pa.Table = field(default_factory=LOG_SCHEMA.empty_table)
    edges: pa.Table = field(default_factory=IDENTITY_SCHEMA.empty_table)
    records: int = 0


class Settler:
    """Settles blocks of one log for one project.  `known` are the pairs of ids that the ledger has; new ones are added to it."""

    def __init__(
        self, plan: TrackingPlan, *, log_name: str, known: KnownPairs | None = None, protocols: Mapping[str, WireProtocol] | None = None
    ) -> None:
        self.log_name = log_name
        self.known = KnownPairs() if known is None else known
        self._protocols = {one.name: one for one in every_protocol()} if protocols is None else protocols
        self._promoted = tuple(plan.columns)
        self._scanner = SegmentScanner(FIELDS, self._promoted)
        self._schema = plan.schema()
        columns = {name: name for name in MAPPABLE if name in FIELDS} | {name: PROPERTY + name for name in self._promoted}
        readers = dict.fromkeys(self._schema.names, READER)
        self._normaliser = Normaliser((*FIELDS, *(PROPERTY + name for name in self._promoted)), EventMapping(columns), plan, readers)

    def know(self, edges: pa.Table) -> None:
        """Note what the ledger holds already, so that no pair is noted twice."""
        note(edges, self.known)

    def settle(self, blocks: Sequence[Block]) -> Settled:
        """The rows of the blocks, which follow each other in the log.

        Raises:
            InvalidConfig: a block is of a protocol that this version does not have.
        """
        return joined([self._settle(some) for some in _portions(blocks)] or [self._settle(())])

    def _settle(self, blocks: Sequence[Block]) -> Settled:
        gathered = gather(blocks, self._protocols, self._scanner)
        refused = [*gathered.refused, *of_the_door(gathered.letters)]
        events, edges = self._events(rows_of(gathered, FIELDS, self._promoted), refused)
        logs, lost = log_rows(gathered.logs, self.log_name)
        letters = letter_rows([*refused, *lost], self.log_name)
        records = sum(block.count for block in blocks)
        assert len(events) + len(letters) + len(logs) == records, "every record has one outcome"
        return Settled(events, letters, logs, edges, records)

    def _events(self, rows: Rows | None, refused: list[Refused]) -> tuple[pa.Table, pa.Table]:
        if rows is None:
            return self._schema.empty_table(), IDENTITY_SCHEMA.empty_table()
        events = self._typed(rows, refused)
        at = np.arange(len(rows))
        if len(events) < len(rows):
            at = np.searchsorted(rows.positions, events.column("position").to_numpy())
        events = _enriched(events, rows.raw, rows.frames, (at, rows.piece[at]))
        return events, edges_of(events, rows.raw, at, self.known)

    def _typed(self, rows: Rows, refused: list[Refused]) -> pa.Table:
        """The rows with their types; those that cannot be events are added to `refused`."""
        times = times_of(rows)
        given = times.columns | {
            "position": pa.array(rows.positions),
            "source": _of_frames([frame.source for frame in rows.frames], rows.piece),
            "properties": leftover_text(rows.raw, _KEPT),
        }
        result = self._normaliser.normalise(rows.raw, Origin(0, 0, f"{self.log_name}-", given, times.states))
        # A letter shows the canonical event: the calls that were scanned in their bodies are written as lines for it.
        calls = rows.calls([letter.line for letter in result.letters])
        written = {position for _, position in calls}
        for letter in result.letters:
            row = letter.line  # lines are counted from 0 here
            if (position := int(rows.positions[row])) not in written:
                refused.append(_refused(letter, rows.raw, times, (rows.frames[rows.piece[row]], position)))
        if calls:
            lines = Lines()
            for frame, position in calls:
                read_again(frame, position, self._protocols[frame.protocol], lines, refused)
            if lines.counts:
                again = self._typed(rows_of_lines(lines, FIELDS, self._promoted), refused)
                assert not len(again), "a call is refused however it is read"
        return result.events


def _refused(letter: DeadLetter, raw: RawRows, times: Times, where: tuple[Frame, int]) -> Refused:
    """A dead letter of the normaliser; a time that only the correction spoilt gets words of its own."""
    row, detail = letter.line, letter.detail
    if letter.reason == DropReason.INVALID_TIME and times.readable[row] and raw.rows[row, 3] == FINE:
        client = raw.value(raw.columns.index("event_time"), row)
        detail = f"event_time = {client!r} is no time between 1970 and 2200 once corrected by the client's clock at sending"
    return Refused(where[0], where[1], letter.reason, detail, letter.row)


def _enriched(events: pa.Table, raw: RawRows, frames: list[Frame], where: tuple[Any, Any]) -> pa.Table:
    """Fill what the events leave open from their request's place, their agent and their addresses."""
    rows, piece = where
    columns = {name: _of_frames([getattr(frame, name) for frame in frames], piece) for name in _PLACE}
    columns |= agent_columns(_agents(raw, frames, rows, piece))
    found = {name: column for name, column in columns.items() if column.null_count < len(column)}
    for name, column in found.items():
        own = events.column(name).combine_chunks()
        if own.null_count:
            events = _with(events, name, column if own.null_count == len(own) else pc.coalesce(own, column))
    for name, column in address_columns(events).items():
        events = _with(events, name, column)
    return events


def _agents(raw: RawRows, frames: list[Frame], rows: Any, piece: Any) -> pa.Array:
    """The User-Agent of every event: its own, else its request's."""
    cells = raw.column(raw.columns.index("agent"))
    whole = _of_frames([frame.agent for frame in frames], piece)
    if not (cells[:, 2] != NULL).any():
        return whole
    own = texts(raw.octets, cells if len(rows) == len(cells) else cells[rows])[0]
    if not own.null_count:
        return own
    return pc.coalesce(own, pc.cast(whole, pa.string()))


def _of_frames(values: list[str | None], piece: Any) -> pa.Array:
    """One value a frame -> one a row."""
    if all(value is None for value in values):
        return pa.nulls(len(piece), pa.string())
    if len(set(values)) == 1:
        return pa.repeat(pa.scalar(values[0], pa.string()), len(piece))
    return pa.array(values, pa.string()).take(pa.array(piece))


def _with(events: pa.Table, name: str, column: pa.Array) -> pa.Table:
    index = events.schema.get_field_index(name)
    return events.set_column(index, events.schema.field(index), column)


def _portions(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """The blocks in portions of about RECORDS_AT_ONCE and BYTES_AT_ONCE, one block or more each."""
    portion: list[Block] = []
    records = size = 0
    for block in blocks:
        weight = sum(len(frame.body) for frame in block.frames)
        if portion and (records + block.count > RECORDS_AT_ONCE or size + weight > BYTES_AT_ONCE):
            yield portion
            portion, records, size = [], 0, 0
        portion.append(block)
        records += block.count
        size += weight
    if portion:
        yield portion


def joined(parts: Sequence[Settled]) -> Settled:
    """Several as one, in order."""
    if len(parts) == 1:
        return parts[0]
    events, letters, logs, edges = (pa.concat_tables([getattr(part, name) for part in parts]) for name in ("events", "letters", "logs", "edges"))
    return Settled(events, letters, logs, edges, sum(part.records for part in parts))
