"""One HTML file with every answer: charts, tables, definitions, parameters and timings.

It works offline and asks nobody for anything: plotly.js, styles and numbers are inside, a Content-Security-Policy forbids every
request, and scripts run only when their hash is the one written into the page.  Text from the data is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footfall.app.questions import LeftOut, Question
from footfall.errors import StorageFailed

if TYPE_CHECKING:
    from footfall.analyses.spec.answer import Answer

ROWS_SHOWN = 60
ROWS_OPEN = 8
_SHARES = ("rate", "conversion", "stickiness", "probability", "share")
_DRAW = """
for (const place of document.querySelectorAll("[data-figure]")) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  if (window.innerWidth < 640) {
    figure.layout.font.size = 11;
    figure.layout.margin = {...figure.layout.margin, l: 8, r: 8};
    for (const trace of figure.data) {
      if (trace.type === "heatmap") { trace.showscale = false; if (trace.x.length > 8) delete trace.texttemplate; }
      if (trace.type === "bar" && trace.orientation === "h") trace.textposition = "none";
      if (trace.type === "funnel") trace.text = trace.text.map(text => text.replace(/ of first.*/, ")"));
    }
  }
  Plotly.newPlot(place, figure.data, figure.layout, {responsive: true, displayModeBar: false});
}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer and how long it took."""

    question: Question
    answer: Answer
    seconds: float


@dataclass(frozen=True, slots=True)
class Tile:
    """One key number: what it is, its value as text, and a word beside it."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page, in the order of the page."""

    title: str
    lead: str
    tiles: Sequence[Tile]
    asked: Sequence[Asked]
    left_out: Sequence[LeftOut] = ()
    steps: Sequence[tuple[str, float, str]] = ()  # name, seconds, remark
    commands: Sequence[str] = field(default=())


def write_report(path: Path, report: Report) -> Path:
    """Write the page; it appears under its name when it is whole.

    Raises:
        StorageFailed: the file cannot be written.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.write_text(page(report), encoding="utf-8")
        unfinished.replace(path)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        raise StorageFailed(
            f"{path} cannot be written: {problem.strerror}", got=str(path), hint="check the folder's space and permissions"
        ) from problem
    return path


def page(report: Report) -> str:
    """The page as text.  Cost: about 5 MB, nearly all of it plotly.js."""
    from plotly.offline import get_plotlyjs

    library = get_plotlyjs().replace("\r\n", "\n")  # browsers hash what they parsed
    style = files("footfall.app").joinpath("report.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash_of(library)} {_hash_of(_DRAW)}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    sections = [_section(index, asked) for index, asked in enumerate(report.asked)]
    links = "".join(f'<a href="#q{index}">{_text(asked.question.title)}</a>' for index, asked in enumerate(report.asked))
    return "\n".join((
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(report.title)}</title><style>{style}</style></head><body>",
        f'<header><div class="brand">footfall</div><h1>{_text(report.title)}</h1><p class="lead">{_text(report.lead)}</p>{_tiles(report.tiles)}',
        f"<nav>{links}</nav></header><main>",
        *sections,
        _left_out(report.left_out),
        _steps(report.steps),
        f"</main><footer>{_commands(report.commands)}</footer>",
        "<noscript><p>The charts need JavaScript; the tables do not.</p></noscript>",
        f"<script>{library}</script><script>{_DRAW}</script></body></html>",
        "",
    ))  # fmt: skip


def _section(index: int, asked: Asked) -> str:
    answer, kind = asked.answer, type(asked.answer.analysis)
    rows = answer.rows
    body = _tiles([Tile(_words(name), text_of(name, value)) for name, value in rows[0].items()]) if len(rows) == 1 else _chart(index, answer)
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in (asked.question.why, *answer.notes) if note)
    meaning = "".join(f"<p>{_text(paragraph)}</p>" for paragraph in answer.definition.split("\n\n"))
    parameters = {name: value for name, value in answer.analysis.parameters().items() if value not in (None, [], (), "")}
    facts = {
        **{_words(name): value for name, value in parameters.items()},
        "as of": "" if answer.as_of is None else answer.as_of.isoformat(sep=" ", timespec="minutes").replace("+00:00", " UTC"),
        "engine": answer.engine,
        "answered in": _seconds(asked.seconds),
    }
    listed = "".join(f"<dt>{_text(name)}</dt><dd>{_text(_plain(value))}</dd>" for name, value in facts.items())
    return (
        f'<section id="q{index}"><h2>{_text(asked.question.title)}</h2><p class="summary">{_text(kind.summary[:1].upper() + kind.summary[1:])}.</p>'
        f"{body}{notes}{_table(rows) if len(rows) != 1 else ''}"
        f'<details><summary>What exactly is counted</summary><div class="inside">{meaning}<dl>{listed}</dl></div></details></section>'
    )


def _chart(index: int, answer: Answer) -> str:
    if not answer.table.num_rows:
        return '<p class="note">There is nothing to show.</p>'
    figure = answer.plot()
    height = figure.layout.height or 380
    margin = {"l": 24, "r": 24, "t": 40, "b": 40}
    figure.update_layout(title=None, margin=margin, autosize=True, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)")
    for trace in figure.data:
        if answer.analysis.name == "active" and trace.name != "dau":
            trace.visible = "legendonly"  # months are ten times as tall as days; a click brings them in
    drawn = figure.to_json().replace("<", "\\u003c")
    return (
        f'<div class="chart" data-figure="f{index}" style="height:{int(height)}px" role="img" aria-label="{_text(answer.analysis.name)} chart"></div>'
        f'<script type="application/json" id="f{index}">{drawn}</script>'
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    numeric = {name for name in columns if any(isinstance(row[name], int | float) and not isinstance(row[name], bool) for row in rows)}
    css = {name: ' class="number"' if name in numeric else "" for name in columns}
    head = "".join(f"<th{css[name]}>{_text(_words(name))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td{css[name]}>{_text(text_of(name, row[name]))}</td>" for name in columns) + "</tr>" for row in rows[:ROWS_SHOWN]
    )
    title = f"The numbers ({len(rows):,} rows)" if len(rows) <= ROWS_SHOWN else f"The numbers (the first {ROWS_SHOWN} of {len(rows):,} rows)"
    return (
        f"<details{' open' if len(rows) <= ROWS_OPEN else ''}><summary>{title}</summary>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def _tiles(tiles: Sequence[Tile]) -> str:
    return (
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{_text(tile.value)}</b><span>{_text(tile.label)}</span></div>' for tile in tiles)
        + "</div>"
    )


def _left_out(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return ""
    listed = "".join(f"<dt>{_text(one.title)}</dt><dd>{_text(one.reason)}</dd>" for one in left_out)
    return f"<section><h2>Left out</h2><p class='summary'>What these events cannot answer.</p><dl>{listed}</dl></section>"


def _steps(steps: Sequence[tuple[str, float, str]]) -> str:
    if not steps:
        return ""
    rows = "".join(
        f"<tr><td>{_text(name)}</td><td class='number'>{_seconds(seconds)}</td><td>{_text(remark)}</td></tr>" for name, seconds, remark in steps
    )
    return (
        "<section><h2>How long it took</h2><p class='summary'>Each step on this machine, one after the other.</p>"
        f"<div class='scroll'><table><thead><tr><th>step</th><th class='number'>time</th><th></th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _commands(commands: Sequence[str]) -> str:
    return "".join(f"<p><code>{_text(command)}</code></p>" for command in commands)


def text_of(column: str, value: object) -> str:
    """A value as a person reads it: shares as percentages, seconds with their unit, thousands apart."""
    text = str(value)
    if value is None:
        text = "-"
    elif isinstance(value, bool):
        text = "yes" if value else ""
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
    elif isinstance(value, float):
        text = _number(column, value)
    elif isinstance(value, int) and not column.endswith("_id"):
        text = f"{value:,}"
    return text


def _number(column: str, value: float) -> str:
    if any(word in column for word in _SHARES):
        return f"{value:.1%}"
    if column.endswith("_percent"):
        return f"{value:+.1f} %"
    if column.endswith("_s"):
        return _seconds(value)
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    if seconds < 3_600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    if seconds < 172_800:
        return f"{seconds // 3_600:.0f} h {seconds % 3_600 // 60:.0f} min"
    return f"{seconds / 86_400:.1f} days"


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return " → ".join(str(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _words(name: str) -> str:
    return name.removesuffix("_s").removesuffix("_percent").replace("_", " ")


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _hash_of(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
