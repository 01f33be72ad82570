"""Access logs against a regular expression, line by line, and broken bytes of every kind."""

from __future__ import annotations

import gzip
import io
import random
import re

import pytest

from footfall.connectors.files.access_log import COLUMNS, AccessLogReader
from footfall.connectors.files.contract import Place
from footfall.connectors.files.window import Window

LINE = re.compile(
    r'(?P<ip>\S+) \S+ (?P<user>.*?) \[(?P<time>[^\]]*)\] "(?P<request>(?:\\.|[^"\\])*)" (?P<status>\d+) (?P<bytes>\S+)'
    r'(?: "(?P<referrer>(?:\\.|[^"\\])*)" "(?P<agent>(?:\\.|[^"\\])*)"?)?'
)
COMBINED = '10.0.0.1 - {user} [17/May/2015:10:05:03 +0000] "{request}" 200 {size} "{referrer}" "{agent}"'


def read(text: str | bytes, block_bytes: int = 64, place: Place | None = None) -> list[dict[str, str | None] | str]:
    octets = text.encode() if isinstance(text, str) else text
    reader = AccessLogReader(Window(io.BytesIO(octets), 10, block_bytes), place=place or Place())
    found: list[dict[str, str | None] | str] = []
    while (raw := reader.read()) is not None:
        assert raw.first_row == len(found) + (place.row if place else 0)
        for row in range(len(raw)):
            if raw.rows[row, 3]:
                found.append(raw.fault(row)[1])
                continue
            values = {name: raw.value(column, row, 10_000) if raw.cells[column, row, 2] else None for column, name in enumerate(COLUMNS)}
            found.append(values)
    return found


def expected(line: str) -> dict[str, str | None]:
    match = LINE.fullmatch(line)
    assert match is not None, line
    values: dict[str, str | None] = dict.fromkeys(COLUMNS)
    values |= {name: match[name] for name in ("ip", "user", "time", "status", "bytes", "referrer", "agent")}
    parts = match["request"].split(" ")
    if re.fullmatch(r"[A-Z_-]+", parts[0]) and len(parts) > 1:
        values["method"] = parts[0]
        values["path"] = " ".join(parts[1:-1]) if len(parts) > 2 else parts[1]
        values["protocol"] = parts[-1] if len(parts) > 2 else None
    else:
        values["path"] = match["request"]
    return {name: None if value in ("-", "") else value for name, value in values.items()}


@pytest.mark.parametrize("seed", range(60))
def test_random_lines_equal_a_regular_expression(seed):
    rng = random.Random(seed)
    lines = []
    for _ in range(rng.randrange(1, 30)):
        line = COMBINED.format(
            user=rng.choice(["-", "ann", "ann b c"]),
            request=rng.choice(["GET / HTTP/1.1", "GET /a b c HTTP/1.0", 'POST /x?y=1&z=\\"q\\" HTTP/2', "-", "", "GET /only", "\\x16\\x03", "quit"]),
            size=rng.choice(["-", "0", "1234567"]),
            referrer=rng.choice(["-", "http://a.b/c", 'say \\"hi\\"']),
            agent=rng.choice(["-", "Mozilla/5.0 (X; é)", ""]),
        )
        lines.append(line if rng.random() < 0.8 else line[: line.index(' "', line.index('" 200'))])
    end = rng.choice(["\n", "\r\n"])
    text = end.join(lines) + rng.choice(["", end])
    want = [expected(line) for line in lines]
    assert read(text, rng.choice([16, 64, 4_096])) == want, seed


def test_an_agent_whose_quote_never_closes_is_unknown():
    (row,) = read(COMBINED.format(user="-", request="GET / HTTP/1.1", size=1, referrer="-", agent="Mozilla")[:-1])
    assert (row["agent"], row["path"]) == (None, "/")


def test_lines_wrapped_in_quotes_are_unwrapped():
    line = COMBINED.format(user="-", request="GET / HTTP/1.1", size=1, referrer="-", agent="Mozilla")
    assert read(f'"{line}"\n"{line}"\n') == [expected(line)] * 2


@pytest.mark.parametrize(
    "line",
    ["nonsense", "10.0.0.1 - - [17/May/2015", "10.0.0.1 - - [17/May/2015:10:05:03 +0000] GET / 200 1", '[] "', '1 - - [x] "GET / HTTP/1.1" abc 1'],
)
def test_other_lines_are_refused_with_their_place(line):
    good = COMBINED.format(user="-", request="GET / HTTP/1.1", size=1, referrer="-", agent="x")
    first, fault, last = read(f"{good}\n{line}\n\n{good}")
    assert first == last == expected(good)
    assert re.fullmatch(r"the line is no common or combined log line from byte \d+ on", fault)


@pytest.mark.parametrize("seed", range(200))
def test_broken_bytes_are_rows_or_faults(seed):
    rng = random.Random(seed)
    good = COMBINED.format(user="-", request="GET / HTTP/1.1", size=1, referrer="-", agent="x").encode()
    octets = bytearray(b"\n".join([good] * 5))
    for _ in range(rng.randrange(40)):
        octets[rng.randrange(len(octets))] = rng.choice([34, 91, 93, 32, 10, 13, 0, 255, 92])
    lines = [line for line in bytes(octets).split(b"\n") if line.rstrip(b"\r") or line.strip(b"\r")]
    assert len(read(bytes(octets), rng.choice([16, 4_096]))) == len([line for line in lines if line not in (b"", b"\r")]), seed


def test_every_line_of_a_real_log(real_data):
    octets = gzip.decompress(real_data("elastic_apache_logs/apache_logs.gz").read_bytes())
    rows = read(octets, 1 << 20)
    assert len(rows) == 10_000
    assert rows[8_898]["agent"] is None
    agree = [row == expected(line) for row, line in zip(rows, octets.decode().splitlines(), strict=True)]
    assert agree.count(False) == 1
    assert not agree[8_898]
