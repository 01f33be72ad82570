"""Every engine, on every layout of the lake, gives the whole answer that the reference layout gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from conformance import CASES, NOW, log

from footfall.analyses.spec.build import build
from footfall.analyses.spec.contract import Engine
from footfall.analyses.spec.menu import analyses
from footfall.engines import walk
from footfall.engines.duckdb import DuckDBEngine
from footfall.errors import UnknownEvent
from footfall.lake.contract import CommitId
from footfall.lake.delta import DeltaLake
from tests_support import event_table

ZONES = ("UTC", "America/New_York", "Asia/Kathmandu")
NOW_US = round(NOW.timestamp() * 1e6)


def one_thread(lake: DeltaLake, zone: str) -> Engine:
    return DuckDBEngine(lake.snapshot(), time_zone=zone, threads=1, now_us=NOW_US)


def two_threads(lake: DeltaLake, zone: str) -> Engine:
    return DuckDBEngine(lake.snapshot(), time_zone=zone, threads=2, now_us=NOW_US)


ENGINES: dict[str, Callable[[DeltaLake, str], Engine]] = {"duckdb, 1 thread": one_thread, "duckdb, 2 threads": two_threads}
LAYOUTS = ("landed", "clustered", "clustered and landed")


def lay_out(lake_of: Any, events: list[dict[str, Any]], layout: str) -> DeltaLake:
    whole = len(events) if layout != "clustered and landed" else len(events) * 2 // 3
    table = event_table(events)
    lake = lake_of(events[:whole], parts=3, compact=layout != "landed")
    if whole < len(events):
        late = table.slice(whole)
        lake.commit([lake.stage(late)], CommitId("late", 1), table.schema)
    return lake


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with floats to 9 digits: sums of different orders differ in the last bits."""
    return [
        {key: (float(f"{value:.9g}") if isinstance(value, float) and math.isfinite(value) else value) for key, value in row.items()} for row in rows
    ]


def test_every_analysis_has_a_case():
    assert {name for name, _ in CASES} == set(analyses())


@pytest.mark.parametrize("zone", ZONES)
def test_every_engine_and_layout_gives_the_same_answers(lake_of, monkeypatch, zone):
    monkeypatch.setattr(walk.plan_slices, "__defaults__", (50,))
    menu = analyses()
    events = log(seed=len(zone))
    reference = one_thread(lay_out(lake_of, events, "landed"), zone)
    expected = [comparable(build(menu[name], parameters).answer(reference).rows) for name, parameters in CASES]
    assert all(expected), "a case that has no rows proves nothing"
    for layout in LAYOUTS:
        lake = lay_out(lake_of, events, layout)
        for engine_name, make in ENGINES.items():
            engine = make(lake, zone)
            for (name, parameters), rows in zip(CASES, expected, strict=True):
                got = comparable(build(menu[name], parameters).answer(engine).rows)
                assert got == rows, (engine_name, layout, zone, name, parameters)


def test_an_empty_lake_has_empty_answers(engine_of):
    engine = engine_of([])
    for name, kind in analyses().items():
        if kind.positional == "steps":
            continue
        answer = build(kind, {"start": "x", "finish": "y"} if name == "abandonment" else {})
        try:
            rows = answer.answer(engine).rows
        except UnknownEvent:
            continue
        assert all(not value for row in rows for key, value in row.items() if key in ("people", "sessions", "value", "rows")), (name, rows)
