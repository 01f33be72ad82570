"""The Lake contract: events in open Parquet under a table format, committed atomically, read by snapshot.

A writer stages parts (Parquet files that nobody sees), then commits them at once under a commit id.  A commit id is a
stream and a version, such as (`import:5f0c…`, 1); a version that is not newer than the stream's last one changes nothing, so
a commit may be repeated after any crash.  Readers in any process see whole commits only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Part:
    """One staged or committed Parquet file.  `bucket` is None while its rows lie in arrival order."""

    path: str
    rows: int
    size_bytes: int
    bucket: int | None = None
    person_key_min: int = 0
    person_key_max: int = 0
    time_us_min: int = 0
    time_us_max: int = 0
    position_max: int = 0
    stats: str = "{}"


@dataclass(frozen=True, slots=True)
class CommitId:
    """What makes a commit happen once: a stream and its version."""

    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the table: its schema, its live files (`Part.path` is absolute), and its first and last event."""

    version: int
    schema: pa.Schema
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Events in this version."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True, slots=True)
class CompactReport:
    """What a compaction did."""

    files_before: int
    files_after: int
    rows: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class EraseReport:
    """What an erasure removed, and what a scan of every remaining file found afterwards (must be 0)."""

    person_id: str
    events: int
    dead_letters: int
    files_rewritten: int
    found_after: int
    log_emptied: bool | None = None  # whether the event log holds nothing of that time any more; None: nobody looked
    view_rows: int = 0  # rows of views and alerts that went


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One line of the import ledger."""

    file: str
    digest: str
    content_digest: str
    size_bytes: int
    read: int
    stored: int
    duplicate: int
    dead_lettered: int
    mapping: str
    imported_time: datetime
    reasons: Mapping[str, int] = field(default_factory=dict)


class Lake(Protocol):
    """Where events rest.  One importer at a time (`exclusive`), any number of readers."""

    def stage(self, table: pa.Table, *, name: str | None = None) -> Part:
        """Write one part in arrival order.  The table has the project's schema; safe to call from several threads."""

    def drop_staged(self, parts: Sequence[Part]) -> None:
        """Remove staged parts that will not be committed."""

    def commit(self, parts: Sequence[Part], commit_id: CommitId, schema: pa.Schema, *, counters: Mapping[str, int] = ...) -> bool:
        """Make the parts visible at once, growing the table's schema if needed.  False when this commit id was already there.

        `counters` count up in the same commit.
        """

    def committed(self, stream: str) -> int | None:
        """The last version of a stream; None when there is none."""

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The newest version, or a given one."""

    def next_position(self) -> int:
        """The first position that no event has."""

    def exclusive(self) -> Any:
        """A context in which this process alone imports; LakeBusy when another does."""

    def add_dead_letters(self, letters: pa.Table, commit_id: CommitId) -> bool:
        """Keep dead letters (schema DEAD_LETTER_SCHEMA), once per commit id."""

    def add_logs(self, rows: pa.Table, commit_id: CommitId) -> bool:
        """Keep lines of application logs (LOG_SCHEMA), once per commit id."""

    def logs(self) -> pa.Table:
        """Every line of an application log."""

    def add_edges(self, rows: pa.Table, commit_id: CommitId) -> bool:
        """Append lines of the identity ledger (IDENTITY_SCHEMA), once per commit id."""

    def edges(self) -> pa.Table:
        """The identity ledger, by position."""

    def edges_version(self) -> int:
        """A number that changes with the identity ledger; -1 while there is none."""

    def landing(self) -> Any:
        """A context in which no file is deleted for being part of no version; held while rows of the event log are written."""

    def dead_letters(self) -> pa.Table:
        """Every dead letter: file, line, reason, detail, row, received_time."""

    def add_import(self, record: ImportRecord) -> None:
        """Write one line of the import ledger, once per digest."""

    def imports(self) -> Iterator[ImportRecord]:
        """The import ledger, oldest first."""

    def compact(self, *, force: bool = False) -> CompactReport:
        """Merge arrival-order parts into (period, person bucket) files sorted by person, time, position, event id."""

    def erase(self, person_id: str) -> EraseReport:
        """Remove a person's events and dead letters for good, files included."""

    def counted(self, name: str) -> int:
        """How far a counter of `commit` has come."""

    def removed(self) -> int:
        """How many events were ever erased or expired."""

    def expire(self, before: datetime) -> int:
        """Remove events older than a moment; the number of rows removed."""
