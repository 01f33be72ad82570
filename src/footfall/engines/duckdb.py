"""The DuckDB engine: SQL over one pinned snapshot of the lake, and walks of every person's ordered events.

DuckDB runs in memory, one cursor a request; nothing is shared with other processes but the lake's files.  A walk over a clustered
lake reads Parquet straight into arrays; on any other lake DuckDB sorts (spilling to disk when memory is short) and the sorted
stream is walked as it comes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa

from footfall import clock
from footfall.analyses.spec.contract import Kernel, Partial, Scan, Walked
from footfall.engines.codes import GroupCodes, NameCodes, values
from footfall.engines.dimensions import Dimension, load_dimension
from footfall.engines.identity import People, Taken, names_no_person, resolved_sql
from footfall.engines.relation import (
    References,
    derived_sql,
    empty_table_sql,
    files_sql,
    identifier,
    relation_sql,
)
from footfall.engines.walk import KEY_END, KEY_MIN, Rows, Slice, joined, mended, merged, plan_slices, read_slice, row_groups, whole_persons
from footfall.errors import InvalidConfig, StorageFailed
from footfall.event.filters import quoted

if TYPE_CHECKING:
    from footfall.event.identity import Resolution
    from footfall.lake.contract import Part, Snapshot

LANDED_ROWS = 4_000_000
_BATCH_ROWS = 1_000_000
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DuckDBEngine:
    """The Engine contract over one snapshot.

    `dimensions` are tables that references such as `products.department` read; `identity` says which persons are one.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        time_zone: str = "UTC",
        threads: int | None = None,
        memory_limit: str | None = None,
        dimensions: Mapping[str, Dimension] | None = None,
        temp_dir: str | None = None,
        now_us: int | None = None,
        identity: Resolution | None = None,
    ) -> None:
        self.name = f"duckdb {duckdb.__version__}"
        self.snapshot = snapshot
        self.time_zone = time_zone
        self.threads = threads or os.cpu_count() or 1
        self._now_us = now_us
        self._names: list[str] | None = None
        self._lock = threading.Lock()
        self._connection = duckdb.connect()
        self._configure(memory_limit, temp_dir)
        self._connection.execute(empty_table_sql("footfall_empty", snapshot.schema))
        self._people = People(identity) if identity is not None and len(identity) else None
        if self._people is not None:
            self._people.load(self._connection)
        self._connection.execute(f"CREATE VIEW footfall_events AS {relation_sql(snapshot, time_zone)}")
        self._connection.execute(f"CREATE VIEW events AS {self._resolved_sql('FROM footfall_events')}")
        seen = {name: load_dimension(self._connection, name, dimension) for name, dimension in (dimensions or {}).items()}
        self._references = References(snapshot.schema, seen)

    def _configure(self, memory_limit: str | None, temp_dir: str | None) -> None:
        self._connection.execute(f"SET threads = {self.threads}")
        self._connection.execute("SET TimeZone = 'UTC'")
        try:
            if memory_limit is not None:
                self._connection.execute(f"SET memory_limit = {quoted(memory_limit)}")
        except duckdb.Error as problem:
            raise InvalidConfig(
                f"engine.memory_limit {memory_limit!r} is not a size", field="engine.memory_limit", got=memory_limit, hint="write 4GB or 500MB"
            ) from problem
        if temp_dir is not None:
            self._connection.execute(f"SET temp_directory = {quoted(temp_dir)}")

    def _resolved_sql(self, relation: str) -> str:
        return relation if self._people is None else resolved_sql(relation)

    # --- what there is ---------------------------------------------------------------------------------------------------

    def columns(self) -> Mapping[str, str]:
        """Column name -> type name of the events relation."""
        return dict(self._references.types)

    def event_names(self) -> Sequence[str]:
        """Every event name in the snapshot, most frequent first."""
        with self._lock:
            if self._names is None:
                rows = self._connection.cursor().execute("SELECT name FROM footfall_events GROUP BY name ORDER BY count(*) DESC, name").fetchall()
                self._names = [row[0] for row in rows]
            return self._names

    def span_us(self) -> tuple[int, int] | None:
        """First and last event_time in microseconds; None when there are no events."""
        parts = self.snapshot.parts
        if not parts:
            return None
        return min(part.time_us_min for part in parts), max(part.time_us_max for part in parts)

    def as_of_us(self) -> int:
        """The end of the last event's local day, or now while that day still runs."""
        now_us = clock.now_us() if self._now_us is None else self._now_us
        span = self.span_us()
        if span is None:
            return now_us
        zone = ZoneInfo(self.time_zone)
        last = (_EPOCH + timedelta(microseconds=span[1])).astimezone(zone).date()
        # A clock that goes back over midnight has it twice; the later one ends the day.
        midnight = (datetime(last.year, last.month, last.day, tzinfo=zone) + _DAY).replace(fold=1)
        end_us = round((midnight - _EPOCH) / timedelta(microseconds=1))
        return min(end_us, max(now_us, span[1]))

    def column_sql(self, reference: str) -> str:
        """A reference as an SQL expression; UnknownColumn names the nearest."""
        return self._references.sql(reference)

    def column_type(self, reference: str) -> str:
        """The type name of a reference."""
        return self._references.type(reference)

    # --- running ---------------------------------------------------------------------------------------------------------

    def query(self, sql: str, *, anything: bool = False) -> pa.Table:
        """The result of one SELECT.  With `anything` it may read the events in ways that do not show in its text, as users' queries do."""
        cursor = self._connection.cursor()
        if self._people is not None and not anything and names_no_person(sql):
            cursor.execute("CREATE TEMP VIEW events AS FROM footfall_events")
        with self._world():
            return cursor.sql(sql).to_arrow_table()

    def stream(self, sql: str, rows: int = _BATCH_ROWS) -> Iterator[pa.Table]:
        """The result of one SELECT in tables of about `rows` rows; `footfall_events` are the events as they were stored, whoever is whom now."""
        with self._world():
            for batch in self._connection.cursor().sql(sql).to_arrow_reader(rows):
                yield pa.Table.from_batches([batch])

    def register(self, name: str, table: pa.Table) -> None:
        """Copy a small table under a name that `query` sees; a registered one would stay hidden from other cursors."""
        cursor = self._connection.cursor()
        cursor.register("footfall_shown", table)
        cursor.execute(f"CREATE OR REPLACE TABLE {identifier(name)} AS FROM footfall_shown")

    def show_files(self, name: str, schema: pa.Schema, paths: Sequence[str]) -> None:
        """Have `query` read a table from its Parquet files under a name; columns that no file has yet are null."""
        cursor, empty = self._connection.cursor(), f"footfall_empty_{name}"
        cursor.execute(empty_table_sql(empty, schema))
        with self._world():
            cursor.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS {files_sql(schema, paths, empty)}")

    @contextmanager
    def _world(self) -> Iterator[None]:
        """What memory and disk can do to a query, as a sentence."""
        try:
            yield
        except duckdb.OutOfMemoryException as problem:
            raise StorageFailed(
                "the query needs more memory than there is",
                field="engine.memory_limit",
                hint="raise engine.memory_limit, or ask about a shorter time",
            ) from problem
        except (duckdb.IOException, FileNotFoundError) as problem:
            raise StorageFailed(
                "a file of the lake is gone: somebody erased or expired events since this question began", hint="ask again"
            ) from problem

    def walk(self, scan: Scan, kernel: Kernel) -> Walked:
        """Run the kernel over every person's ordered events."""
        with self._world():
            return self._walk(scan, kernel)

    def _walk(self, scan: Scan, kernel: Kernel) -> Walked:
        names = NameCodes(scan.steps, self.event_names() if scan.named and not scan.steps else ())
        groups = GroupCodes()
        clustered = [part for part in self.snapshot.parts if part.bucket is not None]
        landed = [part for part in self.snapshot.parts if part.bucket is None]
        with ThreadPoolExecutor(self.threads, thread_name_prefix="footfall-walk") as pool:
            walked = None
            if clustered and sum(part.rows for part in landed) <= LANDED_ROWS:
                walked = self._walk_slices(pool, (clustered, landed), scan, (names, groups), kernel)
            if walked is None:
                batches = whole_persons(self._ordered(scan, names, groups, None))
                partials = list(_bounded_map(pool, lambda rows: kernel(rows.batch()), batches, self.threads + 1))
                walked = partials, f"walk of the sorted stream {self._ordered_sql(scan, None)}"
        met = [step for step in dict.fromkeys(scan.steps) if step in names.met] if scan.steps else list(self.event_names() if scan.named else ())
        return Walked(walked[0], met, groups.values, walked[1])

    def _walk_slices(
        self, pool: ThreadPoolExecutor, parts: tuple[list[Part], list[Part]], scan: Scan, codes: tuple[NameCodes, GroupCodes], kernel: Kernel
    ) -> tuple[list[Partial], str] | None:
        """The partial results and the plan; None when more rows have another person's key than are kept in memory."""
        clustered, landed = parts
        tail = mended(joined(list(self._ordered(scan, *codes, [part.path for part in landed])))) if landed else None
        slices = plan_slices(row_groups(clustered))
        if tail is not None and not slices:
            slices = [Slice(KEY_MIN, KEY_END, ())]
        taken = None if self._people is None else Taken(self._people, steps_only=bool(scan.steps))
        partials = list(pool.map(lambda piece: kernel(self._rows_of_slice(piece, tail, scan, codes, taken).batch()), slices))
        plan = f"walk of {len(slices)} key ranges of {len(clustered)} clustered files"
        plan += f" with {len(tail.person)} landed rows" if tail else ""
        if taken is not None:
            if taken.too_many:
                return None
            partials += pool.map(lambda piece: kernel(piece.in_order().batch()), taken.pieces(self.threads))
            plan += f", {taken.rows} rows of persons with several ids apart"
        return partials, plan

    def _rows_of_slice(self, piece: Slice, tail: Rows | None, scan: Scan, codes: tuple[NameCodes, GroupCodes], taken: Taken | None) -> Rows:
        """A slice's events in order, less those that `taken` takes."""
        runs = [] if tail is None else [tail.cut(piece.low, piece.high)]
        several = len({group.path for group in piece.groups}) + len(runs) > 1
        tables = read_slice(piece, self._slice_columns(scan, several=several))
        if taken is not None and not several and taken.touches(tables):
            positions = read_slice(piece, ["person_key", "position"])
            tables = [table.append_column("position", more.column("position")) for table, more in zip(tables, positions, strict=True)]
        runs += [self._rows(table, scan, codes) for table in tables]
        rows = merged(runs)
        return rows if taken is None else taken.take_from(rows)

    def _slice_columns(self, scan: Scan, *, several: bool) -> list[str]:
        wanted = ["person_key", "event_time"] + (["name"] if scan.named else []) + (["position"] if several else [])
        for reference in [condition.column for condition in scan.where] + ([scan.group] if scan.group else []):
            self._references.sql(reference)
            wanted += self._references.inputs(reference)
        return list(dict.fromkeys(wanted))

    def _rows(self, table: pa.Table, scan: Scan, codes: tuple[NameCodes, GroupCodes]) -> Rows:
        """A piece of a clustered file as arrays, with conditions and breakdown worked out by DuckDB on just these rows."""
        names, groups = codes
        rows = Rows(
            values(table.column("person_key"), np.int64),
            values(table.column("event_time").cast(pa.timestamp("us", tz="UTC")), np.int64),
            names.of(table.column("name")) if scan.named else np.zeros(len(table), np.int32),
            None,
            values(table.column("position"), np.int64) if "position" in table.column_names else None,
        )
        keep: Any = None
        grouped: pa.ChunkedArray | None = None
        if scan.where or scan.group:
            extra = self._worked_out(table, scan)
            if scan.where:
                keep = values(extra.column("keep").cast(pa.int8()), np.int8).astype(bool)
            if scan.group:
                grouped = extra.column("grp")
        for edge, later in ((scan.since_us, True), (scan.until_us, False)):
            if edge is not None:
                inside = rows.time_us >= edge if later else rows.time_us < edge
                keep = inside if keep is None else keep & inside
        if keep is not None:
            rows, grouped = rows.take(keep), None if grouped is None else grouped.filter(pa.array(keep))
        # A value that only dropped rows have must get no code, or an answer would look for people who have it.
        return rows if grouped is None else Rows(rows.person, rows.time_us, rows.code, groups.of(grouped), rows.position)

    def _worked_out(self, table: pa.Table, scan: Scan) -> pa.Table:
        """(n,) rows -> (n,) whether they meet the conditions, and their breakdown value."""
        condition, group = self._conditions(scan, with_time=False), self._group_sql(scan)
        piece = self._complete(table, scan).append_column("footfall_row", pa.array(np.arange(len(table))))
        cursor = self._connection.cursor()
        cursor.register("piece", piece)
        extra = cursor.sql(
            f"SELECT coalesce({condition}, FALSE) AS keep, {group} AS grp, footfall_row "
            f"FROM (SELECT *, {derived_sql(self.time_zone)} FROM piece) AS events"
        ).to_arrow_table()
        cursor.unregister("piece")
        # A dimension is joined to the rows, and where it is the larger side DuckDB gives them back in another order.
        row = values(extra.column("footfall_row"), np.int64)
        return extra if np.all(row[1:] > row[:-1]) else extra.take(pa.array(np.argsort(row)))

    def _complete(self, table: pa.Table, scan: Scan) -> pa.Table:
        """The piece with a null column for every wanted column that its file does not have yet, and with canonical persons."""
        for name in self._slice_columns(scan, several=False):
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(len(table), self.snapshot.schema.field(name).type))
        return table if self._people is None else self._people.resolved(table)

    def _conditions(self, scan: Scan, *, with_time: bool) -> str:
        conditions = [condition.sql(self.column_sql, self.column_type) for condition in scan.where]
        if with_time:
            conditions += [] if scan.since_us is None else [f"time_us >= {scan.since_us}"]
            conditions += [] if scan.until_us is None else [f"time_us < {scan.until_us}"]
        return " AND ".join(f"({condition})" for condition in conditions) or "TRUE"

    def _group_sql(self, scan: Scan) -> str:
        return f"CAST({self.column_sql(scan.group)} AS VARCHAR)" if scan.group else "CAST(NULL AS VARCHAR)"

    def _ordered_sql(self, scan: Scan, paths: Sequence[str] | None) -> str:
        steps = f" AND name IN ({', '.join(quoted(step) for step in dict.fromkeys(scan.steps))})" if scan.steps else ""
        source = "events" if paths is None else "footfall_landed"
        name = "name" if scan.named else "NULL AS name"
        return (
            f"SELECT person_key, time_us, position, {name}, {self._group_sql(scan)} AS grp FROM {source} AS events "
            f"WHERE {self._conditions(scan, with_time=True)}{steps} ORDER BY person_key, time_us"
        )

    def _ordered(self, scan: Scan, names: NameCodes, groups: GroupCodes, paths: Sequence[str] | None) -> Iterator[Rows]:
        """A stream of rows in order of (person, time), of the whole snapshot or of some of its files, cut anywhere."""
        cursor = self._connection.cursor()
        if paths is not None:
            listed = ", ".join(quoted(path) for path in paths)
            columns = ", ".join(identifier(name) for name in self.snapshot.schema.names)
            relation = (
                f"SELECT {columns}, {derived_sql(self.time_zone)} "
                f"FROM (FROM footfall_empty UNION ALL BY NAME FROM read_parquet([{listed}], union_by_name = true))"
            )
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW footfall_landed AS {self._resolved_sql(relation)}")
        for batch in cursor.sql(self._ordered_sql(scan, paths)).to_arrow_reader(_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            yield Rows(
                values(table.column("person_key"), np.int64),
                values(table.column("time_us"), np.int64),
                names.of(table.column("name")) if scan.named else np.zeros(len(table), np.int32),
                groups.of(table.column("grp")) if scan.group else None,
                values(table.column("position"), np.int64),
            )


def _bounded_map(pool: ThreadPoolExecutor, work: Any, pieces: Iterator[Rows], ahead: int) -> Iterator[Partial]:
    """`pool.map` that never holds more than `ahead` pieces, so that a fast sort cannot fill memory."""
    waiting: list[Any] = []
    for piece in pieces:
        waiting.append(pool.submit(work, piece))
        if len(waiting) >= ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
