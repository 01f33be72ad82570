"""Abandonment: what people begin and do not finish, such as carts without a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.contract import Analysis, Chart, Engine
from footfall.analyses.spec.names import known_events
from footfall.analyses.spec.periods import Timeline, period_sql
from footfall.errors import InvalidQuery
from footfall.event.filters import quoted
from footfall.event.span import Span

if TYPE_CHECKING:
    import pyarrow as pa

DEFAULT_ITEM = "product_id"
IN_SESSION = "session"

# The running minimum is the time of the first start at or before a row in the order of (event_time, position), and null before it.
_SQL = """WITH moves AS (
  SELECT {keys}, name, time_us, position, day FROM events WHERE {condition}
),
opened AS (
  SELECT {aliases}, name, time_us, day,
    MIN(CASE WHEN name = {start} THEN time_us END)
      OVER (PARTITION BY {aliases} ORDER BY time_us, position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS start_us
  FROM moves
),
attempts AS (
  SELECT {aliases}, MIN(start_us) AS start_us, MIN(CASE WHEN name = {start} THEN day END) AS start_day,
    MIN(CASE WHEN {finished} THEN time_us END) AS finish_us
  FROM opened WHERE start_us IS NOT NULL GROUP BY {aliases}
)
SELECT period, COUNT(*) AS started, COUNT(finish_us) AS finished, SUM(still_open) AS still_open
FROM (SELECT {period} AS period, finish_us, CASE WHEN {still_open} THEN 1 ELSE 0 END AS still_open FROM attempts) AS dated
GROUP BY period"""


class Abandonment(Analysis, frozen=True, kw_only=True):
    """What people begin and do not finish, such as a product put into the cart and not bought.

    An attempt is a person, an item and, with `within` session, one of their sessions (session_id as the client sent it; events
    without one are one session a person).  It begins with the first `start` event in the range, and is finished by a `finish` event
    of the same attempt that comes later in the order of (event_time, position).  With `within` a span such as 24h the attempt is a
    person and an item, and the finish must come at most that long after the start.  Finishing may happen after `until`.  `period`
    is that of the start.  `open` are attempts without a finish whose span had not run out at as_of: they are neither finished nor
    abandoned; `within` none has no such attempts.  `rate` is abandoned / (finished + abandoned).  Events without an item share one.
    """

    name: ClassVar[str] = "abandonment"
    summary: ClassVar[str] = "what people begin and do not finish, such as carts without a purchase"
    chart: ClassVar[Chart | None] = Chart(
        kind="bar", x="period", y=("finished", "abandoned"), options={"stacked": True, "line": "rate", "percent": ("rate",)}
    )

    start: Annotated[str, msgspec.Meta(description="the event that begins an attempt")] = "cart"
    finish: Annotated[str, msgspec.Meta(description="the event that finishes it")] = "purchase"
    item: Annotated[
        str | None, msgspec.Meta(description="column of the thing itself, none: product_id where events have it, else no item is told apart")
    ] = None
    within: Annotated[str, msgspec.Meta(description="session, or a span of time such as 24h")] = IN_SESSION
    interval: Annotated[Literal["day", "week", "month", "total"], msgspec.Meta(description="length of a period")] = "day"

    def __post_init__(self) -> None:
        if self.start == self.finish:
            raise InvalidQuery(
                f"{self.start!r} cannot finish itself", field="finish", got=self.finish, hint="give two different events for start and finish"
            )
        if self.within != IN_SESSION:
            try:
                Span(self.within)
            except InvalidQuery as problem:
                raise InvalidQuery(
                    problem.sentence, field="within", got=self.within, hint="write session, or a number and a unit such as 24h"
                ) from None

    def answer(self, engine: Engine) -> Answer:
        """One grouped query over the start and finish events."""
        known_events(engine, (self.start, self.finish))
        timeline = Timeline.of(self, engine, self.interval)
        in_force = self
        if self.item is None and DEFAULT_ITEM in engine.columns():
            in_force = msgspec.structs.replace(self, item=DEFAULT_ITEM)
        sql = _attempts_sql(in_force, engine)
        counted = engine.query(sql).to_pylist() if timeline.keys else []
        return Answer.of(in_force, engine, _table(timeline, {row["period"]: row for row in counted}), plan=sql, notes=timeline.notes)


def _attempts_sql(asked: Abandonment, engine: Engine) -> str:
    _, until = asked.range_us(engine)
    where = msgspec.structs.replace(asked, until=None).condition_sql(engine)
    start, finish = quoted(asked.start), quoted(asked.finish)
    begins = f"name = {start}" + (f" AND time_us < {until}" if until is not None else "")
    keys = {"person_key": "person_key"}
    finished, still_open = f"name = {finish}", "FALSE"
    if asked.within == IN_SESSION:
        keys["session_id"] = "session_id"
    elif not (span := Span(asked.within)).unlimited:
        finished += f" AND time_us - start_us <= {span.us}"
        still_open = f"finish_us IS NULL AND start_us + {span.us} >= {engine.as_of_us()}"
    if asked.item is not None:
        keys["item"] = engine.column_sql(asked.item)
    return _SQL.format(
        keys=", ".join(expression if alias == expression else f"{expression} AS {alias}" for alias, expression in keys.items()),
        aliases=", ".join(keys),
        condition=f"{where} AND ({begins} OR name = {finish})",
        start=start,
        finished=finished,
        still_open=still_open,
        period=period_sql(asked.interval, "start_day"),
    )


def _table(timeline: Timeline, counted: dict[int, dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    nothing = {"started": 0, "finished": 0, "still_open": 0}
    rows = [counted.get(key, nothing) for key in timeline.keys]
    started, finished, still_open = ([int(row[name]) for row in rows] for name in nothing)
    abandoned = [begun - done - waiting for begun, done, waiting in zip(started, finished, still_open, strict=True)]
    rate = [lost / (done + lost) if done + lost else None for done, lost in zip(finished, abandoned, strict=True)]
    return pa.table(
        {
            "period": pa.array([timeline.label(key) for key in timeline.keys], pa.date32()),
            "started": pa.array(started, pa.int64()),
            "finished": pa.array(finished, pa.int64()),
            "abandoned": pa.array(abandoned, pa.int64()),
            "rate": pa.array(rate, pa.float64()),
            "open": pa.array(still_open, pa.int64()),
        }
    )
