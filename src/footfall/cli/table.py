"""Answers as tables for people: numbers on the right, shares as percentages, bars and heat where the chart says so."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from footfall.analyses.spec.contract import Chart

ROWS_MAX = 200
CELL_MAX = 40
BAR_CELLS = 24
_SHARES = {"share", "rate", "conversion", "stickiness", "probability"}
_HEAT = ("grey35", "dark_green", "green4", "green3", "spring_green3", "spring_green2")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # data must not move the cursor or colour the terminal
_EIGHTHS = " ▏▎▍▌▋▊▉█"

Rows = Sequence[Mapping[str, Any]]


def print_rows(rows: Rows, console: Console, *, chart: Chart | None = None, total: int | None = None) -> list[str]:
    """Print rows as a table that fits the console; the sentences about what it leaves out of `total` rows."""
    if chart is not None and chart.kind == "heatmap":
        rows, chart = _crossed(rows, chart), None
    barred = _bar_column(rows, chart)
    columns = _fitting(rows, console.width - (BAR_CELLS + 3 if barred else 0))
    console.print(_table(rows[:ROWS_MAX], columns, barred))
    hidden = [column for column in rows[0] if column not in columns]
    notes = [f"more columns in --csv and --json: {', '.join(hidden)}"] if hidden else []
    more = (len(rows) if total is None else total) - ROWS_MAX
    return notes + ([f"{more:,} more rows in --csv and --json"] if more > 0 else [])


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
    if isinstance(value, int | float | Decimal):
        return _number(column, float(value) if isinstance(value, Decimal) else value)
    return _CONTROL.sub("·", str(value))


def write_csv(table: pa.Table) -> None:
    """A table as CSV on stdout."""
    import pyarrow as pa
    from pyarrow import csv

    for index, field in enumerate(table.schema):
        if pa.types.is_nested(field.type) or pa.types.is_interval(field.type):
            table = table.set_column(index, field.name, pa.array(map(_json, table.column(index).to_pylist()), pa.string()))
    sys.stdout.flush()
    csv.write_csv(table, sys.stdout.buffer, csv.WriteOptions(quoting_style="needed"))
    sys.stdout.buffer.flush()


def _json(value: object) -> str | None:
    """A list, structure or interval as JSON text, for formats that have cells only."""
    import msgspec

    return None if value is None else msgspec.json.encode(value, enc_hook=str).decode()


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
    if isinstance(value, float) and _SHARES.intersection(column.split("_")):
        return f"{value * 100:,.1f}%"
    if column.endswith(("_s", "seconds")) and not column.endswith("per_s"):
        return duration(value)
    if isinstance(value, int) or value.is_integer():
        return str(value) if last in ("year", "line", "id") else f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 10 else f"{value:,.1f}"


def _fitting(rows: Rows, width: int) -> list[str]:
    """The columns from the left that fit into `width` characters, at least one."""
    columns: list[str] = []
    taken = 2
    for column in rows[0]:
        taken += max(_longest(rows[:ROWS_MAX], column), *(len(word) for word in column.split("_"))) + 3
        if taken > width and columns:
            break
        columns.append(column)
    return columns


def _longest(rows: Rows, column: str) -> int:
    return min(CELL_MAX, max(len(cell(column, row[column])) for row in rows))


def _table(rows: Rows, columns: Sequence[str], barred: str | None) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        right = any(_is_number(row[column]) for row in rows)
        table.add_column(
            Text(column.replace("_", " ")),
            justify="right" if right else "left",
            overflow="fold",
            min_width=_longest(rows, column),
            max_width=CELL_MAX,
        )
    if barred:
        table.add_column("", no_wrap=True, style="cyan")
    largest = max((row[barred] or 0 for row in rows), default=0) if barred else 0
    for row in rows:
        cells = [row[column] if isinstance(row[column], Text) else Text(cell(column, row[column])) for column in columns]
        table.add_row(*cells, *([bar(row[barred], largest)] if barred else []))
    return table


def _is_number(value: object) -> bool:
    return hasattr(value, "style") or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _bar_column(rows: Rows, chart: Chart | None) -> str | None:
    """The column of numbers that a funnel or a bar chart draws, when it is one column and several rows."""
    if chart is None or chart.kind not in ("funnel", "bar") or len(rows) < 2:
        return None
    drawn = [column for column in (*chart.y, chart.x) if column in rows[0] and any(_is_number(row[column]) for row in rows)]
    positive = len(drawn) == 1 and all((row[drawn[0]] or 0) >= 0 for row in rows)
    return drawn[0] if positive else None


def bar(value: float | None, largest: float, cells: int = BAR_CELLS) -> str:
    """A bar as long as the value is of the largest one, in eighths of a character."""
    if not value or not largest:
        return ""
    eighths = max(1, round(value / largest * cells * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _crossed(rows: Rows, chart: Chart) -> Rows:
    """Rows of a heatmap as a grid: `y` down, what is the same in all rows of a `y`, then one column for each `x`."""
    down, across, value = chart.y[0] if chart.y else "", chart.x, chart.value or ""
    if not all(name in rows[0] for name in (down, across, value)) or len({(row[down], row[across]) for row in rows}) < len(rows):
        return rows
    grouped: dict[object, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row[down], []).append(row)
    fixed = [
        name for name in rows[0] if name not in (down, across, value) and all(len({row[name] for row in group}) == 1 for group in grouped.values())
    ]
    columns = list(dict.fromkeys(row[across] for row in rows))
    largest = max((row[value] for row in rows if row[value] is not None), default=0)
    crossed = []
    for key, group in grouped.items():
        cells = {row[across]: row[value] for row in group}
        heat = {cell(across, column): _heat(value, cells.get(column), largest) for column in columns}
        crossed.append({down: key, **{name: group[0][name] for name in fixed}, **heat})
    return crossed


def _heat(column: str, number: float | None, largest: float) -> Text:
    from rich.text import Text

    if number is None:
        return Text("")
    shade = _HEAT[min(len(_HEAT) - 1, int(number / largest * len(_HEAT)))] if largest else _HEAT[0]
    return Text(cell(column, number), style=shade)
