"""The screen of watch: a glimpse of the live path as text with bars, trends and colours, made to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from footfall import clock
from footfall.cli.table import bar, cell, duration

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

BAR_CELLS = 16
ROWS, ROWS_LEAST = 10, 3
MEASURES = 3
OVERHEAD = 5  # lines of a table beside its rows
HEADER = 2
TRENDS_FROM = 90  # characters of width
LAG_S, BEHIND_S = 5.0, 60.0
_MARKS = "▁▂▃▄▅▆▇█"
SEVERITIES = {"low": "cyan", "medium": "yellow", "high": "bold red", "critical": "bold white on red"}

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the screen is; without `height` everything is shown."""

    width: int
    height: int | None = None

    def fits(self, tables: int) -> tuple[int, int]:
        """Of so many tables, how many there is room for, and how many rows each may have."""
        if self.height is None:
            return tables, ROWS
        room = self.height - HEADER
        shown = max(1, min(tables, room // (ROWS_LEAST + OVERHEAD)))
        return shown, max(ROWS_LEAST, min(ROWS, room // shown - OVERHEAD))


def screen(name: str, shown: Document, size: Size, *, alerts: bool) -> Group:
    """Everything, from top to bottom: the header, views, alerts; and which views there is no room for."""
    from rich.console import Group
    from rich.text import Text

    views = shown["views"]
    tables, rows = size.fits(len(views) + alerts)
    kept = views[: tables - alerts] if tables > alerts else views[:1]
    parts: list[Text | Table] = [*_header(name, shown["status"]), *(_view(view, view["rows"][:rows], size) for view in kept)]
    if not views and not shown["alerts"]:
        parts.append(Text("nothing has been counted yet: start the project with footfall up and send it events", style="dim"))
    elif alerts:
        parts.append(_alerts(shown["alerts"][:rows]))
    if len(kept) < len(views):
        hidden = ", ".join(view["view"] for view in views[len(kept) :])
        parts[0].append(f"   no room for {hidden}", "dim")  # type: ignore[union-attr]
    return Group(*parts)


def _header(name: str, status: Document) -> list[Text]:
    """The project, its clocks and how far behind it is; what somebody should look at is in colour."""
    from rich.text import Text

    first = Text.assemble((name, "bold"), f"  {clock.now():%H:%M:%S} UTC", no_wrap=True, overflow="ellipsis")
    for stream, of in status["streams"].items():
        style = "yellow" if of["behind_s"] > BEHIND_S else "green"
        first.append(f"   {stream} clock {clock_of(of['event_clock'])} ")
        first.append(f"({duration(max(0.0, round(of['behind_s'], 1)))} ago)", style)
    second = Text(f"position {status['position']:,}", no_wrap=True, overflow="ellipsis")
    if status["lag_records"] is not None:
        style = "bold red" if status["lag_s"] > LAG_S else "green"
        second.append(f"   lag {status['lag_records']:,} ", style)
        second.append(f"({duration(round(status['lag_s'], 1))})", style)
    if status["rows_per_s"] is not None:
        second.append(f"   {status['rows_per_s']:,.0f} records/s")
    if status["batch_ms"]:
        second.append(f"   micro-batch {status['batch_ms'].get('p50', 0):,.1f} ms, p99 {status['batch_ms'].get('p99', 0):,.1f} ms")
    late = sum(counts.get("late", 0) for operator, counts in status["counts"].items() if operator.startswith("view:"))
    if late:
        second.append(f"   late {late:,}", "yellow")
    return [first, second]


def _view(view: Document, rows: Sequence[Document], size: Size) -> Table:
    """A view's rows; the bar is of its first measure, the trend of the windows before."""
    from rich.text import Text

    span = f"  {clock_of(view['window_start'])} to {clock_of(view['window_end'])}" if view["window_start"] else ""
    window = view["window"] if view["window"] != "none" else "one row a key"
    title = Text.assemble((view["title"], "bold"), (f"  {view['view']}, {window}{span}", "dim"), no_wrap=True, overflow="ellipsis")
    table = _table(title)
    measure = view["measure"]
    if not rows:
        table.add_column(Text("no rows", style="dim"))
        return table
    times = [name for name in ("window_start", "updated") if name in rows[0] and not view["window_start"]]
    columns = [name for name in rows[0] if name not in ("window_start", "window_end", "updated", "final", "trend")]
    measures = [name for name in columns if name not in view["keys"]][:MEASURES]
    for name in (*times, *view["keys"]):
        table.add_column(name.replace("_", " "), ratio=2 if name in view["keys"] else None, no_wrap=True, overflow="ellipsis")
    for name in measures:
        numbers = all(not isinstance(row[name], list | str) for row in rows)
        table.add_column(
            name.replace("_", " "), justify="right" if numbers else "left", ratio=None if numbers else 3, no_wrap=True, overflow="ellipsis"
        )
    trends = size.width >= TRENDS_FROM and any(len(row.get("trend", ())) > 1 for row in rows)
    if measure is not None:
        table.add_column("", width=BAR_CELLS, no_wrap=True, style="cyan")
    if trends:
        table.add_column("trend", no_wrap=True, style="green")
    largest = max((row[measure] or 0 for row in rows), default=0) if measure is not None else 0
    for row in rows:
        cells = [clock_of(row[name]) for name in times] + [_cell(name, row[name]) for name in (*view["keys"], *measures)]
        cells += [bar(row[measure], largest, BAR_CELLS)] if measure is not None else []
        cells += [sparkline(row["trend"])] if trends else []
        table.add_row(*(Text(one) for one in cells))
    return table


def _alerts(alerts: Sequence[Document]) -> Table:
    from rich.text import Text

    table = _table(Text.assemble(("alerts", "bold"), ("  newest first", "dim")))
    if not alerts:
        table.add_column(Text("none", style="dim"))
        return table
    for name in ("time", "severity", "rule"):
        table.add_column(name, no_wrap=True)
    table.add_column("about", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("value", justify="right", no_wrap=True)
    for alert in alerts:
        about = ", ".join(f"{name} {value}" for name, value in alert["key"].items())
        severity = Text(alert["severity"], style=SEVERITIES.get(alert["severity"], ""))
        texts = [Text(_cell("", text)) for text in (clock_of(alert["time"]), alert["rule"], about, alert["value"])]
        table.add_row(texts[0], severity, *texts[1:])
    return table


def _table(title: Text) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, expand=True)


def _cell(column: str, value: Any) -> str:
    return cell(column, " → ".join(map(str, value)) if isinstance(value, list) else value)


def clock_of(moment: str | None) -> str:
    """The time of day of an ISO time in UTC."""
    return "-" if moment is None else moment[11:19]


def sparkline(values: Sequence[float]) -> str:
    """Values as little bars between 0 and the largest; nothing at all as a blank."""
    largest = max(values, default=0)
    if largest <= 0:
        return " " * len(values)
    return "".join(" " if value <= 0 else _MARKS[min(7, int(value / largest * 8))] for value in values)
