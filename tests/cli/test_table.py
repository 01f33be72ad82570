"""Tables for people: numbers in the unit that their column's name says, and only what fits."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest
from rich.console import Console

from footfall.analyses.spec.contract import Chart
from footfall.cli.table import ROWS_MAX, cell, duration, print_rows


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("people", 1234567, "1,234,567"),
        ("rate", 0.4321, "43.2%"),
        ("conversion_low", 1.0, "100.0%"),
        ("change_percent", -12.5, "-12.5%"),
        ("mean_duration_s", 200.4, "3 min 20 s"),
        ("mean_events", 2.1494, "2.149"),
        ("total", 1234.5678, "1,234.6"),
        ("rows_per_s", 1200.0, "1,200"),
        ("seconds", 0.25, "0.25 s"),
        ("line", 12345, "12345"),
        ("open", True, "yes"),
        ("open", False, ""),
        ("anything", None, "-"),
        ("day", date(2026, 3, 2), "2026-03-02"),
        ("as_of", datetime(2026, 3, 2, 8, tzinfo=UTC), "2026-03-02 08:00:00Z"),
        ("name", "a\x1b[2Jb\nc", "a·[2Jb·c"),
    ],
)
def test_cells_read_like_a_person_writes(column, value, shown):
    assert cell(column, value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 s"),
        (0.1234, "0.123 s"),
        (59.4, "59.4 s"),
        (60, "1 min"),
        (3_599.6, "1 h"),
        (7_500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (864_000, "10 d"),
    ],
)
def test_durations(seconds, shown):
    assert duration(seconds) == shown


def printed(rows, *, width=100, chart=None):
    stream = io.StringIO()
    notes = print_rows(rows, Console(file=stream, width=width), chart=chart)
    return stream.getvalue(), notes


def test_what_does_not_fit_is_named():
    text, notes = printed([{f"column_number_{i}": "x" * 20 for i in range(6)}], width=80)
    assert "column number 0" in " ".join(text.split())
    assert notes == ["more columns in --csv and --json: column_number_3, column_number_4, column_number_5"]
    assert max(len(line) for line in text.splitlines()) <= 80


def test_long_answers_are_cut_with_a_word():
    text, notes = printed([{"n": i} for i in range(ROWS_MAX + 5)])
    assert notes == ["5 more rows in --csv and --json"]
    assert str(ROWS_MAX + 1) not in text


def test_a_funnel_gets_bars():
    chart = Chart(kind="funnel", x="name", y=("people",))
    text, _ = printed([{"name": "view", "people": 10}, {"name": "cart", "people": 5}, {"name": "buy", "people": 0}], chart=chart)
    assert [line.count("█") for line in text.splitlines() if "view" in line or "cart" in line or "buy" in line] == [24, 12, 0]


def test_a_heatmap_becomes_a_triangle():
    chart = Chart(kind="heatmap", x="period", y=("cohort",), value="rate")
    rows = [
        {"cohort": "mon", "period": 0, "people": 4, "rate": 1.0},
        {"cohort": "mon", "period": 1, "people": 4, "rate": 0.5},
        {"cohort": "tue", "period": 0, "people": 2, "rate": 1.0},
        {"cohort": "tue", "period": 1, "people": 2, "rate": None},
    ]
    lines = [line.split() for line in printed(rows, chart=chart)[0].splitlines() if line.strip()]
    assert lines[0] == ["cohort", "people", "0", "1"]
    assert lines[2:] == [["mon", "4", "100.0%", "50.0%"], ["tue", "2", "100.0%"]]
