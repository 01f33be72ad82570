"""Walks over real files: numbers that were computed elsewhere and twice, or published with the data."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime

import pytest

from footfall.analyses.funnel import Funnel
from footfall.analyses.paths import Paths
from footfall.analyses.retention import Retention
from footfall.analyses.sessions import Sessions
from footfall.analyses.spec.build import build
from footfall.analyses.transitions import Transitions

SHOP = ("retentioneering_simple_shop/simple-onlineshop.csv.gz", "user_id", "event", "timestamp")
GROUPS = ("tna_group_regulation/group_regulation_long.csv.gz", "Actor", "Action", "Time")
SEPSIS = ("process_logs/eventdataR_sepsis.csv.gz", "case_id", "activity", "timestamp")
HELPDESK = ("process_logs/helpdesk.csv.gz", "case_id", "concept:name", "time:timestamp")
RECEIPT = ("process_logs/receipt_wabo.csv.gz", "case:concept:name", "concept:name", "time:timestamp")


def utc(text):
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@pytest.fixture
def real_engine(real_data, engine_of):
    """An engine over one file's rows, in their order."""

    def build_engine(source):
        path, person, name, time = source
        with gzip.open(real_data(path), "rt", encoding="utf-8-sig", newline="") as file:
            rows = [{"user_id": row[person], "name": row[name], "event_time": utc(row[time])} for row in csv.DictReader(file)]
        return engine_of(rows, compact=True)

    return build_engine


def people(engine, steps, window="none"):
    return [row["people"] for row in build(Funnel, {"steps": steps.split(">"), "window": window}).answer(engine).rows]


def test_simple_shop(real_engine):
    engine = real_engine(SHOP)
    assert people(engine, "catalog>cart>payment_done") == [3_611, 1_924, 653]
    long_way = "main>catalog>product1>cart>delivery_choice>payment_choice>payment_done"
    assert people(engine, long_way) == [2_385, 2_015, 684, 445, 341, 247, 170]
    (sessions,) = Sessions().answer(engine).rows
    assert (sessions["sessions"], sessions["people"], sessions["events"], sessions["single_event_sessions"]) == (6_454, 3_751, 32_283, 1_393)
    assert sessions["mean_duration_s"] == pytest.approx(51.598313, abs=1e-6)
    cells = Retention().answer(engine).rows
    returned = {day: sum(row["returned"] or 0 for row in cells if row["period"] == day) for day in (0, 1, 7)}
    assert returned == {0: 3_751, 1: 99, 7: 69}
    top = [(row["source"], row["target"], row["count"]) for row in Transitions(limit=2).answer(engine).rows]
    assert top == [("catalog", "catalog", 4_857), ("main", "catalog", 4_064)]


def test_group_regulation(real_engine):
    engine = real_engine(GROUPS)
    assert build(Sessions, {"gap": "15m"}).answer(engine).rows[0]["sessions"] == 2_000
    rows = build(Transitions, {"gap": "15m"}).answer(engine).rows
    share = {(row["source"], row["target"]): row["probability"] for row in rows}
    assert len(share) == 78
    assert share["adapt", "consensus"] == pytest.approx(0.47740668, abs=1e-8)
    assert share["consensus", "plan"] == pytest.approx(0.39579712, abs=1e-8)
    assert share["synthesis", "adapt"] == pytest.approx(0.23466258, abs=1e-8)
    incoming = sum(value for (source, target), value in share.items() if target == "consensus" and source != target)
    assert incoming == pytest.approx(2.6672185, abs=1e-7)


@pytest.mark.parametrize(("source", "variants"), [(SEPSIS, 846), (HELPDESK, 226), (RECEIPT, 116)])
def test_variants_of_processes(real_engine, source, variants):
    answer = build(Paths, {"gap": "none", "limit": 0}).answer(real_engine(source))
    assert len(answer.rows) == variants


def test_funnels_of_processes(real_engine):
    sepsis = real_engine(SEPSIS)
    assert people(sepsis, "ER Registration>ER Triage>IV Antibiotics>Admission NC>Release A") == [1_050, 1_044, 811, 682, 577]
    helpdesk, way = real_engine(HELPDESK), "Assign seriousness>Take in charge ticket>Resolve ticket>Closed"
    assert people(helpdesk, way) == [4_495, 4_207, 4_199, 4_189]
    assert people(helpdesk, way, "30d") == [4_495, 4_153, 3_800, 70]


def test_bitcoin_ratings(real_data, engine_of):
    with gzip.open(real_data("bitcoin_otc/soc-sign-bitcoinotc.csv.gz"), "rt", newline="") as file:
        rows = [{"user_id": row[0], "name": "rate", "event_time": round(float(row[3]) * 1e6)} for row in csv.reader(file)]
    engine = engine_of(rows)
    assert Sessions().answer(engine).rows[0]["sessions"] == 30_476
    cells = Retention().answer(engine).rows
    assert {day: sum(row["returned"] or 0 for row in cells if row["period"] == day) for day in (0, 1, 7, 30)} == {0: 4_814, 1: 553, 7: 228, 30: 79}
