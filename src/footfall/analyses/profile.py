"""Profile: what each column holds, and which one the table would best be partitioned by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from footfall.analyses.spec.answer import Answer
from footfall.analyses.spec.contract import Analysis, Chart, Engine
from footfall.analyses.spec.measure import NUMERIC

if TYPE_CHECKING:
    import pyarrow as pa

INTERNAL = ("person_key", "position", "time_us", "local_us", "day")
TOP = 5
TEXT_MAX = 60

# A partition is worth its folder when it fills a file, and a key is worth having when no single value holds most of the rows.
PARTITIONS_MAX = 5_000
ROWS_MIN = 1_000
HOT_SHARE = 0.5

# One grouping of the column feeds everything: the most frequent values, with the totals beside them.
_SQL = """WITH counts AS (
  SELECT value, COUNT(*) AS times FROM (SELECT {column} AS value FROM events WHERE {condition}) AS chosen GROUP BY value
),
totals AS (
  SELECT SUM(times) AS all_rows, SUM(CASE WHEN value IS NULL THEN times ELSE 0 END) AS nulls, COUNT(value) AS values_different,
    SUM(CASE WHEN value IS NOT NULL THEN times * LN(times) END) AS times_log{summaries}
  FROM counts
),{moments}
frequent AS (
  SELECT value, times FROM counts WHERE value IS NOT NULL ORDER BY times DESC, value LIMIT {top}
)
SELECT totals.*{moment_columns}, frequent.value AS value, frequent.times AS times
FROM totals {moment_join}LEFT JOIN frequent ON TRUE ORDER BY frequent.times DESC, frequent.value"""

_NUMBER_SUMMARIES = """,
    MIN(value) AS lowest, MAX(value) AS highest,
    SUM(CAST(value AS DOUBLE) * times) / SUM(CASE WHEN value IS NOT NULL THEN times END) AS mean"""
_TEXT_SUMMARIES = """,
    MIN(value) AS lowest, MAX(value) AS highest, MAX(LENGTH(value)) AS length_max,
    CAST(SUM(LENGTH(value) * times) AS DOUBLE) / SUM(CASE WHEN value IS NOT NULL THEN times END) AS length_mean"""
_OTHER_SUMMARIES = """,
    MIN(value) AS lowest, MAX(value) AS highest"""
_MOMENTS = """
moments AS (
  SELECT SUM(times * POWER(CAST(value AS DOUBLE) - mean, 2)) AS second, SUM(times * POWER(CAST(value AS DOUBLE) - mean, 3)) AS third
  FROM counts CROSS JOIN totals WHERE value IS NOT NULL
),"""

Row = dict[str, Any]


class Profile(Analysis, frozen=True, kw_only=True):
    """What each column holds: one row a column, in the order of the schema.

    `rows` are the events that meet the conditions, `nulls` those without a value.  `distinct` counts different values exactly, null
    not among them.  `top` lists the most frequent values with their counts, ties in the order of the values.  `entropy_bits` is
    Shannon's entropy of the values, and `entropy_share` that entropy as a share of log2(distinct), its largest possible one: 1 is
    even, 0 is one value only.  `mean`, `stddev` and `skewness` describe the numbers as they are (divided by n); lengths are in
    characters.  `key_advice` says what partitioning the table by the column would give: a good key has up to a few thousand values,
    none of which holds most of the rows, and partitions that are not tiny.  Cost: one grouping of each column, bounded by the
    engine's memory limit.
    """

    name: ClassVar[str] = "profile"
    summary: ClassVar[str] = "what each column holds: nulls, distinct, top values, entropy, skew, partition-key advice"
    positional: ClassVar[str | None] = "columns"
    chart: ClassVar[Chart | None] = Chart(
        kind="table", y=("column", "type", "nulls", "distinct", "top", "entropy_bits", "min", "max", "mean", "key_advice")
    )

    columns: Annotated[tuple[str, ...], msgspec.Meta(description="only these columns, properties or dimension columns; none: every column")] = ()

    def answer(self, engine: Engine) -> Answer:
        """One query a column."""
        known = [name for name in engine.columns() if name not in INTERNAL]
        references = list(dict.fromkeys(self.columns)) or known
        condition = self.condition_sql(engine)
        rows, spreads, plans = [], [], []
        for reference in references:
            kind = engine.column_type(reference)
            sql = _column_sql(engine.column_sql(reference), kind, condition)
            row = _row(reference, kind, engine.query(sql).to_pylist())
            parts = None
            if reference == "event_time":
                parts = engine.query(f"SELECT COUNT(DISTINCT day) AS days FROM events WHERE {condition}").to_pylist()[0]["days"]
            spread = _Spread(reference, kind, row["rows"], row["nulls"], row["distinct"], row["top_count"] or 0, row["entropy_share"], parts)
            row["key_advice"] = _advice(spread, row["top_value"])
            rows.append(row)
            spreads.append(spread)
            plans.append(sql)
        note = _recommendation(spreads)
        return Answer.of(self, engine, _table(rows), plan=";\n\n".join(plans), notes=[] if note is None else [note])


def _column_sql(column: str, kind: str, condition: str) -> str:
    numbers = kind in NUMERIC and kind not in ("bool", "boolean")
    summaries = _NUMBER_SUMMARIES if numbers else _TEXT_SUMMARIES if kind in ("string", "json") else _OTHER_SUMMARIES
    return _SQL.format(
        column=column,
        condition=condition,
        summaries=summaries,
        moments=_MOMENTS if numbers else "",
        moment_columns=", moments.second AS second, moments.third AS third" if numbers else "",
        moment_join="CROSS JOIN moments " if numbers else "",
        top=TOP,
    )


def _row(reference: str, kind: str, found: Sequence[Mapping[str, Any]]) -> Row:
    totals = found[0]
    rows, nulls = int(totals["all_rows"] or 0), int(totals["nulls"] or 0)
    held, distinct = rows - nulls, int(totals["values_different"])
    entropy = max(0.0, (math.log(held) - totals["times_log"] / held) / math.log(2)) if held else None
    top = [(_text(row["value"]), int(row["times"])) for row in found if row["times"] is not None]
    variance = (totals.get("second") or 0.0) / held if held else 0.0
    # Values that differ only by rounding have no shape: their third moment would be noise divided by almost nothing.
    shaped = variance > (1e-12 * abs(totals.get("mean") or 0.0)) ** 2 and distinct > 1
    return {
        "column": reference,
        "type": kind,
        "rows": rows,
        "nulls": nulls,
        "null_share": nulls / rows if rows else None,
        "distinct": distinct,
        "top": ", ".join(f"{_short(value)} ({times:,})" for value, times in top) or None,
        "top_value": top[0][0] if top else None,
        "top_count": top[0][1] if top else None,
        "entropy_bits": entropy,
        "entropy_share": min(1.0, entropy / math.log2(distinct)) if entropy is not None and distinct > 1 else None,
        "min": _text(totals.get("lowest")),
        "max": _text(totals.get("highest")),
        "mean": totals.get("mean"),
        "stddev": math.sqrt(variance) if "second" in totals and held else None,
        "skewness": totals["third"] / held / variance**1.5 if "third" in totals and shaped else None,
        "mean_length": totals.get("length_mean"),
        "max_length": totals.get("length_max"),
    }


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else repr(value)


def _short(text: str | None) -> str:
    text = text or '""'
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"


def _table(rows: Sequence[Row]) -> pa.Table:
    import pyarrow as pa

    whole = ("rows", "nulls", "distinct", "top_count", "max_length")
    fractions = ("null_share", "entropy_bits", "entropy_share", "mean", "stddev", "skewness", "mean_length")
    texts = ("column", "type", "top", "top_value", "min", "max", "key_advice")
    kinds = {**dict.fromkeys(whole, pa.int64()), **dict.fromkeys(fractions, pa.float64()), **dict.fromkeys(texts, pa.string())}
    order = (
        "column", "type", "rows", "nulls", "null_share", "distinct", "top", "top_value", "top_count", "entropy_bits", "entropy_share",
        "min", "max", "mean", "stddev", "skewness", "mean_length", "max_length", "key_advice",
    )  # fmt: skip
    return pa.table({name: pa.array([row[name] for row in rows], kinds[name]) for name in order})


@dataclass(frozen=True, slots=True)
class _Spread:
    """How a column's values spread over the rows.  `days` is the number of local days, for the time of the event only."""

    column: str
    kind: str
    rows: int
    nulls: int
    distinct: int
    top_count: int
    evenness: float | None
    days: int | None = None

    @property
    def partitions(self) -> int:
        """How many folders the column would make; rows without a value share one."""
        return self.distinct + (1 if self.nulls else 0)

    @property
    def good(self) -> bool:
        """Whether the column would be a useful key."""
        return self.rows > 0 and not self.kind.startswith("timestamp") and _fault(self, None) is None


def _advice(spread: _Spread, top_value: str | None) -> str:
    """What partitioning by this column would give, in words."""
    if not spread.rows:
        return "no rows"
    if spread.days is not None:
        by_day = _parts(spread.days, spread.rows)
        return f"good by its day: {by_day}" if _large(spread) else f"by its month: the day would give {by_day}"
    if spread.kind.startswith("timestamp"):
        return "not as it is: partition by its day"
    return _fault(spread, top_value) or f"good: {_parts(spread.partitions, spread.rows)}"


def _recommendation(spreads: Sequence[_Spread]) -> str | None:
    """The best key of the table and why; None when no time was profiled and no column is good."""
    time = next((spread for spread in spreads if spread.days), None)
    good = sorted((spread for spread in spreads if spread.good), key=lambda spread: -(spread.evenness or 0.0))
    second = f"; the most even other key is {good[0].column}: {_parts(good[0].partitions, good[0].rows)}" if good else ""
    if time is not None and time.days:
        unit = "day" if _large(time) else "month"
        size = _parts(time.days, time.rows) if unit == "day" else f"{time.rows:,} rows in {time.days:,} days are too few for one partition a day"
        return (
            f"partition by the {unit} of {time.column} ({size}): questions name a range of time, new rows touch the newest partition only, "
            f"and expiry drops whole partitions{second}"
        )
    if good:
        return f"the best partition key among these is {good[0].column}: {_parts(good[0].partitions, good[0].rows)}, the most even of those that are neither tiny nor hot"
    return None


def _large(spread: _Spread) -> bool:
    return spread.rows >= ROWS_MIN * max(1, spread.days or 1)


def _fault(spread: _Spread, top_value: str | None) -> str | None:
    if spread.distinct == 0:
        return "constant: it never has a value"
    if spread.partitions == 1:
        return "constant: one partition holds every row"
    hot, what = max((spread.top_count, f"the value {top_value!r}"), (spread.nulls, "no value"))
    if spread.rows < 2 * ROWS_MIN:
        return f"none: {spread.rows:,} rows are too few to divide"
    if spread.partitions > PARTITIONS_MAX or spread.rows < ROWS_MIN * spread.partitions:
        return f"too many small partitions: {_parts(spread.partitions, spread.rows)}"
    if hot > HOT_SHARE * spread.rows:
        return f"skewed: {hot / spread.rows:.0%} of the rows have {what}"
    return None


def _parts(partitions: int, rows: int) -> str:
    return f"{partitions:,} partition{'s' if partitions != 1 else ''} of about {round(rows / max(1, partitions)):,} rows"
