"""retentioneering's simple shop: 32,283 events of 3,751 people."""

from __future__ import annotations

import pytest
from facts_support import counts

MAPS = ("--map", "user_id=user_id", "--map", "name=event", "--map", "event_time=timestamp")


@pytest.fixture(scope="module")
def shop(imported):
    return imported("retentioneering_simple_shop/simple-onlineshop.csv.gz", *MAPS)


def test_every_row_is_stored(shop):
    assert counts(shop.summary) == (32_283, 32_283, 0, 0)
    assert shop.sql("SELECT count(*), count(DISTINCT person_id), count(DISTINCT name), min(time_us), max(time_us) FROM events") == [
        (32_283, 3_751, 12, 1_572_631_153_273_932, 1_588_164_486_595_390)
    ]


def test_the_guess_finds_the_same_mapping(imported, shop):
    guessed = imported("retentioneering_simple_shop/simple-onlineshop.csv.gz")
    query = "SELECT count(*), count(DISTINCT person_id), sum(time_us % 1000003) FROM events"
    assert guessed.sql(query) == shop.sql(query)


def test_event_counts(shop):
    rows = shop.rows("trends", "catalog", "main", "cart", "payment_done", "--interval", "total")
    assert [row["value"] for row in rows] == [14_518, 5_635, 2_842, 706]


def test_sessions(shop):
    (row,) = shop.rows("sessions", "--gap", "30m")
    assert (row["sessions"], row["single_event_sessions"]) == (6_454, 1_393)
    assert row["mean_duration_s"] == pytest.approx(51.598313, abs=5e-7)


@pytest.mark.parametrize(
    ("steps", "people"),
    [
        (["catalog", "cart", "payment_done"], [3_611, 1_924, 653]),
        (["main", "catalog", "product1", "cart", "delivery_choice", "payment_choice", "payment_done"], [2_385, 2_015, 684, 445, 341, 247, 170]),
    ],
)
def test_funnels(shop, steps, people):
    rows = shop.rows("funnel", *steps, "--window", "none")
    assert [(row["step"], row["name"], row["people"]) for row in rows] == list(zip(range(1, len(steps) + 1), steps, people, strict=True))


@pytest.mark.parametrize(("day", "returned"), [(1, 99), (7, 69)])
def test_retention(shop, day, returned):
    rows = [row for row in shop.rows("retention") if row["period"] == day]
    assert sum(row["returned"] for row in rows if row["returned"] is not None) == returned
    assert sum(row["people"] for row in shop.rows("retention") if row["period"] == 0) == 3_751


def test_transitions_and_busiest_day(shop):
    top = shop.rows("transitions", "--gap", "30m")[:2]
    assert [(row["source"], row["target"], row["count"]) for row in top] == [("catalog", "catalog", 4_857), ("main", "catalog", 4_064)]
    busiest = max(shop.rows("active"), key=lambda row: row["dau"])
    assert (busiest["day"], busiest["dau"]) == ("2020-04-26", 147)


def test_the_same_file_again_changes_no_answer(shop):
    before = shop.rows("funnel", "catalog", "cart", "--window", "none")
    again = shop.ask("import", shop.summary["files"][0]["file"], *MAPS)
    assert counts(again) == (32_283, 0, 32_283, 0)
    assert shop.rows("funnel", "catalog", "cart", "--window", "none") == before


def test_experiment_groups(imported):
    ab = imported("retentioneering_simple_shop/ab_test_demo.csv.gz", *MAPS)
    assert counts(ab.summary)[0] == 33_279
    query = """SELECT g, count(*), sum(paid) FROM (SELECT person_id, max(json_extract_string(properties, '$.user_backet')) AS g,
               max(CASE WHEN name = 'payment_done' THEN 1 ELSE 0 END) AS paid FROM events GROUP BY person_id) WHERE g <> 'not_in_test' GROUP BY g ORDER BY g"""
    assert [(row[0], row[2], row[1]) for row in ab.sql(query)] == [("control", 85, 573), ("test", 126, 554)]
