"""Charts: an answer drawn as a Plotly figure, by the declaration of its analysis and nothing else.

`Chart` says the kind and which columns go where.  Options that the kinds understand:

| option | kinds | meaning |
| --- | --- | --- |
| `open` | line | a column of booleans: the stretch up to such a row is dotted, since its number may still grow |
| `split` | line, funnel | a second column that tells traces apart, used when the rows have it |
| `percent` | all | True, or the columns that are shares and are shown as percentages |
| `stacked`, `horizontal` | bar | bars on top of each other; bars to the side |
| `line` | bar | a column drawn as a line on an axis of its own |
| `labels` | bar | a column whose text stands beside the bars |
| `top` | heatmap, sankey | how many names (heatmap) or links (sankey) are drawn, largest first |
| `separator` | sankey | x spells out whole paths, with this text between their steps |
| `steps` | sankey | how many steps of such paths are drawn |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from footfall.analyses.drawing import bars, funnel, heatmap, lines, sankey, table
from footfall.analyses.drawing.look import COLORS, GRID, INK, MUTED
from footfall.analyses.spec.contract import Chart

if TYPE_CHECKING:
    from footfall.analyses.spec.answer import Answer

Draw = Callable[[Chart, list[dict[str, Any]]], Any]

FONT = "Inter, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def draw(answer: Answer) -> Any:
    """The figure of an answer; one that says so when there is nothing to draw."""
    kinds: dict[str, Draw] = {"line": lines, "bar": bars, "funnel": funnel, "heatmap": heatmap, "sankey": sankey, "table": table}
    rows = answer.rows
    chart = type(answer.analysis).chart
    if chart is None or (rows and chart.x not in rows[0]):
        chart = Chart(kind="table", y=chart.y if chart is not None and chart.kind == "table" else ())
    if rows:
        figure = kinds[chart.kind](chart, rows)
    else:
        figure = go.Figure()
        figure.add_annotation(text="no rows to draw", showarrow=False, font={"size": 16, "color": MUTED})
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
    return _dressed(figure, answer, chart)


def _dressed(figure: Any, answer: Answer, chart: Chart) -> Any:
    """The house's look: white ground, quiet grid, the question as title with its parameters under it."""
    kind = type(answer.analysis)
    title = f"<b>{_title(answer)}</b><br><span style='font-size:13px;color:{MUTED}'>{_escaped(_subtitle(answer, kind.summary))}</span>"
    figure.update_layout(
        template="plotly_white",
        colorway=COLORS,
        font={"family": FONT, "size": 13, "color": INK},
        title={"text": title, "x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 18}},
        margin={"l": 64, "r": 32, "t": figure.layout.margin.t or 92, "b": 48},
        hoverlabel={"font": {"family": FONT, "size": 13}, "bgcolor": "white", "bordercolor": GRID},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "right", "x": 1, "title": {"text": ""}},
        separators=".,",
    )
    figure.update_xaxes(title_font_size=13)
    figure.update_yaxes(title_font_size=13)
    if chart.kind in ("line", "bar"):
        figure.update_xaxes(gridcolor=GRID, linecolor=GRID, zerolinecolor=GRID, automargin=True)
        figure.update_yaxes(gridcolor=GRID, linecolor=GRID, zerolinecolor=GRID, automargin=True)
    return figure


def _title(answer: Answer) -> str:
    return answer.analysis.name[:1].upper() + answer.analysis.name[1:]


def _subtitle(answer: Answer, summary: str) -> str:
    """The parameters that were chosen, else the summary: who looks at a chart wants to know what is in it."""
    chosen = []
    defaults = _defaults(type(answer.analysis))
    for name, value in answer.analysis.parameters().items():
        if value != defaults.get(name) and value not in (None, "", [], ()):
            shown = " · ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
            chosen.append(f"{name} {shown}")
    text = f"{summary}  ({', '.join(chosen)})" if chosen else summary
    return text if len(text) <= 160 else text[:159] + "…"


def _defaults(kind: type) -> dict[str, object]:
    import msgspec

    found: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.default is not msgspec.NODEFAULT:
            found[field.name] = list(field.default) if isinstance(field.default, tuple) else field.default
    return {name: str(value) if type(value).__module__.startswith("footfall") else value for name, value in found.items()}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
