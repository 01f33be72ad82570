"""What a view must show: its measures over the records of a window, and the rows that a reader is left with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from footfall.event.span import Span
from footfall.stream.store.reading import hashes_of
from footfall.stream.view import View, ViewOperator
from live_streams import LATENESS_US, Record, Run

MEASURES = {
    "n": "count", "hits": "count(name=a)", "total": "sum(price)", "middle": "mean(price)", "least": "min(price)", "most": "max(price)",
    "part": "share(name=a)", "names": "distinct(name)", "high": "p90(price)", "median": "p50(price)", "steps": "path(name, 3)",
}  # fmt: skip


def operator_of(window: dict[str, str], measures: dict[str, str], keys: tuple[str, ...] = ("user_id",), keep: str = "1d") -> ViewOperator:
    """A view in motion."""
    return ViewOperator(View(name="seen", keys=keys, window=window, measures=measures, keep=Span(keep)), lateness_us=LATENESS_US)


def measured(records: Sequence[Record]) -> dict[str, Any]:
    """Every measure of a window's records, in their order of arrival."""
    prices = [record.price for record in records if record.price is not None]
    ranked = sorted(prices)
    in_time = sorted(records, key=lambda record: (record.time, record.position))
    return {
        "n": len(records),
        "hits": sum(record.name == "a" for record in records),
        "total": sum(prices) if prices else None,
        "middle": sum(prices) / len(prices) if prices else None,
        "least": min(prices, default=None),
        "most": max(prices, default=None),
        "part": sum(record.name == "a" for record in records) / len(records),
        "names": len({record.name for record in records}),
        "high": ranked[math.ceil(0.9 * len(ranked)) - 1] if ranked else None,
        "median": ranked[math.ceil(0.5 * len(ranked)) - 1] if ranked else None,
        "steps": [record.name for record in in_time][-3:],
    }


def shown(run: Run, keys: int, measures: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """(start, end, *key) -> measures of the rows that are left when every change was made, in order."""
    left: dict[tuple[int, int], tuple[Any, ...]] = {}
    for rows in run.rows:
        for gone in rows.gone:
            left.pop(gone, None)
        for start, row, end, *columns in zip(rows.start_us, rows.ids, rows.end_us, *rows.columns, strict=True):
            left[start, row] = (start, end, *columns)
    found = {row[: 2 + keys]: dict(zip(measures, row[2 + keys :], strict=True)) for row in left.values()}
    assert len(found) == len(left)
    for row in found.values():
        if "steps" in row:
            row["steps"] = [run.texts[hashed] for hashed in hashes_of(row["steps"])]
    return found


def check(found: dict[tuple[Any, ...], dict[str, Any]], expected: dict[tuple[Any, ...], list[Record]], seed: int) -> None:
    """The rows are those of the twin; quantiles within 1 %."""
    assert found.keys() == expected.keys(), seed
    for place, row in found.items():
        twin = measured(expected[place])
        for name, value in row.items():
            exact = twin[name] if name not in ("high", "median") or twin[name] is None else pytest.approx(twin[name], rel=0.0101)
            assert value == exact, (seed, place, name)
