"""Random events with properties as clients write them, and the engine's SQL over the same table."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from footfall.engines import Dimension
from footfall.engines.dimensions import load_dimension
from footfall.engines.relation import References, derived_sql
from footfall.event.filters import Filter
from footfall.event.schema import event_schema
from footfall.stream.columns import Columns
from footfall.stream.dimensions import DimensionTable

ZONE = "Europe/Berlin"
SCHEMA = event_schema({"price": "float64", "size": "int64", "vip": "bool", "born": "date", "seen": "timestamp", "sku": "string"})
WORDS = [
    "",
    "a",
    "A",
    "pro",
    "Pro%_\\x",
    "Straße",
    "STRASSE",
    "İstanbul",
    "ΑΣ",
    "ας",
    "\u212aelvin",
    "ÇA",
    "ça",
    "日本",
    "a|b",
    "it's",
    '"q"',
    "😀",
    "null",
]
NUMBERS = [
    "0", "-0", "-0.0", "1", "12", "-7", "1.50", "2.0", "1e3", "1E+2", "1e-7", "0.00001", "19.90", "0.30000000000000004", "1e22", "1.5e300", "1e400", "10",
    "123456789012345678901234567890", "9007199254740993", "9007199254740993.0", "100000000000000000000.0", "5e-324", "0.000123456789", "0.0", "0.000",
]  # fmt: skip
NUMERIC_TEXT = [
    "5", " 5 ", "+5", "-5", "+-5", "-+5", "5.", ".5", ".", "5_000", "5__0", "1e5", "1e", "inf", "-Infinity", "nan", "-nan", "nan(7)", "0x10", "-", "+",
    "1,5", "5\t", "\u00a05", "٣", "1e400", "1e99999", "00012", "5 5", "true", "N", "i", "1.5_0", "1._5", "1e1_0", "premium", "1e+", "12345678901234567.5",
]  # fmt: skip
NESTED = [
    "[]", "{}", '[1, 2.50,"x" ]', '{"b": "\\u00e9\\/\\u001f", "c":[1e3,-0,{"d":null}]}', '{"b":1,"b":2}', "[10,-0,100]", "[true,1e5]",
    '{"b":{"c d":{"e":5}}}', '[{"b":[false]}]', "[0,100,1200]", '["a b"]', "[-5]",
]  # fmt: skip
RAW = [*NUMBERS, *NESTED, "true", "false", "null", '""', '"\\u0041\\n"', '"\\ud83d\\ude00"', '"tab\\t"']
REFERENCES = [
    "page", "is_bot", "price", "size", "vip", "born", "seen", "event_time", "time_us", "local_us", "day", "properties", "properties.a", "properties.b",
    "properties.plan", "properties.c d", "properties.é", "properties.a.b", "properties.a.c d.e", "properties.x.b", "properties.b.b.b", "properties.missing",
    "properties.a.b.c.d.e.f.g.h.i", "products.department", "products.weight", "products.stock", "products.cost", "products.since", "products.old",
    "sizes.label", "plans.label", "properties.a.c d",
]  # fmt: skip

PRODUCTS = pa.table(
    {
        "sku": ["1", "2", "x", "1", None, "é"],
        "department": ["toys", "Food", None, "late", "none", "ÇA"],
        "weight": [1.5, None, 3.0, 9.0, 8.0, -1.0],
        "stock": pa.array([5, 0, None, 1, 1, 7], pa.int32()),
        "cost": pa.array([1, 2, 3, 4, 5, None], pa.decimal128(9, 2)),
        "since": pa.array([datetime(2026, 11, 1)] * 6, pa.timestamp("ns")),
        "old": [True, False, None, True, True, False],
    }
)
SIZES = pa.table({"size": [0, 5, 10**16], "label": ["none", "five", "many"]})
PLANS = pa.table({"plan": ["pro", "12", "true"], "label": ["paid", "dozen", "yes"]})
DIMENSIONS = {"products": ("sku", None, PRODUCTS), "sizes": ("size", None, SIZES), "plans": ("plan", "properties.plan", PLANS)}


def properties(rng: random.Random) -> str | None:
    """An object as clients write it: members in any order, twice, with blanks, with names in escapes."""
    if rng.random() < 0.1:
        return None
    names = ["a", "b", "plan", "c d", "é", "\\u0061", "\\u00e9", "x", "a"]
    members = []
    for name in rng.sample(names, rng.randint(0, len(names))):
        pick = rng.random()
        value = rng.choice(RAW) if pick < 0.4 else json.dumps(rng.choice(WORDS + NUMERIC_TEXT), ensure_ascii=rng.random() < 0.3)
        if pick > 0.85:
            value = f'{{"b":{value},"c d":{{"e":{rng.choice(RAW)}}}}}'
        members.append(f'"{name}":{value}')
    if rng.random() < 0.2:
        return "{ " + " , ".join(member.replace(":", " : ", 1) for member in members) + " }"
    return "{" + ",".join(members) + "}"


def events(seed: int, rows: int) -> pa.Table:
    """Random events over few values, a fifth of them null."""
    rng = random.Random(seed)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    moments = [start + timedelta(microseconds=rng.choice([0, 1, 500_000, 86_400_000_000, rng.randint(0, 10**12)])) for _ in range(rows)]

    def either(values: list[Any]) -> list[Any]:
        return [None if rng.random() < 0.2 else rng.choice(values) for _ in range(rows)]

    data: dict[str, Any] = {
        "person_key": range(rows),
        "event_time": moments,
        "position": range(rows),
        "name": [rng.choice(["view", "cart"]) for _ in range(rows)],
        "person_id": [f"p{rng.randint(0, 9)}" for _ in range(rows)],
        "event_id": [str(row) for row in range(rows)],
        "received_time": moments,
        "page": either(WORDS),
        "country": either(["DE", "FR", "de"]),
        "is_bot": either([True, False]),
        "properties": [properties(rng) for _ in range(rows)],
        "price": either([0.0, -0.0, 1.5, 12.0, 1e16, 1e-7, float("nan"), float("inf"), 0.1, 0.30000000000000004, -5.0, 123456789.125]),
        "size": either([0, 1, -1, 5, 7, 10**16, 10**16 + 1, 2**63 - 1, -(2**63), 2**53 + 1]),
        "vip": either([True, False]),
        "born": either([date(1970, 1, 1), date(2026, 11, 1), date(1950, 5, 5)]),
        "seen": either(moments),
        "sku": either(["1", "2", "x", "9", "", "é"]),
    }
    return pa.table({field.name: pa.array(data.get(field.name, [None] * rows), field.type) for field in SCHEMA}, SCHEMA)


def columns_of(table: pa.Table) -> Columns:
    """The table's columns with the dimensions."""
    dimensions = {name: DimensionTable(name, rows, key, column) for name, (key, column, rows) in DIMENSIONS.items()}
    return Columns(table, dimensions, time_zone=ZONE)


class Twin:
    """What the engine's SQL makes of the same table."""

    def __init__(self, table: pa.Table) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        seen = {name: load_dimension(self.connection, name, Dimension("", key, column, rows)) for name, (key, column, rows) in DIMENSIONS.items()}
        self.references = References(table.schema, seen)
        self.connection.register("piece", table)
        self.relation = f"(SELECT *, {derived_sql(ZONE)} FROM piece) AS events"

    def select(self, expressions: Sequence[str]) -> list[list[Any]]:
        """The values of expressions, row by row."""
        listed = ", ".join(f"{expression} AS value{index}" for index, expression in enumerate(expressions))
        sql = f"SELECT {listed}, position AS row FROM {self.relation} ORDER BY row"
        table = self.connection.sql(sql).to_arrow_table()
        return [column.to_pylist() for column in table.columns[:-1]]

    def values(self, references: Sequence[str]) -> list[list[Any]]:
        """What references hold."""
        return self.select([self.references.sql(reference) for reference in references])

    def masks(self, reference: str, conditions: Sequence[Filter]) -> list[list[bool]]:
        """Which rows meet each of some conditions on one reference, whose values are worked out once."""
        self.connection.execute(f"CREATE OR REPLACE TABLE seen AS SELECT {self.references.sql(reference)} AS value, position FROM {self.relation}")
        listed = ", ".join(f"coalesce({condition.sql(lambda _: 'value', self.references.type)}, FALSE)" for condition in conditions)
        rows = self.connection.execute(f"SELECT {listed} FROM seen ORDER BY position").fetchall()
        return [list(column) for column in zip(*rows, strict=True)]
