"""What all charts share: colours, names, number formats, and how rows fall into groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.analyses.spec.contract import Chart

Row = dict[str, Any]

COLORS = ("#2563eb", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#06b6d4", "#ec4899", "#84cc16", "#64748b", "#a16207")
DIRECTIONS = {"up": "#10b981", "down": "#ef4444", "same": "#94a3b8"}
INK, MUTED, GRID = "#0f172a", "#64748b", "#e2e8f0"


def number_format(chart: Chart, column: str | None) -> str:
    """The d3 format of a column: a share as a percentage, any other number in full."""
    return ".1%" if percent_of(chart, column) else ",.10~g"


def percent_of(chart: Chart, column: str | None) -> bool:
    """Whether a column is a share, to be shown as a percentage."""
    chosen = chart.options.get("percent", False)
    return bool(chosen) if isinstance(chosen, bool) else column in (chosen if isinstance(chosen, Sequence) else ())


def words(column: str) -> str:
    """A column's name as an axis title."""
    return column.replace("_", " ")


def distinct(rows: Sequence[Row], column: str) -> list[Any]:
    """The values of a column in the order in which they appear."""
    return list(dict.fromkeys(row[column] for row in rows))


def groups(chart: Chart, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by the text of `color` and `split`, in order of appearance; a column that says the same everywhere is left out."""
    wanted = [column for column in (chart.color, chart.options.get("split")) if isinstance(column, str) and column in rows[0]]
    telling = [column for column in wanted if len(distinct(rows, column)) > 1] or wanted[:1]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(" · ".join("(none)" if row[column] is None else str(row[column]) for column in telling), []).append(row)
    return groups
