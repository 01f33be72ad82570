"""An engine with an identity gives the answers that an engine without gives on events whose persons were renamed beforehand."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conformance import CASES, NOW, log
from test_conformance import LAYOUTS, comparable, lay_out

from footfall.analyses.spec.build import build
from footfall.analyses.spec.contract import Scan
from footfall.analyses.spec.menu import analyses
from footfall.engines import Dimension, identity, walk
from footfall.engines.duckdb import DuckDBEngine
from footfall.engines.user_sql import user_query
from footfall.event.identity import Resolution, resolve
from footfall.event.schema import IDENTITY_SCHEMA
from footfall.kernels.reunite import by_person, sort_persons
from tests_support import event_table

NOW_US = round(NOW.timestamp() * 1e6)
PERSON_CASES: list[tuple[str, dict[str, Any]]] = [
    ("funnel", {"steps": ["view", "buy"], "breakdown": "person_id"}),
    ("funnel", {"steps": ["view", "buy"], "where": ["person_id!=o'1"]}),
    ("sessions", {"where": ["person_id=busy"], "breakdown": "user_id"}),
    ("trends", {"breakdown": "person_id", "measure": "people"}),
    ("trends", {"where": ["people.tier=gold"], "measure": "people"}),
    ("funnel", {"steps": ["view", "buy"], "where": ["people.tier=gold"], "breakdown": "people.tier"}),
]


def resolution_of(pairs: list[tuple[str, str]], **options: Any) -> Resolution:
    rows = [
        {"position": place, "time": datetime(2026, 9, 1, tzinfo=UTC), "kind": "alias", "a": a, "b": b, "event_id": f"e{place}"}
        for place, (a, b) in enumerate(pairs)
    ]
    return resolve(pa.Table.from_pylist(rows, IDENTITY_SCHEMA), **options)


def random_resolution(chance: random.Random) -> Resolution:
    """Joins among the people of the log; some to an id, or of an id, that no event has."""
    people = [f"o'{number}" for number in range(25)] + ["busy", "nobody", "whoever"]
    return resolution_of([(chance.choice(people), chance.choice(people)) for _ in range(chance.choice([1, 6, 20]))])


def renamed(events: list[dict[str, Any]], resolution: Resolution) -> list[dict[str, Any]]:
    return [event | {"person_id": resolution.of(event["user_id"])} for event in events]


def dimension(tmp_path: Any) -> dict[str, Dimension]:
    path = tmp_path / "people.csv"
    path.write_text("person_id,tier\n" + "".join(f"o'{number},{'gold' if number % 3 else 'tin'}\n" for number in range(25)))
    return {"people": Dimension(str(path), "person_id")}


@pytest.mark.parametrize(("layout", "rows_max"), [*((layout, 1_000_000) for layout in LAYOUTS), ("clustered and landed", 10)])
def test_every_analysis_sees_the_resolved_persons(lake_of, monkeypatch, tmp_path, layout, rows_max):
    monkeypatch.setattr(walk.plan_slices, "__defaults__", (50,))
    monkeypatch.setattr(identity, "TAKEN_ROWS", rows_max)
    chance = random.Random(f"{layout}{rows_max}")
    events = log(seed=chance.randrange(100))
    resolution = random_resolution(chance)
    options = {"time_zone": "America/New_York", "now_us": NOW_US, "dimensions": dimension(tmp_path)}
    plain = DuckDBEngine(lay_out(lake_of, renamed(events, resolution), "landed").snapshot(), **options)
    resolving = DuckDBEngine(lay_out(lake_of, events, layout).snapshot(), threads=2, identity=resolution, **options)
    menu = analyses()
    for name, parameters in [*CASES, *PERSON_CASES]:
        expected = comparable(build(menu[name], parameters).answer(plain).rows)
        assert comparable(build(menu[name], parameters).answer(resolving).rows) == expected, (name, parameters)
    assert resolving.event_names() == plain.event_names()


def histories(engine: DuckDBEngine, scan: Scan) -> dict[int, list[tuple[int, int]]]:
    """Person -> their events as the kernel got them; nobody comes twice."""
    found: dict[int, list[tuple[int, int]]] = {}

    def kernel(batch: Any) -> dict[str, Any]:
        persons, first = np.unique(batch.person, return_index=True)
        assert np.array_equal(np.sort(first), first)
        for person in persons:
            mine = batch.person == person
            assert int(person) not in found
            found[int(person)] = list(zip(batch.time_us[mine].tolist(), batch.code[mine].tolist(), strict=True))
        return {}

    engine.walk(scan, kernel)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_walks_bring_one_person_with_all_events_in_order(lake_of, monkeypatch, seed):
    """Ties of time included: the code tells which event it was, and position decides."""
    monkeypatch.setattr(walk.plan_slices, "__defaults__", (20,))
    chance = random.Random(seed)
    events = log(seed, count=chance.choice([0, 30, 300]))
    for event in events:
        event["event_time"] -= event["event_time"] % (24 * 3_600_000_000)
    resolution = random_resolution(chance)
    layout = chance.choice(LAYOUTS)
    plain = DuckDBEngine(lay_out(lake_of, renamed(events, resolution), "landed").snapshot(), now_us=NOW_US)
    resolving = DuckDBEngine(lay_out(lake_of, events, layout).snapshot(), now_us=NOW_US, identity=resolution, threads=chance.choice([1, 3]))
    for scan in (Scan(), Scan(steps=("view", "buy")), Scan(until_us=1_790_300_000_000_000)):
        got, expected = histories(resolving, scan), histories(plain, scan)
        for found in (got, expected) if scan.steps else ():
            for person in list(found):
                found[person] = [one for one in found[person] if one[1]]
                if not found[person]:
                    del found[person]
        assert got == expected, (seed, layout, scan)


def test_users_sql_sees_the_canonical_person_and_the_ids_as_sent(lake_of):
    events = [{"user_id": "ann", "name": "view", "event_time": NOW_US}, {"anonymous_id": "p", "person_id": "p", "name": "view", "event_time": NOW_US}]
    engine = DuckDBEngine(lake_of(events, compact=True).snapshot(), identity=resolution_of([("p", "ann")]))
    sql = "SELECT person_id, user_id, anonymous_id FROM events ORDER BY position"
    rows = user_query(engine, sql, dimensions=(), small_tables={}).to_pylist()
    assert [row["person_id"] for row in rows] == ["ann", "ann"]
    assert [row["anonymous_id"] for row in rows] == [None, "p"]
    for hidden in ("SELECT e FROM events AS e", "SELECT events FROM events", "SELECT COLUMNS(c -> c LIKE 'per%') FROM events"):
        said = str(user_query(engine, hidden, dimensions=(), small_tables={}).to_pylist())
        assert said.count("'person_id': 'ann'") == 2, hidden


def test_an_identity_that_joins_nobody_changes_nothing(lake_of):
    snapshot = lake_of(log(1), compact=True).snapshot()
    plain, empty = DuckDBEngine(snapshot), DuckDBEngine(snapshot, identity=resolve(IDENTITY_SCHEMA.empty_table()))
    assert empty.walk(Scan(), lambda batch: {"rows": len(batch.person)}) == plain.walk(Scan(), lambda batch: {"rows": len(batch.person)})
    strangers = DuckDBEngine(snapshot, identity=resolution_of([("nobody", "whoever")]))
    assert strangers.walk(Scan(), lambda _: {}).plan.endswith(", 0 rows of persons with several ids apart")


@pytest.mark.parametrize("seed", range(100))
def test_persons_are_sorted_each_for_themselves(seed):
    chance = np.random.default_rng(seed)
    rows, persons = int(chance.integers(0, 200)), int(chance.integers(1, 8))
    rank, time, position = chance.integers(0, persons, rows), chance.integers(0, 20, rows), chance.permutation(rows)
    starts, order = by_person(rank, persons)
    sort_persons(order, starts, time, position)
    assert order.tolist() == np.lexsort((position, time, rank)).tolist()
    assert starts.tolist() == [int((rank < person).sum()) for person in range(persons + 1)]


def test_every_row_is_in_one_piece():
    events = log(3, count=300)
    resolution = resolution_of([(f"o'{number}", f"o'{number % 5}") for number in range(5, 20)])
    people = identity.People(resolution)
    table = event_table(events).sort_by([("person_key", "ascending"), ("event_time", "ascending"), ("position", "ascending")])
    columns = [table.column(name).to_numpy() for name in ("person_key", "position")]
    rows = walk.Rows(columns[0], table.column("event_time").cast(pa.int64()).to_numpy(), np.ones(len(events), np.int32), None, columns[1])
    taken = identity.Taken(people, steps_only=False)
    left = taken.take_from(rows)
    for count in (1, 2, 7, 100):
        pieces = [piece.in_order() for piece in taken.pieces(count)]
        assert sum(len(piece.person) for piece in pieces) == taken.rows == len(events) - len(left.person)
        persons = [set(piece.person.tolist()) for piece in pieces]
        assert sum(map(len, persons)) == len(set.union(*persons)) == 5
