"""The paths of the live path in the OpenAPI document of the port."""

from __future__ import annotations

from typing import Any

_TAG = "Live views and alerts"
_TEXT = {"type": "string"}
_ERROR = {"content": {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "object"}}}}}}
_REFUSALS = {
    "400": {"description": "what cannot be asked, and why", **_ERROR},
    "401": {"description": "a read key is needed", **_ERROR},
    "429": {"description": "too many ask at once; come back after Retry-After seconds", **_ERROR},
    "503": {"description": "the live state cannot be read; come back after Retry-After seconds", **_ERROR},
}


def _parameter(name: str, description: str, schema: dict[str, Any], *, where: str = "query") -> dict[str, Any]:
    return {"name": name, "in": where, "description": description, "schema": schema, "required": where == "path"}


def _limit(default: int, most: int) -> dict[str, Any]:
    return _parameter("limit", "how many at most", {"type": "integer", "minimum": 1, "maximum": most, "default": default})


_NAME = _parameter("name", "the view", {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,62}$"}, where="path")
_LAST_ID = _parameter("Last-Event-ID", "the id of the last event that the client has", {"type": "integer", "minimum": 0}, where="header")
_FORMAT = _parameter("format", "json, or csv with a header line", {"type": "string", "enum": ["json", "csv"], "default": "json"})
_ROWS = [
    _NAME,
    _parameter("since", "windows that end after a date, a time, or a span back from now such as 10m", _TEXT),
    _parameter("until", "windows that begin before it", _TEXT),
    _parameter("latest", "1: the newest window only", {"type": "string", "enum": ["1", "0"], "default": "0"}),
    _parameter("order", "the column whose largest values come first within a window; with a minus before it the smallest", _TEXT),
    {
        **_parameter("where", "column=value that rows must have; several hold together; an empty value is null", {"type": "array", "items": _TEXT}),
        "style": "form",
        "explode": True,
    },
    {
        **_parameter("keys", "conditions on keys under their own names", {"type": "object", "additionalProperties": _TEXT}),
        "style": "form",
        "explode": True,
    },
]
_ALERTS = [
    _parameter("rule", "the rule that raised them", _TEXT),
    _parameter("after", "alerts behind this number, in the order they were raised; left out: the newest first", {"type": "integer", "minimum": 0}),
]


def _get(summary: str, parameters: list[dict[str, Any]], *media: str, missing: str | None = None) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": summary, "content": {one: {} for one in media}}, **_REFUSALS}
    if missing is not None:
        responses["404"] = {"description": missing, **_ERROR}
    return {"get": {"tags": [_TAG], "summary": summary, "parameters": parameters, "responses": responses}}


_NO_VIEW = "there is no such view"
PATHS: dict[str, Any] = {
    "/api/v1/views": _get("Every view with its columns", [], "application/json"),
    "/api/v1/views/{name}": _get(
        "Rows of a view, newest window first", [*_ROWS, _limit(1_000, 10_000), _FORMAT], "application/json", "text/csv", missing=_NO_VIEW
    ),
    "/api/v1/views/{name}/stream": _get(
        "Rows of a view, again whenever they change", [*_ROWS, _limit(100, 1_000), _LAST_ID], "text/event-stream", missing=_NO_VIEW
    ),
    "/api/v1/alerts": _get("Alerts", [*_ALERTS, _limit(100, 10_000), _FORMAT], "application/json", "text/csv"),
    "/api/v1/alerts/stream": _get("Alerts as they are raised", [*_ALERTS, _limit(100, 10_000), _LAST_ID], "text/event-stream"),
    "/api/v1/live": _get("How far the live path came, and how far behind it is", [], "application/json"),
}
