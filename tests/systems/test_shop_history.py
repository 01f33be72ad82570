"""The shop's simulator: the same bytes for the same seed, and behaviour that looks like a shop's."""

import csv
import gzip
import hashlib
import itertools
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import pytest

from footfall.errors import UserError
from footfall.systems.shop import FILE_COLUMNS, ShopHistory, write_history
from footfall.systems.shop.catalogue import CATEGORIES

HISTORY = ShopHistory(events=150_000, seed=11)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_history(tmp_path_factory.mktemp("history"), HISTORY)


@pytest.fixture(scope="module")
def rows(files):
    """Every whole row as a dictionary, with its time read."""
    found = []
    for file in files:
        with file.path.open(newline="") as stream:
            for row in csv.DictReader(stream):
                try:
                    row["time"] = datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
                    row["price"] = float(row["price"])
                except ValueError:
                    continue
                if row["user_id"]:
                    found.append(row)
    return found


def digest(files):
    return [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in files]


def test_same_seed_writes_same_bytes(tmp_path):
    small = ShopHistory(events=5_000, days=9, seed=3)
    first = digest(write_history(tmp_path / "a", small))
    assert first == digest(write_history(tmp_path / "b", small))
    assert first != digest(write_history(tmp_path / "c", ShopHistory(events=5_000, days=9, seed=4)))


def test_gzip_holds_the_same_rows_and_is_reproducible(tmp_path):
    small = ShopHistory(events=3_000, days=4)
    plain = write_history(tmp_path / "plain", small)
    packed = write_history(tmp_path / "packed", small, gzipped=True)
    assert [gzip.decompress(file.path.read_bytes()) for file in packed] == [file.path.read_bytes() for file in plain]
    assert digest(packed) == digest(write_history(tmp_path / "again", small, gzipped=True))


def test_ndjson_holds_the_same_events_as_csv(tmp_path):
    small = ShopHistory(events=3_000, days=4)
    as_csv, as_json = [], []
    for file in write_history(tmp_path / "csv", small):
        with file.path.open(newline="") as stream:
            as_csv += [row for row in csv.DictReader(stream) if row["user_session"] is not None and row["user_id"] != "520088904"]
    for file in write_history(tmp_path / "json", small, form="ndjson"):
        for line in file.path.read_text().splitlines():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if event["user_id"] not in (520088904, None):
                as_json.append({key: f"{value:.2f}" if key == "price" else str(value) for key, value in event.items()})
    as_csv = [row for row in as_csv if row["user_id"]]
    assert as_json == as_csv


def test_files_are_calendar_weeks_in_order_of_time(files, rows):
    assert [file.path.name for file in files] == ["2026-W40.csv", "2026-W41.csv", "2026-W42.csv", "2026-W43.csv", "2026-W44.csv"]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert (rows[0]["time"].date(), rows[-1]["time"].date()) == (HISTORY.first_day, HISTORY.last_day) == (date(2026, 10, 3), date(2026, 11, 1))
    assert not list(files[0].path.parent.glob("*.unfinished"))


def test_counts_reported_are_the_counts_written(files, rows):
    lines = sum(file.path.read_text().count("\n") - 1 for file in files)
    assert lines == sum(file.rows for file in files)
    assert len(rows) == lines - sum(file.broken for file in files)
    assert sum(file.broken for file in files) == 2 * HISTORY.days
    repeated = len(rows) - len({tuple(row[name] for name in FILE_COLUMNS) for row in rows})
    assert sum(file.sent_twice for file in files) <= repeated < 0.01 * len(rows)
    assert abs(lines / HISTORY.events - 1) < 0.05


def test_columns_have_the_shape_of_the_real_files(files, rows):
    assert files[0].path.read_text().partition("\n")[0] == ",".join(FILE_COLUMNS)
    for row in rows[::500]:
        assert len(row["category_id"]) == 19
        assert not row["user_session"] or (len(row["user_session"]) == 36 and row["user_session"][14] == "4")
        assert row["category_code"] == "" or row["category_code"] in CATEGORIES
        assert row["price"] > 0
    share = {name: sum(row[name] == "" for row in rows) / len(rows) for name in ("category_code", "brand", "user_session")}
    assert 0.15 < share["category_code"] < 0.35
    assert 0.05 < share["brand"] < 0.25
    assert 0 < share["user_session"] < 0.005


def test_event_types_keep_their_proportions(rows):
    share = {name: count / len(rows) for name, count in Counter(row["event_type"] for row in rows).items()}
    assert 0.93 < share["view"] < 0.97
    assert 0.02 < share["cart"] < 0.04
    assert 0.012 < share["purchase"] < 0.025
    assert 0 < share["remove_from_cart"] < 0.004


def test_a_cart_follows_a_view_and_a_purchase_follows_one_too(rows):
    seen, carted, bought = set(), set(), set()
    for row in rows:
        key = (row["user_id"], row["product_id"])
        if row["event_type"] == "view":
            seen.add(key)
        else:
            assert key in seen, row
            (carted if row["event_type"] == "cart" else bought).add(key)
    assert len(seen) > 10 * len(carted) > 10 * len(bought & carted)
    assert 0.3 < 1 - len(bought & carted) / len(carted) < 0.7


def test_sessions_are_of_one_person_and_mostly_short(rows):
    people, times = defaultdict(set), defaultdict(list)
    for row in rows:
        if row["user_session"]:
            people[row["user_session"]].add(row["user_id"])
            times[row["user_session"]].append(row["time"])
    assert all(len(group) == 1 for group in people.values())
    lengths = sorted(len(group) for group in times.values())
    assert 3 < sum(lengths) / len(lengths) < 6
    assert lengths[len(lengths) // 2] < sum(lengths) / len(lengths) < lengths[-1]
    long_pause = sum(max((b - a).total_seconds() for a, b in itertools.pairwise(group)) > 1800 for group in times.values() if len(group) > 1)
    assert 0 < long_pause < 0.02 * len(times)


def test_people_return_ever_less_often(rows):
    days = defaultdict(set)
    for row in rows:
        days[row["user_id"]].add(row["time"].date().toordinal())
    last = HISTORY.last_day.toordinal()
    back = {n: (sum(min(d) + n in d for d in days.values()), sum(min(d) + n <= last for d in days.values())) for n in (1, 7, 21)}
    rate = {n: returned / could for n, (returned, could) in back.items()}
    assert 0.08 < rate[1] < 0.2
    assert rate[1] > 1.5 * rate[7] > 1.5 * rate[21] > 0
    weight = sorted((len(d) for d in days.values()), reverse=True)
    assert sum(weight[: len(weight) // 10]) > 0.2 * sum(weight)


def test_evenings_weekends_and_the_campaign_day_are_busy(rows):
    hours = Counter(row["time"].hour for row in rows)
    assert hours[18] > 4 * hours[3]
    by_day = Counter(row["time"].date() for row in rows)
    weekend = [count for day, count in by_day.items() if day.weekday() >= 5]
    workday = [count for day, count in by_day.items() if day.weekday() < 4]
    assert sum(weekend) / len(weekend) > sum(workday) / len(workday)
    assert max(by_day, key=by_day.get) == HISTORY.campaign_day == date(2026, 10, 16)
    bought = Counter(row["time"].date() for row in rows if row["event_type"] == "purchase")
    usual = sum(count for day, count in bought.items() if day != HISTORY.campaign_day) / (len(by_day) - 1)
    assert bought[HISTORY.campaign_day] > 1.6 * usual


def test_declared_movers_move(rows):
    weeks = [Counter(row["category_code"] for row in rows if row["time"].isocalendar().week == week) for week in (41, 44)]
    growth = {code: weeks[1][code] / weeks[0][code] for code in CATEGORIES}
    for code in ("apparel.scarf", "appliances.kitchen.fryer", "sport.ski"):
        assert growth[code] > 1.3, (code, growth[code])
    for code in ("sport.bicycle", "appliances.environment.air_conditioner", "electronics.video.projector"):
        assert growth[code] < 0.75, (code, growth[code])


def test_categories_convert_differently(rows):
    looks, sales = Counter(), Counter()
    for row in rows:
        department = row["category_code"].partition(".")[0]
        looks[department] += row["event_type"] == "view"
        sales[department] += row["event_type"] == "purchase"
    rate = {department: sales[department] / looks[department] for department in ("electronics", "furniture", "apparel")}
    assert rate["electronics"] > 2 * rate["apparel"]
    assert rate["electronics"] > 2 * rate["furniture"]


def test_size_is_near_what_was_asked_for_other_lengths(tmp_path):
    for days in (1, 10, 60):
        rows = sum(file.rows for file in write_history(tmp_path / str(days), ShopHistory(events=40_000, days=days)))
        assert abs(rows / 40_000 - 1) < 0.12, (days, rows)


def test_progress_hears_every_row(tmp_path):
    heard = []
    files = write_history(tmp_path, ShopHistory(events=2_000, days=3), progress=heard.append)
    assert len(heard) == 3
    assert sum(heard) == sum(file.rows for file in files)


def test_a_history_without_flaws_has_none(tmp_path):
    files = write_history(tmp_path, ShopHistory(events=2_000, days=3, flaws=False))
    assert sum(file.broken + file.sent_twice for file in files) == 0
    assert sum(file.path.read_text().count("\n") - 1 for file in files) == sum(file.rows for file in files)


def test_impossible_histories_are_refused():
    with pytest.raises(UserError, match="needs 1000 events or more, not 10"):
        ShopHistory(events=10)
    with pytest.raises(UserError, match="has 1 to 3660 days, not 0"):
        ShopHistory(days=0)
