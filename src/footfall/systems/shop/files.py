"""Rows as text: each event becomes one line of CSV or NDJSON by joining prepared columns, without a loop over events."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.systems.shop.catalogue import Catalogue, Ints
from footfall.systems.shop.people import People
from footfall.systems.shop.schema import EVENT_TYPES, FILE_COLUMNS
from footfall.systems.shop.visits import DAY_S, Visits

Form = Literal["csv", "ndjson"]

_ROWS_AT_ONCE = 1_000_000
_WITHOUT_SESSION = 1_000  # one session in so many lost its id
_HEX = np.frombuffer(b"".join(b"%02x" % octet for octet in range(256)), np.uint8).reshape(256, 2)
_UUID_PLACES = np.array([place for place in range(36) if place not in (8, 13, 18, 23)])

# What goes wrong in real exports: a cut line, an impossible time, a price in words, nobody.
_BROKEN: dict[Form, tuple[str, ...]] = {
    "csv": (
        "{day} 11:24:0",
        "{day} 25:61:00 UTC,view,1003461,2053013555631882655,electronics.smartphone,,489.07,520088904,4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
        "{day} 13:05:44 UTC,cart,1003461,2053013555631882655,electronics.smartphone,,n/a,520088904,4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
        "{day} 18:40:10 UTC,view,1003461,2053013555631882655,electronics.smartphone,,489.07,,4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
    ),
    "ndjson": (
        '{{"event_time":"{day} 11:24:0',
        '{{"event_time":"{day} 25:61:00 UTC","event_type":"view","product_id":1003461,"price":489.07,"user_id":520088904}}',
        '{{"event_time":"{day} 13:05:44 UTC","event_type":"cart","product_id":1003461,"price":"n/a","user_id":520088904}}',
        '{{"event_time":"{day} 18:40:10 UTC","event_type":"view","product_id":1003461,"price":489.07,"user_id":null}}',
    ),
}


class RowWriter:
    """Turns events into lines.  Everything that repeats (times, products, persons' quotes) is text once."""

    def __init__(self, catalogue: Catalogue, people: People, *, seed: int, form: Form) -> None:
        self.form = form
        self._seed = seed
        self._people = people
        self._clock = pa.array([f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02} UTC" for s in range(DAY_S)], pa.large_string())
        self._kinds = pa.array([f",{name}," if form == "csv" else f'","event_type":"{name}",' for name in EVENT_TYPES], pa.large_string())
        self._products = pa.array([_product_text(catalogue, product, form) for product in range(len(catalogue.product_id))], pa.large_string())

    @property
    def header(self) -> bytes:
        """The first line of a file; NDJSON has none."""
        return (",".join(FILE_COLUMNS) + "\n").encode() if self.form == "csv" else b""

    def lines(self, day: date, visits: Visits) -> memoryview:
        """The events of one day as lines of text, each with its end."""
        session, place = np.unique(visits.session, return_inverse=True)
        sessions = _session_ids(session, self._seed).take(pa.array(place))
        csv = self.form == "csv"
        joined = pc.binary_join_element_wise(
            pa.scalar(f"{day} " if csv else f'{{"event_time":"{day} ', pa.large_string()),
            self._clock.take(pa.array(visits.time_s % DAY_S)),
            self._kinds.take(pa.array(visits.kind)),
            self._products.take(pa.array(visits.product)),
            pc.cast(pa.array(self._people.user_id[visits.person]), pa.large_string()),
            pa.scalar("," if csv else ',"user_session":"', pa.large_string()),
            sessions,
            pa.scalar("\n" if csv else '"}\n', pa.large_string()),
            pa.scalar("", pa.large_string()),
        )
        offsets = np.frombuffer(memoryview(joined.buffers()[1]), np.int64)
        return memoryview(joined.buffers()[2])[int(offsets[joined.offset]) : int(offsets[joined.offset + len(joined)])]

    def broken(self, day: date, count: int) -> bytes:
        """`count` lines that no reader can use, another kind each."""
        kinds: Sequence[str] = _BROKEN[self.form]
        return "".join(kinds[(day.toordinal() * count + i) % len(kinds)].format(day=day) + "\n" for i in range(count)).encode()


class HistoryFile:
    """One file being written under another name; `close` gives it its own."""

    def __init__(self, path: Path, rows: RowWriter, *, gzipped: bool) -> None:
        self.path = path
        self.rows = 0
        self.sent_twice = 0
        self.broken = 0
        self._writer = rows
        self._unfinished = path.with_name(path.name + ".unfinished")
        self._stack = ExitStack()
        stream: IO[bytes] = self._stack.enter_context(self._unfinished.open("wb"))
        self._stream: IO[bytes] | gzip.GzipFile = stream
        if gzipped:
            self._stream = self._stack.enter_context(gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=stream, mtime=0))
        self._stream.write(rows.header)

    def write(self, day: date, visits: Visits, *, broken: int) -> None:
        """One day's events, then its broken lines."""
        for start in range(0, len(visits), _ROWS_AT_ONCE):
            self._stream.write(self._writer.lines(day, visits.take(slice(start, start + _ROWS_AT_ONCE))))
        self._stream.write(self._writer.broken(day, broken))
        self.rows += len(visits) + broken
        self.broken += broken

    def close(self) -> None:
        """The file is whole."""
        self._stack.close()
        self._unfinished.replace(self.path)


def _product_text(catalogue: Catalogue, product: int, form: Form) -> str:
    category = int(catalogue.category[product])
    brand_index = int(catalogue.brand[product])
    brand = catalogue.brands[brand_index] if brand_index >= 0 else ""
    code = catalogue.category_code[category]
    product_id, category_id, price = catalogue.product_id[product], catalogue.category_id[category], f"{catalogue.price[product]:.2f}"
    if form == "csv":
        return f"{product_id},{category_id},{code},{brand},{price},"
    return f'"product_id":{product_id},"category_id":{category_id},"category_code":"{code}","brand":"{brand}","price":{price},"user_id":'


def _session_ids(session: Ints, seed: int) -> Any:
    """(n,) session numbers -> (n,) uuids of version 4, some empty.  A hash, so that a session needs no memory between days."""
    first = _mixed(session.astype(np.uint64) ^ np.uint64(seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF))
    octets = np.column_stack([first, _mixed(first ^ np.uint64(0xD1B54A32D192ED03))]).view(np.uint8).reshape(len(session), 16).copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    text = np.full((len(session), 36), ord("-"), np.uint8)
    text[:, _UUID_PLACES] = _HEX[octets].reshape(len(session), 32)
    offsets = np.arange(len(session) + 1, dtype=np.int64) * 36
    ids = pa.LargeStringArray.from_buffers(len(session), pa.py_buffer(offsets), pa.py_buffer(text))
    lost = pa.array(first % np.uint64(_WITHOUT_SESSION) == 0)
    return pc.if_else(lost, pa.scalar("", pa.large_string()), ids)


def _mixed(value: Any) -> Any:
    """SplitMix64's finisher."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
