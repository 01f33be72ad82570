"""Dimensions that follow their sources: loaded once, and again when a source changed.

The live path calls `look` between micro-batches: sources are asked beside it, in a thread, and what they gave is taken over whole at the next
look, so no batch sees half of it and none waits.  `update` does the same at once, for questions.  A reload that fails, or whose columns are no
longer those that references were checked against, keeps the old rows and is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from footfall import clock
from footfall.connectors.dimensions.contract import DimensionSource
from footfall.errors import FootfallError, InvalidConfig
from footfall.stream.reading.cell_text import plain

if TYPE_CHECKING:
    from footfall.stream.dimensions import DimensionTable


@dataclass(frozen=True, slots=True)
class Watched:
    """A dimension as it is declared: where its rows come from, their key, the reference that is joined to it, how often to look."""

    source: DimensionSource
    key: str
    column: str | None
    reload_us: int


class Dimensions:
    """The rows of all dimensions as they are now.

    `version` grows with every change; `tell` hears of failing reloads.  One thread at a time.
    """

    def __init__(self, watched: Mapping[str, Watched], tell: Callable[[str], None] | None = None) -> None:
        self._watched = watched
        self._tell = tell
        self._rows: dict[str, pa.Table] = {}
        self._tables: dict[str, DimensionTable] = {}
        self._due_us: dict[str, int] = {}
        self._running: dict[str, Future[Any]] = {}
        self._said: dict[str, str] = {}
        self._unknown = dict.fromkeys(watched, 0)
        self.version = 0

    def load(self) -> None:
        """Load what is not loaded yet.

        Raises:
            InvalidConfig: a source is not there, or has no such key.
            StorageFailed: a database cannot be reached.
        """
        for name, watched in self._watched.items():
            if name not in self._rows:
                self._rows[name] = _plain_rows(name, watched, watched.source.load())
                self._due_us[name] = _now_us() + watched.reload_us
                self.version += 1

    @property
    def rows(self) -> Mapping[str, pa.Table]:
        """The rows of each dimension, every column of a plain type."""
        self.load()
        return dict(self._rows)

    @property
    def tables(self) -> Mapping[str, DimensionTable]:
        """The same for look-ups; a mapping that a batch may keep, since a change makes another one."""
        self.load()
        missing = [name for name in self._rows if name not in self._tables]
        if missing:
            self._tables = self._tables | {name: self._table(name) for name in missing}
        return self._tables

    def look(self) -> bool:
        """Take over what sources gave since the last look, and ask those whose time has come; True when rows changed."""
        done = {name: future for name, future in self._running.items() if future.done()}
        changed = [name for name, future in done.items() if self._take(name, future.result())]
        for name in done:
            del self._running[name]
        for name in self._due():
            future: Future[Any] = Future()
            self._running[name] = future
            Thread(target=self._work, args=(name, future), name=f"footfall-dimension-{name}", daemon=True).start()
        return bool(changed)

    def update(self) -> bool:
        """The same, waiting for the sources; True when rows changed."""
        self.load()
        changed = [name for name in self._due() if self._take(name, self._fetched(name))]
        return bool(changed)

    @property
    def problems(self) -> Mapping[str, str]:
        """Why a dimension's rows are older than its source, by name."""
        return dict(self._said)

    def unknown(self) -> Mapping[str, int]:
        """How many look-ups found no row, by name, since the beginning."""
        return {name: count + (self._tables[name].unknown if name in self._tables else 0) for name, count in self._unknown.items()}

    def _due(self) -> list[str]:
        """The loaded dimensions whose time has come; the time of the next look is set."""
        now_us = _now_us()
        due = [name for name, due_us in self._due_us.items() if due_us <= now_us and name not in self._running]
        for name in due:
            self._due_us[name] = now_us + self._watched[name].reload_us
        return due

    def _work(self, name: str, future: Future[Any]) -> None:
        try:
            future.set_result(self._fetched(name))
        except BaseException as problem:
            future.set_exception(problem)
            raise

    def _fetched(self, name: str) -> pa.Table | FootfallError | None:
        """New rows, None when nothing changed, or why there are none."""
        watched = self._watched[name]
        try:
            if not watched.source.changed():
                return None
            return _suited(name, _plain_rows(name, watched, watched.source.load()), self._rows[name].schema)
        except FootfallError as problem:
            return problem

    def _take(self, name: str, found: pa.Table | FootfallError | None) -> bool:
        if isinstance(found, FootfallError):
            if self._said.get(name) != found.sentence and self._tell is not None:
                self._tell(f"{found.sentence}; the rows from before stay")
            self._said[name] = found.sentence
            return False
        if found is None:
            return False
        if self._said.pop(name, None) is not None and self._tell is not None:
            self._tell(f"dimension {name!r} is read again")
        self._rows[name] = found
        self.version += 1
        if name in self._tables:
            self._unknown[name] += self._tables[name].unknown
            self._tables = self._tables | {name: self._table(name)}
        return True

    def _table(self, name: str) -> DimensionTable:
        from footfall.stream.dimensions import DimensionTable

        return DimensionTable(name, self._rows[name], self._watched[name].key, self._watched[name].column)


def _now_us() -> int:
    return clock.ticks_ns() // 1_000


def _plain_rows(name: str, watched: Watched, table: pa.Table) -> pa.Table:
    if watched.key not in table.column_names:
        raise InvalidConfig(
            f"dimension {name!r} has no column {watched.key!r}",
            field=f"dimensions.{name}.key",
            got=watched.key,
            allowed=table.column_names,
            hint="its columns: " + ", ".join(table.column_names),
        )
    return pa.table({label: plain(table.column(label)) for label in table.column_names})


def _suited(name: str, rows: pa.Table, before: pa.Schema) -> pa.Table:
    """New rows with the columns and types that references were checked against; further columns are welcome.

    Raises:
        InvalidConfig: a column is gone, or holds what its type cannot.
    """
    for field in before:
        place = rows.schema.get_field_index(field.name)
        if place < 0:
            raise InvalidConfig(
                f"dimension {name!r} has no column {field.name!r} any more", field=f"dimensions.{name}", hint="restart to go on without"
            )
        try:
            rows = rows.set_column(place, field, rows.column(place).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            kind = rows.schema.field(place).type
            raise InvalidConfig(
                f"dimension {name!r}: {field.name!r} was {field.type} and is {kind} now",
                field=f"dimensions.{name}",
                hint="restart to take the new type",
            ) from None
    return rows
