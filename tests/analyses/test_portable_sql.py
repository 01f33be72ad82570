"""The relational analyses' SQL is plain enough to be read by the parsers of the other engines, and changes nothing on the way."""

from __future__ import annotations

import pytest
import sqlglot

from footfall.analyses.spec.build import build
from footfall.analyses.spec.menu import analyses
from log_support import us

QUESTIONS = [
    ("trends", {"events": ["view"], "measure": "people", "interval": "month"}),
    ("trends", {"measure": "median:price", "breakdown": "country", "interval": "hour", "since": "2026-11-01"}),
    ("trends", {"measure": "distinct:country", "breakdown": "country", "where": ["price>=1"]}),
    ("active", {"mode": "rolling"}),
    ("active", {"mode": "calendar", "event": "view"}),
    ("movers", {"by": "country", "measure": "sum:price"}),
    ("abandonment", {"start": "view", "finish": "buy", "within": "24h", "item": "country"}),
    ("profile", {"columns": ["price"]}),
    ("profile", {"columns": ["country"]}),
]
FOREIGN = ("epoch", "date_trunc", "quantile", "median(", "filter (", "qualify", "list(", "//", "interval '", "::", "strftime", "extract(")


@pytest.mark.parametrize(("name", "values"), QUESTIONS)
def test_the_sql_holds_no_function_of_one_engine_alone(engine_of, name, values):
    common = {"user_id": "ann", "event_time": us("2026-11-02T10:00"), "price": 1.5, "country": "DE"}
    engine = engine_of([{**common, "name": "view"}, {**common, "name": "buy"}])
    plan = build(analyses()[name], values).answer(engine).plan
    for sql in plan.split(";\n\n"):
        assert not [word for word in FOREIGN if word in sql.lower()]
        for dialect in ("duckdb", "trino", "spark", "clickhouse"):
            assert isinstance(sqlglot.parse_one(sql, read=dialect), sqlglot.exp.Query)
