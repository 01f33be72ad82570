"""The door's OpenAPI document, made from the routes of the protocols and the native event's own type."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from footfall.collect.routing import Routing
from footfall.collect.wire.contract import Route, WireProtocol
from footfall.event.canonical import Event, LogRecord

_MEDIA = ("application/json", "text/plain", "application/x-www-form-urlencoded", "application/x-ndjson")
_ANSWERS = {
    "2XX": {"description": "everything usable is on disk; what was refused is a dead letter with its reason"},
    "4XX": {"description": "nothing was stored, and why; a body that could not be read is a dead letter"},
    "429": {"description": "come back after Retry-After seconds"},
    "503": {"description": "the log cannot be written; nothing was stored; come back after Retry-After seconds"},
}


def document(routing: Routing, further: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """OpenAPI 3.1 of every path; `further` are paths that the rooms above have."""
    components = {kind.__name__: _struct(kind) for kind in (Event, LogRecord)}
    paths: dict[str, Any] = {}
    for protocol in routing.protocols:
        for route in protocol.routes:
            path = route.path.replace("*", "{rest}")
            entry = paths.setdefault(path, {})
            for method in route.methods:
                entry.setdefault(method.lower(), _operation(protocol, route, method))
    for path, summary in (
        ("/healthz", "Whether events are taken"),
        ("/metrics", "Counters for Prometheus"),
        ("/openapi.json", "This document"),
        ("/tag.js", "The browser tag"),
    ):
        paths[path] = {"get": {"summary": summary, "responses": {"200": {"description": "as it says"}, "default": {"description": "not now"}}}}
    paths |= further or {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "footfall collector",
            "version": version("footfall"),
            "description": "Events in the words of the SDKs that people already use.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(protocol: WireProtocol, route: Route, method: str) -> dict[str, Any]:
    parameters = [{"name": "rest", "in": "path", "required": True, "schema": {"type": "string"}}] if route.path.endswith("*") else []
    operation: dict[str, Any] = {"tags": [protocol.title], "summary": f"{protocol.title}: {method} {route.path}", "parameters": parameters}
    operation["responses"] = dict(_ANSWERS)
    if method == "POST":
        operation["requestBody"] = {"content": {media: {"schema": _schema(protocol)} for media in _MEDIA}}
    return operation


def _schema(protocol: WireProtocol) -> dict[str, Any]:
    if protocol.name == "native":
        return {"anyOf": [{"$ref": "#/components/schemas/Event"}, {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}]}
    return {}


def _struct(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a canonical type.  Raw JSON members are objects; msgspec cannot say so by itself."""
    properties: dict[str, Any] = {}
    required = []
    for field in msgspec.structs.fields(kind):
        properties[field.name] = {"type": "object"} if field.type is msgspec.Raw else msgspec.json.schema(field.type)
        if field.required:
            required.append(field.name)
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
