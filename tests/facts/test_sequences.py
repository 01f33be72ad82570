"""Sequences of many kinds: learners, clicks, ratings and process logs."""

from __future__ import annotations

import pytest
from facts_support import counts


@pytest.fixture(scope="module")
def learners(imported):
    return imported("tna_group_regulation/group_regulation_long.csv.gz", "--map", "user_id=Actor", "--map", "name=Action", "--map", "event_time=Time")


def test_learners_transition_matrix(learners):
    assert counts(learners.summary) == (27_533, 27_533, 0, 0)
    (row,) = learners.rows("sessions", "--gap", "15m")
    assert row["sessions"] == 2_000
    rows = learners.rows("transitions", "--gap", "15m")
    matrix = {(row["source"], row["target"]): row["probability"] for row in rows}
    assert len(matrix) == 78
    assert matrix["adapt", "consensus"] == pytest.approx(0.47740668, abs=5e-9)
    assert matrix["consensus", "plan"] == pytest.approx(0.39579712, abs=5e-9)
    assert matrix["synthesis", "adapt"] == pytest.approx(0.23466258, abs=5e-9)
    strength = sum(share for (source, target), share in matrix.items() if target == "consensus" and source != target)
    assert strength == pytest.approx(2.6672185, abs=5e-8)


def test_clicks_of_sessions(imported):
    clicks = imported(
        "diginetica_sample/sample_train-item-views.csv.gz",
        *("--map", "anonymous_id=session_id", "--map", "user_id=user_id", "--null", "NA", "--map", "name=item_id"),
        *("--map", "event_time=eventdate+timeframe:ms", "--map", "session_id=session_id"),
    )
    assert counts(clicks.summary) == (12_391, 12_391, 0, 0)
    assert clicks.sql(
        "SELECT count(DISTINCT session_id), count(DISTINCT name), count(*) FILTER (WHERE user_id IS NULL), count(DISTINCT user_id) FROM events"
    ) == [(2_986, 7_139, 7_681, 1_270)]
    visits = imported(
        "diginetica_sample/sample_train-item-views.csv.gz",
        *("--map", "user_id=session_id", "--map", "name=item_id", "--map", "event_time=eventdate+timeframe:ms"),
    )
    rows = visits.rows("transitions", "--gap", "none")
    assert (sum(row["count"] for row in rows), len(rows)) == (9_405, 8_873)


def test_ratings_at_equal_times(imported):
    ratings = imported(
        "bitcoin_otc/soc-sign-bitcoinotc.csv.gz",
        *("--no-header", "--map", "user_id=c0", "--map", "name==rate", "--map", "event_time=c3"),
    )
    assert counts(ratings.summary) == (35_592, 35_592, 0, 0)
    assert ratings.sql("SELECT count(DISTINCT person_id) FROM events") == [(4_814,)]
    rows = ratings.rows("retention", "--periods", "30")
    for day, returned in ((1, 553), (7, 228), (30, 79)):
        assert sum(row["returned"] or 0 for row in rows if row["period"] == day) == returned, day
    (row,) = ratings.rows("sessions", "--gap", "30m")
    assert row["sessions"] == 30_476
    ties = "SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM events GROUP BY person_id, time_us)"
    assert ratings.sql(ties) == [(121,)]


@pytest.mark.parametrize(
    ("file", "maps", "rows", "cases", "variants"),
    [
        ("receipt_wabo.csv.gz", ("case:concept:name", "concept:name", "time:timestamp"), 8_577, 1_434, 116),
        ("helpdesk.csv.gz", ("case_id", "concept:name", "time:timestamp"), 21_348, 4_580, 226),
        ("eventdataR_sepsis.csv.gz", ("case_id", "activity", "timestamp"), 15_214, 1_050, 846),
    ],
)
def test_variants_of_process_logs(imported, file, maps, rows, cases, variants):
    # The sepsis file was written with the case called NA as an empty cell.
    empty = ("--empty", "case_id:NA") if "sepsis" in file else ()
    process = imported(f"process_logs/{file}", "--map", f"user_id={maps[0]}", "--map", f"name={maps[1]}", "--map", f"event_time={maps[2]}", *empty)
    assert counts(process.summary) == (rows, rows, 0, 0)
    assert process.sql("SELECT count(DISTINCT person_id) FROM events") == [(cases,)]
    paths = process.rows("paths", "--gap", "none", "--limit", "0")
    assert (len(paths), sum(row["count"] for row in paths)) == (variants, cases)


def test_sepsis_funnel_and_the_case_called_na(imported):
    sepsis = imported(
        "process_logs/eventdataR_sepsis.csv.gz",
        *("--map", "user_id=case_id", "--map", "name=activity", "--map", "event_time=timestamp", "--empty", "case_id:NA"),
    )
    assert sepsis.sql("SELECT count(*) > 0 FROM events WHERE user_id = 'NA'") == [(True,)]
    rows = sepsis.rows("funnel", "ER Registration", "ER Triage", "IV Antibiotics", "Admission NC", "Release A", "--window", "none")
    assert [row["people"] for row in rows] == [1_050, 1_044, 811, 682, 577]


@pytest.mark.parametrize(("window", "people"), [("none", [4_495, 4_207, 4_199, 4_189]), ("30d", [4_495, 4_153, 3_800, 70])])
def test_helpdesk_funnel(imported, window, people):
    desk = imported("process_logs/helpdesk.csv.gz", "--map", "user_id=case_id", "--map", "name=concept:name", "--map", "event_time=time:timestamp")
    rows = desk.rows("funnel", "Assign seriousness", "Take in charge ticket", "Resolve ticket", "Closed", "--window", window)
    assert [row["people"] for row in rows] == people
