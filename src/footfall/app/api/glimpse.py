"""What is going on at a glance: for each view the rows that count most now, with how they came to be, and the newest alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.app.api.live_reading import Document, Live
from footfall.app.api.questions import ALERTS_MAX, AlertsAsked, ViewAsked
from footfall.stream.contract import ViewSchema

LOOKED_AT = 2_000  # rows of a view, over all of its windows
WINDOWS = 16  # of a trend


def glimpse(live: Live, views: Sequence[str], *, rows: int, alerts: int, leave_out: Sequence[str] = ()) -> Document:
    """The status, up to `rows` rows of each view and the newest `alerts`.

    Without `views` it is every view that has rows, apart from `leave_out`.

    Raises:
        InvalidQuery: there is no such view.
    """
    names = views or [view["name"] for view in live.views() if view["name"] not in leave_out]
    glimpses = [view_glimpse(live, live.schema(name), rows) for name in names]
    newest = live.alerts_of(AlertsAsked(limit=min(alerts, ALERTS_MAX))) if alerts else []
    return {"status": live.status(), "views": [one for one in glimpses if one["rows"] or views], "alerts": newest}


def view_glimpse(live: Live, view: ViewSchema, most: int) -> Document:
    """The rows of a view that count most, by its first measure that is a number.

    Where windows begin together it is one window: of those that are still open the one that ends first, since it has seen most; when none is open, the
    newest.  Each row has the `trend` of its key over the last windows, oldest first.  Views without keys show their last windows, and
    views whose keys have windows of their own the rows that changed last.
    """
    measure = next((column.name for column in view.measures if column.kind in ("integer", "real")), None)
    shared = view.window.startswith(("tumbling", "sliding"))
    document = live.view(view.name, ViewAsked(limit=LOOKED_AT if shared else most))
    found: list[Document] = document.pop("rows")
    shown: Document = {**document, "keys": [column.name for column in view.keys], "measure": measure, "window_start": None, "window_end": None}
    if not shared or not view.keys or not found:
        return {**shown, "rows": found[:most]}
    windows = list(dict.fromkeys((row["window_start"], row["window_end"]) for row in found))
    clock = document["event_clock"] or ""
    still_open = [window for window in windows if window[1] > clock]
    start, end = min(still_open, key=lambda window: window[1]) if still_open else windows[0]
    there = [row for row in found if row["window_start"] == start]
    if measure is not None:
        there.sort(key=lambda row: -(row[measure] or 0))
    whole = windows if len(found) < LOOKED_AT else windows[:-1]
    trends = _trends(found, [first for first, _ in whole if first <= start][:WINDOWS][::-1], view, measure)
    return {**shown, "window_start": start, "window_end": end, "rows": [{**row, "trend": trends[_key(row, view)]} for row in there[:most]]}


def _trends(found: Sequence[Document], starts: Sequence[str], view: ViewSchema, measure: str | None) -> dict[tuple[Any, ...], list[float]]:
    """By key the measure in each of the windows, 0 where the key was not there."""
    place = {start: number for number, start in enumerate(starts)}
    trends: dict[tuple[Any, ...], list[float]] = {}
    for row in found:
        trend = trends.setdefault(_key(row, view), [0.0] * len(starts))
        if measure is not None and row["window_start"] in place:
            trend[place[row["window_start"]]] = row[measure] or 0.0
    return trends


def _key(row: Document, view: ViewSchema) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in view.keys)
