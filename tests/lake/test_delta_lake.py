"""The Lake contract on Delta: atomic and idempotent commits, snapshots, growth, compaction, erasure, expiry, open readers."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from footfall.errors import InvalidConfig, LakeBusy, LakeConflict, UnreadableLake
from footfall.event.dead_letter import DEAD_LETTER_SCHEMA
from footfall.event.person import bucket_of, person_keys
from footfall.lake import clustering, compaction, retired
from footfall.lake.contract import CommitId, ImportRecord
from footfall.lake.delta import DeltaLake
from tests_support import event_table

DAY_US = 86_400_000_000


def events_of(seed: int, count: int = 200, days: int = 40) -> list[dict]:
    rng = random.Random(seed)
    return [
        {
            "user_id": f"person {rng.randrange(30)}",
            "name": rng.choice("abc"),
            "event_time": 1_790_000_000_000_000 + rng.randrange(days) * DAY_US + rng.randrange(5),
            "price": rng.random(),
        }
        for _ in range(count)
    ]


def stored(lake: DeltaLake) -> list[tuple]:
    rows = []
    for part in lake.snapshot().parts:
        rows += pq.read_table(part.path, columns=["event_id", "person_id", "event_time", "position"]).to_pylist()
    return sorted(tuple(row.values()) for row in rows)


def test_commit_with_an_old_id_changes_nothing(lake_of):
    lake = lake_of(events_of(1))
    before = stored(lake)
    table = event_table(events_of(2), first_position=1000)
    assert lake.commit([lake.stage(table)], CommitId("other", 3), table.schema)
    for version in (1, 2, 3):
        assert not lake.commit([lake.stage(table)], CommitId("other", version), table.schema)
    assert lake.committed("other") == 3
    assert lake.committed("never") is None
    assert len(stored(lake)) == len(before) + len(table)


def test_staged_parts_are_invisible_until_committed(lake_of):
    lake = lake_of(events_of(1))
    before = stored(lake)
    part = lake.stage(event_table(events_of(2)))
    assert stored(lake) == before
    lake.drop_staged([part])
    assert not Path(part.path).exists()


def test_snapshot_of_an_old_version_still_reads_it(lake_of):
    lake = lake_of(events_of(1), parts=2)
    old = lake.snapshot()
    table = event_table(events_of(2), first_position=500)
    lake.commit([lake.stage(table)], CommitId("more", 1), table.schema)
    assert lake.snapshot().rows == old.rows + len(table)
    assert lake.snapshot(old.version).rows == old.rows


def test_empty_lake_has_a_snapshot(tmp_path):
    lake = DeltaLake(tmp_path / "lake", event_table([]).schema)
    assert lake.snapshot().version == -1
    assert lake.snapshot().rows == 0
    assert lake.next_position() == 0
    assert lake.compact().rows == 0
    assert lake.expire(datetime(2026, 1, 1, tzinfo=UTC)) == 0
    assert lake.erase("nobody").events == 0


def test_schema_grows_and_refuses_another_type(lake_of):
    lake = lake_of([{"user_id": "a", "name": "x", "event_time": 5_000_000, "price": 1.5}])
    table = event_table([{"user_id": "b", "name": "x", "event_time": 6_000_000, "colour": "red"}], first_position=1)
    lake.commit([lake.stage(table)], CommitId("grow", 1), table.schema)
    seen = pl.scan_delta(str(lake.events)).sort("position").select("price", "colour").collect().rows()
    assert seen == [(1.5, None), (None, "red")]
    clash = event_table([{"user_id": "b", "name": "x", "event_time": 6_000_000, "price": "dear"}], first_position=2)
    with pytest.raises(InvalidConfig, match="the lake keeps 'price' as double, and the project now declares string"):
        lake.commit([lake.stage(clash)], CommitId("clash", 1), clash.schema)
    lake.compact()
    assert pl.scan_delta(str(lake.events)).sort("position").select("price", "colour").collect().rows() == seen


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("memory_bytes", [1, 40_000, 1 << 30])
def test_compaction_keeps_every_row_and_sorts_within_person_buckets(lake_of, monkeypatch, seed, memory_bytes):
    monkeypatch.setattr(clustering, "MEMORY_BYTES", max(memory_bytes, 20_000))
    monkeypatch.setattr(clustering, "FILE_ROWS", 50)
    monkeypatch.setattr(compaction, "FILE_ROWS", random.Random(seed).choice([1, 3, 10, 1000]))
    lake = lake_of(events_of(seed, count=random.Random(seed).choice([1, 40, 300]), days=5), parts=random.Random(seed).randrange(1, 5))
    before = stored(lake)
    report = lake.compact()
    assert report.rows == len(before)
    assert stored(lake) == before, seed
    for part in lake.snapshot().parts:
        table = pq.read_table(part.path)
        assert set(bucket_of(person_keys(table.column("person_id").combine_chunks())).tolist()) == {part.bucket}
        order = list(zip(*(table.column(name).to_pylist() for name in ("person_key", "event_time", "position")), strict=True))
        assert order == sorted(order), seed
    more = event_table(events_of(seed + 100, count=60, days=7), first_position=10_000)
    lake.commit([lake.stage(more)], CommitId("more", 1), more.schema)
    whole = stored(lake)
    lake.compact()
    assert stored(lake) == whole
    assert all(part.bucket is not None for part in lake.snapshot().parts)
    lake.compact(force=True)
    assert stored(lake) == whole
    monkeypatch.setattr(retired, "GRACE_US", 0)
    lake.compact()
    assert {str(path) for path in lake.events.glob("*.parquet")} == {part.path for part in lake.snapshot().parts}


def test_a_reader_of_an_older_version_keeps_its_files_through_a_compaction(lake_of):
    lake = lake_of(events_of(1), parts=3)
    old = lake.snapshot()
    lake.compact()
    lake.compact(force=True)
    assert sum(len(pq.read_table(part.path)) for part in old.parts) == old.rows
    lake.erase("person 7")
    assert not any(Path(part.path).exists() for part in old.parts)


def test_only_touched_periods_are_rewritten(lake_of, monkeypatch):
    monkeypatch.setattr(compaction, "FILE_ROWS", 1)
    lake = lake_of(events_of(1, days=3), compact=True)
    before = {part.path for part in lake.snapshot().parts}
    late = event_table([{"user_id": "late", "name": "a", "event_time": 1_790_000_000_000_007}], first_position=9_000)
    lake.commit([lake.stage(late)], CommitId("late", 1), late.schema)
    lake.compact()
    after = {part.path for part in lake.snapshot().parts}
    day = (1_790_000_000_000_007 // DAY_US) * DAY_US
    kept = before & after
    assert kept
    assert all(part.time_us_max < day or part.time_us_min >= day + DAY_US for part in lake.snapshot().parts if part.path in kept)


def test_a_rewrite_of_files_that_are_gone_is_a_conflict(lake_of):
    lake = lake_of(events_of(1), parts=2)
    old = lake.snapshot()
    lake.compact()
    with pytest.raises(LakeConflict, match="another process rewrote the same files first"):
        lake.replace(old.parts, [], base=old.version, changes_data=True)


def test_erase_removes_a_person_from_every_file(lake_of):
    lake = lake_of(events_of(3), parts=3, compact=True)
    more = event_table(events_of(4), first_position=1_000)
    lake.commit([lake.stage(more)], CommitId("more", 1), more.schema)
    theirs = [row for row in stored(lake) if row[1] == "person 7"]
    others = [row for row in stored(lake) if row[1] != "person 7"]
    assert theirs
    report = lake.erase("person 7")
    assert (report.events, report.found_after) == (len(theirs), 0)
    assert stored(lake) == others
    assert lake.removed() == len(theirs)
    assert not any(b"person 7\x00" in path.read_bytes() or _holds(path, "person 7") for path in lake.events.rglob("*.parquet"))
    assert lake.erase("person 7").events == 0


def _holds(path: Path, person: str) -> bool:
    return bool(pc.any(pc.equal(pq.read_table(path, columns=["person_id"]).column("person_id"), person)).as_py())


def test_expire_removes_old_rows_only(lake_of):
    lake = lake_of(events_of(5), parts=2, compact=True)
    edge = datetime.fromtimestamp((1_790_000_000_000_000 + 20 * DAY_US) / 1e6, UTC)
    kept = [row for row in stored(lake) if row[2] >= edge]
    removed = lake.expire(edge)
    assert removed == lake.removed() == 200 - len(kept)
    assert stored(lake) == kept


def test_one_importer_at_a_time(lake_of):
    lake = lake_of(events_of(1))
    other = DeltaLake(lake.root, event_table([]).schema)
    with lake.exclusive(), pytest.raises(LakeBusy, match="another process is importing"), other.exclusive():
        pass
    with other.exclusive():
        pass


def test_open_readers_see_the_same_events(lake_of):
    lake = lake_of(events_of(6), parts=3, compact=True)
    ids = [row[0] for row in stored(lake)]
    assert sorted(pl.scan_delta(str(lake.events)).collect()["event_id"].to_list()) == ids
    table = DeltaTable(str(lake.events))
    assert sorted(table.to_pyarrow_table(columns=["event_id"]).column(0).to_pylist()) == ids
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert duckdb.connect().sql(f"SELECT count(DISTINCT event_id) FROM read_parquet({table.file_uris()})").fetchall() == [(len(set(ids)),)]


def test_a_file_of_a_foreign_writer_is_read_with_its_own_statistics(lake_of):
    lake = lake_of(events_of(7), parts=2, compact=True)
    DeltaTable(str(lake.events)).optimize.compact()
    assert lake.snapshot().rows == 200
    assert sum(part.time_us_max >= part.time_us_min > 0 for part in lake.snapshot().parts) == len(lake.snapshot().parts)


def test_deletion_vectors_are_refused_by_name(lake_of):
    lake = lake_of(events_of(8))
    log = lake.events / "_delta_log" / "00000000000000000002.json"
    log.write_text(
        '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}\n'
    )
    with pytest.raises(UnreadableLake, match="uses deletion vectors"):
        lake.snapshot()


def test_known_event_ids_is_exact_within_the_time_range(lake_of):
    lake = lake_of(events_of(9), parts=2, compact=True)
    table = event_table([{"user_id": "x", "name": "a", "event_time": 1, "event_id": name} for name in ("e0", "e199", "e200", "nobody")])
    assert lake.known_event_ids(table.column("event_id").combine_chunks(), 0, 1 << 61).tolist() == [True, True, False, False]
    assert lake.known_event_ids(table.column("event_id").combine_chunks(), 0, 1).tolist() == [False] * 4


def test_import_ledger_keeps_one_line_a_digest(lake_of):
    lake = lake_of(events_of(1))
    record = ImportRecord("a.csv", "d1", "c1", 10, 5, 4, 0, 1, "{}", datetime(2026, 11, 1, tzinfo=UTC), {"malformed_row": 1})
    lake.add_import(record)
    lake.add_import(record)
    assert list(lake.imports()) == [record]


@pytest.mark.parametrize(
    ("person", "kept"),
    [("1", ["11,view,never", "x1,view,never", "é1é,view"]), ("a.b+c", ["1,view,never", "aXb+c,view"]), ("ümlaut", ["1,view,never"])],
)
def test_erasure_takes_the_dead_letters_that_name_the_person_as_a_word(lake_of, person, kept):
    lake = lake_of(events_of(1))
    rows = [*kept, f"{person},view,never", f'{{"user":"{person}"}}', f"view;{person}"]
    letters = pa.Table.from_pylist(
        [
            {
                "file": "f",
                "line": line,
                "reason": "invalid_time",
                "detail": "",
                "row": row,
                "received_time": datetime(2026, 11, 1, tzinfo=UTC),
                "digest": "d",
            }
            for line, row in enumerate(rows)
        ],
        DEAD_LETTER_SCHEMA,
    )
    lake.add_dead_letters(letters, CommitId("f", 1))
    assert lake.erase(person).dead_letters == 3
    assert lake.dead_letters().column("row").to_pylist() == kept
