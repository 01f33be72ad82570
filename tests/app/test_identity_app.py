"""Identities of a project: reports follow the ledger, as known now or then, by hand and back, in Python and on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

import footfall as ff
from footfall.app.front.identity import about, merge, undo
from footfall.cli.main import main
from footfall.errors import InvalidQuery
from footfall.event.schema import IDENTITY_SCHEMA
from footfall.lake.contract import CommitId
from tests_support import event_table

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STEPS = ["view", "cart", "buy"]
HOUR = timedelta(hours=1)


def line(position, a, b, kind="identify"):
    return {"position": position, "time": START, "kind": kind, "a": a, "b": b, "event_id": f"e{position}"}


@pytest.fixture
def shop(tmp_path):
    """A phone that views (0), Ann who puts into the cart as herself (1, identified then) and buys (2); Bob (3); hours between receipts."""
    project = ff.init(tmp_path / "shop")
    steps = [("phone", "view"), ("ann", "cart"), ("ann", "buy"), ("bob", "view"), ("bobby", "cart")]
    events = [
        {"person_id": who, "name": name, "event_time": START + number * HOUR, "received_time": START + number * HOUR}
        for number, (who, name) in enumerate(steps)
    ]
    table = event_table(events)
    project.lake.commit([project.lake.stage(table)], CommitId("test", 1), table.schema)
    project.lake.add_edges(pa.Table.from_pylist([line(1, "phone", "ann")], IDENTITY_SCHEMA), CommitId("test", 1))
    return project


def people(project):
    return [row["people"] for row in project.funnel(STEPS, window="7d").rows]


def test_reports_follow_the_ledger_now_and_then(shop):
    assert people(shop) == [2, 1, 1]
    assert people(ff.open(shop.path, identity_as_of=0)) == [2, 0, 0]
    assert people(ff.open(shop.path, identity_as_of="1")) == [2, 1, 1]
    assert people(ff.open(shop.path, identity_as_of="2026-03-02T08:59:59")) == [2, 0, 0]
    assert people(ff.open(shop.path, identity_as_of="2026-03-02T09:00")) == [2, 1, 1]
    assert shop.sql("SELECT a, b, outcome FROM identity").to_pylist() == [{"a": "phone", "b": "ann", "outcome": "joined"}]


def test_a_merge_by_hand_counts_at_once_and_an_undo_brings_the_report_back(shop):
    before = people(shop)
    joined = merge(shop, "bobby", "bob")
    assert joined["position"] == 5
    assert people(shop) == [2, 2, 1]
    assert about(shop, "bobby")["ids"] == ["bob", "bobby"]
    assert undo(shop, 5)["position"] == 6
    assert people(shop) == before
    assert people(ff.open(shop.path, identity_as_of=5)) == [2, 2, 1]
    assert undo(shop, 6)["position"] == 7
    assert people(shop) == [2, 2, 1]
    moment = (joined["time"] + timedelta(microseconds=1)).isoformat()
    assert people(ff.open(shop.path, identity_as_of=moment)) == [2, 2, 1]
    assert people(ff.open(shop.path, identity_as_of=(joined["time"] - timedelta(seconds=1)).isoformat())) == before


def test_a_line_of_an_event_at_the_position_of_a_line_by_hand_needs_its_ids(shop):
    merge(shop, "bobby", "bob")
    shop.lake.add_edges(pa.Table.from_pylist([line(5, "tablet", "bob")], IDENTITY_SCHEMA), CommitId("test", 2))
    with pytest.raises(InvalidQuery, match="several lines at position 5") as caught:
        undo(shop, 5)
    assert caught.value.hint == "add its ids: bobby bob or tablet bob"
    undo(shop, 5, ("bobby", "bob"))
    assert about(shop, "tablet")["ids"] == ["bob", "tablet"]
    with pytest.raises(InvalidQuery, match="taken back already"):
        undo(shop, 5, ("bobby", "bob"))


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("null", "ann", "never joins"),
        ("ann", " Guest ", "never joins"),
        ("ann", "nobody", "no event and no line of the ledger has the id 'nobody'"),
        ("ann", "ann", "'ann' is one person already"),
        ("phone", "ann", "cannot be joined: they are one person already"),
    ],
)
def test_a_merge_that_cannot_be_is_refused_and_writes_nothing(shop, a, b, words):
    with pytest.raises(InvalidQuery, match=words):
        merge(shop, a, b)
    assert len(shop.lake.edges()) == 1


def test_a_line_that_is_not_there_cannot_be_taken_back(shop):
    for position, pair in ((7, None), (1, ("x", "y"))):
        with pytest.raises(InvalidQuery, match="no such line"):
            undo(shop, position, pair)


def test_a_moment_that_is_none_is_named(shop):
    with pytest.raises(InvalidQuery, match="neither a position of the ledger nor a date or time") as caught:
        people(ff.open(shop.path, identity_as_of="yesterday"))
    assert caught.value.field == "identity_as_of"


def test_a_project_without_a_ledger_has_nobody_to_resolve(tmp_path):
    project = ff.init(tmp_path / "new")
    assert len(project.identity()) == 0
    assert project.sql("SELECT count(*) AS n FROM identity").to_pylist() == [{"n": 0}]
    assert len(ff.open(project.path, identity_as_of="2026-03-02").identity()) == 0


def told(capsys, *words):
    status = main([*map(str, words)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_command_line_lists_shows_merges_and_undoes(shop, capsys):
    here = ("-C", shop.path)
    status, out, err = told(capsys, *here, "identity", "list")
    assert (status, "phone" in out, "1 of 1 lines; 1 ids stand for somebody else" in err) == (0, True, True)
    assert told(capsys, *here, "identity", "merge", "bobby", "bob")[::2] == (
        0, "bobby is bob from position 5 on; footfall identity undo 5 takes it back\n",
    )  # fmt: skip
    status, out, _ = told(capsys, *here, "identity", "show", "bobby")
    assert out.startswith("person: bob\nids: bob, bobby\n")
    shown = json.loads(told(capsys, *here, "identity", "show", "stranger", "--json")[1])
    assert shown == {"person_id": "stranger", "ids": ["stranger"], "lines": [], "conflicts": []}
    assert json.loads(told(capsys, *here, "identity", "undo", 5, "--json")[1])["undoes"] == 5
    rows = json.loads(told(capsys, *here, "identity", "list", "--person", "bob", "--json")[1])["rows"]
    assert [(row["position"], row["outcome"]) for row in rows] == [(6, "undo"), (5, "undone")]
    assert told(capsys, *here, "identity", "list", "--csv", "--limit", 1)[1].splitlines()[1].startswith("6,")
    assert told(capsys, *here, "identity", "undo", 5, "x")[0] == 2
    assert told(capsys, *here, "identity", "list", "--person", "none")[2] == "the identity ledger has no such line\n"


def test_the_whole_command_line_goes_back_to_what_was_known(shop, capsys):
    answer = json.loads(told(capsys, "-C", shop.path, "--identity-as-of", 0, "funnel", *STEPS, "--json")[1])
    assert [row["people"] for row in answer["rows"]] == [2, 0, 0]
