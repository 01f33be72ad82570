"""Dimensions from files and databases: what is read, when it is read again, and what a failure does."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from footfall.app.project import init_project, open_project
from footfall.connectors.dimensions.database import DatabaseSource
from footfall.connectors.dimensions.drivers import Place, place_of
from footfall.connectors.dimensions.file import FileSource
from footfall.connectors.dimensions.settings import Dimension, check
from footfall.connectors.dimensions.watching import Dimensions, Watched
from footfall.engines.dimensions import read_dimension
from footfall.errors import InvalidConfig, MissingExtra
from up_support import wait_until

NEVER_US = 1 << 62


def file_source(path: Path, key: str = "id") -> FileSource:
    return FileSource("people", path, key, read_dimension)


def put(path: Path, text: str) -> None:
    """Write a file as whoever renames a finished one into its place."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def sqlite_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# --- files ----------------------------------------------------------------------------------------------------------------


def test_a_file_is_read_with_the_types_that_the_engine_finds_and_its_key_as_text(tmp_path):
    put(tmp_path / "people.csv", "id;born;vip;height\n007;2001-02-03;true;1.5\n1e5;2002-02-03;false;2\n")
    table = file_source(tmp_path / "people.csv").load()
    assert table.to_pylist() == [
        {"id": "007", "born": date(2001, 2, 3), "vip": True, "height": 1.5},
        {"id": "1e5", "born": date(2002, 2, 3), "vip": False, "height": 2.0},
    ]


def test_a_file_changes_with_its_time_its_size_and_the_file_itself(tmp_path):
    path = tmp_path / "people.csv"
    put(path, "id,tier\na,1\n")
    os.utime(path, ns=(10**18, 10**18))
    source = file_source(path)
    assert source.changed()
    source.load()
    assert not source.changed()
    path.write_text("id,tier\na,12\n")
    os.utime(path, ns=(10**18, 10**18))
    assert source.changed(), "its size"
    source.load()
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert source.changed(), "its time"
    source.load()
    put(path, "id,tier\na,13\n")
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert source.changed(), "another file of the same size and time"
    assert source.load().column("tier").to_pylist() == [13]
    path.unlink()
    assert source.changed()
    with pytest.raises(InvalidConfig, match="dimension 'people' has no file"):
        source.load()


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "people.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidConfig, match=r"dimension 'people' cannot be read: .*people\.parquet cannot be read as a dimension"):
        file_source(tmp_path / "people.parquet").load()


# --- watching -------------------------------------------------------------------------------------------------------------


def watched(path: Path, told: list[str], reload_us: int = 0) -> Dimensions:
    return Dimensions({"people": Watched(file_source(path), "id", "user_id", reload_us)}, told.append)


def tiers(dimensions: Dimensions) -> list[object]:
    return dimensions.rows["people"].column("tier").to_pylist()


def test_a_change_is_taken_over_whole_between_batches(tmp_path):
    path, told = tmp_path / "people.csv", []
    put(path, "id,tier\na,gold\n")
    dimensions = watched(path, told)
    before = dimensions.tables
    assert before["people"].column == "user_id"
    version = dimensions.version
    assert [dimensions.look() for _ in range(3)] == [False] * 3, "nothing changed"
    put(path, "id,tier\na,tin\nb,gold\n")
    wait_until(dimensions.look)
    assert tiers(dimensions) == ["tin", "gold"]
    assert dimensions.version == version + 1
    assert [len(tables["people"]) for tables in (before, dimensions.tables)] == [1, 2], "a batch keeps what it began with"
    assert told == []


def test_a_failing_reload_keeps_the_rows_and_says_so_once(tmp_path):
    path, told = tmp_path / "people.csv", []
    put(path, "id,tier,age\na,gold,7\n")
    dimensions = watched(path, told)
    dimensions.load()
    path.unlink()
    for _ in range(3):
        assert not dimensions.update()
    assert tiers(dimensions) == ["gold"]
    assert told == [f"dimension 'people' has no file {path}; the rows from before stay"]
    assert list(dimensions.problems) == ["people"]
    put(path, "id,tier,age\na,tin,8\n")
    assert dimensions.update()
    assert told[1:] == ["dimension 'people' is read again"]
    assert (tiers(dimensions), dict(dimensions.problems)) == (["tin"], {})
    for text, sentence in (
        ("id,age\na,7\n", "dimension 'people' has no column 'tier' any more"),
        ("id,tier,age\na,gold,old\n", "dimension 'people': 'age' was int64 and is string now"),
    ):
        put(path, text)
        assert [dimensions.update(), dimensions.update()] == [False, False]
        assert told.pop() == f"{sentence}; the rows from before stay"
        assert tiers(dimensions) == ["tin"]
    put(path, "id,tier,age,more\na,1,,\n")
    assert dimensions.update()
    assert dimensions.rows["people"].to_pylist() == [{"id": "a", "tier": "1", "age": None, "more": None}], "numbers fit into text"


def test_unknown_keys_are_counted_over_reloads(tmp_path):
    path = tmp_path / "people.csv"
    put(path, "id,tier\na,gold\n")
    dimensions = watched(path, [])
    asked = pa.table({"user_id": ["a", "b", None, "b"]})
    from footfall.stream.columns import Columns

    assert Columns(asked, dimensions.tables).array("people.tier").to_pylist() == ["gold", None, None, None]
    put(path, "id,tier\na,gold\nb,tin\nc,tin\n")
    assert dimensions.update()
    assert Columns(asked, dimensions.tables).array("people.tier").to_pylist() == ["gold", "tin", None, "tin"]
    assert dimensions.unknown() == {"people": 2}


def test_a_source_is_asked_again_after_its_time_only(tmp_path):
    path = tmp_path / "people.csv"
    put(path, "id,tier\na,gold\n")
    dimensions = watched(path, [], NEVER_US)
    dimensions.load()
    put(path, "id,tier\na,tin\n")
    assert not dimensions.update()
    assert not dimensions.look()
    assert tiers(dimensions) == ["gold"]


def test_a_question_sees_a_file_that_changed(tmp_path):
    project = init_project(tmp_path / "shop")
    (project.path / "footfall.toml").write_text('[dimensions.people]\npath = "p.csv"\nkey = "id"\nreload = "1s"\n')
    put(project.path / "p.csv", "id,tier\na,gold\n")
    project = open_project(project.path)
    assert project.sql("SELECT tier FROM people").to_pylist() == [{"tier": "gold"}]
    engine = project.engine()
    assert project.engine() is engine, "nothing changed"
    put(project.path / "p.csv", "id,tier\na,tin\n")
    wait_until(lambda: project.sql("SELECT tier FROM people").to_pylist() == [{"tier": "tin"}])
    assert project.engine() is not engine


# --- databases ------------------------------------------------------------------------------------------------------------


def test_sqlite_gives_columns_of_one_type_each_and_changes_with_its_content(tmp_path):
    sqlite_database(
        tmp_path / "shop.db",
        "CREATE TABLE p (id, name TEXT, price REAL, stock, note, raw, none)",
        "INSERT INTO p VALUES (1, 'Çay', 1.5, 3, 'x', x'0aff', NULL), ('x', NULL, 2, 99999999999999999999, 5, 'y', NULL)",
    )
    place = place_of("products", "sqlite:///shop.db", tmp_path, None)
    source = DatabaseSource("products", place, "SELECT * FROM p ORDER BY rowid")
    assert source.changed()
    assert source.load().to_pylist() == [
        {"id": "1", "name": "Çay", "price": 1.5, "stock": 3.0, "note": "x", "raw": "0aff", "none": None},
        {"id": "x", "name": None, "price": 2.0, "stock": 1e20, "note": "5", "raw": "y", "none": None},
    ]
    assert not source.changed()
    sqlite_database(tmp_path / "shop.db", "UPDATE p SET price = 3 WHERE id = 1")
    assert source.changed()
    sqlite_database(tmp_path / "shop.db", "UPDATE p SET price = 4 WHERE id = 1")
    assert source.load().column("price").to_pylist() == [3.0, 2.0], "what it found when it looked"
    assert source.changed()


def test_sqlite_is_only_read(tmp_path):
    sqlite_database(tmp_path / "shop.db", "CREATE TABLE p (id)")
    place = place_of("products", f"sqlite:///{tmp_path / 'shop.db'}", Path("/elsewhere"), None)
    for query, sentence in (
        ("DELETE FROM p", "the query of dimension 'products' is refused: attempt to write a readonly database"),
        ("SELECT missing FROM p", "the query of dimension 'products' is refused: no such column: missing"),
        ("SELECT id, id FROM p", "the query of dimension 'products' gives two columns 'id'"),
        ("SELECT 1; SELECT 2", "the query of dimension 'products' is refused: You can only execute one statement at a time."),
        ("", "the query of dimension 'products' gives no columns"),
    ):
        with pytest.raises(InvalidConfig) as caught:
            DatabaseSource("products", place, query).load()
        assert caught.value.sentence == sentence
    with pytest.raises(InvalidConfig, match="dimension 'products' has no file"):
        DatabaseSource("products", Place("sqlite", str(tmp_path / "none.db")), "SELECT 1").load()


# --- declarations ---------------------------------------------------------------------------------------------------------


def test_a_declaration_has_one_source_that_is_understood():
    check("products", Dimension(key="id", path="p.csv"))
    check("products", Dimension(key="id", url="postgresql://me@host/db", query="SELECT 1", reload="none"))
    for declared, sentence, hint in (
        ({}, "dimension 'products' has neither a path nor a url", 'write path = "products.csv", or url and query'),
        ({"path": "p.csv", "url": "sqlite:///p.db"}, "dimension 'products' has a path and a url", 'write path = "products.csv", or url and query'),
        ({"url": "sqlite:///p.db"}, "dimension 'products' has a url and no query", "query = "),
        ({"path": "p.csv", "query": "SELECT 1"}, "dimension 'products' has a query and no url", "query = "),
        ({"url": "postgres://h/db", "query": "SELECT 1"}, "dimension 'products' cannot be read from 'postgres'", "did you mean postgresql://?"),
        ({"url": "mysql://u:secret@h/db", "query": "SELECT 1"}, "dimension 'products' has a password in its url", 'password_env = "DB_PASSWORD"'),
        ({"path": "p.csv", "reload": "soon"}, "dimension 'products' is reloaded every 'soon', which is no span of time", "write a number and a unit"),
        ({"path": "p.csv", "reload": "5ms"}, "dimension 'products' is reloaded every 5ms", "write 1s or more"),
    ):
        with pytest.raises(InvalidConfig) as caught:
            check("products", Dimension(key="id", **declared))
        assert caught.value.sentence == sentence
        assert hint in (caught.value.hint or "")
        assert "secret" not in str(caught.value.as_dict())


def test_urls_name_databases(tmp_path):
    assert place_of("p", "sqlite:///a%20b.db", tmp_path, None).database == str(tmp_path / "a b.db")
    assert place_of("p", "sqlite:////srv/a.db", tmp_path, None).database == "/srv/a.db"
    found = place_of("p", "postgresql://me%40x@db.example:5433/shop?sslmode=verify-full", tmp_path, "p")
    assert found == Place("postgresql", "shop", "db.example", 5433, "me@x", "p", (("sslmode", "verify-full"),))
    for url, sentence in (
        ("mysql://h", "dimension 'p': its url names no database"),
        ("mysql://h/d?charset=latin1", "dimension 'p': mysql URLs have no option 'charset'"),
        ("postgresql://h/d?sslmode=maybe", "dimension 'p': 'maybe' is no sslmode"),
    ):
        with pytest.raises(InvalidConfig) as caught:
            place_of("p", url, tmp_path, None)
        assert caught.value.sentence == sentence


def test_a_password_that_is_not_there_and_a_driver_that_is_not_installed_are_named(tmp_path, monkeypatch):
    project = init_project(tmp_path / "shop")
    declared = 'url = "postgresql://me@127.0.0.1:1/shop"\nquery = "SELECT 1"\nkey = "id"\n'
    (project.path / "footfall.toml").write_text(f'[dimensions.people]\n{declared}password_env = "FF_TEST_PASSWORD"\n')
    monkeypatch.delenv("FF_TEST_PASSWORD", raising=False)
    with pytest.raises(InvalidConfig, match="dimension 'people' finds no password: the variable FF_TEST_PASSWORD is not set"):
        open_project(project.path).engine()
    monkeypatch.setenv("FF_TEST_PASSWORD", "x")
    monkeypatch.setitem(__import__("sys").modules, "pg8000.dbapi", None)
    with pytest.raises(MissingExtra) as caught:
        open_project(project.path).engine()
    assert caught.value.sentence == "dimension 'people' needs the package pg8000, which is not installed"
    assert caught.value.hint == 'install it: pip install "footfall[postgres]"'


def test_whole_numbers_of_decimals_are_whole():
    """What PostgreSQL's numeric without a scale gives: sums of bigint."""
    from footfall.connectors.dimensions.database import _column
    from footfall.stream.reading.cell_text import plain

    assert plain(_column([Decimal(5), None])).to_pylist() == [5, None]
    assert plain(_column([Decimal(10**25)])).to_pylist() == [str(10**25)]
    assert plain(_column([Decimal("1.5"), Decimal(2)])).to_pylist() == [1.5, 2.0]
