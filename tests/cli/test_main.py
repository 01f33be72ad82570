"""The command line: streams, exit statuses, and how mistakes are told."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from footfall.analyses.spec.menu import analyses
from footfall.app.project import init_project
from footfall.cli.main import footfall, main
from footfall.lake.contract import CommitId
from tests_support import event_table

HEAVY = ("pyarrow", "numpy", "numba", "duckdb", "deltalake", "plotly", "pandas", "polars", "sqlglot", "rich")
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    project = init_project(tmp_path_factory.mktemp("cli") / "shop")
    steps = [("ana", "view", 0), ("ana", "cart", 5), ("ana", "purchase", 9), ("ben", "view", 1), ("ben", "cart", 3), ("[bold]cem", "view", 2)]
    events = [{"user_id": who, "name": name, "event_time": START + timedelta(minutes=minute)} for who, name, minute in steps]
    table = event_table(events)
    project.lake.commit([project.lake.stage(table)], CommitId("test", 1), table.schema)
    return str(project.path)


ASKED = {
    "abandonment": [],
    "active": [],
    "funnel": ["view", "cart", "purchase", "--window", "7d"],
    "movers": [],
    "paths": [],
    "profile": [],
    "retention": [],
    "sessions": ["--gap", "30m"],
    "transitions": [],
    "trends": [],
}


def test_every_analysis_is_asked_below():
    assert set(ASKED) == set(analyses())


@pytest.mark.parametrize("name", sorted(ASKED))
def test_every_analysis_prints_json_csv_a_table_and_a_chart(shop, tmp_path, capsys, name):
    assert main(["-C", shop, name, *ASKED[name], "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"definition", "parameters", "engine", "as_of", "rows", "notes", "plan"} <= set(printed)
    assert main(["-C", shop, name, *ASKED[name], "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= (1 if not printed["rows"] else 2)
    chart = tmp_path / "chart.html"
    assert main(["-C", shop, name, *ASKED[name], "--chart", str(chart)]) == 0
    out, err = capsys.readouterr()
    assert out.strip() or not printed["rows"]
    assert printed["definition"].split("\n")[0] in err
    assert "<script" in chart.read_text(encoding="utf-8")


def test_funnel_rows_are_what_scripts_rely_on(shop, capsys):
    main(["-C", shop, "funnel", "view", "cart", "--window", "none", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["step"], row["name"], row["people"]) for row in rows] == [(1, "view", 3), (2, "cart", 2)]


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (["funnel", "view", "cart", "--window", "7x"], "'7x' is not a span of time", "write a number and a unit"),
        (["funnel", "view"], "a funnel needs 2 steps or more", "name the events in order"),
        (["funnel", "view", "crat"], "there is no event named 'crat'", "cart"),
        (["funnel", "view", "cart", "--where", "nothing"], "'nothing' is not a condition", "write column, operator, value"),
        (["funnel", "view", "cart", "--where", "contry=DE"], "events have no column 'contry'", "country"),
        (["funnel", "view", "cart", "--since", "soon"], "'soon' is not a date or time", "write 2026-11-01"),
        (["funnl"], "there is no command 'funnl'", "did you mean funnel?"),
        (["zzz"], "there is no command 'zzz'", "see footfall --help"),
        (["funnel", "--windw", "7d"], "no such option '--windw'", "see footfall funnel --help"),
        (["sql", "DROP TABLE events"], "a query may only read, and this one begins with DROP", "write one SELECT"),
        (["sql"], "missing argument 'QUERY'", "see footfall sql --help"),
        (["expire", "--before", "soon"], "'soon' is not a date or time", "write 2026-11-01"),
        (["erase", "ana"], "erasing cannot be undone, and nobody is here to be asked", "run footfall erase ana --yes"),
        (["init", "."], "is already a footfall project", "edit its footfall.toml"),
    ],
)
def test_a_mistake_gets_one_sentence_a_hint_and_status_2(shop, capsys, arguments, sentence, hint):
    assert main(["-C", shop, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert sentence in first
    assert first.startswith("error: ")
    assert hint in second
    assert second.startswith("hint: ")


def test_a_mistake_with_json_is_an_object_on_stderr(shop, capsys):
    assert main(["-C", shop, "funnel", "view", "--json"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(err)["error"]
    assert (out, error["code"], error["field"]) == ("", "invalid_query", "steps")


def test_a_folder_that_is_no_project(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "sessions"]) == 2
    assert "is not a footfall project" in capsys.readouterr().err


def test_an_empty_lake_answers_with_words(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "init", "."]) == 0
    assert main(["-C", str(tmp_path), "active"]) == 0
    assert "The lake is empty" in capsys.readouterr().err


def test_the_world_in_the_way_is_status_1(shop, capsys):
    assert main(["-C", shop, "sessions", "--chart", "/no/such/folder/x.html"]) == 1
    assert "the chart cannot be written" in capsys.readouterr().err


def test_data_is_never_markup(shop, capsys):
    assert main(["-C", shop, "sql", "SELECT DISTINCT user_id FROM events WHERE user_id LIKE '[%'"]) == 0
    assert "[bold]cem" in capsys.readouterr().out


def test_control_characters_do_not_reach_the_terminal(shop, capsys):
    assert main(["-C", shop, "sql", "SELECT chr(27) || '[2Jgone' AS text"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_sql_reads_stdin_and_prints_three_forms(shop, capsys, monkeypatch):
    query = "SELECT name, count(*) AS n FROM events GROUP BY name ORDER BY name"
    assert main(["-C", shop, "sql", query, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0] == {"name": "cart", "n": 2}
    assert main(["-C", shop, "sql", query, "--csv"]) == 0
    assert capsys.readouterr().out.splitlines() == ['"name","n"', '"cart",2', '"purchase",1', '"view",3']
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["-C", shop, "sql", "-"]) == 2
    assert "the query is empty" in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]], ids=["table", "json", "csv"])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1.5 AS d, uuid() AS u, interval 1 day AS i, {'a': 1} AS st, [1, 2] AS l, now() AS n, time '10:00' AS t, map {'a': 1} AS m, NULL AS z",
        "DESCRIBE events",
        "SUMMARIZE events",
        "SHOW TABLES",
        "EXPLAIN SELECT count(*) FROM events",
        "EXPLAIN ANALYZE SELECT count(*) FROM events",
        "PIVOT events ON name USING count(*)",
        "SELECT 'nan'::DOUBLE AS x, DATE '2026-01-01' AS y, 'x'::BLOB AS b",
        "SELECT name FROM events WHERE FALSE",
    ],
)
def test_sql_of_every_kind_in_every_form(shop, capsys, query, form):
    assert main(["-C", shop, "sql", query, *form]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    if form == ["--json"]:
        assert isinstance(json.loads(out)["rows"], list)


def test_config_show_says_where_values_come_from(shop, capsys, monkeypatch):
    monkeypatch.setenv("FOOTFALL_ENGINE__THREADS", "2")
    assert main(["-C", shop, "config", "show", "--json"]) == 0
    shown = {item["key"]: item for item in json.loads(capsys.readouterr().out)}
    assert (shown["engine.threads"]["value"], shown["engine.threads"]["source"]) == (2, "FOOTFALL_ENGINE__THREADS")
    assert main(["-C", shop, "config", "show"]) == 0
    assert "FOOTFALL_ENGINE__THREADS" in capsys.readouterr().out


def test_doctor_fails_when_rows_do_not_add_up(shop, capsys):
    assert main(["-C", shop, "doctor", "--json"]) == 1
    checks = {check["name"]: check["state"] for check in json.loads(capsys.readouterr().out)}
    assert (checks["files"], checks["events"]) == ("ok", "problem")


def test_help_has_every_command_and_the_exit_statuses(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in [*analyses(), "import", "sql", "erase", "doctor", "config"])
    assert "exit status is 0" in shown
    assert main([]) == 2


@pytest.mark.parametrize("name", sorted(ASKED))
def test_help_of_an_analysis_is_its_definition_and_its_parameters(capsys, name):
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--where", "--since", "--until", "--json", "--csv", "--chart"):
        assert option in shown
    options = [parameter for parameter in footfall.get_command(None, name).params if parameter.param_type_name == "option"]
    assert [parameter.name for parameter in options if not parameter.help] == []


def test_version(capsys):
    assert main(["version"]) == 0
    plain = capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == plain


def test_start_up_loads_nothing_heavy():
    program = f"import sys, footfall.cli.main as c; c.main(['--help']); print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_import_footfall_loads_nothing_heavy():
    program = f"import sys, footfall; print(sorted(footfall.__all__)); print([m for m in (*{HEAVY!r}, 'msgspec') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"


def test_a_reader_that_goes_away_is_no_error(shop):
    command = [sys.executable, "-m", "footfall", "-C", shop, "sql", "SELECT * FROM range(300000)", "--csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 141
