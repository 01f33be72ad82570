"""The stream that the live path is measured on: an hour of listening, seeded, in the order of arrival, kept between runs.

People are skewed and listen to skewed tracks, so that many play a track three times within half an hour; a few bots play one track
forty times within seconds.  Events arrive up to two seconds out of order.  Times are whole milliseconds, which is what SDKs send and what Flink's
event time can hold.  A smaller stream has fewer people in the same hour, not a shorter hour.  `calm` people hardly repeat themselves: then
alerts are rare, as they would be with a rule that somebody wants to read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

import live_rules

HERE = Path(__file__).resolve().parent
FIRST_US = 1_795_996_800_000_000  # 2026-11-30T00:00:00Z
SPAN_MS = 3_600_000
DISORDER_MS = 2_000
TRACKS = 5_000
PERSONS_PER_EVENT = 89_000 / 5_000_000
BURSTS_PER_EVENT = 300 / 5_000_000
BURST_PLAYS = 40
PARTS = 20

NAMES = ("play", "skip", "like", "search", "add_to_playlist", "share", "follow", "page_view")
_SHARES = (0.62, 0.14, 0.06, 0.08, 0.04, 0.02, 0.02, 0.02)


def events(rows: int, seed: int, shape: str = "busy") -> dict[str, np.ndarray]:
    """`person`, `track`, `name` (index into NAMES), `event_us` and `received_us`, each (rows,), in the order of arrival.

    Persons from `persons(rows)` on are bots.
    """
    rng = np.random.default_rng(seed)
    bursts = max(1, round(rows * BURSTS_PER_EVENT))
    calm = rows - bursts * BURST_PLAYS
    person = _skewed(rng, calm, persons(rows), 120.0, 0.8)
    track = _skewed(rng, calm, TRACKS, 1.5, 1.3) if shape == "busy" else rng.integers(0, TRACKS, calm)
    name = np.searchsorted(np.cumsum(_SHARES), rng.random(calm)).clip(0, len(NAMES) - 1)
    at_ms = rng.integers(0, SPAN_MS, calm)
    burst = np.repeat(np.arange(bursts), BURST_PLAYS)
    begin_ms = rng.integers(0, SPAN_MS - 10_000, bursts)
    found = {
        "person": np.concatenate([person, persons(rows) + burst]),
        "track": np.concatenate([track, rng.integers(0, TRACKS, bursts)[burst]]),
        "name": np.concatenate([name, np.zeros(len(burst), np.int64)]),
        "event_us": FIRST_US + 1_000 * np.concatenate([at_ms, begin_ms[burst] + rng.integers(0, 9_000, len(burst))]),
    }
    received_us = found["event_us"] + 1_000 * rng.integers(0, DISORDER_MS, rows)
    order = np.argsort(received_us, kind="stable")
    return {column: values[order] for column, values in (found | {"received_us": received_us}).items()}


def persons(rows: int) -> int:
    """How many people a stream of `rows` events is about, bots apart."""
    return max(20, round(rows * PERSONS_PER_EVENT))


def _skewed(rng: np.random.Generator, rows: int, kinds: int, flat: float, power: float) -> np.ndarray:
    """Ranks whose weights fall like (rank + flat) ** -power."""
    weight = np.cumsum((np.arange(kinds) + flat) ** -power)
    return np.searchsorted(weight / weight[-1], rng.random(rows)).clip(0, kinds - 1)


def stream(folder: Path, rows: int, shape: str = "busy") -> dict:
    """Files of a stream and what the rules must find in it; builds them when the cache has none.

    `parquet` are PARTS files in the order of arrival, `csv` two files that both run over the whole hour (every other event each).
    """
    home = folder / f"live-{shape}-{rows}-{_code_digest()}"
    marker = home / "built.json"
    if not marker.exists():
        for old in folder.glob(f"live-{shape}-{rows}-*"):
            shutil.rmtree(old)
        home.mkdir(parents=True)
        marker.write_text(json.dumps(_build(home, rows, shape)))
    return json.loads(marker.read_text())


def _code_digest() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in ("live_data.py", "live_rules.py"))).hexdigest()[:12]


def _build(home: Path, rows: int, shape: str) -> dict:
    found = events(rows, rows, shape)
    whole = table(found, rows)
    parts = []
    (home / "parquet").mkdir()
    for part in range(PARTS):
        begin, end = rows * part // PARTS, rows * (part + 1) // PARTS
        parts.append(str(home / "parquet" / f"part-{part:03}.parquet"))
        pq.write_table(whole.slice(begin, end - begin), parts[-1], compression="zstd")
    plain = whole.set_column(3, "event_us", pa.array(found["event_us"])).drop(["received_time"])
    (home / "csv").mkdir()
    for half in (0, 1):
        here = plain.take(pa.array(np.arange(half, rows, 2)))
        pcsv.write_csv(here, home / "csv" / f"half-{half}.csv", pcsv.WriteOptions(include_header=False, quoting_style="none"))
    expected = live_rules.expected(found, play=NAMES.index("play"))
    return {"rows": rows, "persons": len(np.unique(found["person"])), "parquet": parts, "csv": str(home / "csv"), "expected": expected}


def table(found: dict[str, np.ndarray], rows: int) -> pa.Table:
    """The decoded columns: user_id, track_id, name, event_time, received_time, position."""
    user = pc.binary_join_element_wise(pa.scalar("u"), pc.cast(pa.array(found["person"]), pa.string()), "")
    track = pc.binary_join_element_wise(pa.scalar("t"), pc.cast(pa.array(found["track"]), pa.string()), "")
    stamps = {f"{kind}_time": pa.array(found[f"{kind}_us"], pa.int64()).cast(pa.timestamp("us", tz="UTC")) for kind in ("event", "received")}
    name = pa.DictionaryArray.from_arrays(pa.array(found["name"].astype(np.int8)), pa.array(NAMES)).cast(pa.string())
    return pa.table({"user_id": user, "track_id": track, "name": name, **stamps, "position": pa.array(np.arange(rows))})


def bodies(columns: pa.Table, per_body: int) -> Iterator[tuple[bytes, int, int]]:
    """(body, events, received_us of its last event): Segment's batches of about 480 bytes an event, in the order of arrival."""
    parts = [columns.column(name).to_pylist() for name in ("user_id", "track_id", "name", "position")]
    texts = np.datetime_as_string(columns.column("event_time").to_numpy().astype("datetime64[ms]")).tolist()
    received = columns.column("received_time").cast(pa.int64()).to_numpy()
    rows = [
        f'{{"type":"track","messageId":"live-{position:012}","event":"{name}","userId":"{user}","timestamp":"{text}Z","context":{_CONTEXT},'
        f'"properties":{{"track_id":"{track}","volume":61,"position_ms":{position % 240_000},"playlist":"Rainy days"}}}}'
        for user, track, name, position, text in zip(*parts, texts, strict=True)
    ]
    for begin in range(0, len(rows), per_body):
        here = rows[begin : begin + per_body]
        yield f'{{"batch":[{",".join(here)}]}}'.encode(), len(here), int(received[begin + len(here) - 1])


_CONTEXT = json.dumps({
    "library": {"name": "analytics.js", "version": "4.1.2"}, "page": {"url": "https://listen.example/album/4711", "path": "/album/4711"},
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36", "locale": "en-GB",
}, separators=(",", ":"))  # fmt: skip
