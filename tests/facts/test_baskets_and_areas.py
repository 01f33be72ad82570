"""Complete Journey's baskets and the areas of microsoft.com."""

from __future__ import annotations

import pytest
from facts_support import counts

from tests_support import DATA

COLUMNS = '[events.columns]\nbasket_id = "string"\nproduct_id = "string"\nsales_value = "float64"\n'


@pytest.fixture(scope="module")
def grocery(imported):
    products = DATA / "completejourney" / "products.csv.gz"
    return imported(
        "completejourney/transactions_sample.csv.gz",
        *("--map", "user_id=household_id", "--map", "name==purchase", "--map", "event_time=transaction_timestamp"),
        config=f'{COLUMNS}[dimensions.products]\npath = "{products}"\nkey = "product_id"\n',
    )


def test_purchases(grocery):
    assert counts(grocery.summary) == (75_000, 75_000, 0, 0)
    rows, homes, baskets, products, sales, first, last = grocery.sql(
        """SELECT count(*), count(DISTINCT person_id), count(DISTINCT basket_id), count(DISTINCT product_id), round(sum(sales_value), 2),
           strftime(min(event_time), '%Y-%m-%d %H:%M:%S'), strftime(max(event_time), '%Y-%m-%d %H:%M:%S') FROM events"""
    )[0]
    assert (rows, homes, baskets, products, sales) == (75_000, 2_377, 47_243, 20_902, 233_935.24)
    assert (first, last) == ("2017-01-01 07:30:27", "2017-12-31 22:47:38")


def test_department_movers(grocery):
    rows = grocery.rows("movers", "--by", "products.department", "--measure", "sum:sales_value", "--interval", "month", "--last", "2017-12-01")
    moved = {row["value"]: (round(row["before"], 2), round(row["after"], 2)) for row in rows}
    assert moved["GROCERY"] == (10_278.64, 11_124.07)
    assert moved["FUEL"] == (1_054.13, 1_423.03)


@pytest.fixture(scope="module")
def areas(imported):
    return imported(
        "msweb/anonymous-msweb.data.gz",
        *("--records", "C:user_id=2", "--records", "V:name=1", "--map", "event_time==1998-02-02"),
    )


def test_areas_of_nested_records(areas):
    assert counts(areas.summary) == (98_654, 98_654, 0, 0)
    assert areas.sql("SELECT count(DISTINCT person_id), count(DISTINCT name) FROM events") == [(32_711, 285)]
    top = areas.rows("trends", "1008", "1034", "1004", "--interval", "total")
    assert [row["value"] for row in top] == [10_836, 9_383, 8_463]


def test_top_pair_of_areas(areas):
    pairs = """SELECT a.name, b.name, count(DISTINCT a.person_id) FROM events AS a JOIN events AS b ON a.person_id = b.person_id AND a.name < b.name
               GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 1"""
    assert areas.sql(pairs) == [("1008", "1034", 5_260)]
