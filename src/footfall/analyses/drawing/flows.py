"""Funnels and flows: how many people go from step to step."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from footfall.analyses.drawing.look import COLORS, GRID, MUTED, Row, groups
from footfall.analyses.spec.breakdown import OTHER
from footfall.analyses.spec.contract import Chart

TOP_LINKS = 60
STEPS_MAX = 6
END = "(end)"

Link = tuple[int, str, str]


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
    """Flows as wide as `value`, the largest ones: from `x` to `y`, or along the paths that `x` spells out step by step."""
    top = chart.options.get("top")
    links = (_along_paths(chart, rows) if "separator" in chart.options else _pairs(chart, rows)).most_common(
        top if isinstance(top, int) else TOP_LINKS
    )
    nodes: dict[tuple[int, str], int] = {}
    ends = [[nodes.setdefault(end, len(nodes)) for end in ((step, source), (step + 1, target))] for (step, source, target), _ in links]
    names = list(dict.fromkeys(name for _, name in nodes))
    colors = [MUTED if name == END else COLORS[names.index(name) % len(COLORS)] for _, name in nodes]
    figure = go.Figure()
    figure.add_sankey(
        node={"label": [name for _, name in nodes], "color": colors, "pad": 14, "thickness": 14, "line": {"width": 0}, "align": "left"},
        link={
            "source": [source for source, _ in ends],
            "target": [target for _, target in ends],
            "value": [weight for _, weight in links],
            "color": [_faded(colors[source]) for source, _ in ends],
        },
        valueformat=",",
    )
    figure.update_layout(height=max(420, 140 + 22 * min(40, len(nodes))))
    return figure


def _pairs(chart: Chart, rows: Sequence[Row]) -> Counter[Link]:
    return Counter({(0, str(row[chart.x]), str(row[chart.y[0]])): row[chart.value or "value"] or 0 for row in rows})


def _along_paths(chart: Chart, rows: Sequence[Row]) -> Counter[Link]:
    """A path that is drawn to its end flows into the end: one of a single step would not be seen otherwise."""
    separator, steps_max = str(chart.options["separator"]), chart.options.get("steps")
    links: Counter[Link] = Counter()
    for row in rows:
        steps = str(row[chart.x]).split(separator)
        if steps == [OTHER]:
            continue
        steps = [*steps, END][: steps_max if isinstance(steps_max, int) else STEPS_MAX]
        for step, (source, target) in enumerate(itertools.pairwise(steps)):
            links[step, source, target] += row[chart.value or "value"] or 0
    return links


def _faded(color: str) -> str:
    red, green, blue = (int(color[position : position + 2], 16) for position in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"
