"""OTLP's log records: every kind as JSON, the same as protobuf, and one that cannot be read."""

from __future__ import annotations

from typing import Any

from examples_support import Example, post
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from footfall.event.drop import DropReason

_NS = "1795341598123456789"
_TRACE, _SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def _pairs(**values: Any) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [{"key": key.replace("__", "."), "value": {kinds[type(value)]: value}} for key, value in values.items()]


def _request(*records: Any) -> dict[str, Any]:
    resource = {"attributes": _pairs(service__name="shop", host__name="h1")}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "http"}, "logRecords": list(records)}]}]}


_ACCESS = {
    "timeUnixNano": _NS,
    "severityNumber": 9,
    "severityText": "INFO",
    "body": {"stringValue": "served"},
    "attributes": _pairs(
        http__request__method="GET",
        url__path="/cart",
        http__response__status_code=200,
        http__server__request__duration=0.0125,
        client__address="198.51.100.7",
        user_agent__original="curl/8",
        session__id="s1",
        user__id="u1",
        log__record__uid="l1",
        http__route="/cart",
        kept=True,
    ),
    "traceId": _TRACE,
    "spanId": _SPAN,
}


def _protobuf() -> bytes:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    logs.resource.attributes.add(key="service.name").value.string_value = "shop"
    record = logs.scope_logs.add().log_records.add(time_unix_nano=int(_NS), severity_number=17, trace_id=bytes.fromhex(_TRACE))
    record.body.string_value = "no disk"
    record.attributes.add(key="client.address").value.string_value = "198.51.100.7"
    listed = record.attributes.add(key="parts").value.array_value
    listed.values.add(int_value=1)
    listed.values.add().kvlist_value.values.add(key="a").value.bytes_value = b"\x00\x01"
    return request.SerializeToString()


EXAMPLES = [
    Example(
        title="JSON of every kind",
        asked=post(
            "/v1/logs",
            _request(
                _ACCESS,
                {"observedTimeUnixNano": _NS, "severityNumber": 21, "body": {"kvlistValue": {"values": _pairs(code=7)}}},
                {"attributes": _pairs(exception__type="KeyError")},
                {"attributes": _pairs(duration_ms=12)},
                {"severityNumber": 14, "body": {"stringValue": "careful"}},
                {"attributes": "none"},
            ),
            headers={"Content-Type": "application/json", "Authorization": "Bearer key-1"},
        ),
        names=["access", "error", "error", "performance", "log"],
        users=["u1", None, None, None, None],
        ids=["l1", None, None, None, None],
        times=[1_795_341_598_123_456, 1_795_341_598_123_456, None, None, None],
        refused=[(5, DropReason.MALFORMED_EVENT)],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "method": "GET",
                "path": "/cart",
                "status": 200,
                "duration_ms": 12.5,
                "ip": "198.51.100.7",
                "agent": "curl/8",
                "session_id": "s1",
                "level": "info",
                "message": "served",
                "trace_id": _TRACE,
                "attributes": {"kept": True, "span_id": _SPAN, "scope": "http", "resource": {"service.name": "shop", "host.name": "h1"}},
            },
            1: {"level": "fatal", "message": '{"code":7}'},
            3: {"duration_ms": 12.0},
            4: {"level": "warn", "message": "careful"},
        },
        key="key-1",
        status=200,
    ),
    Example(
        title="protobuf",
        asked=post("/v1/logs", _protobuf(), headers={"Content-Type": "application/x-protobuf"}),
        names=["error"],
        users=[None],
        ids=[None],
        times=[1_795_341_598_123_456],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "ip": "198.51.100.7",
                "level": "error",
                "message": "no disk",
                "trace_id": _TRACE,
                "attributes": {"parts": [1, {"a": "AAE="}], "resource": {"service.name": "shop"}},
            }
        },
        key="shop",
        status=200,
        answer=b"",
    ),
    Example(
        title="nothing",
        asked=post("/v1/logs", {"resourceLogs": []}, headers={"Content-Type": "application/json"}),
        names=[],
        users=[],
        ids=[],
        times=[],
        answer={},
    ),
]
