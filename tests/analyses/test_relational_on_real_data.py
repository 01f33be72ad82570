"""Known facts about real logs: trends, active people, movers, profile and abandonment on rows that nobody here wrote."""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from datetime import date

import pytest

from footfall.analyses.abandonment import Abandonment
from footfall.analyses.active import Active
from footfall.analyses.movers import Movers
from footfall.analyses.profile import Profile
from footfall.analyses.trends import Trends
from footfall.engines import Dimension
from log_support import us


def rows_of(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def shop(real_data):
    rows = rows_of(real_data("retentioneering_simple_shop/simple-onlineshop.csv.gz"))
    return [{"user_id": row["user_id"], "name": row["event"], "event_time": us(row["timestamp"])} for row in rows]


def test_the_shop_has_its_known_counts_and_busiest_day(shop, engine_of):
    engine = engine_of(shop)
    names = ("catalog", "main", "cart", "payment_done")
    totals = Trends(events=names, interval="total").answer(engine).rows
    assert {row["series"]: row["value"] for row in totals} == {"catalog": 14_518, "main": 5_635, "cart": 2_842, "payment_done": 706}
    assert [row["value"] for row in Trends(measure="people", interval="total").answer(engine).rows] == [3_751]
    days = Active().answer(engine).rows
    assert max((row["dau"], row["day"]) for row in days) == (147, date(2020, 4, 26))
    assert len(days) == 181
    assert sum(row["new"] for row in days) == 3_751
    assert sum(row["value"] for row in Trends(interval="hour").answer(engine).rows) == 32_283


def test_the_shop_profile_counts_its_events(shop, engine_of):
    (row,) = Profile(columns=("name",)).answer(engine_of(shop)).rows
    counts = Counter(event["name"] for event in shop)
    entropy = -sum(times / len(shop) * math.log2(times / len(shop)) for times in counts.values())
    assert (row["rows"], row["nulls"], row["distinct"], row["top_value"], row["top_count"]) == (32_283, 0, 12, "catalog", 14_518)
    assert row["entropy_bits"] == pytest.approx(entropy)


def test_carts_without_a_payment_in_the_shop(shop, engine_of):
    carted, paid = {}, {}
    for event in shop:
        user, moment = event["user_id"], event["event_time"]
        if event["name"] == "cart":
            carted[user] = min(moment, carted.get(user, moment))
        if event["name"] == "payment_done":
            paid.setdefault(user, []).append(moment)
    finished = sum(any(moment >= start for moment in paid.get(user, [])) for user, start in carted.items())
    (row,) = Abandonment(finish="payment_done", interval="total").answer(engine_of(shop)).rows
    assert (row["started"], row["finished"]) == (len(carted), finished)


def test_departments_move_from_november_to_december(real_data, engine_of):
    lines = rows_of(real_data("completejourney/transactions_sample.csv.gz"))
    events = [
        {
            "user_id": line["household_id"],
            "name": "purchase",
            "event_time": us(line["transaction_timestamp"], "America/New_York"),
            "product_id": line["product_id"],
            "sales_value": float(line["sales_value"]),
        }
        for line in lines
        if line["transaction_timestamp"] >= "2017-10-30"
    ]
    products = Dimension(str(real_data("completejourney/products.csv.gz")), "product_id")
    engine = engine_of(events, time_zone="America/New_York", dimensions={"products": products})
    answer = Movers(by="products.department", measure="sum:sales_value", interval="month").answer(engine)
    moved = {row["value"]: (round(row["before"], 2), round(row["after"], 2)) for row in answer.rows}
    assert moved["GROCERY"] == (10_278.64, 11_124.07)
    assert moved["FUEL"] == (1_054.13, 1_423.03)
    assert (answer.rows[0]["before_period"], answer.rows[0]["after_period"]) == (date(2017, 11, 1), date(2017, 12, 1))
