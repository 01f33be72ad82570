"""The tables beside the events: appended once, grown, merged, erased; counters that count with their commit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from footfall.event.dead_letter import DEAD_LETTER_SCHEMA
from footfall.event.schema import IDENTITY_SCHEMA, LOG_SCHEMA
from footfall.lake import streams
from footfall.lake.contract import CommitId
from tests_support import event_table

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def log_rows(*positions: int, user: str = "u") -> pa.Table:
    rows = [{"time": NOW, "position": at, "received_time": NOW, "kind": "access", "user_id": user, "event_id": f"l-{at}"} for at in positions]
    return pa.Table.from_pylist(rows, LOG_SCHEMA)


def edge_rows(*pairs: tuple[int, str, str]) -> pa.Table:
    return pa.Table.from_pylist([{"position": at, "time": NOW, "kind": "seen", "a": a, "b": b} for at, a, b in pairs], IDENTITY_SCHEMA)


def letter_rows(*rows: str) -> pa.Table:
    return pa.Table.from_pylist(
        [{"file": "http:native", "reason": "r", "row": row, "received_time": NOW, "position": 1} for row in rows], DEAD_LETTER_SCHEMA
    )


@pytest.fixture
def lake(lake_of):
    return lake_of([{"user_id": "u", "name": "x", "event_time": 5_000_000}])


def test_log_lines_and_joins_are_appended_once(lake):
    assert lake.logs().schema == LOG_SCHEMA
    assert lake.edges_version() == -1
    for _ in range(2):
        lake.add_logs(log_rows(1, 2), CommitId("log:a", 3))
        lake.add_edges(edge_rows((2, "a", "u"), (1, "b", "u")), CommitId("log:a", 3))
    assert not lake.add_logs(log_rows(9), CommitId("log:a", 2))
    assert lake.logs().column("position").to_pylist() == [1, 2]
    assert lake.edges().column("position").to_pylist() == [1, 2]
    assert lake.stream_committed("logs", "log:a") == 3
    assert lake.stream_committed("logs", "log:b") is None
    assert lake.stream_committed("dead_letters", "log:a") is None
    version = lake.edges_version()
    lake.add_edges(edge_rows((4, "c", "u")), CommitId("log:a", 5))
    assert lake.edges_version() > version


def test_counters_count_with_their_commit_and_only_then(lake):
    table = event_table([{"user_id": "v", "name": "x", "event_time": 6_000_000}], first_position=1)
    assert lake.counted("landed") == 0
    for _ in range(2):
        lake.commit([lake.stage(table)], CommitId("log:a", 7), table.schema, counters={"landed": 1, "landed_logs": 0, "landed_letters": 4})
    lake.commit([], CommitId("log:a", 9), table.schema, counters={"landed_letters": 2})
    assert [lake.counted(name) for name in ("landed", "landed_logs", "landed_letters")] == [1, 0, 6]
    assert lake.committed("log:a") == 9
    lake.compact()
    assert lake.counted("landed_letters") == 6


def test_an_erasure_takes_the_person_out_of_every_table(lake):
    lake.add_logs(log_rows(1, 2, user="o'u"), CommitId("log:a", 3))
    lake.add_logs(log_rows(3, user="other"), CommitId("log:a", 4))
    lake.add_edges(edge_rows((1, "a", "o'u"), (2, "o'u", "b"), (3, "c", "d")), CommitId("log:a", 3))
    lake.add_dead_letters(letter_rows('{"user":"o\'u"}', "other"), CommitId("log:a", 3))
    assert lake.erase("o'u").dead_letters == 1
    assert lake.logs().column("user_id").to_pylist() == ["other"]
    assert lake.edges().column("position").to_pylist() == [3]
    assert lake.dead_letters().column("row").to_pylist() == ["other"]
    for name in ("logs", "identity", "dead_letters"):
        live = {uri.rpartition("/")[2] for uri in DeltaTable(str(lake.root / name)).file_uris()}
        assert {path.name for path in (lake.root / name).glob("*.parquet")} == live
    assert not lake.add_logs(log_rows(1), CommitId("log:a", 4))  # its commit ids are remembered


def test_small_files_are_merged(lake, monkeypatch):
    monkeypatch.setattr(streams, "MERGE_FILES", 4)
    for number in range(5):
        lake.add_logs(log_rows(number), CommitId("log:a", number + 1))
    lake.add_edges(edge_rows((1, "a", "u")), CommitId("log:a", 1))
    assert lake.merge_streams() == 5
    assert len(DeltaTable(str(lake.root / "logs")).file_uris()) == 1
    assert sorted(lake.logs().column("position").to_pylist()) == [0, 1, 2, 3, 4]
    assert lake.merge_streams() == 0


def test_a_table_of_dead_letters_from_before_grows(lake):
    old = pa.schema([field for field in DEAD_LETTER_SCHEMA if field.name not in ("letter_id", "protocol", "source", "position")])
    row = {"file": "a.csv", "line": 3, "reason": "r", "row": "x", "received_time": NOW, "digest": "d"}
    write_deltalake(str(lake.root / "dead_letters"), pa.Table.from_pylist([row], old))
    assert lake.dead_letters().column("letter_id").to_pylist() == [None]
    lake.add_dead_letters(letter_rows("new"), CommitId("log:a", 1))
    found = sorted((row["row"], row["line"], row["position"]) for row in lake.dead_letters().to_pylist())
    assert found == [("new", None, 1), ("x", 3, None)]


def test_expiry_takes_old_log_lines_and_their_files(lake):
    rows = log_rows(1, 2, 3)
    times = pa.array([NOW - timedelta(days=9), NOW - timedelta(microseconds=1), NOW], rows.schema.field("time").type)
    lake.add_logs(rows.set_column(0, rows.schema.field("time"), times), CommitId("log:a", 3))
    lake.expire(NOW)
    assert lake.logs().column("position").to_pylist() == [3]
    assert len(list((lake.root / "logs").glob("*.parquet"))) == 1
    lake.expire(NOW)
    assert lake.logs().column("position").to_pylist() == [3]
