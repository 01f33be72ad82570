"""Every way a walk can reach the kernel gives it the same rows: landed, clustered, several runs, tiny slices, cut streams."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from footfall.analyses.spec.contract import PersonBatch, Scan
from footfall.engines import walk as walking
from footfall.engines.walk import Rows, mended, merged, whole_persons
from footfall.event.filters import Filter
from footfall.event.person import person_key


def collect(batch: PersonBatch) -> dict[str, Any]:
    assert len(np.unique(batch.person)) == 1 + np.count_nonzero(np.diff(batch.person)) if len(batch.person) else True
    rows = zip(
        batch.person.tolist(),
        batch.time_us.tolist(),
        batch.code.tolist(),
        batch.group.tolist() if batch.group is not None else [None] * len(batch.person),
        strict=True,
    )
    return {"rows": list(rows)}


def random_events(seed: int, count: int, persons: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [
        {
            "user_id": f"u{min(int(rng.expovariate(0.3)), persons)}",
            "name": rng.choice(["a", "b", "c", "d"]),
            "event_time": rng.randrange(40) * 10_000_000_000 + rng.randrange(3),
            "price": rng.choice([None, 1.0, 2.5, 10.0]),
            "country": rng.choice([None, "DE", "FR"]),
        }
        for _ in range(count)
    ]


def expected(events: list[dict[str, Any]], scan: Scan, names: list[str]) -> list[tuple[Any, ...]]:
    ordered = sorted(enumerate(events), key=lambda pair: (person_key(pair[1]["user_id"]), pair[1]["event_time"], pair[0]))
    rows = []
    for _, event in ordered:
        if scan.where and not (event["price"] is not None and event["price"] >= 2):
            continue
        if (scan.since_us is not None and event["event_time"] < scan.since_us) or (
            scan.until_us is not None and event["event_time"] >= scan.until_us
        ):
            continue
        code = sum(1 << bit for bit, step in enumerate(scan.steps) if step == event["name"]) if scan.steps else names.index(event["name"])
        if scan.steps and code == 0:
            continue
        rows.append((person_key(event["user_id"]), event["event_time"], code, event["country"] if scan.group else None))
    return rows


def walked_rows(engine: Any, scan: Scan) -> list[tuple[Any, ...]]:
    result = engine.walk(scan, collect)
    rows = [row for partial in result.partials for row in partial["rows"] if not scan.steps or row[2] != 0]
    named = [(p, t, c, (None if g in (None, -1) else result.groups[g])) for p, t, c, g in rows]
    return sorted(named, key=lambda row: row[0])


@pytest.mark.parametrize("slice_rows", [1, 7, 2_000_000])
@pytest.mark.parametrize("layout", ["landed", "clustered", "mixed"])
@pytest.mark.parametrize("seed", range(4))
def test_walk_gives_the_same_rows_on_every_layout(lake_of, monkeypatch, seed, layout, slice_rows):
    from footfall.engines.duckdb import DuckDBEngine
    from footfall.lake.contract import CommitId
    from tests_support import event_table

    monkeypatch.setattr(walking, "SLICE_ROWS", slice_rows)
    monkeypatch.setattr(walking.plan_slices, "__defaults__", (slice_rows,))
    events = random_events(seed, 300, 12)
    lake = lake_of(events[:200], parts=3, compact=layout != "landed")
    late = event_table(events[200:], first_position=200)
    lake.commit([lake.stage(late)], CommitId("late", 1), late.schema)
    if layout == "clustered":
        lake.compact()
    engine = DuckDBEngine(lake.snapshot())
    names = list(engine.event_names())
    for scan in (
        Scan(),
        Scan(steps=("a", "b", "a")),
        Scan(where=(Filter("price>=2"),), group="country"),
        Scan(steps=("c",), group="country", since_us=50_000_000_000, until_us=300_000_000_001),
    ):
        assert walked_rows(engine, scan) == expected(events, scan, names), (seed, layout, scan)


@pytest.mark.parametrize("seed", range(200))
def test_whole_persons_never_cuts_a_person(seed):
    rng = np.random.default_rng(seed)
    person = np.sort(rng.integers(0, 6, rng.integers(0, 40)))
    rows = Rows(person, np.arange(len(person)), np.zeros(len(person), np.int32))
    cuts = np.sort(rng.integers(0, len(person) + 1, rng.integers(0, 8))).tolist()
    pieces = [rows.take(slice(start, stop)) for start, stop in zip([0, *cuts], [*cuts, len(person)], strict=True)]
    out = list(whole_persons(pieces))
    assert np.array_equal(np.concatenate([piece.time_us for piece in out]) if out else [], rows.time_us)
    seen = [set(piece.person.tolist()) for piece in out]
    assert sum(len(persons) for persons in seen) == len(set(person.tolist())), seed


@pytest.mark.parametrize("seed", range(200))
def test_merged_runs_equal_one_sort(seed):
    rng = np.random.default_rng(seed)
    runs = []
    position = 0
    for _ in range(rng.integers(1, 6)):
        count = int(rng.integers(0, 30))
        person, time = rng.integers(0, 4, count), rng.integers(0, 5, count)
        order = np.lexsort((np.arange(count), time, person))
        runs.append(Rows(person[order], time[order], order.astype(np.int32), None, np.arange(position, position + count)[order]))
        position += count
    whole = merged(runs)
    everything = [np.concatenate([getattr(run, name) for run in runs]) for name in ("person", "time_us", "position")]
    order = np.lexsort((everything[2], everything[1], everything[0]))
    assert np.array_equal(whole.person, everything[0][order]), seed
    assert np.array_equal(whole.time_us, everything[1][order]), seed


@pytest.mark.parametrize("seed", range(200))
def test_ties_are_mended_by_position(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 40))
    person, time, position = rng.integers(0, 3, count), rng.integers(0, 4, count), rng.permutation(count)
    loose = np.lexsort((time, person))
    rows = Rows(person[loose], time[loose], position[loose].astype(np.int32), None, position[loose])
    order = np.lexsort((position, time, person))
    got = mended(rows)
    assert np.array_equal(got.position, position[order]), seed
    assert np.array_equal(got.code, position[order]), seed
