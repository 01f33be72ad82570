"""The logs that the benchmark walks: seeded, zipf-like persons, sessions of Markov steps, 30 days, cached between runs.

One log is kept in two lakes with the same rows: `landed` (files by day in order of time) and `compacted`.  The peers read the
compacted files too.  The cache is keyed by the code that wrote it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
DAYS = 30
FIRST_DAY_US = 1_790_985_600_000_000  # 2026-10-03T00:00:00Z
DAY_US = 86_400_000_000
PERSONS_PER_EVENT = 776_000 / 20_000_000

NAMES = (
    "page_view", "view_item", "search", "add_to_cart", "view_cart", "begin_checkout",
    "add_payment", "purchase", "add_to_wishlist", "login", "share", "support_chat",
)  # fmt: skip
FUNNEL = ("view_item", "add_to_cart", "begin_checkout", "purchase")
_START = (0.62, 0.16, 0.10, 0.0, 0.02, 0.0, 0.0, 0.0, 0.01, 0.08, 0.0, 0.01)
_STEPS = (
    (0.40, 0.34, 0.12, 0.00, 0.03, 0.00, 0.00, 0.00, 0.02, 0.06, 0.02, 0.01),
    (0.22, 0.50, 0.09, 0.12, 0.01, 0.00, 0.00, 0.00, 0.03, 0.01, 0.02, 0.00),
    (0.14, 0.62, 0.22, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.01, 0.00, 0.01),
    (0.12, 0.34, 0.06, 0.05, 0.33, 0.08, 0.00, 0.00, 0.02, 0.00, 0.00, 0.00),
    (0.16, 0.22, 0.04, 0.01, 0.05, 0.48, 0.00, 0.00, 0.02, 0.02, 0.00, 0.00),
    (0.10, 0.06, 0.02, 0.00, 0.08, 0.02, 0.66, 0.00, 0.00, 0.04, 0.00, 0.02),
    (0.06, 0.02, 0.00, 0.00, 0.04, 0.06, 0.04, 0.76, 0.00, 0.00, 0.00, 0.02),
    (0.60, 0.24, 0.08, 0.00, 0.00, 0.00, 0.00, 0.00, 0.01, 0.00, 0.05, 0.02),
    (0.30, 0.52, 0.10, 0.05, 0.00, 0.00, 0.00, 0.00, 0.02, 0.01, 0.00, 0.00),
    (0.52, 0.24, 0.14, 0.00, 0.06, 0.00, 0.00, 0.00, 0.02, 0.00, 0.00, 0.02),
    (0.48, 0.40, 0.10, 0.00, 0.00, 0.00, 0.00, 0.00, 0.02, 0.00, 0.00, 0.00),
    (0.60, 0.22, 0.08, 0.00, 0.02, 0.02, 0.00, 0.00, 0.00, 0.02, 0.00, 0.04),
)
_HOURS = np.array([4, 3, 2, 2, 3, 6, 12, 20, 28, 33, 36, 38, 37, 37, 38, 39, 41, 44, 48, 50, 46, 37, 22, 10], float)


def events(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) person number, time_us, index into NAMES, in order of time."""
    rng = np.random.default_rng(seed)
    persons = max(50, round(rows * PERSONS_PER_EVENT))
    length = np.clip(np.round(np.exp(rng.normal(1.25, 0.95, rows // 4))), 1, 200).astype(np.int64)
    length = length[: np.searchsorted(np.cumsum(length), rows) + 1]
    length[-1] -= length.sum() - rows
    weight = np.cumsum((np.arange(persons) + 30.0) ** -0.62)
    person = np.minimum(np.searchsorted(weight / weight[-1], rng.random(len(length))), persons - 1)
    hours = np.cumsum(_HOURS)
    hour = np.searchsorted(hours / hours[-1], rng.random(len(length)), side="right")
    start_us = rng.integers(0, DAYS, len(length)) * DAY_US + hour * 3_600_000_000 + rng.integers(0, 3_600_000_000, len(length))
    first = np.concatenate([[0], np.cumsum(length)[:-1]])
    gaps_us = np.exp(rng.normal(np.log(28e6), 1.3, rows))
    gaps_us[first] = 0
    run = np.cumsum(np.minimum(gaps_us, 4 * 3.6e9)).astype(np.int64)
    time_us = np.minimum(np.repeat(start_us, length) + run - np.repeat(run[first], length), DAYS * DAY_US - 1 - rng.integers(0, 10**9, rows))
    code = _steps(rng, length, first)
    order = np.argsort(time_us, kind="stable")
    return np.repeat(person, length)[order], time_us[order] + FIRST_DAY_US, code[order]


def _steps(rng: np.random.Generator, length: np.ndarray, first: np.ndarray) -> np.ndarray:
    """A Markov chain a session, all sessions a step at a time."""
    code = np.zeros(int(length.sum()), np.int8)
    chain = np.cumsum(np.array(_STEPS), axis=1)
    now = np.searchsorted(np.cumsum(_START), rng.random(len(length))).clip(0, len(NAMES) - 1)
    alive = np.arange(len(length))
    for step in range(int(length.max())):
        alive = alive[length[alive] > step]
        if step:
            now[alive] = (rng.random(len(alive))[:, None] > chain[now[alive]]).sum(axis=1).clip(0, len(NAMES) - 1)
        code[first[alive] + step] = now[alive]
    return code


def lakes(folder: Path, rows: int) -> dict[str, object]:
    """The landed and the compacted lake of a log of `rows` events; builds them when the cache has none."""
    home = folder / f"log-{rows}-{_code_digest()}"
    marker = home / "built.json"
    if not marker.exists():
        for old in folder.glob(f"log-{rows}-*"):
            shutil.rmtree(old)
        home.mkdir(parents=True)
        marker.write_text(json.dumps(_build(home, rows)))
    return json.loads(marker.read_text())


def _code_digest() -> str:
    sources = [*sorted((ROOT / "src/footfall/lake").glob("*.py")), *sorted((ROOT / "src/footfall/event").glob("*.py")), Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _build(home: Path, rows: int) -> dict[str, object]:
    from footfall import clock
    from footfall.event.schema import event_schema
    from footfall.lake.contract import CommitId
    from footfall.lake.delta import DeltaLake

    schema = event_schema({})
    person, time_us, code = events(rows, seed=rows)
    days = np.searchsorted(time_us, FIRST_DAY_US + np.arange(DAYS + 1) * DAY_US)
    made: dict[str, object] = {"rows": rows, "persons": len(np.unique(person))}
    for kind in ("landed", "compacted"):
        lake = DeltaLake(home / kind, schema)
        whole_days = [slice(a, b) for a, b in itertools.pairwise(days.tolist()) if a < b]
        parts = [lake.stage(_table(schema, day, person, time_us, code)) for day in whole_days]
        lake.commit(parts, CommitId("bench", 1), schema)
        if kind == "compacted":
            began = clock.monotonic_s()
            lake.compact(force=True)
            made["compaction_s"] = clock.monotonic_s() - began
        snapshot = lake.snapshot()
        made[kind] = [part.path for part in snapshot.parts]
        made[f"{kind}_bytes"] = sum(part.size_bytes for part in snapshot.parts)
        made[f"{kind}_root"] = str(home / kind)
    return made


def _table(schema: pa.Schema, where: slice, person: np.ndarray, time_us: np.ndarray, code: np.ndarray) -> pa.Table:
    from footfall.event.person import person_keys

    here = pa.array(person[where])
    ids = pa.compute.binary_join_element_wise(pa.scalar("u"), pa.compute.cast(here, pa.string()), pa.scalar(""))
    position = np.arange(where.start, where.stop)
    columns: dict[str, pa.Array] = {
        "person_key": pa.array(person_keys(ids)),
        "event_time": pa.array(time_us[where], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "position": pa.array(position),
        "name": pa.DictionaryArray.from_arrays(pa.array(code[where]), pa.array(NAMES)).cast(pa.string()),
        "person_id": ids,
        "user_id": ids,
        "event_id": pa.compute.cast(pa.array(position), pa.string()),
        "received_time": pa.array(time_us[where], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
    }
    return pa.table([columns[field.name] if field.name in columns else pa.nulls(len(here), field.type) for field in schema], schema=schema)


def shop_files(folder: Path, rows: int) -> dict[str, str]:
    """One CSV and one NDJSON file of a shop's history without flaws, of `rows` rows or a little more."""
    from footfall.systems.shop import ShopHistory, write_history

    found = {}
    for form in ("csv", "ndjson"):
        whole = folder / f"shop-{rows}.{form}"
        if not whole.exists():
            weeks = write_history(folder / "weeks", ShopHistory(events=round(rows * 1.03), flaws=False), form=form)
            with whole.with_suffix(".part").open("wb") as out:
                for index, week in enumerate(weeks):
                    with week.path.open("rb") as stream:
                        if form == "csv" and index:
                            stream.readline()
                        shutil.copyfileobj(stream, out, 1 << 22)
            shutil.rmtree(folder / "weeks")
            whole.with_suffix(".part").rename(whole)
        found[form] = str(whole)
    return found
