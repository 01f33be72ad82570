"""Taking rows out for good: one person's, or those older than a moment.

A rewrite touches only files whose statistics admit the rows.  After the commit every file that the newest version does not
use is deleted, earlier versions and staged parts of interrupted imports included, and an erasure proves itself by a scan.  A
reader that pinned an older version loses its files and has to open the lake again.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from footfall.event.person import bucket_of, person_key, person_keys
from footfall.lake.contract import EraseReport, Part
from footfall.lake.parquet import SortedWriter, describe, micros
from footfall.lake.streams import IDENTITY, LOGS, erase_rows, expire_rows

if TYPE_CHECKING:
    from footfall.lake.delta import DeltaLake


def erase(lake: DeltaLake, person_id: str) -> EraseReport:
    """Remove a person's events, log lines, joins and dead letters, then look for them in every remaining file."""
    key = person_key(person_id)
    bucket = int(bucket_of(person_keys(pa.array([person_id], pa.large_string())))[0])
    snapshot = lake.snapshot()
    touched = [
        part
        for part in snapshot.parts
        if part.person_key_min <= key <= part.person_key_max and part.bucket in (None, bucket) and _holds(part, key, person_id)
    ]
    removed = _rewrite(lake, touched, pc.field("person_id") != person_id)
    with lake.landing():
        letters = _erase_letters(lake, person_id)
        erase_rows(lake.root / LOGS, ("user_id",), person_id)
        erase_rows(lake.root / IDENTITY, ("a", "b"), person_id)
    lake.purge()
    left = sum(_count(Path(part.path), person_id) for part in lake.snapshot().parts)
    return EraseReport(person_id, removed, letters, len(touched), left)


def expire(lake: DeltaLake, before: datetime) -> int:
    """Remove events and log lines older than `before`; files that lie wholly before it are dropped without being read.  How many events went."""
    edge = micros(before)
    touched = [part for part in lake.snapshot().parts if part.time_us_min < edge]
    removed = _rewrite(lake, touched, pc.field("event_time") >= pa.scalar(before, pa.timestamp("us", tz="UTC")), edge)
    with lake.landing():
        expire_rows(lake.root / LOGS, "time", before)
    lake.purge()
    return removed


def _rewrite(lake: DeltaLake, parts: list[Part], keep: pc.Expression, edge: int | None = None) -> int:
    """Write every part again with only the rows to keep, in one commit; how many rows went."""
    if not parts:
        return 0
    new: list[Part] = []
    try:
        for part in parts:
            if edge is None or part.time_us_max >= edge:
                new += _filtered(part, keep)
        lake.replace(parts, new, base=lake.snapshot().version, changes_data=True)
    except BaseException:
        lake.drop_staged(new)
        raise
    return sum(part.rows for part in parts) - sum(part.rows for part in new)


def _filtered(part: Part, keep: pc.Expression) -> list[Part]:
    source = Path(part.path)
    stem = source.stem.rsplit("-", 1)[0] if part.bucket is not None else "landed"
    target = source.with_name(f"{stem}-{uuid.uuid4().hex[:12]}.parquet")
    file = pq.ParquetFile(source)
    writer = SortedWriter(file.schema_arrow, lambda _: target)
    try:
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group).filter(keep)
            if len(table):
                writer.write(part.bucket if part.bucket is not None else -1, table)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return [describe(target, part.bucket)] if target.exists() else []


def _holds(part: Part, key: int, person_id: str) -> bool:
    found = pq.read_table(part.path, columns=["person_id"], filters=(pc.field("person_key") == key) & (pc.field("person_id") == person_id))
    return len(found) > 0


def _count(path: Path, person_id: str) -> int:
    return len(pq.read_table(path, columns=["person_id"], filters=pc.field("person_id") == person_id))


def _erase_letters(lake: DeltaLake, person_id: str) -> int:
    """Dead letters whose kept row holds the person's id as a word of its own: raw text has no columns to look in."""
    letters = lake.dead_letters()
    word = rf"(?:^|[^\pL\pN_]){re.escape(person_id)}(?:$|[^\pL\pN_])"
    mentioned = pc.fill_null(pc.match_substring_regex(letters.column("row"), word), fill_value=False)
    count = int(pc.sum(mentioned).as_py() or 0)
    if count:
        from deltalake import write_deltalake

        table = DeltaTable(str(lake.root / "dead_letters"))
        write_deltalake(table, letters.filter(pc.invert(mentioned)), mode="overwrite")
        DeltaTable(str(lake.root / "dead_letters")).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    return count
