"""Heatmaps and tables: numbers in rows and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from footfall.analyses.drawing.look import GRID, INK, Row, distinct, number_format, percent_of, words
from footfall.analyses.spec.contract import Chart

BLUES = [[0.0, "#eff6ff"], [0.25, "#bfdbfe"], [0.5, "#60a5fa"], [0.75, "#2563eb"], [1.0, "#1e3a8a"]]
CELLS_WITH_TEXT = 600
TOP_NAMES = 25


def heatmap(chart: Chart, rows: list[Row]) -> Any:
    """Cells of `x` by `y`, coloured by `value`; a cell without a value stays blank."""
    value = chart.value or "value"
    if chart.color in rows[0]:
        # One triangle can be read; the rows have the others.
        rows = [row for row in rows if row[chart.color] == rows[0][chart.color]]
    xs, ys = distinct(rows, chart.x), distinct(rows, chart.y[0])
    if all(isinstance(name, str) for name in (*xs, *ys)):
        xs, ys = _largest(chart, rows, xs, ys)
    cells = {(row[chart.x], row[chart.y[0]]): row[value] for row in rows}
    grid = [[cells.get((x, y)) for x in xs] for y in ys]
    style = number_format(chart, value)
    figure = go.Figure()
    figure.add_heatmap(
        x=[str(x) for x in xs],
        y=[str(y) for y in ys],
        z=grid,
        colorscale=BLUES,
        zmin=0,
        zmax=_ceiling(chart, grid),
        xgap=2,
        ygap=2,
        texttemplate=f"%{{z:{style}}}" if len(xs) * len(ys) <= CELLS_WITH_TEXT else None,
        hoverongaps=False,
        hovertemplate=f"{words(chart.y[0])} %{{y}}, {words(chart.x)} %{{x}}: %{{z:{style}}}<extra></extra>",
        colorbar={"tickformat": ".0%" if percent_of(chart, value) else "", "outlinewidth": 0, "thickness": 12},
    )
    figure.update_xaxes(type="category", side="top", title_text=words(chart.x), showgrid=False, automargin=True)
    figure.update_yaxes(type="category", autorange="reversed", title_text=words(chart.y[0]), showgrid=False, automargin=True)
    figure.update_layout(height=max(420, 190 + 28 * len(ys)), margin={"t": 128})
    return figure


def _largest(chart: Chart, rows: Sequence[Row], xs: Sequence[str], ys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names in one order on both sides, most frequent first, so that staying where one is lies on the diagonal."""
    weight: Counter[str] = Counter()
    weighed_by = "count" if "count" in rows[0] else chart.value or "value"
    for row in rows:
        weight[row[chart.x]] += row[weighed_by] or 0
        weight[row[chart.y[0]]] += row[weighed_by] or 0
    top = chart.options.get("top")
    names = [name for name, _ in weight.most_common(top if isinstance(top, int) else TOP_NAMES)]
    return [name for name in names if name in set(xs)], [name for name in names if name in set(ys)]


def _ceiling(chart: Chart, grid: Sequence[Sequence[float | None]]) -> float | None:
    """The darkest colour: the largest cell below 100 %, since a first column of only ones would make every other cell pale."""
    if not percent_of(chart, chart.value):
        return None
    return max((cell for line in grid for cell in line if cell is not None and cell < 1), default=1.0) or 1.0


def table(chart: Chart, rows: list[Row]) -> Any:
    """The rows themselves: the columns of `y`, or all of them; a single row stands upright, one line a column."""
    if len(rows) == 1 and len(rows[0]) > 2:
        rows, chart = [{"column": words(column), "value": _cell(value)} for column, value in rows[0].items()], Chart(kind="table")
    columns = [column for column in chart.y if column in rows[0]] or list(rows[0])
    figure = go.Figure()
    figure.add_table(
        header={
            "values": [f"<b>{words(column)}</b>" for column in columns],
            "align": "left",
            "fill_color": "#f1f5f9",
            "font": {"color": INK},
            "height": 30,
        },
        cells={
            "values": [[_cell(row[column]) for row in rows] for column in columns],
            "align": ["right" if _numbers(rows, column) else "left" for column in columns],
            "fill_color": "white",
            "line_color": GRID,
            "font": {"color": INK, "size": 12},
            "height": 26,
        },
        columnwidth=[min(320, 40 + 7 * max(len(column), *(len(_cell(row[column])) for row in rows))) for column in columns],
    )
    figure.update_layout(height=min(2000, 220 + 34 * len(rows)))
    return figure


def _numbers(rows: Sequence[Row], column: str) -> bool:
    return all(row[column] is None or isinstance(row[column], int | float) for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
        return text if len(text) <= 90 else text[:89] + "…"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
