"""Trends: how much of something there is, period after period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.breakdown import OTHER
from footfall.analyses.spec.contract import Analysis, Chart, Engine
from footfall.analyses.spec.formula import Formula, check_letters, letters_of
from footfall.analyses.spec.measure import Measure
from footfall.analyses.spec.names import known_events
from footfall.analyses.spec.periods import Timeline, period_sql
from footfall.errors import InvalidQuery
from footfall.event.filters import quoted

if TYPE_CHECKING:
    import pyarrow as pa

ALL_EVENTS = "all events"
NO_VALUE = "(none)"
SERIES_MAX = 26

Cell = tuple[int, str, str | None]


class Trends(Analysis, frozen=True, kw_only=True):
    """How much of something there is, period after period.

    One series an event name, or one of all events.  `measure` is count (events), people (different people), per_person (events per
    different person), sum, mean, min, max or median of a column of numbers, or distinct values of a column.  Hours, days, weeks
    (from Monday) and months are those of the project's time zone.  A period without events counts 0 for count, people, sum and
    distinct, and has no value otherwise.  `breakdown` splits every series by a column: the `top` values, by the measure itself
    where that is count, people, sum or distinct and by number of events otherwise, and "(other)" for the rest, measured anew over
    its events; events without the column are "(none)".  `formula` computes with the series as A, B, C …, for example B / A * 100; a
    division by zero has no value.  A row is `open` while its period had not ended at as_of.
    """

    name: ClassVar[str] = "trends"
    summary: ClassVar[str] = "how much of something there is, period after period"
    positional: ClassVar[str | None] = "events"
    chart: ClassVar[Chart | None] = Chart(kind="line", x="period", y=("value",), color="series", options={"split": "breakdown", "open": "open"})

    events: Annotated[tuple[str, ...], msgspec.Meta(description="event names, one series each; none: all events as one series")] = ()
    measure: Annotated[
        str, msgspec.Meta(description="count, people, per_person, or sum, mean, min, max, median, distinct of a column, as in sum:price")
    ] = "count"
    interval: Annotated[Literal["hour", "day", "week", "month", "total"], msgspec.Meta(description="length of a period")] = "day"
    breakdown: Annotated[str | None, msgspec.Meta(description="split by the values of this column, property or dimension column")] = None
    top: Annotated[int, msgspec.Meta(description="how many values of the breakdown are shown; the rest is other", ge=1, le=1000)] = 10
    formula: Annotated[str | None, msgspec.Meta(description="arithmetic over the series A, B, C …, for example 'B / A * 100'")] = None

    def __post_init__(self) -> None:
        Measure(self.measure)
        if len(set(self.events)) < len(self.events):
            raise InvalidQuery("an event name is given twice", field="events", got=", ".join(self.events), hint="name every series once")
        if len(self.events) > SERIES_MAX:
            raise InvalidQuery(f"at most {SERIES_MAX} series fit into one answer", field="events", got=len(self.events), hint="ask for fewer events")
        if self.formula is not None:
            check_letters(Formula(self.formula), self.series)

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the series, in order."""
        return self.events or (ALL_EVENTS,)

    def answer(self, engine: Engine) -> Answer:
        """One grouped query; empty periods are filled in here."""
        known_events(engine, self.events, field="events")
        measure = Measure(self.measure)
        timeline = Timeline.of(self, engine, self.interval)
        sql = self._sql(engine, measure)
        values: dict[Cell, Any] = {}
        places: dict[str, int] = {}
        rest = False
        for row in engine.query(sql).to_pylist() if timeline.keys else ():
            value = measure.zero if row["value"] is None else row["value"]
            part = row["part"] if self.breakdown else None
            values[row["period"], row["series"] if self.events else ALL_EVENTS, part] = value
            if part is not None:
                places[part] = row["place"]
            elif self.breakdown:
                rest = True
        parts: list[str | None] = [None]
        if self.breakdown:
            parts = [*sorted(places, key=places.__getitem__), *([None] if rest else [])]
        table = self._table(timeline, list(self._rows(timeline, parts, values, measure)), whole=measure.whole and self.formula is None)
        return Answer.of(self, engine, table, plan=sql, notes=timeline.notes)

    def _sql(self, engine: Engine, measure: Measure) -> str:
        condition = self.condition_sql(engine)
        if self.events:
            condition += f" AND name IN ({', '.join(quoted(name) for name in self.events)})"
        groups = ["period", *(["series"] if self.events else [])]
        entries = [f"{period_sql(self.interval)} AS period", *(["name AS series"] if self.events else []), *measure.measured_sql(engine)]
        if self.breakdown is None:
            facts = f"facts AS (\n  SELECT {', '.join(entries)}\n  FROM events WHERE {condition}\n)"
            return f"WITH {facts}\n{measure.grouped_sql('facts', groups)}"
        entries.append(f"COALESCE(CAST({engine.column_sql(self.breakdown)} AS VARCHAR), {quoted(NO_VALUE)}) AS part")
        ranked_by = measure if measure.zero is not None else Measure("count")
        carried = ", ".join(f"facts.{entry.rpartition(' ')[2]}" for entry in entries[:-1])
        return (
            f"WITH facts AS (\n  SELECT {', '.join(entries)}\n  FROM events WHERE {condition}\n),\n"
            f"totals AS (\n  {ranked_by.grouped_sql('facts', ['part'])}\n),\n"
            f"ranks AS (\n  SELECT part, ROW_NUMBER() OVER (ORDER BY value DESC NULLS LAST, part) AS place FROM totals\n),\n"
            f"labelled AS (\n  SELECT {carried},\n"
            f"    CASE WHEN ranks.place <= {self.top} THEN ranks.place END AS place,\n"
            f"    CASE WHEN ranks.place <= {self.top} THEN facts.part END AS part\n"
            f"  FROM facts JOIN ranks ON facts.part = ranks.part\n)\n"
            f"{measure.grouped_sql('labelled', [*groups, 'place', 'part'])}"
        )

    def _rows(
        self, timeline: Timeline, parts: Sequence[str | None], values: dict[Cell, Any], measure: Measure
    ) -> Iterator[tuple[int, str, str | None, Any]]:
        formula = None if self.formula is None else Formula(self.formula)
        for key in timeline.keys:
            for part in parts:
                shown = part if part is not None or self.breakdown is None else OTHER
                cells = [values.get((key, name, part), measure.zero) for name in self.series]
                if formula is not None:
                    yield key, formula.text, shown, formula.value(dict(zip(letters_of(self.series), cells, strict=True)))
                    continue
                for name, value in zip(self.series, cells, strict=True):
                    yield key, name, shown, value

    def _table(self, timeline: Timeline, rows: list[tuple[int, str, str | None, Any]], *, whole: bool) -> pa.Table:
        import pyarrow as pa

        labels = {key: timeline.label(key) for key in timeline.keys}
        still_open = {key: timeline.is_open(key) for key in timeline.keys}
        columns = {
            "period": pa.array([labels[row[0]] for row in rows], pa.string() if self.interval == "hour" else pa.date32()),
            "series": pa.array([row[1] for row in rows], pa.string()),
            "breakdown": pa.array([row[2] for row in rows], pa.string()),
            "value": pa.array([row[3] for row in rows], pa.int64() if whole else pa.float64()),
            "open": pa.array([still_open[row[0]] for row in rows], pa.bool_()),
        }
        if self.breakdown is None:
            del columns["breakdown"]
        return pa.table(columns)
