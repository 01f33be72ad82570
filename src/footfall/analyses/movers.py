"""Movers: what rose and what fell between the latest two periods, and how fast it grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.contract import Analysis, Chart, Engine
from footfall.analyses.spec.measure import Measure
from footfall.analyses.spec.periods import Calendar, period_sql
from footfall.event.filters import quoted
from footfall.event.span import Moment

if TYPE_CHECKING:
    import pyarrow as pa

NO_VALUE = "(none)"
Row = dict[str, Any]


class Movers(Analysis, frozen=True, kw_only=True):
    """What rose and what fell: every value of a column, measured in the latest finished period and in the one before.

    `change` is after - before, `change_percent` is that as a percentage of before (no value when before is 0).  `growth_percent` is
    the compounded growth a period over the last `periods` periods: (last / first) ^ (1 / (periods - 1)) - 1, without a value when
    first is 0.  Days, weeks (from Monday) and months are those of the project's time zone; a period is finished when it ended at or
    before as_of, and before `until`.  A value that appears or vanishes counts 0 where it is missing; for mean, min, max, median and
    per_person, which have no zero, only values present in both periods are ranked.  Events without the column are the value
    "(none)".  `minimum` is the smallest volume worth a row: the larger of before and after must reach it.  Rows go from the largest
    rise to the largest fall, ties by value; `rank` is the place in that order, and the `limit` highest and lowest ranks are shown.
    """

    name: ClassVar[str] = "movers"
    summary: ClassVar[str] = "what rose and what fell between the latest two periods"
    chart: ClassVar[Chart | None] = Chart(
        kind="bar", x="change", y=("value",), color="direction", options={"horizontal": True, "labels": "change_percent"}
    )

    by: Annotated[str, msgspec.Meta(description="column, property or dimension column whose values are compared")] = "name"
    measure: Annotated[
        str, msgspec.Meta(description="count, people, per_person, or sum, mean, min, max, median, distinct of a column, as in sum:price")
    ] = "count"
    interval: Annotated[Literal["day", "week", "month"], msgspec.Meta(description="length of a period")] = "week"
    periods: Annotated[int, msgspec.Meta(description="over how many periods growth is compounded", ge=2, le=1000)] = 2
    minimum: Annotated[float, msgspec.Meta(description="leave out values whose before and after are both smaller than this")] = 0
    limit: Annotated[int, msgspec.Meta(description="how many of the highest and of the lowest are shown", ge=1, le=10_000)] = 20
    last: Annotated[Moment | None, msgspec.Meta(description="the period that holds this date is the last one; none: the latest finished one")] = None

    def __post_init__(self) -> None:
        Measure(self.measure)

    def answer(self, engine: Engine) -> Answer:
        """One grouped query over the periods that matter, ranked where the data is."""
        calendar = Calendar(self.interval, engine.time_zone)
        last = self._last_key(engine, calendar)
        if last is None:
            return Answer.of(self, engine, _table([], calendar, (0, 0), whole=True), plan="no query: there are no events")
        keys = [last]
        for _ in range(self.periods - 1):
            keys.append(calendar.key(calendar.start_us(keys[-1]) - 1))
        before, first = keys[1], keys[-1]
        sql = self._sql(engine, calendar, first, before, last)
        rows = [self._row(row) for row in engine.query(sql).to_pylist()]
        table = _table(rows, calendar, (before, last), whole=Measure(self.measure).whole)
        return Answer.of(self, engine, table, plan=sql, notes=self._notes(engine, calendar, first, last))

    def _last_key(self, engine: Engine, calendar: Calendar) -> int | None:
        span = engine.span_us()
        if span is None:
            return None
        if self.last is not None:
            return calendar.key(self.last.us(engine.time_zone))
        _, until = self.range_us(engine)
        end = engine.as_of_us() if until is None else min(engine.as_of_us(), until)
        key = calendar.key(end)
        return calendar.key(calendar.start_us(key) - 1)

    def _notes(self, engine: Engine, calendar: Calendar, first: int, last: int) -> list[str]:
        notes = []
        span, since_until = engine.span_us(), self.range_us(engine)
        begins = max(span[0] if span else 0, since_until[0] or 0)
        if calendar.end_us(first) <= begins:
            notes.append(f"the {self.interval} from {calendar.label(first)} lies before the first event: everything in it counts 0")
        elif calendar.start_us(first) < begins and calendar.key(begins) == first:
            notes.append(f"the {self.interval} from {calendar.label(first)} is not whole: the events begin in it")
        ends = engine.as_of_us() if since_until[1] is None else min(engine.as_of_us(), since_until[1])
        if calendar.end_us(last) > ends:
            notes.append(f"the {self.interval} from {calendar.label(last)} is not finished")
        return notes

    def _sql(self, engine: Engine, calendar: Calendar, first: int, before: int, last: int) -> str:
        measure = Measure(self.measure)
        start, end = calendar.start_us(first), calendar.end_us(last)
        entries = [
            f"COALESCE(CAST({engine.column_sql(self.by)} AS VARCHAR), {quoted(NO_VALUE)}) AS part",
            f"{period_sql(self.interval)} AS period",
            *measure.measured_sql(engine),
        ]
        condition = f"{self.condition_sql(engine)} AND time_us >= {start} AND time_us < {end}"
        wanted = ", ".join(str(key) for key in sorted({first, before, last}))
        missing = "COALESCE({}, 0)" if measure.zero is not None else "{}"
        columns = [
            f"{missing.format(f'MAX(CASE WHEN period = {key} THEN value END)')} AS {alias}"
            for key, alias in ((first, "first_value"), (before, "before_value"), (last, "after_value"))
        ]
        return (
            f"WITH facts AS (\n  SELECT {', '.join(entries)}\n  FROM events WHERE {condition}\n),\n"
            f"measured AS (\n  {measure.grouped_sql('facts', ['part', 'period'])}\n),\n"
            f"compared AS (\n  SELECT part,\n    " + ",\n    ".join(columns) + "\n"
            f"  FROM measured WHERE period IN ({wanted}) GROUP BY part\n),\n"
            f"ranked AS (\n  SELECT part, first_value, before_value, after_value,\n"
            f"    ROW_NUMBER() OVER (ORDER BY after_value - before_value DESC, part) AS place, COUNT(*) OVER () AS places\n"
            f"  FROM compared\n"
            f"  WHERE before_value IS NOT NULL AND after_value IS NOT NULL\n"
            f"    AND (before_value >= {self.minimum!r} OR after_value >= {self.minimum!r})\n)\n"
            f"SELECT part, first_value, before_value, after_value, place FROM ranked\n"
            f"WHERE place <= {self.limit} OR place > places - {self.limit} ORDER BY place"
        )

    def _row(self, row: Row) -> Row:
        before, after = row["before_value"], row["after_value"]
        change = after - before
        return {
            "value": row["part"],
            "before": before,
            "after": after,
            "change": change,
            "change_percent": 100 * change / abs(before) if before else None,
            "growth_percent": self._growth(row["first_value"], after),
            "rank": row["place"],
            "direction": "up" if change > 0 else "down" if change < 0 else "same",
        }

    def _growth(self, first: float | None, last: float) -> float | None:
        if not first or last / first < 0:
            return None
        return float(100 * ((last / first) ** (1 / (self.periods - 1)) - 1))


def _table(rows: Sequence[Row], calendar: Calendar, periods: tuple[int, int], *, whole: bool) -> pa.Table:
    import pyarrow as pa

    number = pa.int64() if whole else pa.float64()
    types = {
        "value": pa.string(),
        "before": number,
        "after": number,
        "change": number,
        "change_percent": pa.float64(),
        "growth_percent": pa.float64(),
        "rank": pa.int64(),
        "direction": pa.string(),
    }
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    columns["before_period"] = pa.array([calendar.first_day(periods[0])] * len(rows), pa.date32())
    columns["after_period"] = pa.array([calendar.first_day(periods[1])] * len(rows), pa.date32())
    return pa.table(columns)
