"""OTLP: JSON and protobuf say the same, answers come in the encoding of the request, values of every type."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from examples_support import post
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from footfall.collect.protocols.otlp import Otlp
from footfall.collect.wire.contract import BadRequest, Outcome, Problem, Refusal
from footfall.event.drop import DropReason

PROTOCOL = Otlp()
AS_JSON, AS_PROTOBUF = {"Content-Type": "application/json"}, {"Content-Type": "application/x-protobuf"}


def request(*records):
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}


def read(*records):
    return PROTOCOL.read(post("/v1/logs", request(*records), headers=AS_JSON))


def test_json_and_protobuf_say_the_same():
    records = [
        {
            "timeUnixNano": "1795341598123456789",
            "severityNumber": number,
            "severityText": text,
            "body": {"stringValue": "a"} if number % 2 else {"arrayValue": {"values": [{"intValue": "7"}, {"boolValue": True}, {}]}},
            "attributes": [
                {"key": "http.method", "value": {"stringValue": "PUT"}} if number % 3 else {"key": "x", "value": {"doubleValue": 0.5}},
                {"key": "deep", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": str(1 << 60)}}]}}},
                {"key": "http.response_content_length", "value": {"intValue": "512"}},
            ],
        }
        for number in range(25)
        for text in ("", "Notice")
    ]
    message = ParseDict(request(*records), ExportLogsServiceRequest()).SerializeToString()
    one, two = read(*records), PROTOCOL.read(post("/v1/logs", message, headers=AS_PROTOBUF))
    assert [one.items[2 * number].kind for number in (0, 1, 18)] == ["log", "access", "error"]
    assert [(line.kind, line.level, line.time, line.message, line.method, line.bytes, json.loads(bytes(line.attributes))) for line in one.items] == [
        (line.kind, line.level, line.time, line.message, line.method, line.bytes, json.loads(bytes(line.attributes))) for line in two.items
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "a"}, "a"),
        ({"intValue": "-7"}, -7),
        ({"intValue": str((1 << 60) + 1)}, (1 << 60) + 1),
        ({"doubleValue": 0.5}, 0.5),
        ({"boolValue": False}, False),
        ({"bytesValue": "AAE="}, "AAE="),
        ({"arrayValue": {"values": [{"intValue": 1}]}}, [1]),
        ({}, None),
    ],
)
def test_values_of_every_type(value, expected):
    (line,) = read({"attributes": [{"key": "a", "value": value}]}).items
    assert json.loads(bytes(line.attributes)) == {"a": expected}


@pytest.mark.parametrize(
    ("severity", "level", "kind"),
    [(0, None, "log"), (1, "trace", "log"), (16, "warn", "log"), (17, "error", "error"), (24, "fatal", "error"), (25, None, "error")],
)
def test_severities(severity, level, kind):
    (line,) = read({"severityNumber": severity}).items
    assert (line.level, line.kind) == (level, kind)


def test_a_value_that_is_nested_too_deeply_takes_no_other_with_it():
    deep = {"stringValue": "end"}
    for _ in range(40):
        deep = {"arrayValue": {"values": [deep]}}
    batch = read({"body": deep}, {"body": {"stringValue": "a"}})
    assert [line.message for line in batch.items] == ["a"]
    assert [(one.place, one.reason) for one in batch.refused] == [(0, DropReason.MALFORMED_EVENT)]


def test_answers_are_in_the_encoding_of_the_request():
    refused = [Refusal(3, DropReason.MALFORMED_EVENT, "what is wrong", "{}")]
    for headers, body in ((AS_JSON, b"{}"), ({}, b"{}"), (AS_PROTOBUF, b""), ({}, b"")):
        asked = post("/v1/logs", body, headers=headers)
        outcome = Outcome(PROTOCOL.read(asked), refused=refused)
        answer = PROTOCOL.answer(asked, outcome)
        if body:
            assert json.loads(answer.body) == {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "what is wrong"}}
        else:
            told = ExportLogsServiceResponse.FromString(answer.body).partial_success
            assert (told.rejected_log_records, told.error_message) == (1, "what is wrong")


@pytest.mark.parametrize("length", [1, 127, 128, 3_000])
def test_a_refusal_is_a_status(length):
    asked = post("/v1/logs", b"\xff", headers=AS_PROTOBUF)
    with pytest.raises(BadRequest):
        PROTOCOL.read(asked)
    answer = PROTOCOL.refuse(asked, Problem(503, "storage", "a" * length, None, 4))
    # The response has one message field of its own at place 1; an unknown text at place 2 must parse beside it.
    ExportLogsServiceResponse.FromString(answer.body)
    assert answer.body.endswith(b"a" * length)
    assert dict(answer.headers)[b"retry-after"] == b"4"


def test_the_door_does_not_load_protobuf():
    program = "import sys, footfall.collect.protocols; print(sorted(name for name in sys.modules if 'protobuf' in name or 'opentelemetry' in name))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
