"""Lines and bars: numbers over time, and numbers by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from footfall.analyses.drawing.look import COLORS, DIRECTIONS, INK, Row, distinct, groups, number_format, percent_of, words
from footfall.analyses.spec.contract import Chart


def lines(chart: Chart, rows: list[Row]) -> Any:
    """One line a column of `y` and a value of `color` and `split`; bars when there is only one x."""
    if len(distinct(rows, chart.x)) == 1:
        return _one_point(chart, rows)
    figure = go.Figure()
    position = 0
    for name, group in groups(chart, rows).items():
        for column in chart.y:
            label = " · ".join(part for part in (name, words(column) if len(chart.y) > 1 else "") if part)
            color = COLORS[position % len(COLORS)]
            position += 1
            _add_line(figure, chart, group, column, {"label": label or words(column), "color": color})
    figure.update_layout(hovermode="x unified", showlegend=position > 1)
    single = chart.y[0] if len(chart.y) == 1 else ""
    figure.update_yaxes(
        title_text="" if single == "value" else words(single), rangemode="tozero", tickformat=".1%" if percent_of(chart, single) else ""
    )
    return figure


def _add_line(figure: Any, chart: Chart, group: Sequence[Row], column: str, look: dict[str, str]) -> None:
    """A solid line over what is finished, and a dotted one from its last point over what is still open."""
    flag = chart.options.get("open")
    still_open = [bool(row.get(str(flag))) for row in group] if flag else [False] * len(group)
    done = still_open.index(True) if True in still_open else len(group)
    style = number_format(chart, column)
    form = {
        "mode": "lines+markers" if len(group) <= 45 else "lines",
        "name": look["label"],
        "legendgroup": look["label"],
        "marker": {"size": 5, "color": look["color"]},
        "hovertemplate": f"%{{y:{style}}}",
    }
    if done:
        piece = group[:done]
        figure.add_scatter(x=[row[chart.x] for row in piece], y=[row[column] for row in piece], line={"width": 2.2, "color": look["color"]}, **form)
    if done < len(group):
        piece = group[max(0, done - 1) :]
        figure.add_scatter(
            x=[row[chart.x] for row in piece],
            y=[row[column] for row in piece],
            line={"width": 2.2, "color": look["color"], "dash": "dot"},
            showlegend=done == 0,
            **(form | {"name": f"{look['label']} (open)", "hovertemplate": f"%{{y:{style}}} so far"}),
        )


def _one_point(chart: Chart, rows: list[Row]) -> Any:
    figure = go.Figure()
    for position, (name, group) in enumerate(groups(chart, rows).items()):
        labels = [name or str(group[0][chart.x])] if len(chart.y) == 1 else [words(column) for column in chart.y]
        values = [group[0][column] for column in chart.y]
        color = COLORS[0] if len(chart.y) == 1 else COLORS[position % len(COLORS)]
        figure.add_bar(x=values, y=labels, orientation="h", marker_color=color, texttemplate="%{x:,.10~g}", showlegend=False, name=name)
    figure.update_yaxes(autorange="reversed")
    return figure


def bars(chart: Chart, rows: list[Row]) -> Any:
    """Bars of each column of `y` over `x`, coloured by column or by the value of `color`; with `horizontal`, x is the length and y the name."""
    if chart.options.get("horizontal"):
        return _sideways(chart, rows)
    line = chart.options.get("line")
    figure = make_subplots(specs=[[{"secondary_y": True}]]) if isinstance(line, str) else go.Figure()
    x = [row[chart.x] for row in rows]
    for column, color in zip(chart.y, COLORS * len(chart.y), strict=False):
        style = number_format(chart, column)
        marker = {"color": color, "line": {"width": 0}}
        figure.add_bar(x=x, y=[row[column] for row in rows], name=words(column), marker=marker, hovertemplate=f"%{{y:{style}}}")
    if isinstance(line, str):
        style = number_format(chart, line)
        look = {"color": INK, "width": 1.8}
        figure.add_scatter(
            x=x, y=[row[line] for row in rows], name=words(line), line=look, mode="lines", hovertemplate=f"%{{y:{style}}}", secondary_y=True
        )
        share = {"range": [0, 1.03], "dtick": 0.25, "tickformat": ".0%"} if percent_of(chart, line) else {"rangemode": "tozero"}
        figure.update_yaxes(secondary_y=True, showgrid=False, title_text=words(line), **share)
    figure.update_layout(
        barmode="stack" if chart.options.get("stacked") else "group", bargap=0.15, hovermode="x unified", showlegend=len(chart.y) > 1 or bool(line)
    )
    return figure


def _sideways(chart: Chart, rows: list[Row]) -> Any:
    figure = go.Figure()
    name = chart.y[0]
    labels = chart.options.get("labels")
    order = [str(row[name]) for row in rows]
    colors = [DIRECTIONS.get(str(row.get(chart.color or "")), COLORS[0]) for row in rows]
    figure.add_bar(
        x=[row[chart.x] for row in rows],
        y=order,
        orientation="h",
        marker={"color": colors, "line": {"width": 0}},
        text=[_label(row, chart.x, labels if isinstance(labels, str) else None) for row in rows],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category", categoryorder="array", categoryarray=order, dtick=1)
    figure.update_xaxes(title_text=words(chart.x))
    lengths = [row[chart.x] or 0 for row in rows]
    room = 0.22 * ((max(lengths) - min(0, *lengths)) or 1)
    figure.update_xaxes(range=[min(0, *lengths) - (room if min(lengths) < 0 else 0), max(0, *lengths) + room])
    figure.update_layout(height=max(360, 120 + 24 * len(rows)), showlegend=False)
    return figure


def _label(row: Row, column: str, percent: str | None) -> str:
    number = f"{row[column]:+,.10g}"
    return number if percent is None or row.get(percent) is None else f"{number} ({row[percent]:+.1f} %)"
