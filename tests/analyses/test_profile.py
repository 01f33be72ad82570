"""Profile against a brute-force twin on 1,000 random columns, and its advice case by case."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter

import pytest

from footfall.analyses.profile import Profile, _advice, _recommendation, _Spread
from footfall.analyses.spec.build import build
from footfall.errors import UnknownColumn
from log_support import us

ROWS = 60


def random_column(chance):
    """(kind, values) with nulls, ties, constants and outliers."""
    kind = chance.choice(["int64", "float64", "string", "bool"])
    pick = {
        "int64": lambda: chance.choice([0, 1, 1, 2, -5, chance.randrange(10**6)]),
        "float64": lambda: chance.choice([0.5, 0.5, chance.lognormvariate(0, 2), -1e9]),
        "string": lambda: chance.choice(["a", "b", "b", "Grüße", "x" * chance.randrange(1, 90), str(chance.random())]),
        "bool": lambda: chance.choice([True, True, False]),
    }[kind]
    if chance.random() < 0.2:
        constant = pick()
        return kind, [chance.choice([constant, None]) for _ in range(ROWS)]
    return kind, [None if chance.random() < 0.2 else pick() for _ in range(ROWS)]


def twin(values):
    """What a column holds, by the textbook."""
    held = [value for value in values if value is not None]
    counts = sorted(Counter(held).items(), key=lambda pair: (-pair[1], pair[0]))
    found = {"rows": len(values), "nulls": len(values) - len(held), "distinct": len(counts), "top_count": counts[0][1]}
    found["entropy_bits"] = -sum(times / len(held) * math.log2(times / len(held)) for _, times in counts)
    found["entropy_share"] = found["entropy_bits"] / math.log2(len(counts)) if len(counts) > 1 else None
    if isinstance(held[0], str):
        found |= {"min": min(held), "max": max(held), "top_value": counts[0][0]}
        found |= {"mean_length": statistics.mean(map(len, held)), "max_length": max(map(len, held)), "mean": None}
    elif not isinstance(held[0], bool):
        mean, deviation = statistics.fmean(held), statistics.pstdev(held)
        third = sum((value - mean) ** 3 for value in held) / len(held)
        found |= {"min": repr(min(held)), "max": repr(max(held)), "mean": mean, "stddev": deviation, "mean_length": None}
        found["skewness"] = third / deviation**3 if deviation else None
    return found


@pytest.mark.parametrize("seed", [60, 61, 62, 63, 64])
def test_profile_equals_its_twin_on_random_columns(engine_of, seed):
    chance = random.Random(seed)
    columns = {f"c{number}": random_column(chance)[1] for number in range(200)}
    columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    events = [
        {"user_id": "ann", "name": "view", "event_time": us("2026-11-02T10:00"), **{name: values[row] for name, values in columns.items()}}
        for row in range(ROWS)
    ]
    rows = Profile(columns=tuple(columns)).answer(engine_of(events)).rows
    assert [row["column"] for row in rows] == list(columns)
    for row in rows:
        for name, value in twin(columns[row["column"]]).items():
            expected = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert row[name] == expected, f"seed {seed} {row['column']} {name}"


def test_every_column_in_the_order_of_the_schema(engine_of):
    events = [{"user_id": who, "name": "view", "event_time": us(f"2026-11-0{day}T10:00"), "price": 2.5} for who in ("ann", "bob") for day in (1, 2)]
    answer = Profile().answer(engine_of(events))
    names = [row["column"] for row in answer.rows]
    assert names[:4] == ["event_time", "name", "person_id", "user_id"]
    assert names[-2:] == ["properties", "price"]
    assert not {"person_key", "position", "time_us", "local_us", "day"} & set(names)
    time = answer.rows[0]
    assert (time["min"], time["max"]) == ("2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z")
    assert answer.rows[2]["top"] == "ann (2), bob (2)"
    assert answer.rows[1]["key_advice"] == "constant: one partition holds every row"


def test_properties_and_conditions(engine_of):
    events = [
        {"user_id": "ann", "name": name, "event_time": us("2026-11-02T10:00"), "properties": f'{{"plan": "{plan}"}}'}
        for name, plan in (("view", "pro"), ("view", "free"), ("buy", "pro"))
    ]
    rows = build(Profile, {"columns": ["properties.plan"], "where": ["name=view"]}).answer(engine_of(events)).rows
    assert [(row["type"], row["rows"], row["distinct"], row["top"]) for row in rows] == [("json", 2, 2, "free (1), pro (1)")]


def test_an_empty_lake_has_columns_without_rows(engine_of):
    answer = Profile().answer(engine_of([]))
    assert {(row["rows"], row["distinct"], row["key_advice"]) for row in answer.rows} == {(0, 0, "no rows")}
    assert answer.notes == ()


def test_an_unknown_column_names_the_nearest(engine_of):
    with pytest.raises(UnknownColumn, match="'contry'") as unknown:
        Profile(columns=("contry",)).answer(engine_of([{"user_id": "ann", "name": "view", "event_time": us("2026-11-02T10:00")}]))
    assert "'country'" in unknown.value.hint


def spread(column="country", kind="string", *, rows=100_000, nulls=0, distinct=5, top_count=30_000, evenness=0.9, days=None):
    return _Spread(column, kind, rows, nulls, distinct, top_count, evenness, days)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (spread(rows=0, distinct=0), "no rows"),
        (spread(distinct=0, nulls=100_000), "constant: it never has a value"),
        (spread(distinct=1), "constant: one partition holds every row"),
        (spread(rows=1_500), "none: 1,500 rows are too few to divide"),
        (spread(distinct=50_000), "too many small partitions: 50,000 partitions of about 2 rows"),
        (spread(rows=10**9, distinct=6_000), "too many small partitions: 6,000 partitions of about 166,667 rows"),
        (spread(top_count=60_000), "skewed: 60% of the rows have the value 'DE'"),
        (spread(nulls=60_000, top_count=20_000), "skewed: 60% of the rows have no value"),
        (spread(), "good: 5 partitions of about 20,000 rows"),
        (spread(nulls=10), "good: 6 partitions of about 16,667 rows"),
        (spread("received_time", "timestamp"), "not as it is: partition by its day"),
        (spread("event_time", "timestamp", days=30), "good by its day: 30 partitions of about 3,333 rows"),
        (spread("event_time", "timestamp", days=300), "by its month: the day would give 300 partitions of about 333 rows"),
    ],
)
def test_advice_says_what_a_key_would_give(found, words):
    assert _advice(found, "DE") == words


def test_the_recommendation_prefers_time_and_names_the_most_even_other_key():
    time = spread("event_time", "timestamp", distinct=99_000, days=30)
    even, uneven = spread("country", evenness=0.95), spread("device", evenness=0.7)
    assert _recommendation([time, uneven, even]).startswith("partition by the day of event_time (30 partitions of about 3,333 rows)")
    assert _recommendation([time, uneven, even]).endswith("the most even other key is country: 5 partitions of about 20,000 rows")
    assert _recommendation([uneven, even]).startswith("the best partition key among these is country")
    assert _recommendation([spread(distinct=50_000)]) is None
