"""The views that every project has, unless `live.views` leaves some out."""

from __future__ import annotations

from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.stream.view import View

_DAY = Span("1d")
_MINUTE = {"tumbling": "1m"}
_FAILED = "status>=500"

VIEWS = {
    view.name: view
    for view in (
        View(
            name="active_users",
            title="people active in 5 minutes",
            keys=("source",),
            window={"sliding": "5m", "every": "1m"},
            measures={"people": "distinct(person_id)", "events": "count"},
            keep=_DAY,
        ),
        View(name="events", title="events a minute", keys=("source", "name"), window=_MINUTE, measures={"events": "count"}, keep=_DAY),
        View(
            name="pages",
            title="pages in 5 minutes",
            keys=("page",),
            where=(Filter("page!="),),
            window={"tumbling": "5m"},
            measures={"events": "count", "people": "distinct(person_id)"},
            keep=_DAY,
        ),
        View(
            name="recent_pages",
            title="the last pages of every person",
            keys=("person_id",),
            where=(Filter("page!="),),
            measures={"events": "count", "pages": "recent(page, 5)"},
            keep=_DAY,
        ),
        View(
            name="sessions",
            title="sessions and their paths",
            keys=("person_id",),
            window={"session": "30m"},
            measures={"events": "count", "path": "path(page, 20)", "names": "path(name, 20)"},
            keep=_DAY,
        ),
        View(
            name="requests",
            title="requests and errors of applications a minute",
            stream="logs",
            keys=("source",),
            window=_MINUTE,
            measures={"requests": "count", "errors": f"count({_FAILED})", "error_share": f"share({_FAILED})"},
            keep=_DAY,
        ),
        View(
            name="latency",
            title="how long requests took, by path",
            stream="logs",
            keys=("source", "path"),
            where=(Filter("duration_ms!="),),
            window=_MINUTE,
            measures={"requests": "count", "p50_ms": "p50(duration_ms)", "p95_ms": "p95(duration_ms)", "p99_ms": "p99(duration_ms)"},
            keep=_DAY,
        ),
    )
}
