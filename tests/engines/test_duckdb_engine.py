"""The DuckDB engine itself: as-of times, column references, dimensions, columns that no file has yet."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from footfall.analyses.spec.build import build
from footfall.analyses.spec.contract import Scan
from footfall.analyses.spec.menu import analyses
from footfall.engines import Dimension, DuckDBEngine
from footfall.engines.user_sql import user_query
from footfall.errors import InvalidConfig, StorageFailed, UnknownColumn


def at(*when: int, zone: str = "UTC") -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def us(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "last", "now", "expected"),
    [
        ("UTC", at(2026, 3, 1, 12), at(2026, 4, 1), at(2026, 3, 2)),
        ("UTC", at(2026, 3, 1, 12), at(2026, 3, 1, 15), at(2026, 3, 1, 15)),
        ("UTC", at(2026, 3, 1, 12), at(2026, 3, 1, 11), at(2026, 3, 1, 12)),
        ("Asia/Kathmandu", at(2026, 3, 1, 20), at(2026, 4, 1), at(2026, 3, 3, zone="Asia/Kathmandu")),
        ("Europe/Berlin", at(2026, 10, 25, 3), at(2026, 12, 1), at(2026, 10, 25, 23)),
        ("America/St_Johns", datetime(2010, 11, 7, 3, 0, tzinfo=UTC), at(2026, 1, 1), datetime(2010, 11, 7, 3, 30, tzinfo=UTC)),
    ],
)
def test_as_of_is_the_end_of_the_last_day_or_now(engine_of, zone, last, now, expected):
    engine = engine_of([{"user_id": "a", "name": "x", "event_time": last}], time_zone=zone, now=now)
    assert engine.as_of_us() == us(expected)
    assert engine.as_of_us() >= us(last)


def test_references_to_columns_properties_and_dimensions(engine_of, tmp_path):
    (tmp_path / "products.csv").write_text("sku,colour,weight\n1,red,2.5\n2,blue,1\n2,green,7\n")
    events = [
        {"user_id": "a", "name": "x", "event_time": 5, "sku": 1, "properties": '{"plan":"pro","deep":{"er key":3}}'},
        {"user_id": "b", "name": "x", "event_time": 6, "sku": 9, "properties": None},
    ]
    engine = engine_of(events, dimensions={"products": Dimension(str(tmp_path / "products.csv"), "sku")})
    for reference, kind, values in (
        ("sku", "int64", [1, 9]),
        ("properties.plan", "json", ["pro", None]),
        ("properties.deep.er key", "json", ["3", None]),
        ("products.colour", "string", ["red", None]),
        ("products.weight", "float64", [2.5, None]),
        ("day", "int64", [0, 0]),
    ):
        table = engine.query(f"SELECT {engine.column_sql(reference)} AS value FROM events ORDER BY time_us")
        assert (engine.column_type(reference), table.column("value").to_pylist()) == (kind, values), reference
    with pytest.raises(UnknownColumn, match=r"events have no column 'products\.color'") as caught:
        engine.column_sql("products.color")
    assert "did you mean 'products.colour'" in (caught.value.hint or "")


def test_a_dimension_with_more_rows_than_a_slice_keeps_rows_and_values_together(lake_of, tmp_path):
    """DuckDB joins such a dimension the other way round, and gives the rows back in another order."""
    path = tmp_path / "people.csv"
    path.write_text("user_id,tier\n" + "".join(f"p{number},{'gold' if number % 3 else 'tin'}\n" for number in range(10, 210)))
    events = [{"user_id": f"p{number * 17 % 40}", "name": "view", "event_time": number} for number in range(60)]
    engine = DuckDBEngine(lake_of(events, compact=True).snapshot(), dimensions={"people": Dimension(str(path), "user_id")})
    funnel = build(analyses()["funnel"], {"steps": ["view", "view"], "where": ["people.tier=gold"], "breakdown": "people.tier"})
    gold = {f"p{number}" for number in range(10, 40) if number % 3}
    twice = gold & {event["user_id"] for event in events[40:]}
    rows = funnel.answer(engine).rows
    assert [(row["breakdown"], row["people"]) for row in rows] == [("gold", len(gold)), ("gold", len(twice))]


def test_a_dimension_that_cannot_be_read_is_named(engine_of, tmp_path):
    with pytest.raises(InvalidConfig, match="dimension 'people' cannot be read"):
        engine_of([{"user_id": "a", "name": "x", "event_time": 5}], dimensions={"people": Dimension(str(tmp_path / "none.csv"), "id")})


def test_a_memory_limit_that_is_no_size_is_named(engine_of):
    with pytest.raises(InvalidConfig, match=r"engine\.memory_limit 'lots' is not a size"):
        engine_of([{"user_id": "a", "name": "x", "event_time": 5}], memory_limit="lots")


def test_columns_of_one_name_all_reach_the_user(engine_of):
    engine = engine_of([{"user_id": "a", "name": "x", "event_time": 5}])
    table = user_query(engine, "SELECT 1 AS n, 2 AS n, 3 AS n_2, 4 AS n", dimensions=(), small_tables={})
    assert table.to_pylist() == [{"n": 1, "n_2": 2, "n_2_2": 3, "n_3": 4}]


def test_a_file_that_went_is_said(lake_of):
    lake = lake_of([{"user_id": "a", "name": "x", "event_time": 5}], compact=True)
    engine = DuckDBEngine(lake.snapshot())
    lake.erase("a")
    for ask in (lambda: engine.query("SELECT count(event_id) FROM events"), lambda: engine.walk(Scan(steps=("x",)), lambda _: {})):
        with pytest.raises(StorageFailed, match="a file of the lake is gone"):
            ask()
