"""Local days, weeks and months as a step function, against the zone itself."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from footfall.analyses.spec.calendar import periods, zone_offsets
from walk_twins import DAY_US, EPOCH, HOUR_US, first_day, local_day, period_number

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/St_Johns"]


def us(text):
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("interval", ["day", "week", "month"])
def test_every_moment_lies_in_the_period_that_the_zone_says(zone, interval):
    chance = random.Random(f"{zone} {interval}")
    day_of = local_day(zone)
    for start in (us("2005-10-01"), us("2011-12-20"), us("2024-03-25"), us("2024-10-25")):
        last = start + chance.randrange(90) * DAY_US
        found = periods(zone, interval, start, last)
        for _ in range(60):
            moment = chance.randrange(start, last + 1)
            period = int(found.period[np.searchsorted(found.edge_us, moment, side="right") - 1])
            wanted = first_day(period_number(day_of(moment), interval), interval)
            assert found.labels()[period] == str(wanted), f"{zone} {interval} {moment}"
            assert found.start_us[period] <= moment < found.end_us[period], f"{zone} {interval} {moment}"
        assert (np.diff(found.end_us) >= 0).all()


def test_days_of_23_and_25_hours():
    spring = periods("Europe/Berlin", "day", us("2024-03-31"), us("2024-03-31"))
    autumn = periods("America/New_York", "day", us("2024-11-03T12:00"), us("2024-11-03T12:00"))
    assert [(one.end_us - one.start_us).tolist() for one in (spring, autumn)] == [[23 * HOUR_US], [25 * HOUR_US]]


def test_offsets_start_exactly_where_they_change():
    transition_us, offset_us = zone_offsets("Europe/Berlin", us("2024-01-01"), us("2024-12-31"))
    assert transition_us[1:].tolist() == [us("2024-03-31T01:00"), us("2024-10-27T01:00")]
    assert (offset_us // HOUR_US).tolist() == [1, 2, 1]


def test_a_day_that_a_zone_skipped_is_empty():
    apia = periods("Pacific/Apia", "day", us("2011-12-29T12:00"), us("2011-12-31T12:00"))
    assert apia.labels() == ["2011-12-29", "2011-12-30", "2011-12-31", "2012-01-01"]
    assert (apia.end_us - apia.start_us).tolist() == [DAY_US, 0, DAY_US, DAY_US]
    assert 1 not in apia.period.tolist()


def test_a_clock_set_back_over_midnight_shows_a_day_twice():
    johns = periods("America/St_Johns", "day", us("2006-10-28T12:00"), us("2006-10-29T12:00"))
    zone = ZoneInfo("America/St_Johns")
    for edge, period in zip(johns.edge_us.tolist(), johns.period.tolist(), strict=True):
        assert str((EPOCH + timedelta(microseconds=edge)).astimezone(zone).date()) == johns.labels()[period]
    assert johns.period.tolist() == [0, 1, 0, 1]
    assert johns.end_us[0] > johns.start_us[1]
