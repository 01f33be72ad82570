"""Records to windows: what a view or a rule measures, as the kernels keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from footfall.kernels.live import measures as measuring
from footfall.kernels.live import sessions, windows
from footfall.kernels.live.table import KeyedTable
from footfall.stream.measure import Measure

if TYPE_CHECKING:
    from footfall.stream.batch import Batch
    from footfall.stream.window import Window

AT_ONCE = 16_384
ROWS_MAX = 2_000_000
CROSSINGS = ("row", "record", "key", "start_us", "end_us", "value")


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
    """Windows of one kind with their measures.  With `watched` measure 0 is held against limits."""

    def __init__(self, window: Window, measures: Sequence[Measure], watched: Watched | None = None, *, keep_us: int = 0) -> None:
        self.window = window
        self.measures = tuple(measures)
        self.refused = 0
        self._sessions = window.kind == "session"
        first = sessions.FIRST_MEASURE if self._sessions else windows.FIRST_MEASURE
        widths = [measuring.width_of(one.kind, one.size) for one in measures]
        limit = watched.levels[2] if watched is not None else np.inf
        self._plan = measuring.Measures(
            np.array([one.kind for one in measures], np.int64),
            np.array([first + sum(widths[:index]) for index in range(len(measures))], np.int64),
            np.array([one.size for one in measures], np.int64),
            np.array([limit] * len(measures), np.float64),
            np.array([one.quantile for one in measures], np.float64),
        )
        self._limits = windows.no_limits() if watched is None else windows.Limits(np.array(watched.levels, np.float64), watched.events_min)
        self._span = windows.Span(window.size_us, window.every_us, keep_us if window.kind == "none" else 0, ROWS_MAX)
        self.main = KeyedTable(first - 2 + sum(widths))
        self.pairs = KeyedTable(measuring.PAIR_FIELDS)
        self.bins = KeyedTable(measuring.BIN_FIELDS)
        self.directory = KeyedTable(sessions.DIRECTORY_FIELDS)
        self._gone: list[tuple[int, int]] = []

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

    def take(self, batch: Batch, which: Any, keys: Any, watermarks_us: Any) -> dict[str, Any]:
        """Add the records `which` (indexes); the windows that began to alert, by the columns of CROSSINGS."""
        given = self._given(batch)
        self._gone = []
        pieces = [self._piece(given, (piece, keys, batch.time_us, watermarks_us)) for piece in _pieces(which)]
        return {name: np.concatenate([piece[name] for piece in pieces] or [np.empty(0, np.int64)]) for name in CROSSINGS}

    def flag_raised(self, rows: Any) -> None:
        """These windows have raised their alert."""
        windows.flag(self.main.arrays(), np.ascontiguousarray(rows), windows.RAISED)

    def changed(self) -> Changed:
        """The windows that the last batch changed."""
        ids, record = self.main.changes()
        fields = self.main.rows(ids)
        values = np.empty((len(self.measures), len(ids)), np.float64)
        windows.read(self.main.arrays(), self._side(), self._plan, ids, values)
        columns = [fields[:, place] for place in (windows.START, windows.END, windows.COUNT, windows.FLAGS)]
        return Changed(ids, record, *columns, values, self._gone)

    def paths(self, index: int, ids: Any) -> list[list[int]]:
        """The hashes of a path measure, oldest first, of each of these rows."""
        at = int(self._plan.at[index])
        fields = self.main.rows(ids)
        return [fields[row, at + 2 : at + 2 + 2 * int(fields[row, at]) : 2].tolist() for row in range(len(ids))]

    def moved(self, changed: Changed, rows: Any) -> list[tuple[int, int]]:
        """(start as shown, id) of sessions that begin earlier now than readers were told."""
        shown = self.main.rows(changed.ids[rows])[:, sessions.SHOWN]
        moved = np.flatnonzero((shown != changed.start_us[rows]) & (shown != sessions.NOT_SHOWN))
        return [(int(shown[row]), int(changed.ids[rows[row]])) for row in moved]

    def shown(self, ids: Any) -> None:
        """Remember as which start these sessions were shown."""
        if self._sessions:
            sessions.note_shown(self.main.arrays(), np.ascontiguousarray(ids))

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _given(self, batch: Batch) -> measuring.Given:
        values = np.full((len(self.measures), len(batch)), np.nan)
        hashes = np.zeros((len(self.measures), len(batch)), np.int64)
        for index, one in enumerate(self.measures):
            if one.condition is not None:
                values[index] = batch.columns.mask((one.condition,))
            elif one.kind in (measuring.DISTINCT, measuring.PATH):
                assert one.reference is not None
                found, valid = batch.columns.hashes((one.reference,))
                hashes[index] = np.where(valid, np.where(found == 0, 1, found), 0)
            elif one.reference is not None:
                values[index] = batch.columns.numbers(one.reference)
        return measuring.Given(values, hashes)

    def _piece(self, given: measuring.Given, records: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
        which, keys, times = records[:3]
        each = self.window.windows_of_a_record
        more = len(which) * each
        crossings = windows.room_for(more if self._limits.levels.min() != np.inf else 0)
        self.main.reserve(more)
        self.pairs.reserve(more * sum(one.kind == measuring.DISTINCT for one in self.measures))
        self.bins.reserve(more * sum(one.kind == measuring.QUANTILE for one in self.measures))
        if self._sessions:
            self._take_sessions(given, records, crossings)
        else:
            how = (self._span, self._limits, crossings)
            self.refused += windows.take(self.main.arrays(), self._side(), self._plan, given, (which, keys, times), how)
        return {name: getattr(crossings, name)[: crossings.count[0]] for name in CROSSINGS}

    def _take_sessions(self, given: measuring.Given, records: tuple[Any, Any, Any, Any], crossings: Any) -> None:
        which, keys, times, watermarks = records
        self.directory.reserve(len(which))
        needed = np.zeros(2, np.int64)
        while len(which):
            gone = np.zeros((len(which) + 1, 2), np.int64)
            how = (self.window.size_us, 0, ROWS_MAX, self._limits, crossings, gone, needed)
            tables = (self.main.arrays(), self.directory.arrays())
            done = int(sessions.take(tables, self._side(), self._plan, given, (which, keys, times, watermarks), how))
            self._gone += [(int(start), int(key)) for start, key in gone[1 : gone[0, 0] + 1]]
            which = which[done:]
            if len(which):
                self.pairs.reserve(int(needed[0]) + len(which))
                self.bins.reserve(int(needed[0]) + len(which))
        self.refused += int(needed[1])
        sessions.remove_joined(self.main.arrays())

    def _side(self) -> measuring.Side:
        return measuring.Side(self.pairs.arrays(), self.bins.arrays())


def _pieces(which: Any) -> Iterator[Any]:
    for first in range(0, len(which), AT_ONCE):
        yield np.ascontiguousarray(which[first : first + AT_ONCE])
