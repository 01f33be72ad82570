"""The demo: fresh each time, removes only what it made, answers what the data can answer."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from footfall.app.demo import MARKER, run_demo
from footfall.app.project import open_project
from footfall.cli.table import print_rows
from footfall.errors import InvalidConfig, InvalidFile


def demo(folder, **options):
    """Run the demo; the report's path and what was printed."""
    stream = io.StringIO()
    console = Console(file=stream, width=160)
    return run_demo(folder, console=console, print_rows=print_rows, **options), stream.getvalue()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop's demo of a few events, run once."""
    folder = tmp_path_factory.mktemp("work") / "demo" / "shop"
    report, said = demo(folder, events=20_000)
    return folder, report, said


def test_the_shop_goes_from_nothing_to_a_report(shop):
    folder, report, said = shop
    assert report == folder / "report.html"
    assert report.stat().st_size > 1_000_000
    for step in (
        "simulate a shop",
        "import",
        "compact",
        "active",
        "funnel",
        "retention",
        "movers",
        "abandonment",
        "sessions",
        "transitions",
        "write the report",
    ):
        assert f"✓ {step}" in said
    assert "60 dead letters" in said
    assert "From look to purchase" in said
    assert report.as_uri() in said
    assert f"footfall -C {folder} funnel view cart purchase --window 24h" in said


def test_the_numbers_reconcile_with_the_project(shop):
    folder, _, said = shop
    project = open_project(folder)
    steps = project.funnel(["view", "cart", "purchase"], window="7d").rows
    assert [row["people"] for row in steps] == sorted((row["people"] for row in steps), reverse=True)
    assert f"{steps[-1]['people']:,}" in said
    ledger = project.imports()
    assert sum(line.read for line in ledger) == sum(line.stored + line.duplicate + line.dead_lettered for line in ledger)
    assert len(project.dead_letters()) == 60
    assert project.sql("SELECT count(*) AS n FROM events").to_pylist()[0]["n"] == sum(line.stored for line in ledger)


def test_a_second_run_begins_afresh_and_keeps_what_is_not_its_own(tmp_path):
    folder = tmp_path / "shop"
    demo(folder, events=2_000)
    (folder / "notes.txt").write_text("mine")
    demo(folder, events=3_000)
    rows = open_project(folder).sql("SELECT count(*) AS n FROM events").to_pylist()[0]["n"]
    assert 2_250 < rows < 4_500  # about 3,000, and none of the first run
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_folder_that_no_demo_made_is_refused(tmp_path):
    (tmp_path / "footfall.toml").write_text('[project]\nname = "mine"\n')
    with pytest.raises(InvalidConfig, match=r"holds footfall\.toml, which no demo made"):
        demo(tmp_path, events=2_000)
    assert [path.name for path in tmp_path.iterdir()] == ["footfall.toml"]


def test_a_changed_configuration_is_refused(tmp_path):
    folder = tmp_path / "shop"
    demo(folder, events=2_000)
    with (folder / "footfall.toml").open("a") as stream:
        stream.write("# mine\n")
    with pytest.raises(InvalidConfig, match="was changed since the demo made it"):
        demo(folder, events=2_000)
    assert (folder / MARKER).exists()
    assert (folder / "report.html").exists()


def test_a_user_s_file_is_asked_what_it_can_answer(tmp_path):
    rows = ["user,action,at,section"]
    for person in range(30):
        for day in range(1 + person % 12):
            for step, name in enumerate(("open", "read", "like")[: 1 + (person + day) % 3]):
                rows.append(f"u{person},{name},2026-09-{day + 1:02} 10:{step:02}:00,{('news', 'sport', 'arts')[person % 3]}")
    file = tmp_path / "clicks.csv"
    file.write_text("\n".join(rows) + "\n")
    report, said = demo(tmp_path / "demo", file=str(file))
    assert "open → read → like" in said
    assert "Abandonment is left out" in said
    text = report.read_text(encoding="utf-8")
    assert "What people did: clicks.csv" in text
    assert "the steps are the path that most people take" in text
    assert "no event looks like a cart" in text


def test_a_file_without_events_is_refused(tmp_path):
    file = tmp_path / "broken.csv"
    file.write_text("user,action,at\nu1,open,yesterday\nu2,open,soon\n")
    with pytest.raises(InvalidFile):
        demo(tmp_path / "demo", file=str(file))


def test_a_mapping_helps_where_a_guess_cannot(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("customer,at,total\n" + "".join(f"c{n % 9},2026-09-{n % 28 + 1:02} 12:{n % 60:02}:00,{n}\n" for n in range(200)))
    with pytest.raises(InvalidFile, match="does not show what happened"):
        demo(tmp_path / "demo", file=str(file))
    _, said = demo(tmp_path / "demo", file=str(file), mapping={"name": "=order", "user_id": "customer"})
    assert "200 rows read = 200 stored" in said
    assert "Funnel is left out" in said
