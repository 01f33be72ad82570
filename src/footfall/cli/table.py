"""Answers as tables for people: numbers on the right, shares as percentages, bars and heat where the chart says so."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table
    from rich.text import Text

    from footfall.analyses.spec.contract import Chart

ROWS_MAX = 200
BAR_CELLS = 24
HEAT_COLUMNS_MAX = 16
_SHARES = ("share", "rate", "conversion", "stickiness", "probability", "ratio", "retention")
_HEAT = ("grey19", "dark_green", "green4", "green3", "spring_green3", "spring_green2")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # data must not move the cursor or colour the terminal
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def grid(rows: Sequence[Mapping[str, Any]], *, chart: Chart | None = None) -> Table:
    """Rows as a table; a funnel or bar chart gets bars, a heatmap becomes a triangle when it fits."""
    if chart is not None and chart.kind == "heatmap" and rows:
        heat = _heat_table(rows, chart)
        if heat is not None:
            return heat
    from rich.text import Text

    table = _empty_table()
    columns = list(rows[0]) if rows else []
    bar = _bar_column(rows, chart)
    for column in columns:
        table.add_column(column, justify="right" if _is_numeric(rows, column) else "left", overflow="fold")
    if bar:
        table.add_column("", justify="left", no_wrap=True, style="cyan")
    largest = max((row[bar] or 0 for row in rows), default=0) if bar else 0
    for row in rows[:ROWS_MAX]:
        cells = [Text(cell(column, row[column])) for column in columns]  # Text: data is never markup
        table.add_row(*cells, *([_bar(row[bar], largest)] if bar else []))
    return table


def left_out(rows: Sequence[object]) -> str | None:
    """The sentence about rows that a table does not show."""
    return f"{len(rows) - ROWS_MAX:,} more rows: --csv and --json print all of them" if len(rows) > ROWS_MAX else None


def cell(column: str, value: object) -> str:
    """A value as a person reads it; the unit is the end of the column's name."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(column, value)
    return _CONTROL.sub("·", str(value))


def write_csv(table: pa.Table) -> None:
    """A table as CSV on stdout."""
    from pyarrow import csv

    sys.stdout.flush()
    csv.write_csv(table, sys.stdout.buffer, csv.WriteOptions(quoting_style="needed"))
    sys.stdout.buffer.flush()


def duration(seconds: float) -> str:
    """Seconds as a person says them: 0.42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if abs(seconds) < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for size, unit, rest, rest_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            remainder = whole % size // rest
            return f"{whole // size:,} {unit}" + (f" {remainder} {rest_unit}" if remainder else "")
    return f"{whole} s"


def _number(column: str, value: float) -> str:
    last = column.rsplit("_", 1)[-1]
    if last == "percent":
        return f"{value:,.1f}%"
    if isinstance(value, float) and any(word in column for word in _SHARES):
        return f"{value * 100:,.1f}%"
    if last == "s" and column != "s":
        return duration(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1_000 else f"{value:,.4g}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if last not in ("year", "line", "id") else str(value)


def _empty_table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)


def _is_numeric(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    return any(isinstance(row[column], int | float) and not isinstance(row[column], bool) for row in rows)


def _bar_column(rows: Sequence[Mapping[str, Any]], chart: Chart | None) -> str | None:
    if chart is None or chart.kind not in ("funnel", "bar") or not rows:
        return None
    for column in (*chart.y, chart.x, chart.value or ""):
        values = [row[column] for row in rows if column in row]
        if values and all(value is None or (isinstance(value, int | float) and value >= 0) for value in values):
            return column
    return None


def _bar(value: float | None, largest: float) -> str:
    if not value or not largest:
        return ""
    eighths = max(1, round(value / largest * BAR_CELLS * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _heat_table(rows: Sequence[Mapping[str, Any]], chart: Chart) -> Table | None:
    """`y` down, `x` across, `value` in the cells; None when it would not fit a terminal."""
    down, across, value = chart.y[0] if chart.y else "", chart.x, chart.value or ""
    if not all(name in rows[0] for name in (down, across, value)):
        return None
    columns = list(dict.fromkeys(row[across] for row in rows))
    keys = list(dict.fromkeys(row[down] for row in rows))
    cells = {(row[down], row[across]): row[value] for row in rows}
    if len(columns) > HEAT_COLUMNS_MAX or len(cells) < len(rows):
        return None
    from rich.text import Text

    table = _empty_table()
    table.add_column(down)
    for column in columns:
        table.add_column(Text(cell(across, column)), justify="right")
    largest = max((number for number in cells.values() if number is not None), default=0)
    for key in keys:
        table.add_row(Text(cell(down, key)), *[_heat(value, cells.get((key, column)), largest) for column in columns])
    return table


def _heat(column: str, number: float | None, largest: float) -> Text:
    from rich.text import Text

    if number is None:
        return Text("")
    shade = _HEAT[min(len(_HEAT) - 1, int(number / largest * len(_HEAT)))] if largest else _HEAT[0]
    return Text(cell(column, number), style=shade)
