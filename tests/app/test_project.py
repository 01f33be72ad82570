"""A project in Python: opening, asking, SQL, upkeep."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import footfall as ff
from footfall.app.config import RESERVED_TABLES
from footfall.app.doctor import examine
from footfall.errors import InvalidConfig, InvalidQuery, NotAProject, StorageFailed, UnknownEvent
from footfall.event.schema import LOG_SCHEMA
from footfall.lake.contract import CommitId, ImportRecord
from footfall.lake.ledger import append_once
from tests_support import event_table

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    project = ff.init(tmp_path / "shop")
    steps = [("ana", "view", 0), ("ana", "cart", 5), ("ana", "purchase", 9), ("ben", "view", 1), ("ben", "cart", 3), ("cem", "view", 2)]
    events = [{"user_id": who, "name": name, "event_time": START + timedelta(minutes=minute)} for who, name, minute in steps]
    table = event_table(events)
    project.lake.commit([project.lake.stage(table)], CommitId("test", 1), table.schema)
    return project


def test_a_new_project_explains_itself_and_is_never_overwritten(tmp_path):
    project = ff.init(tmp_path / "new", name='my "shop"')
    assert project.config.project.name == 'my "shop"'
    with pytest.raises(InvalidConfig, match="is already a footfall project"):
        ff.init(tmp_path / "new")


def test_a_file_is_no_folder_for_a_project(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="is a file, not a folder"):
        ff.init(tmp_path / "file")
    with pytest.raises(StorageFailed, match="cannot be written"):
        ff.init(tmp_path / "file" / "below")
    with pytest.raises(NotAProject):
        ff.open(tmp_path / "file")


def test_the_template_names_every_section(tmp_path):
    text = (ff.init(tmp_path / "new").path / "footfall.toml").read_text(encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# [", "[", "# ")) and ("=" in line or "[" in line)]
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "footfall.toml").write_text("\n".join(line for line in lines if "Every key" not in line), encoding="utf-8")
    config = ff.open(tmp_path / "all").config
    assert config.project.time_zone == "Europe/Berlin"
    assert config.events.columns == {"price": "float64", "product_id": "int64"}
    assert config.dimensions["products"].key == "product_id"


def test_an_analysis_is_a_method_with_its_main_field_first(shop):
    answer = shop.funnel(["view", "cart", "purchase"], window="7d")
    assert [(row["name"], row["people"]) for row in answer.rows] == [("view", 3), ("cart", 2), ("purchase", 1)]
    assert answer.rows == shop.funnel(steps=["view", "cart", "purchase"], window=timedelta(days=7)).rows


def test_methods_have_signatures_and_definitions(shop):
    parameters = inspect.signature(shop.funnel).parameters
    assert next(iter(parameters)) == "steps"
    assert parameters["window"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "steps in this order" in shop.funnel.__doc__
    assert {"funnel", "retention", "sql", "lake"} <= set(dir(shop))


def test_wrong_questions_are_refused_in_words(shop):
    with pytest.raises(UnknownEvent) as unknown:
        shop.funnel(["view", "crat"])
    assert "cart" in unknown.value.hint
    with pytest.raises(InvalidQuery) as parameter:
        shop.funnel(["view", "cart"], windw="7d")
    assert parameter.value.hint == "did you mean 'window'?"
    with pytest.raises(InvalidQuery, match="takes 1 positional argument, not 2"):
        shop.funnel(["view", "cart"], "7d")
    with pytest.raises(AttributeError, match="'funel'"):
        shop.funel(["view", "cart"])


def test_the_engine_is_kept_while_nothing_changed(shop):
    engine = shop.engine()
    assert shop.engine() is engine
    table = event_table([{"user_id": "dua", "name": "view", "event_time": START}], 10)
    shop.lake.commit([shop.lake.stage(table)], CommitId("test", 2), table.schema)
    assert shop.engine() is not engine


def test_sql_reads_events_imports_and_dead_letters(shop):
    assert shop.sql("SELECT count(*) AS n FROM events").to_pylist() == [{"n": 6}]
    assert shop.sql("SELECT count(*) AS n FROM dead_letters").to_pylist() == [{"n": 0}]
    record = ImportRecord("a.csv", "d", "c", 10, 6, 6, 0, 0, "{}", START, {"missing_time": 2})
    shop.lake.add_import(record)
    assert shop.sql("SELECT file, stored, reasons FROM imports").to_pylist() == [{"file": "a.csv", "stored": 6, "reasons": '{"missing_time": 2}'}]


def log_lines(first, count, **same):
    rows = [
        {
            "time": START,
            "position": position,
            "received_time": START,
            "kind": "access",
            "path": f"/{position % 3}",
            "status": 200,
            "event_id": f"l{position}",
            **same,
        }
        for position in range(first, first + count)
    ]
    return pa.Table.from_pylist(rows, LOG_SCHEMA)


def test_sql_reads_logs_from_their_files(shop):
    assert shop.sql("SELECT count(*) AS n FROM logs").to_pylist() == [{"n": 0}]
    assert [row["column_name"] for row in shop.sql("DESCRIBE logs").to_pylist()] == LOG_SCHEMA.names
    shop.lake.add_logs(log_lines(0, 4, user_id="ana"), CommitId("log:a", 4))
    engine = shop.engine()
    assert shop.sql("SELECT path, count(*) AS n FROM logs GROUP BY path ORDER BY path").to_pylist() == [
        {"path": "/0", "n": 2}, {"path": "/1", "n": 1}, {"path": "/2", "n": 1}
    ]  # fmt: skip
    shop.lake.add_logs(log_lines(4, 2, user_id="ben"), CommitId("log:a", 6))
    joined = "SELECT DISTINCT person_id FROM events SEMI JOIN logs USING (user_id) ORDER BY 1"
    assert [row["person_id"] for row in shop.sql(joined).to_pylist()] == ["ana", "ben"]
    assert shop.engine() is engine, "a new line of a log is no reason for another engine"
    assert shop.sql("SELECT l.event_id FROM logs AS l ORDER BY position").to_pylist() == [{"event_id": f"l{n}"} for n in range(6)]
    with pytest.raises(InvalidQuery) as refused:
        shop.sql("SELECT nonsense_that_is_not_there + 1 FROM logs")
    assert refused.value.field == "query"


def test_a_file_of_logs_may_lack_a_column_that_came_later(shop):
    older = log_lines(0, 1).drop_columns(["trace_id"])
    append_once(shop.lake.root / "logs", older, CommitId("log:a", 1))
    assert shop.sql("SELECT event_id, trace_id FROM logs").to_pylist() == [{"event_id": "l0", "trace_id": None}]
    shop.lake.add_logs(log_lines(1, 1, trace_id="t"), CommitId("log:a", 2))
    assert shop.sql("SELECT event_id, trace_id FROM logs ORDER BY 1").to_pylist() == [
        {"event_id": "l0", "trace_id": None},
        {"event_id": "l1", "trace_id": "t"},
    ]


def test_a_dimension_may_not_be_called_as_a_table(shop):
    for name in RESERVED_TABLES:
        (shop.path / "footfall.toml").write_text(f'[dimensions.{name}]\npath = "a.csv"\nkey = "k"\n', encoding="utf-8")
        with pytest.raises(InvalidConfig):
            ff.open(shop.path)


def test_sql_sums_are_plain_integers_while_they_fit(shop):
    assert shop.sql("SELECT sum(position) AS s FROM events").schema.field("s").type == "int64"
    assert shop.sql("SELECT sum(position) + 9223372036854775807 AS s FROM events").schema.field("s").type != "int64"


def test_sql_of_a_wrong_column_names_the_nearest(shop):
    with pytest.raises(InvalidQuery) as refused:
        shop.sql("SELECT user_idd FROM events")
    assert refused.value.hint == "did you mean user_id?"


def test_sql_reads_dimensions(shop):
    (shop.path / "people.csv").write_text("user_id,city\nana,Rome\nben,Oslo\n", encoding="utf-8")
    (shop.path / "footfall.toml").write_text('[dimensions.people]\npath = "people.csv"\nkey = "user_id"\n', encoding="utf-8")
    project = ff.open(shop.path)
    assert project.sql("SELECT city FROM people ORDER BY city").to_pylist() == [{"city": "Oslo"}, {"city": "Rome"}]
    assert [row["people"] for row in project.funnel(["view", "cart"], where=["people.city=Rome"]).rows] == [1, 1]


def test_a_dimension_without_its_file_is_refused(shop):
    (shop.path / "footfall.toml").write_text('[dimensions.people]\npath = "people.csv"\nkey = "user_id"\n', encoding="utf-8")
    with pytest.raises(InvalidConfig, match="dimension 'people' has no file"):
        ff.open(shop.path).engine()


def test_erase_and_expire(shop):
    assert shop.erase("ana").found_after == 0
    assert shop.sql("SELECT count(*) AS n FROM events WHERE user_id = 'ana'").to_pylist() == [{"n": 0}]
    assert shop.expire("2026-03-03") == 3
    assert shop.engine().snapshot.rows == 0


def test_the_doctor_sees_a_missing_file_and_rows_that_do_not_add_up(shop):
    states = {check.name: check.state for check in examine(shop)}
    assert (states["lake"], states["files"], states["events"]) == ("ok", "ok", "problem")
    shop.lake.add_import(ImportRecord("a.csv", "d", "c", 10, 6, 6, 0, 0, "{}", START))
    assert {check.state for check in examine(shop)} == {"ok"}
    shop.lake.add_import(ImportRecord("b.csv", "e", "f", 10, 6, 1, 0, 0, "{}", START))
    found = {check.name: check for check in examine(shop)}
    assert found["imports"].state == "problem"
    assert found["events"].state == "problem"
    for part in shop.lake.snapshot().parts:
        Path(part.path).write_bytes(b"no parquet")
    assert {check.name: check.state for check in examine(shop)}["files"] == "problem"
