"""Funnels and flows: how many people go from step to step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from footfall.analyses.drawing.look import COLORS, GRID, Row, groups
from footfall.analyses.spec.contract import Chart

TOP_LINKS = 60


def funnel(chart: Chart, rows: list[Row]) -> Any:
    """Bars that narrow: `x` names the steps, `y` counts the people; every label says what was kept and what was lost before it.

    Several funnels stand beside each other as shares of their own first step, so that a small one can be compared with a large one.
    """
    several = groups(chart, rows)
    if len(several) > 1:
        return _compared(chart, several)
    people = [row[chart.y[0]] or 0 for row in rows]
    figure = go.Figure()
    figure.add_funnel(
        y=_steps(chart, rows),
        x=people,
        text=[_kept(people, step) for step in range(len(people))],
        textinfo="text",
        textposition="auto",
        insidetextfont={"color": "white"},
        marker={"color": COLORS[0], "line": {"width": 0}},
        connector={"fillcolor": "#dbeafe", "line": {"width": 0}},
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    figure.update_yaxes(automargin=True, showgrid=False)
    return figure


def _compared(chart: Chart, several: Mapping[str, Sequence[Row]]) -> Any:
    figure = go.Figure()
    for position, (name, group) in enumerate(several.items()):
        people = [row[chart.y[0]] or 0 for row in group]
        figure.add_bar(
            name=name,
            x=_steps(chart, group),
            y=[count / people[0] if people[0] else None for count in people],
            text=[f"{count:,}" for count in people],
            textposition="outside" if len(several) <= 4 else "none",
            cliponaxis=False,
            marker={"color": COLORS[position % len(COLORS)], "line": {"width": 0}},
            hovertemplate="%{y:.1%}, %{text} people",
        )
    figure.update_yaxes(tickformat=".0%", gridcolor=GRID, automargin=True)
    figure.update_layout(barmode="group", bargap=0.25, hovermode="x unified", legend_traceorder="normal")
    return figure


def _steps(chart: Chart, group: Sequence[Row]) -> list[str]:
    """Numbered names, since one event may be several steps."""
    return [f"{step}. {row[chart.x]}" for step, row in enumerate(group, start=1)]


def _kept(people: Sequence[int], step: int) -> str:
    if step == 0 or not people[0]:
        return f"{people[step]:,}"
    lost = "" if not people[step - 1] else f", lost {1 - people[step] / people[step - 1]:.1%}"
    return f"{people[step]:,} ({people[step] / people[0]:.1%} of first{lost})"


def sankey(chart: Chart, rows: list[Row]) -> Any:
    """Flows from `x` to `y`, as wide as `value`: the largest ones; `step` puts one name into several columns."""
    value, top = chart.value or "value", chart.options.get("top")
    step = str(chart.options.get("step", ""))
    kept = sorted((row for row in rows if row[value] and row[chart.y[0]] is not None), key=lambda row: -row[value])
    kept = kept[: top if isinstance(top, int) else TOP_LINKS]
    nodes: dict[tuple[int, str], int] = {}
    links = []
    for row in kept:
        position = row.get(step) or 0
        ends = (position, str(row[chart.x])), (position + 1, str(row[chart.y[0]]))
        links.append((*(nodes.setdefault(end, len(nodes)) for end in ends), row[value]))
    names = list(dict.fromkeys(name for _, name in nodes))
    colors = [COLORS[names.index(name) % len(COLORS)] for _, name in nodes]
    figure = go.Figure()
    figure.add_sankey(
        node={"label": [name for _, name in nodes], "color": colors, "pad": 14, "thickness": 14, "line": {"width": 0}},
        link={
            "source": [link[0] for link in links],
            "target": [link[1] for link in links],
            "value": [link[2] for link in links],
            "color": [_faded(colors[link[0]]) for link in links],
        },
        valueformat=",",
    )
    figure.update_layout(height=max(420, 140 + 22 * min(40, len(nodes))))
    return figure


def _faded(color: str) -> str:
    red, green, blue = (int(color[position : position + 2], 16) for position in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"
