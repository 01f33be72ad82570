"""Periods: SQL keys, Python keys and labels agree on every day and over every change of the clocks."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from footfall.analyses.spec.periods import Calendar, period_sql
from log_support import DAY_US, us

FIRST = date(1970, 1, 1)


@pytest.mark.parametrize("interval", ["day", "week", "month"])
def test_sql_and_python_agree_on_every_day_of_230_years(interval):
    keys = duckdb.sql(f"SELECT day, {period_sql(interval)} FROM range(84008) AS days(day) ORDER BY day").fetchall()
    calendar = Calendar(interval, "UTC")
    for number, key in keys:
        day = FIRST + timedelta(days=number)
        starts = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[interval]
        assert (key, calendar.label(key)) == (calendar.key_of_date(day), starts), day
    assert keys[-1][0] == 84_007


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "America/Havana"])
@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
def test_periods_touch_and_hold_their_moments(zone, interval):
    calendar = Calendar(interval, zone)
    if interval == "hour":
        moments = [start + step * DAY_US // 96 for start in (us("2017-10-14"), us("2018-02-17"), us("2018-04-01T00:00")) for step in range(250)]
    else:
        moments = [us("2017-01-01") + step * DAY_US // 5 for step in range(2_000)]
    for moment in moments:
        key = calendar.key(moment)
        assert calendar.start_us(key) <= moment < calendar.end_us(key)
        assert calendar.key(calendar.end_us(key)) == calendar.next(key)
