"""Active: how many different people come, a day, a week and a month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.contract import Analysis, Chart, Engine
from footfall.analyses.spec.names import known_events
from footfall.analyses.spec.periods import Calendar, Timeline, period_sql
from footfall.event.filters import quoted

if TYPE_CHECKING:
    import pyarrow as pa

_ACTIVE_DAYS = "active AS (\n  SELECT DISTINCT person_key, day FROM events WHERE {condition}\n)"

_ROLLING = """WITH {active},
visits AS (
  SELECT person_key, day,
    COALESCE(LEAD(day) OVER (PARTITION BY person_key ORDER BY day), day + 30) AS next_day,
    CASE WHEN ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY day) = 1 THEN 1 ELSE 0 END AS is_first
  FROM active
),
changes AS (
  SELECT day, 1 AS dau, is_first AS new_people, 1 AS week_change, 1 AS month_change FROM visits
  UNION ALL
  SELECT CASE WHEN next_day < day + 7 THEN next_day ELSE day + 7 END AS day, 0, 0, -1, 0 FROM visits
  UNION ALL
  SELECT CASE WHEN next_day < day + 30 THEN next_day ELSE day + 30 END AS day, 0, 0, 0, -1 FROM visits
),
days AS (
  SELECT day, SUM(dau) AS dau, SUM(new_people) AS new_people, SUM(week_change) AS week_change, SUM(month_change) AS month_change
  FROM changes GROUP BY day
)
SELECT CAST(day AS BIGINT) AS day, CAST(dau AS BIGINT) AS dau, CAST(new_people AS BIGINT) AS new_people,
  CAST(SUM(week_change) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS wau,
  CAST(SUM(month_change) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS mau
FROM days ORDER BY day"""

_CALENDAR = """WITH {active},
firsts AS (
  SELECT MIN(day) AS day FROM active GROUP BY person_key
)
SELECT 'day' AS kind, CAST(day AS BIGINT) AS period, COUNT(*) AS people FROM active GROUP BY day
UNION ALL
SELECT 'new' AS kind, CAST(day AS BIGINT) AS period, COUNT(*) AS people FROM firsts GROUP BY day
UNION ALL
SELECT 'week' AS kind, CAST(period AS BIGINT) AS period, COUNT(DISTINCT person_key) AS people FROM (
  SELECT person_key, {week} AS period FROM active
) AS weeks GROUP BY period
UNION ALL
SELECT 'month' AS kind, CAST(period AS BIGINT) AS period, COUNT(DISTINCT person_key) AS people FROM (
  SELECT person_key, {month} AS period FROM active
) AS months GROUP BY period"""

Row = dict[str, Any]


class Active(Analysis, frozen=True, kw_only=True):
    """How many different people come: one row for every day of the range, also a silent one.

    A person is active on a day of the project's time zone with an event that meets `where`, or with `event` alone when it is given.
    `dau` is the day's active people.  In mode rolling `wau` and `mau` are those of the 7 and 30 days that end on the day; in mode
    calendar those of the whole week (from Monday) and month that hold the day.  Days before `since` count in them too: `since` only
    says where the rows begin.  `new` is the people whose first such event ever is on the day.  `stickiness` is dau / mau.  All
    counts are exact.  A row is `open` while its day, or in mode calendar its week or month, had not ended at as_of.
    """

    name: ClassVar[str] = "active"
    summary: ClassVar[str] = "how many different people come, a day, a week and a month"
    chart: ClassVar[Chart | None] = Chart(kind="line", x="day", y=("dau", "wau", "mau"), options={"open": "open"})

    mode: Annotated[
        Literal["rolling", "calendar"], msgspec.Meta(description="7 and 30 days that end on the day, or the week and month that hold it")
    ] = "rolling"
    event: Annotated[str | None, msgspec.Meta(description="only this event makes a person active; none: any event")] = None

    def answer(self, engine: Engine) -> Answer:
        """People's active days once, then sums over days; silent days are filled in here."""
        known_events(engine, [] if self.event is None else [self.event], field="event")
        timeline = Timeline.of(self, engine, "day")
        condition = msgspec.structs.replace(self, since=None).condition_sql(engine)
        if self.event is not None:
            condition += f" AND name = {quoted(self.event)}"
        active = _ACTIVE_DAYS.format(condition=condition)
        if self.mode == "rolling":
            sql = _ROLLING.format(active=active)
            rows = _rolling_rows(timeline, engine.query(sql).to_pylist() if timeline.keys else [])
        else:
            sql = _CALENDAR.format(active=active, week=period_sql("week"), month=period_sql("month"))
            rows = _calendar_rows(timeline, engine.query(sql).to_pylist() if timeline.keys else [])
        return Answer.of(self, engine, _table(timeline, rows), plan=sql)


def _rolling_rows(timeline: Timeline, changed: list[Row]) -> list[Row]:
    """Between two days on which something changes, wau and mau stay as they are."""
    rows, position, wau, mau = [], 0, 0, 0
    for key in timeline.keys:
        row: Row = {"dau": 0, "new": 0}
        while position < len(changed) and changed[position]["day"] <= key:
            change = changed[position]
            wau, mau, position = change["wau"], change["mau"], position + 1
            if change["day"] == key:
                row = {"dau": change["dau"], "new": change["new_people"]}
        rows.append({**row, "wau": wau, "mau": mau, "open": timeline.is_open(key)})
    return rows


def _calendar_rows(timeline: Timeline, counted: list[Row]) -> list[Row]:
    people: Mapping[tuple[str, int], int] = {(row["kind"], row["period"]): row["people"] for row in counted}
    week, month = Calendar("week", timeline.calendar.time_zone), Calendar("month", timeline.calendar.time_zone)
    rows = []
    for key in timeline.keys:
        day = timeline.calendar.first_day(key)
        week_key, month_key = week.key_of_date(day), month.key_of_date(day)
        rows.append(
            {
                "dau": people.get(("day", key), 0),
                "new": people.get(("new", key), 0),
                "wau": people.get(("week", week_key), 0),
                "mau": people.get(("month", month_key), 0),
                "open": max(week.end_us(week_key), month.end_us(month_key)) > timeline.as_of_us,
            }
        )
    return rows


def _table(timeline: Timeline, rows: list[Row]) -> pa.Table:
    import pyarrow as pa

    columns = {"day": pa.array([timeline.calendar.first_day(key) for key in timeline.keys], pa.date32())}
    columns |= {name: pa.array([row[name] for row in rows], pa.int64()) for name in ("dau", "wau", "mau", "new")}
    columns["stickiness"] = pa.array([row["dau"] / row["mau"] if row["mau"] else None for row in rows], pa.float64())
    columns["open"] = pa.array([row["open"] for row in rows], pa.bool_())
    return pa.table(columns)
