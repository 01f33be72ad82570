"""Records to windows: what a view or a rule measures, as the kernels keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from footfall.kernels.live import measures as measuring
from footfall.kernels.live import sessions, windows
from footfall.kernels.live.table import KEY, OWN, RECORD, KeyedTable
from footfall.stream.batch import AHEAD_US
from footfall.stream.measure import Measure
from footfall.stream.state import slots_to_sweep

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.window import Window

AT_ONCE = 16_384
ROWS_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Watched:
    """The limits of a rule: record, suspicious and alert above these, once a window has `events_min` records."""

    levels: tuple[float, float, float]
    events_min: int = 1


@dataclass(slots=True)
class Changed:
    """Windows that a batch changed: (w,) row ids, first records, starts, ends, counts, flags and (m, w) values; rows that are no more."""

    ids: Any
    record: Any
    start_us: Any
    end_us: Any
    count: Any
    flags: Any
    values: Any
    gone: list[tuple[int, int]]


class Aggregate:
    """Windows of one kind with their measures.  With `watched` measure 0 is held against limits; rows without windows live for `keep_us`."""

    def __init__(
        self, window: Window, measures: Sequence[Measure], watched: Watched | None = None, *, lateness_us: int = 0, keep_us: int = 0
    ) -> None:
        self.window = window
        self.measures = tuple(measures)
        self.refused = 0
        self._sessions = window.kind == "session"
        first = sessions.FIRST_MEASURE if self._sessions else measuring.FIRST_MEASURE
        widths = [measuring.width_of(one.kind, one.size) for one in measures]
        self._plan = np.zeros((len(measures), 4), np.int64)
        for index, one in enumerate(measures):
            self._plan[index, :3] = one.kind, first + sum(widths[:index]), one.size
            self._plan.view(np.float64)[index, measuring.RANK] = one.quantile
        self._limits = windows.no_limits() if watched is None else np.array([*watched.levels, float(watched.events_min)])
        self._span = np.array([window.size_us, window.every_us, keep_us if window.kind == "none" else 0, ROWS_MAX], np.int64)
        self.main = KeyedTable(first - OWN + sum(widths))
        self.pairs = KeyedTable(measuring.PAIR_FIELDS)
        self.bins = KeyedTable(measuring.BIN_FIELDS)
        self.directory = KeyedTable(sessions.directory_fields(window.size_us, lateness_us + AHEAD_US) if self._sessions else 1)
        self._gone: list[tuple[int, int]] = []
        self._joined: dict[int, int] = {}

    def tables(self) -> Mapping[str, KeyedTable]:
        """The tables that this kind of window uses."""
        used = {"main": self.main}
        kinds = {one.kind for one in self.measures}
        if measuring.DISTINCT in kinds:
            used["pairs"] = self.pairs
        if measuring.QUANTILE in kinds:
            used["bins"] = self.bins
        if self._sessions:
            used["directory"] = self.directory
        return used

    def take(self, batch: Batch, which: Any, keys: Any, watermarks_us: Any) -> Any:
        """Add the records `which` (indexes); (c, 6) the windows that began to alert, with the columns of `kernels/live/windows`."""
        given = self._given(batch)
        self._gone, self._joined = [], {}
        crossed = [self._piece(batch, given, piece, keys, watermarks_us) for piece in pieces(which)]
        return np.concatenate(crossed) if crossed else np.empty((0, 6), np.int64)

    def sweep(self, before_us: int) -> None:
        """Forget windows that were over before a moment, and what belongs to windows that are no more."""
        for table in self.tables().values():
            if table in (self.pairs, self.bins):
                table.end()
                measuring.sweep_owned(table.array(), self.main.array(), slots_to_sweep(table))
            else:
                table.sweep(before_us, slots_to_sweep(table))

    def flag_raised(self, rows: Any) -> None:
        """These windows have raised their alert: now, or before they became part of others in this batch."""
        if self._joined:
            rows = np.array([self._part_of(row) for row in rows.tolist()], np.int64)
        windows.flag(self.main.array(), np.ascontiguousarray(rows), windows.RAISED)

    def _part_of(self, row: int) -> int:
        while row in self._joined:
            row = self._joined[row]
        return row

    def changed(self, *, recorded: bool = False) -> Changed:
        """The windows that the last batch changed, by start and id: a store then writes neighbours one after the other.

        With `recorded` only those that a rule has recorded.
        """
        slots = self.main.changed_slots()
        if recorded:
            slots = windows.flagged(self.main.array(), slots, windows.RECORDED)
        rows = self.main.rows_at(slots)
        rows = rows[np.lexsort((rows[:, KEY], rows[:, measuring.START]))]
        ids = rows[:, KEY].copy()
        values = np.empty((len(self.measures), len(ids)), np.float64)
        windows.read(self.main.array(), self.bins.array(), self._plan, ids, values)
        start_us, end_us, count, flags = (rows[:, place] for place in (measuring.START, measuring.END, measuring.COUNT, measuring.FLAGS))
        return Changed(ids, rows[:, RECORD].copy(), start_us, end_us, count, flags, values, self._gone)

    def paths(self, index: int, ids: Any) -> list[bytes]:
        """The hashes of a path measure, oldest first, of each of these rows, as bytes of int64."""
        at, size = int(self._plan[index, measuring.AT]), self.measures[index].size
        rows = self.main.rows(ids)
        hashes, counts = np.ascontiguousarray(rows[:, at + 2 : at + 2 + 2 * size : 2]), rows[:, at].tolist()
        octets = hashes.tobytes()
        return [octets[8 * size * row : 8 * (size * row + count)] for row, count in enumerate(counts)]

    def moved(self, changed: Changed, rows: Any) -> list[tuple[int, int]]:
        """(start as shown, id) of sessions that begin earlier now than readers were told."""
        shown = self.main.rows(changed.ids[rows])[:, sessions.SHOWN]
        moved = np.flatnonzero((shown != changed.start_us[rows]) & (shown != sessions.NOT_SHOWN))
        return [(int(shown[row]), int(changed.ids[rows[row]])) for row in moved]

    def shown(self, ids: Any) -> None:
        """Remember as which start these sessions were shown."""
        if self._sessions:
            sessions.note_shown(self.main.array(), np.ascontiguousarray(ids))

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _given(self, batch: Batch) -> Any:
        """(m, n) what records bring to each measure: numbers by their bits, or hashes."""
        given = np.zeros((len(self.measures), len(batch)), np.int64)
        numbers = given.view(np.float64)
        for index, one in enumerate(self.measures):
            if one.condition is not None:
                numbers[index] = batch.columns.mask((one.condition,))
            elif one.kind in (measuring.DISTINCT, measuring.PATH):
                assert one.reference is not None
                found, valid = batch.columns.hashes((one.reference,))
                given[index] = np.where(valid, np.where(found == 0, 1, found), 0)
            elif one.reference is not None:
                numbers[index] = batch.columns.numbers(one.reference)
        return given

    def _piece(self, batch: Batch, given: Any, which: Any, keys: Any, watermarks_us: Any) -> Any:
        more = len(which) * self.window.windows_of_a_record
        crossings = np.zeros((1 + (more if np.isfinite(self._limits[:3]).any() else 0), 6), np.int64)
        self.main.reserve(more)
        self.pairs.reserve(more * sum(one.kind == measuring.DISTINCT for one in self.measures))
        self.bins.reserve(more * sum(one.kind == measuring.QUANTILE for one in self.measures))
        if self._sessions:
            self._take_sessions((given, which, keys, batch.time_us, watermarks_us - self.window.size_us), crossings)
        else:
            tables = (self.main.array(), self.pairs.array(), self.bins.array())
            records = (which, keys, batch.time_us, watermarks_us)
            self.refused += windows.take(*tables, self._plan, given, *records, self._span, self._limits, crossings)
        return crossings[1 : crossings[0, 0] + 1]

    def _take_sessions(self, records: tuple[Any, Any, Any, Any, Any], crossings: Any) -> None:
        given, which, keys, times, closed_us = records
        self.directory.reserve(len(which))
        span = np.array([self.window.size_us, ROWS_MAX, 0, 0], np.int64)
        while len(which):
            gone = np.zeros((len(which) + 1, 3), np.int64)
            tables = (self.main.array(), self.directory.array(), self.pairs.array(), self.bins.array())
            done = int(sessions.take(*tables, self._plan, given, which, keys, times, closed_us, span, self._limits, crossings, gone))
            for start, key, of in gone[1 : gone[0, 0] + 1].tolist():
                self._joined[key] = of
                if start != sessions.NOT_SHOWN:
                    self._gone.append((start, key))
            which = which[done:]
            if len(which):
                self.pairs.reserve(int(span[sessions.MISSING]) + len(which))
                self.bins.reserve(int(span[sessions.MISSING]) + len(which))
        self.refused += int(span[sessions.REFUSED])


def pieces(which: Any) -> Iterator[Any]:
    """Indexes in portions of AT_ONCE, for which tables make room."""
    for first in range(0, len(which), AT_ONCE):
        yield np.ascontiguousarray(which[first : first + AT_ONCE])
