"""The recipes of docs/extend/, done: what they say is all that it takes."""

from __future__ import annotations

import json
import random
import re
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location, spec_from_loader
from pathlib import Path

import pytest

import footfall
import footfall.analyses
import footfall.rules
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


# --- a kind of rule ------------------------------------------------------------------------------------------------------


@pytest.fixture
def rule_recipe(monkeypatch, tmp_path):
    """The rule of the recipe as a module on the menu, in a file as numba wants it, and the names of its test."""
    monkeypatch.syspath_prepend(EXTEND.parents[1] / "tests" / "rules")
    rule_code, test_code = blocks_of("rule.md")
    file = tmp_path / "arrival.py"
    file.write_text(rule_code, encoding="utf-8")
    spec = spec_from_file_location("footfall.rules.arrival", file)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(footfall.rules, "Arrival", module.Arrival, raising=False)
    monkeypatch.setattr(footfall.rules, "__all__", [*footfall.rules.__all__, "Arrival"])
    names: dict[str, object] = {}
    exec(compile(test_code, "docs/extend/rule.md", "exec"), names)
    import rule_examples

    monkeypatch.setitem(rule_examples.EXAMPLES, "arrival", [names["EXAMPLE"]])
    return names["check"]


def test_rule_of_the_recipe_agrees_with_its_twin_and_passes_the_battery(rule_recipe, tmp_path):
    import rule_battery
    from rule_examples import EXAMPLES, ready

    for seed in range(100):
        rule_recipe(ready({"kind": "arrival"} | EXAMPLES["arrival"][0]), seed)
    assert ("arrival", 0) in rule_battery.every_example()
    for name, battery_check in vars(rule_battery).items():
        if name.startswith("check_") and name != "check_store":
            battery_check("arrival", 0)
    rule_battery.check_store("arrival", 0, tmp_path / "state.db")


@pytest.mark.usefixtures("rule_recipe")
def test_rule_of_the_recipe_is_on_every_face(tmp_path, capsys):
    project = init_project(tmp_path / "shop")
    with (project.path / "footfall.toml").open("a", encoding="utf-8") as file:
        file.write('[[rule]]\nname = "back"\nkind = "arrival"\nkey = ["user_id"]\nwithin = "1d"\n')
    lines = [f"{event['user_id']},{event['name']},{event['event_time'].isoformat()}" for event in some_events(random.Random(1), 40)]
    (tmp_path / "visits.csv").write_text("user_id,name,event_time\n" + "\n".join(lines) + "\n", encoding="utf-8")
    project.import_files(tmp_path / "visits.csv")
    assert main(["-C", str(project.path), "rules", "check"]) == 0
    assert "back\tarrival\tok" in capsys.readouterr().out
    assert main(["-C", str(project.path), "rules", "backtest", "back", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {alert["key"]["user_id"] for alert in printed["alerts"]} == {"a", "b"}
    assert printed["counts"]["taken"] == 40
