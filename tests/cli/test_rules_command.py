"""The command rules: what is declared, whether it can run, and what it would have done, for people and programs."""

from __future__ import annotations

import csv
import json

import pytest

from footfall.app.live.process import _check
from footfall.cli.main import main
from live_support import declare

DECLARED = """
[dimensions.products]
path = "products.csv"
key = "product_id"
column = "properties.product_id"

[[view]]
name = "top_categories"
keys = ["products.category"]
window = { tumbling = "1h" }

[[rule]]
name = "burst"
kind = "threshold"
key = ["user_id"]
where = ["products.category!=toys"]
window = { tumbling = "10s" }
record_above = 1
alert_above = 3
severity = "high"
actions = ["ops"]

[[rule]]
name = "left"
kind = "absence"
key = ["user_id"]
first = "name=cart"
then = "name=buy"
within = "1m"

[[notify]]
name = "ops"
kind = "file"
"""
ROWS = [("ada", "view", second, 1) for second in range(5)] + [
    ("bob", "cart", 1, 1),
    ("bob", "view", 2, 1),
    ("eve", "view", 3, 2),
    ("eve", "view", 4, 2),
]


@pytest.fixture
def project(tmp_path):
    made = declare(tmp_path / "shop", DECLARED)
    (made.path / "products.csv").write_text("product_id,category\n1,hats\n2,toys\n")
    lines = [f"{user},{name},2026-11-01T00:00:0{second}Z,{product}" for user, name, second, product in ROWS]
    lines.append("zoe,view,2026-11-01T01:00:00Z,1")
    (tmp_path / "visits.csv").write_text("user_id,name,event_time,product_id\n" + "\n".join(lines) + "\n")
    made.import_files(tmp_path / "visits.csv")
    return made


@pytest.fixture
def command(project, capsys):
    def run(*arguments, status=0):
        assert main(["-C", str(project.path), "rules", *arguments]) == status
        printed = capsys.readouterr()
        return printed.out, printed.err

    return run


def test_rules_are_listed(command):
    out, _ = command("list", "--json")
    assert json.loads(out)["rows"] == [
        {"name": "burst", "kind": "threshold", "stream": "events", "key": "user_id", "severity": "high", "actions": "ops", "alerts": 0},
        {"name": "left", "kind": "absence", "stream": "events", "key": "user_id", "severity": "medium", "actions": "", "alerts": 0},
    ]
    out, _ = command("list")
    assert "burst" in out
    assert "absence" in out


def test_what_can_run_is_said(command, project):
    assert command("check") == ("burst\tthreshold\tok\nleft\tabsence\tok\n", "2 rules, 1 view and 1 action can run\n")
    assert json.loads(command("check", "--json")[0]) == {"rules": ["burst", "left"], "views": ["top_categories"], "actions": ["ops"], "ok": True}
    _check(project)  # so footfall up starts


@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        ("products.category!=toys", "products.categry!=toys", "rule 'burst': events have no column 'products.categry'"),
        ('keys = ["products.category"]', 'keys = ["pages.category"]', "view 'top_categories': events have no column 'pages.category'"),
        ('kind = "file"', 'kind = "fil"', "notify 'ops' is of no kind 'fil'"),
        ('actions = ["ops"]', 'actions = ["opps"]', "rule 'burst' sends its alerts to 'opps', which is not declared"),
    ],
)
def test_what_cannot_run_is_said(command, project, was, becomes, sentence):
    file = project.path / "footfall.toml"
    file.write_text(file.read_text().replace(was, becomes))
    out, err = command("check", status=2)
    assert out == ""
    assert err.startswith(f"error: {sentence}\nhint: ")


def test_a_rule_is_tried_on_history(command):
    out, err = command("backtest", "burst")
    assert "burst: 2 recorded windows, 1 alert in 10 records\n" in err
    assert "ada" in out
    rows = list(csv.DictReader(command("backtest", "burst", "--csv")[0].splitlines()))
    assert [(row["user_id"], row["value"], row["level"], row["alert"]) for row in rows] == [
        ("ada", "5", "alert", "true"),
        ("bob", "2", "recorded", "false"),
    ]
    document = json.loads(command("backtest", "burst", "--json")[0])
    assert (document["records"], document["counts"]) == (10, {"taken": 8, "alerts": 1})
    assert [alert["key"] for alert in document["alerts"]] == [{"user_id": "ada"}]


def test_alerts_of_a_rule_without_windows_are_its_rows(command):
    rows = list(csv.DictReader(command("backtest", "left", "--csv")[0].splitlines()))
    assert rows == [{"user_id": "bob", "time": "2026-11-01T00:01:01Z", "value": "", "alert": "true"}]
    out, err = command("backtest", "left", "--since", "2026-11-01T00:02:00")
    assert out == ""
    assert err.startswith("left: 0 rows, 0 alerts in ")
    assert command("backtest", "left", "--since", "2026-11-01T00:02:00", "--csv")[0] == ""


def test_a_rule_that_is_not_there_is_said(command):
    assert command("backtest", "brust", status=2)[1] == "error: there is no rule 'brust'\nhint: did you mean 'burst'?\n"


def test_a_project_without_rules_is_told_where_to_find_them(tmp_path, capsys):
    assert main(["init", str(tmp_path / "bare")]) == 0
    capsys.readouterr()
    assert main(["-C", str(tmp_path / "bare"), "rules", "list"]) == 0
    assert capsys.readouterr().err == "no rules: declare one as [[rule]] in footfall.toml; docs/rules.md has the kinds\n"
