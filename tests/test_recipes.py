"""The recipes of docs/extend/, done: what they say is all that it takes."""

from __future__ import annotations

import json
import random
import re
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

import footfall
import footfall.analyses
from footfall.app.project import init_project
from footfall.cli.main import main
from footfall.lake.contract import CommitId
from tests_support import event_table

EXTEND = Path(__file__).resolve().parents[1] / "docs" / "extend"


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (EXTEND / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def recipe(monkeypatch):
    """The spec of the recipe as a module on the menu, and the names of its test."""
    spec_code, test_code = blocks_of("analysis.md")
    module = module_from_spec(spec_from_loader("footfall.analyses.hours", None))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(spec_code, "docs/extend/analysis.md", "exec"), module.__dict__)
    monkeypatch.setattr(footfall.analyses, "Hours", module.Hours, raising=False)
    monkeypatch.setattr(footfall.analyses, "__all__", [*footfall.analyses.__all__, "Hours"])
    names: dict[str, object] = {}
    exec(compile(test_code, "docs/extend/analysis.md", "exec"), names)
    return module.Hours, names["check"]


def some_events(state, count):
    start = datetime(2026, 3, 2, tzinfo=UTC)
    times = [start + timedelta(minutes=state.randrange(4_000)) for _ in range(count)]
    return [{"user_id": state.choice("ab"), "name": "view", "event_time": time} for time in times]


@pytest.mark.parametrize("seed", range(5))
def test_analysis_of_the_recipe_agrees_with_its_twin(recipe, engine_of, seed):
    kind, check = recipe
    events = some_events(random.Random(seed), seed * 10)
    check(engine_of(events), events, kind)


@pytest.mark.usefixtures("recipe")
def test_analysis_of_the_recipe_is_on_every_face(tmp_path, capsys):
    project = init_project(tmp_path / "shop")
    table = event_table(some_events(random.Random(1), 40))
    project.lake.commit([project.lake.stage(table)], CommitId("test", 1), table.schema)
    assert main(["-C", str(project.path), "hours", "--measure", "people", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    answer = footfall.open(project.path).hours(measure="people")
    assert printed["rows"] == answer.rows
    assert printed["definition"] == answer.definition
    assert answer.plot().data
    assert main(["--help"]) == 0
    assert "when in the day things happen" in capsys.readouterr().out
