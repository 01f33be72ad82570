"""Fixtures: real data where it is present, and little lakes made from dictionaries."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from footfall.engines.duckdb import DuckDBEngine
from footfall.lake.contract import CommitId
from footfall.lake.delta import DeltaLake
from tests_support import DATA, event_table


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """The path of a shared data file; the test is skipped, with the reason, when the file is not there."""

    def path_of(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"needs the data file {name} under {DATA}; set FOOTFALL_TEST_DATA to its folder")
        return path

    return path_of


@pytest.fixture(scope="session")
def failing_sync(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, str]]:
    """The environment in which syncs fail while a file exists: of files whose path holds the text in it."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler for the library that makes fsync fail")
    library = tmp_path_factory.mktemp("sync") / "failing_sync.so"
    source = Path(__file__).parent / "eventlog" / "failing_sync.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return lambda flag: {**os.environ, "LD_PRELOAD": str(library), "FAIL_SYNC_WHEN": str(flag)}


@pytest.fixture
def lake_of(tmp_path: Path) -> Callable[..., DeltaLake]:
    """Build a lake from dictionaries: `lake_of(events, parts=1, compact=False)`."""
    number = itertools.count()

    def build(events: Sequence[Mapping[str, Any]], *, parts: int = 1, compact: bool = False) -> DeltaLake:
        table = event_table(events)
        lake = DeltaLake(tmp_path / f"lake{next(number)}", table.schema)
        size = -(-len(table) // parts) if len(table) else 0
        for part in range(parts):
            piece = table.slice(part * size, size)
            if len(piece):
                lake.commit([lake.stage(piece)], CommitId(f"test:{part}", 1), table.schema)
        if compact and len(table):
            lake.compact()
        return lake

    return build


@pytest.fixture
def engine_of(lake_of: Callable[..., DeltaLake]) -> Callable[..., DuckDBEngine]:
    """An engine over such a lake: `engine_of(events, time_zone="UTC", now=None, parts=1, compact=False)`."""

    def build(
        events: Sequence[Mapping[str, Any]],
        *,
        time_zone: str = "UTC",
        now: datetime | None = None,
        parts: int = 1,
        compact: bool = False,
        **options: Any,
    ) -> DuckDBEngine:
        lake = lake_of(events, parts=parts, compact=compact)
        now_us = None if now is None else round(now.timestamp() * 1_000_000)
        return DuckDBEngine(lake.snapshot(), time_zone=time_zone, now_us=now_us, **options)

    return build
