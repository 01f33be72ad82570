"""Real files, imported and asked through the command line as a user would."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from footfall.cli.main import main
from tests_support import DATA


@dataclass(frozen=True)
class Face:
    """One project at the command line.  `ask` prints --json and reads it back; `sql` gives rows."""

    folder: Path
    summary: dict[str, Any]

    def ask(self, *words: str) -> dict[str, Any]:
        return run("-C", str(self.folder), *words, "--json")

    def rows(self, *words: str) -> list[dict[str, Any]]:
        return self.ask(*words)["rows"]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.rows("sql", query)]


def run(*words: str) -> dict[str, Any]:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(list(words))
    assert status == 0, (words, printed(err))
    return json.loads(printed(out))


def printed(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Face]:
    """`imported("folder/file.csv.gz", "--map", "name=event", config="...")`: a new project with that file in it."""

    def build(name: str, *options: str, config: str = "") -> Face:
        if not (DATA / name).exists():
            pytest.skip(f"needs the data file {name} under {DATA}; set FOOTFALL_TEST_DATA to its folder")
        folder = tmp_path_factory.mktemp("project")
        assert main(["init", str(folder)]) == 0
        with (folder / "footfall.toml").open("a") as file:
            file.write(config)
        summary = run("-C", str(folder), "import", str(DATA / name), *options, "--json")
        return Face(folder, summary)

    return build
