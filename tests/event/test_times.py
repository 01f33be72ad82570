"""Times: every way of writing one, against datetime; zones with clock changes, against zoneinfo; nothing crashes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_support import cells_of

from footfall.event.cells.calendar_text import DAY_FIRST, MONTH_FIRST
from footfall.event.cells.times import INVALID, MISSING, READ, US_MAX, TimeReader
from footfall.event.raw import NUMBER

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def read(values, reader=None, what=1):
    us, state, naive = (reader or TimeReader()).read(*cells_of(values, what))
    return us.tolist(), state.tolist(), naive


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01 10:00:00 UTC", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01 10:00:00.5+01:00", "2026-11-01T09:00:00.500000+00:00"),
        ("2026-11-01T10:00:00,25-0330", "2026-11-01T13:30:00.250000+00:00"),
        ("2026-11-01T10:00:00.123456789+05", "2026-11-01T05:00:00.123456+00:00"),
        ("2026-11-01t10:00:00z", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01T10:00Z", "2026-11-01T10:00:00+00:00"),
        ("  2026-11-01  ", "2026-11-01T00:00:00+00:00"),
        ("2026/11/1 9:05", "2026-11-01T09:05:00+00:00"),
        ("20261101T100000Z", "2026-11-01T10:00:00+00:00"),
        ("20261101T1000Z", "2026-11-01T10:00:00+00:00"),
        ("20261101T10:00:00", "2026-11-01T10:00:00+00:00"),
        ("17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03+00:00"),
        ("22/Dec/2016:15:19:05 +0300", "2016-12-22T12:19:05+00:00"),
        ("01-Jan-1995", "1995-01-01T00:00:00+00:00"),
        ("May 17, 2015 1:05 PM", "2015-05-17T13:05:00+00:00"),
        ("17 September 2015 12:00:00 am", "2015-09-17T00:00:00+00:00"),
        ("0", "1970-01-01T00:00:00+00:00"),
        ("1289241911.72836", "2010-11-08T18:45:11.728360+00:00"),
        ("1289241911.7283699999", "2010-11-08T18:45:11.728369+00:00"),
        ("1541105830796", "2018-11-01T20:57:10.796000+00:00"),
        ("1540919166796.0", "2018-10-30T17:06:06.796000+00:00"),
        ("1.540919166796E12", "2018-10-30T17:06:06.796000+00:00"),
        ("1541105830796123", "2018-11-01T20:57:10.796123+00:00"),
        ("1541105830796123999", "2018-11-01T20:57:10.796123+00:00"),
    ],
)
def test_ways_of_writing_a_time(text, expected):
    (us,), (state,), _ = read([text])
    assert state == READ
    assert EPOCH + timedelta(microseconds=us) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    [
        "x", "-", "NA", "2026-13-01", "2026-02-29", "2026-00-10", "2026-11-01T24:00:00", "2026-11-01T10:60:00", "2026-11-01T10:00:60", "2026-11-01T10:00:00+",
        "2026-11-01T10:00:00+1", "2026-11-01T10:00:00+24:00", "2026-11-01T10:00:00 CET", "2026-11-01T", "2026-11-01T10", "2026-11-01T10:00:00.", "2026-11", "1969-12-31",
        "2200-01-01", "-1", "+5", "1e400", "1e", "1.2.3", "99999999999999999999", "12:30", "05/06/2015", "2026-11-01T10:00:00Z junk", "17/Foo/2015:10:05:03 +0000", "Nov 2015",
        "1970-01-01T00:00:00+00:01", "2026-1 1-01", "2026-11-01 1:00 XM", "2026-11-01 13:00 PM",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    assert read([text])[1] == [INVALID]


def test_nothing_is_missing_not_invalid():
    assert read(["", None, "   "])[1] == [MISSING] * 3


def test_a_whole_column_against_datetime():
    random.seed(20261122)
    values, expected = [], []
    for _ in range(4_000):
        offset = random.choice([0, 60, -330, 345, 840, -720])
        moment = EPOCH + timedelta(microseconds=random.randrange(86_400_000_000 * 2, US_MAX - 86_400_000_000 * 2))
        there = moment.astimezone(timezone(timedelta(minutes=offset)))
        style = random.randrange(4)
        if style == 0:
            values.append(there.isoformat(sep=random.choice("T ")))
        elif style == 1:
            values.append(there.strftime("%d/%b/%Y:%H:%M:%S %z"))
            moment = moment.replace(microsecond=0)
        elif style == 2:
            values.append(there.strftime("%Y-%m-%d %H:%M:%S.%f") + random.choice(["%+03d%02d", "%+03d:%02d"]) % (_hours(offset), abs(offset) % 60))
        else:
            values.append(str(Decimal(micros(moment)) / random.choice([1_000_000, 1_000])))
            moment = moment if micros(moment) > 7_258_118_400_000 else EPOCH
            if moment is EPOCH:
                values[-1] = "0"
        expected.append(micros(moment))
    us, state, _ = read(values)
    assert set(state) == {READ}
    assert us == expected


def _hours(offset: int) -> int:
    return offset // 60 if offset >= 0 else -(-offset // 60)


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Africa/Monrovia", "UTC"],
)
def test_wall_times_follow_the_zone_through_clock_changes(zone):
    random.seed(7)
    there = ZoneInfo(zone)
    walls = [datetime(1971, 1, 1) + timedelta(seconds=random.randrange(86_400 * 365 * 228)) for _ in range(1_500)]
    for change in (
        datetime(2026, 3, 29, 2),
        datetime(2026, 10, 25, 2),
        datetime(2026, 3, 8, 2),
        datetime(2026, 11, 1, 1),
        datetime(2011, 12, 30),
        datetime(2026, 4, 5, 1, 30),
    ):
        walls += [change + timedelta(minutes=15 * quarter) for quarter in range(-12, 13)]
    us, state, naive = read([wall.isoformat() for wall in walls], TimeReader(zone=zone))
    assert set(state) == {READ}
    assert naive == len(walls)
    assert us == [micros(wall.replace(tzinfo=there)) for wall in walls]


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),
    st.sampled_from(["%d/%m/%Y %H:%M:%S", "%d.%m.%Y", "%d-%m-%y %H:%M", "%d %b %Y %I:%M %p"]),
)
@settings(max_examples=300, deadline=None)
def test_day_first(moment, pattern):
    text = moment.strftime(pattern)
    expected = datetime.strptime(text, pattern)
    (us,), (state,), _ = read([text], TimeReader(order=DAY_FIRST))
    if expected.year < 1970:  # two digits of a year
        assert state == INVALID
    else:
        assert (state, us) == (READ, micros(expected.replace(tzinfo=UTC)))


def test_month_first_and_units_and_bare_dates():
    assert read(["5/17/2015 1:05 PM"], TimeReader(order=MONTH_FIRST))[0] == [micros(datetime(2015, 5, 17, 13, 5, tzinfo=UTC))]
    assert read(["5000000"], TimeReader(unit="ms"))[0] == [5_000_000_000]
    assert read(["5000000"], TimeReader(unit="ns"))[0] == [5_000]
    assert read(["20170105", "20170105133001"], TimeReader(bare_dates=True))[0] == [
        micros(datetime(2017, 1, 5, tzinfo=UTC)),
        micros(datetime(2017, 1, 5, 13, 30, 1, tzinfo=UTC)),
    ]
    assert read(["20170105"])[0] == [20_170_105_000_000]


def test_an_explicit_pattern():
    reader = TimeReader(zone="Europe/Berlin", pattern="%d.%m.%Y %Hh")
    us, state, naive = read(["17.05.2015 10h", "17.05.2015", "", "17.05.2015 10h", "01.01.1900 00h"], reader)
    assert state == [READ, INVALID, MISSING, READ, INVALID]
    assert us[0] == us[3] == micros(datetime(2015, 5, 17, 8, tzinfo=UTC))
    assert naive == 2
    assert read(["2015-05-17 10:00 +0200"], TimeReader(pattern="%Y-%m-%d %H:%M %z"))[0] == [micros(datetime(2015, 5, 17, 8, tzinfo=UTC))]


@given(st.lists(st.binary(max_size=40), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(values):
    us, state, _ = read(values)
    assert all(0 <= one < US_MAX for one, fine in zip(us, state, strict=True) if fine == READ)


@given(st.text(alphabet="0123456789-:/. TZ+eEPMpmUTCJanFeb,", max_size=32))
@settings(max_examples=1_500, deadline=None)
def test_what_iso_reads_is_read_alike(text):
    (us,), (state,), _ = read([text])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return
    if state == READ and "-" in text[:5]:
        assert us == micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def test_json_numbers_are_epochs():
    assert read(["1541105830796"], what=NUMBER)[0] == [1_541_105_830_796_000]
