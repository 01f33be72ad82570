"""Bodies nobody should send, by the thousand, to a real server: never a 5xx, never a hang, memory flat, and everything counted.

FOOTFALL_TEST_FUZZ sets the number of requests (6,000 when left out; 50,000 and more before a release).
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import urllib.parse

import psutil
import pytest

from footfall import clock
from footfall.collect.routing import every_protocol
from footfall.eventlog.opening import open_log
from up_support import Up, wait_until

REQUESTS = int(os.environ.get("FOOTFALL_TEST_FUZZ", "6000"))
pytestmark = pytest.mark.slow

NASTY = [
    b"", b"null", b"[]", b"{}", b"0", b"-", b"true", b'"', b"\x00", b"\xff\xfe", b"NaN", b'{"a":NaN}', b"1e999", b"[" * 10_000, b'{"a":' * 10_000, b"[" * 10_000 + b"]" * 10_000,
    b'{"a":1180591620717411303424}', b'{"a":1,"a":2}', b'{"batch":[{"messageId":"\\ud800","event":"x","userId":"\\udfff"}]}', b'{"event":"\xed\xa0\x80"}',
    b'{"batch":null}', b'{"batch":{}}', b'{"batch":[null,1,"x",[],{}]}', b'{"batch":[[[[]]]]}', gzip.compress(b"[]"), gzip.compress(bytes(1 << 20)), b"\x1f\x8b\x08\x00", b"data=", b"data=%ff",
    b"data=" + base64.b64encode(b"[{}]"), b"e=pv&p=web", b"\n\n\n", b"{}\n{}\n", b'{"a":"' + b"x" * 100_000 + b'"}',
]  # fmt: skip
WORDS = [
    "batch", "event", "events", "name", "type", "track", "identify", "userId", "user_id", "distinct_id", "anonymousId", "messageId", "properties", "context", "timestamp", "sentAt", "sent_at", "api_key",
    "token", "uuid", "payload", "website", "url", "data", "schema", "e", "pv", "eid", "time", "$insert_id", "insert_id", "device_id", "requests", "domain", "app_key", "client_id", "traits", "$set", "page", "n", "u", "d",
]  # fmt: skip
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**70,
    1e308,
    1.5,
    "",
    "x",
    "\u0000",
    "\U0001f600",
    "a" * 5_000,
    [],
    {},
    [[]],
    {"": ""},
    "2026-01-01T00:00:00Z",
    "not a time",
    1_700_000_000,
    "9" * 400,
    -(2**63),
    ["a", {"b": None}],
]
PACKINGS = [None, None, None, "gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x", "\x7f"]
TYPES = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/x-ndjson",
    "application/x-protobuf",
    "multipart/form-data; boundary=x",
    "",
]


def value(chance, depth=0):
    kind = chance.random()
    if depth > 5 or kind < 0.5:
        return chance.choice(VALUES)
    if kind < 0.7:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(WORDS): value(chance, depth + 1) for _ in range(chance.randrange(6))}


def body_of(chance):
    kind = chance.random()
    if kind < 0.25:
        return chance.choice(NASTY)
    if kind < 0.3:
        return chance.randbytes(chance.randrange(3_000))
    text = json.dumps(value(chance) if kind < 0.5 else {word: value(chance, 1) for word in chance.sample(WORDS, 8)}).encode()
    if kind > 0.85:
        place = chance.randrange(len(text) + 1)
        text = text[:place] + chance.randbytes(chance.randrange(4)) + text[place + chance.randrange(3) :]
    if kind > 0.95:
        text = b"data=" + urllib.parse.quote_from_bytes(base64.b64encode(text)).encode()
    return gzip.compress(text) if chance.random() < 0.1 else text


def test_no_body_makes_the_server_fail_hang_or_grow(tmp_path):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    routes = [(method, route.path.replace("*", "x")) for protocol in every_protocol() for route in protocol.routes for method in route.methods]
    routes += [("GET", "/"), ("GET", "/metrics"), ("POST", "/nowhere"), ("PUT", "/v1/batch"), ("OPTIONS", "/v1/batch"), ("GET", "/openapi.json")]
    routes += [
        ("GET", path) for path in ("/api/v1/views", "/api/v1/views/x", "/api/v1/views/x/stream", "/api/v1/alerts", "/api/v1/live", "/api/v1/views//")
    ]
    statuses: dict[int, int] = {}
    with Up(tmp_path / "shop", only="door") as up:
        process = psutil.Process(up.process.pid)
        connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)
        grown = 0
        for number in range(REQUESTS):
            if number == REQUESTS // 3:
                grown = process.memory_info().rss
            method, path = chance.choice(routes)
            query = urllib.parse.urlencode({chance.choice(WORDS): str(value(chance, 9)) for _ in range(chance.randrange(3))})
            headers = {"Content-Type": chance.choice(TYPES), "User-Agent": chance.choice(["Mozilla/5.0", "python", ""])}
            packing = chance.choice(PACKINGS)
            if packing is not None:
                headers["Content-Encoding"] = packing
            try:
                connection.request(method, f"{path}?{query}", body_of(chance), headers)
                answer = connection.getresponse()
                answer.read()
            except (http.client.HTTPException, OSError):
                # The server may close after an answer it gave before the body had arrived.
                connection.close()
                connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)
                continue
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            assert answer.status < 500, f"state {seed}, request {number}: {method} {path}?{query} -> {answer.status}"
        connection.close()
        assert sum(statuses.values()) > 0.97 * REQUESTS, statuses
        assert statuses.get(200, 0) > REQUESTS // 20, f"something must get through: {statuses}"
        assert process.memory_info().rss - grown < 64 << 20, "memory grows with requests"
        assert up.ask("/healthz")[0] == 200
        project = up.project()
    log = open_log(project.config.log, up.folder, read_only=True)
    totals = log.totals()
    log.close()
    assert totals.received == totals.accepted + totals.duplicate + totals.dead_lettered > 0


def test_slow_and_huge_clients_hold_nothing_up(tmp_path):
    with Up(tmp_path / "shop", only="door", environment={"FOOTFALL_COLLECT__BODY_SECONDS_MAX": "2"}) as up:
        slow = []
        for head in (b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-", b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", b"", b"P"):
            for _ in range(50):
                client = socket.create_connection(("127.0.0.1", up.port))
                client.sendall(head)
                slow.append(client)
        begin_s = clock.monotonic_s()
        assert up.ask("/v1/track", b'{"event":"x","userId":"u"}')[0] == 200
        assert clock.monotonic_s() - begin_s < 5
        for client in slow:
            client.settimeout(30)
            try:
                while client.recv(1000):
                    pass
            except ConnectionResetError:
                pass
            client.close()
        process = psutil.Process(up.process.pid)
        before = process.memory_info().rss
        for _ in range(3):
            client = socket.create_connection(("127.0.0.1", up.port))
            client.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(100):
                    client.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass
            client.close()
        wait_until(lambda: process.memory_info().rss - before < 64 << 20, 20)
        client = socket.create_connection(("127.0.0.1", up.port))
        try:
            client.sendall(b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(200)) + b"\r\n")
            answer = client.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        client.close()
        assert not answer.startswith(b"HTTP/1.1 200")
        assert up.ask("/healthz")[0] == 200


def test_its_own_openapi_document_holds(tmp_path):
    """schemathesis makes requests from the document and checks that no answer is a server error; it would wait for the end of a stream for ever."""
    with Up(tmp_path / "shop", only="door") as up:
        examples = max(5, REQUESTS // 1_000)
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{up.port}/openapi.json", "--checks", "not_a_server_error", "--max-examples", str(examples),
            "--phases", "fuzzing", "--request-timeout", "20", "--generation-database", "none", "--exclude-path-regex", "/stream$",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
        assert up.ask("/healthz")[0] == 200
