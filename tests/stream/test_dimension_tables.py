"""Dimension tables: the same row for the same key as a dictionary and as the engine, whatever the keys are."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from footfall.app.project import init_project, open_project
from footfall.errors import InvalidConfig
from footfall.event.filters import Filter
from footfall.lake.contract import CommitId
from footfall.stream.columns import Columns
from footfall.stream.dimensions import DimensionTable
from tests_support import event_table


@pytest.mark.parametrize("seed", range(5))
def test_a_look_up_is_that_of_a_dictionary(seed):
    rng = random.Random(seed)
    keys = [rng.choice([None, *(f"k{number}" for number in range(rng.choice([1, 10, 5000])))]) for _ in range(rng.choice([0, 1, 3000]))]
    table = DimensionTable("people", pa.table({"id": pa.array(keys, pa.string()), "row": pa.array(range(len(keys)), pa.int64())}), "id", "user_id")
    asked = [rng.choice([None, *(f"k{number}" for number in range(6000))]) for _ in range(2000)]
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key is not None:
            first.setdefault(key, row)
    columns = Columns(pa.table({"user_id": pa.array(asked, pa.string())}), {"people": table})
    assert columns.array("people.row").to_pylist() == [first.get(key) for key in asked], seed
    assert columns.array("people.id").to_pylist() == [key if key in first else None for key in asked]
    assert (len(table), table.keys) == (len(keys), len(first))
    assert table.unknown == sum(key is not None and key not in first for key in asked), "counted once, however many columns are read"


def test_keys_are_joined_as_text_whatever_their_types_are():
    rows = pa.table({"id": ["12", "1.5", "true", "x"], "label": ["twelve", "one and a half", "yes", "other"]})
    for column, wanted in (
        (pa.array([12, 7, None]), ["twelve", None, None]),
        (pa.array([1.5, 12.0, None]), ["one and a half", None, None]),
        (pa.array([True, False, None]), ["yes", None, None]),
        (pa.array(["12", "012", ""]), ["twelve", None, None]),
    ):
        assert Columns(pa.table({"id": column}), {"d": DimensionTable("d", rows, "id")}).array("d.label").to_pylist() == wanted
    numbers = DimensionTable("d", pa.table({"id": pa.array([12, 7], pa.int16()), "label": ["twelve", "seven"]}), "id", "properties.id")
    texts = pa.table({"properties": ['{"id":12}', '{"id":"7"}', '{"id":12.0}', None]})
    assert Columns(texts, {"d": numbers}).array("d.label").to_pylist() == ["twelve", "seven", None, None]


def test_a_key_that_is_no_column_is_refused_with_the_nearest():
    with pytest.raises(InvalidConfig, match="dimension 'people' has no column 'idd'") as caught:
        DimensionTable("people", pa.table({"id": [1]}), "idd")
    assert (caught.value.field, caught.value.hint) == ("dimensions.people.key", "did you mean 'id'?")


@pytest.mark.parametrize("source", ["csv", "parquet", "sqlite"])
def test_filters_on_a_dimension_keep_the_same_rows_live_and_in_a_question(tmp_path, source):
    rng = random.Random(source)
    rows = [
        (f"{rng.randint(0, 40):03}", rng.choice(["toys", "Food", "", "Çay"]), rng.choice([1.5, 2.0, 7.25]), rng.choice([1, 2, 3])) for _ in range(60)
    ]
    table = pa.table(dict(zip(("sku", "department", "weight", "size"), map(list, zip(*rows, strict=True)), strict=True)))
    project = init_project(tmp_path / "shop")
    declared = {
        "csv": 'path = "products.csv"',
        "parquet": 'path = "products.parquet"',
        "sqlite": 'url = "sqlite:///products.db"\nquery = "SELECT * FROM p"',
    }
    (project.path / "footfall.toml").write_text(
        f'[dimensions.products]\nkey = "sku"\ncolumn = "properties.sku"\n{declared[source]}\n', encoding="utf-8"
    )
    if source == "csv":
        lines = ["sku,department,weight,size", *(",".join(map(str, row)) for row in rows)]
        (project.path / "products.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif source == "parquet":
        pa.parquet.write_table(table, project.path / "products.parquet")
    else:
        with closing(sqlite3.connect(project.path / "products.db")) as connection, connection:
            connection.execute("CREATE TABLE p (sku TEXT, department TEXT, weight REAL, size INTEGER)")
            connection.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", rows)
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    events = event_table(
        [{"user_id": f"u{row}", "name": "view", "event_time": moment, "properties": f'{{"sku":"{rng.randint(0, 50):03}"}}'} for row in range(200)]
    )
    project = open_project(project.path)
    project.lake.commit([project.lake.stage(events)], CommitId("test", 1), events.schema)
    columns, engine = Columns(events, project.dimensions.tables), project.engine()
    conditions = ("products.department=toys", "products.department!=toys", "products.department~ça", "products.department=", "products.weight>1.5")
    for text in (*conditions, "products.size=1|3", "products.size<3", "products.sku>020"):
        condition = Filter(text)
        where = condition.sql(engine.column_sql, engine.column_type)
        asked = engine.query(f"SELECT position FROM events WHERE {where} ORDER BY position").column("position").to_pylist()
        assert np.flatnonzero(columns.mask([condition])).tolist() == asked, (source, text)
        assert 0 < len(asked) < 200, text
    everything = project.sql("SELECT count(*) AS n FROM products").to_pylist()
    assert everything == [{"n": 60}], "a row that repeats a key is there for whoever asks for the dimension itself"
