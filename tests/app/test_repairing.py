"""Dead letters: found by filters, mended by expressions that can do no harm, and sent again at most once."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest
from receiving_support import Collector

from footfall.app.front.expression import Expression, Failed
from footfall.app.front.letters import LetterFilter, letter_of, letters_of, summary
from footfall.app.front.repairing import derived_id, repair, replay
from footfall.app.project import init_project
from footfall.cli.main import main
from footfall.errors import InvalidQuery
from footfall.event.dead_letter import DEAD_LETTER_SCHEMA
from footfall.lake.contract import CommitId

RECEIVED = datetime(2026, 11, 20, 8, tzinfo=UTC)
ROWS = [
    {"letter_id": "log-1", "reason": "missing_name", "protocol": "segment", "source": "web", "row": '{"type":"track","userId":7,"evnt":"Buy","price":"9,50"}'},
    {"letter_id": "log-2", "reason": "missing_person", "protocol": "native", "source": "app", "row": '{"name":"view","event_id":"e-2","who":"ana"}'},
    {"letter_id": "log-3", "reason": "malformed_body", "protocol": "native", "source": "app", "row": "[{"},
    {"letter_id": None, "digest": "0123456789abcdef9", "line": 5, "reason": "invalid_time", "file": "a.csv", "row": "ben,view,soon,3"},
    {"letter_id": "log-5", "reason": "malformed_row", "protocol": "native_logs", "source": None, "row": "10:00 boom"},
]  # fmt: skip


@pytest.fixture
def collector():
    with Collector() as server:
        yield server


@pytest.fixture
def shop(tmp_path):
    project = init_project(tmp_path / "shop")
    whole = [
        {name: row.get(name) for name in DEAD_LETTER_SCHEMA.names}
        | {"file": row.get("file", "http"), "received_time": RECEIVED, "detail": "it is so"}
        for row in ROWS
    ]
    project.lake.add_dead_letters(pa.Table.from_pylist(whole, schema=DEAD_LETTER_SCHEMA), CommitId("test", 1))
    return project


def ids(letters):
    return [letter["letter_id"] for letter in letters]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"log-1", "log-2", "log-3", "0123456789abcdef-5", "log-5"}),
        ({"reason": "missing_name"}, {"log-1"}),
        ({"source": "app"}, {"log-2", "log-3"}),
        ({"protocol": "native", "contains": "ana"}, {"log-2"}),
        ({"since": "2026-11-20"}, {"log-1", "log-2", "log-3", "0123456789abcdef-5", "log-5"}),
        ({"since": "2026-11-20T08:00:01"}, set()),
        ({"ids": ("log-3", "nothing")}, {"log-3"}),
    ],
)
def test_filters(shop, filters, expected):
    assert set(ids(letters_of(shop, LetterFilter(**filters)))) == expected


def test_a_filter_or_an_id_that_cannot_be_is_named(shop):
    with pytest.raises(InvalidQuery, match="no letter has the reason 'missing_nam'") as caught:
        LetterFilter(reason="missing_nam")
    assert caught.value.hint == "did you mean missing_name?"
    with pytest.raises(InvalidQuery, match="there is no dead letter 'log-9'"):
        letter_of(shop, "log-9")
    assert summary(letters_of(shop, LetterFilter()))["missing_name"] == 1


MEND = "{'name': row['evnt'].lower(), 'user_id': str(row['userId']), 'properties': {'price': float(row['price'].replace(',', '.'))}}"


def test_an_expression_mends_and_the_problem_of_the_others_is_told(shop):
    made = {one.letter["letter_id"]: one for one in repair(shop, letters_of(shop, LetterFilter()), python=MEND)}
    good = made["log-1"]
    assert good.problem is None
    assert good.item == {
        "name": "buy",
        "user_id": "7",
        "properties": {"price": 9.5},
        "event_id": derived_id("log-1"),
        "event_time": RECEIVED.isoformat(),
    }
    assert made["log-2"].problem == "the expression has no value: there is no 'evnt'"
    assert made["log-3"].problem == "the expression has no value: 'NoneType' object is not subscriptable"


def test_what_the_collector_would_refuse_is_a_problem_at_once(shop):
    letters = letters_of(shop, LetterFilter(ids=("log-2",)))
    (one,) = repair(shop, letters, python="{**row, 'user_id': 'ana'}")
    assert one.problem == "'who' is no member of an event; put what is your own inside properties"
    (one,) = repair(shop, letters, python="{'name': row['name']}")
    assert one.problem == "neither user_id nor anonymous_id has a value"
    (one,) = repair(shop, letters, python="row['name']")
    assert one.problem == "the expression gives no object of members, but str"


def test_the_text_of_a_row_of_a_file(shop):
    (one,) = repair(shop, letters_of(shop, LetterFilter(reason="invalid_time")), python="{'name': text.split(',')[1], 'user_id': text.split(',')[0]}")
    assert (one.item["name"], one.item["user_id"], one.problem) == ("view", "ben", None)


def test_sql_mends_too(shop):
    query = """SELECT letter_id, lower("row"->>'$.evnt') AS name, "row"->>'$.userId' AS user_id, received_time AS event_time,
               json_object('price', replace("row"->>'$.price', ',', '.')::DOUBLE) AS properties FROM letters WHERE reason = 'missing_name'"""
    made = {one.letter["letter_id"]: one for one in repair(shop, letters_of(shop, LetterFilter()), sql=query)}
    assert made["log-1"].problem is None
    assert made["log-1"].item["properties"] == {"price": 9.5}
    assert made["log-1"].item["user_id"] == "7"
    assert made["log-2"].problem == "the query returns no row for it"
    for wrong, sentence in {
        "SELECT 1 AS n FROM letters": "does not say which letter",
        "SELECT letter_id FROM letters UNION ALL SELECT letter_id FROM letters": "twice",
        "SELECT * FROM read_csv('/etc/passwd')": "not allowed|cannot be read from",
        "DELETE FROM letters": "may only read",
    }.items():
        with pytest.raises(InvalidQuery, match=sentence):
            repair(shop, letters_of(shop, LetterFilter()), sql=wrong)


def answer(*results):
    return 200, {}, json.dumps({"results": [{"place": place, **result} for place, result in enumerate(results)]}).encode()


def test_replaying_twice_stores_once(shop, collector):
    chosen = LetterFilter(reason="missing_name")
    for _ in range(2):
        made = repair(shop, letters_of(shop, LetterFilter(reason="missing_name", replayed=True)), python=MEND)
        counts = replay(shop, made, to=collector.url, say=print)
        assert (counts.letters, counts.stored, counts.left) == (1, 1, 0)
    assert list(collector.stored) == [derived_id("log-1")]
    assert collector.again == 1
    assert collector.requests[0][1]["authorization"] == "Bearer web"
    assert letters_of(shop, chosen) == []
    assert letters_of(shop, LetterFilter(reason="missing_name", replayed=True))[0]["state"] == "replayed"


def test_only_what_is_in_the_log_is_marked(shop, collector):
    made = repair(shop, letters_of(shop, LetterFilter(source="app")), python="{'name': 'x', 'user_id': letter_id}")
    collector.answers = [answer({"result": "duplicate"}, {"result": "drop", "detail": "no"})]
    counts = replay(shop, made, to=collector.url, say=print)
    assert (counts.letters, counts.stored, counts.duplicate, counts.left, counts.problems) == (2, 0, 1, 1, {"no": 1})
    assert len(letters_of(shop, LetterFilter(source="app"))) == 1


def test_letters_are_sent_unchanged_as_their_protocol_sent_them(shop, collector):
    row = {"type": "track", "event": "buy", "userId": "u-1"}
    whole = {"file": "http", "reason": "unknown_name", "row": json.dumps(row), "received_time": RECEIVED, "letter_id": "log-9", "protocol": "segment"}
    table = pa.Table.from_pylist([{name: whole.get(name) for name in DEAD_LETTER_SCHEMA.names}], schema=DEAD_LETTER_SCHEMA)
    shop.lake.add_dead_letters(table, CommitId("more", 1))
    counts = replay(shop, repair(shop, letters_of(shop, LetterFilter())), to=collector.url, key="k", say=print)
    assert (counts.letters, counts.stored, counts.left) == (6, 1, 5)
    path, _, body = collector.requests[0]
    assert path == "/v1/batch"
    assert json.loads(body)["batch"] == [row | {"messageId": derived_id("log-9")}]
    assert counts.problems["nothing sends rows of files again unchanged: mend it with an expression"] == 1


def test_a_log_record_goes_to_the_logs(shop, collector):
    made = repair(shop, letters_of(shop, LetterFilter(protocol="native_logs")), python="{'kind': 'error', 'message': text[6:]}")
    replay(shop, made, to=collector.url, say=print)
    assert collector.requests[0][0] == "/api/v1/logs"
    assert collector.lines()[0]["message"] == "boom"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': row['b'][0], **{'c': 1}}", {"a": "x", "c": 1}),
        ("row.get('z', 'none') if 'z' not in row else 1", "none"),
        ("f'{text.upper()}-{len(text)}'", "HEY-3"),
        ("1 < 2 <= 2 and not (3 == 4) or None", True),
        ("[text[::-1], -7 // 2, 7 % 3, 0.5 * 4, text.split('e')]", ["yeh", -4, 1, 2.0, ["h", "y"]]),
        ("row.get('n') is None", True),
        ("row.keys()", ["b"]),
    ],
)
def test_expressions_have_pythons_values(text, value):
    names = {"row": {"b": ["x"]}, "text": "hey"}
    assert Expression(text, ("row", "text")).value(names) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "open('/etc/passwd')", "row.__class__", "().__class__.__bases__", "row.get.__self__", "[x for x in row]", "lambda: 1",
        "(y := 1)", "text.format(row)", "text.encode()", "9 ** 9 ** 9", "1 << 99", "row | row", "print(1)", "eval('1')", "f'{text:>999999999}'",
        "str(**row)", "len(*row)", "nothing", "a = 1", "import os", "", "row[0](1)", "text.join(row)", "yield 1", "await row", "1 +",
    ],
)  # fmt: skip
def test_what_an_expression_may_not_hold(text):
    with pytest.raises(InvalidQuery):
        Expression(text, ("row", "text"))


@pytest.mark.parametrize("text", ["text * 999999999", "[0] * 9", "'%s' % row", "text / 2", "row['no']", "int(text)", "text.get('a')", "9.0 / 0"])
def test_an_expression_that_has_no_value_says_why(text):
    with pytest.raises(Failed, match=r"\w"):
        Expression(text, ("row", "text")).value({"row": {}, "text": "hey"})


def test_random_expressions_never_reach_anything_but_values():
    """Pieces in any order: each is refused, fails with a reason, or gives plain data."""
    rng = random.Random(5)
    pieces = ["row", "text", "'a'", "1", "-", "+", "*", "(", ")", "[", "]", "{", "}", ":", ",", ".get", ".lower()", "['a']", " if ", " else ", " in "]
    pieces += ["str", "__class__", ".", "**", "lambda", "f'{text}'", " and ", " not ", "=="]
    names = {"row": {"a": [1, {"b": 2}]}, "text": "Hey"}
    seen = 0
    for _ in range(20_000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 9)))
        try:
            value = Expression(text, tuple(names)).value(names)
        except (InvalidQuery, Failed):
            continue
        seen += 1
        assert isinstance(msgspec.json.encode(value), bytes), text
    assert seen > 200


def run(capsys, shop, *words, status=0):
    assert main(["-C", str(shop.path), "deadletters", *words]) == status, capsys.readouterr().err
    return capsys.readouterr()


def test_the_command_lists_shows_repairs_and_replays(shop, collector, capsys):
    assert json.loads(run(capsys, shop, "--json").out)["reasons"]["missing_name"] == 1
    out, err = run(capsys, shop, "--reason", "missing_name", "--limit", "1")
    assert "log-1" in out
    assert "1 of 1 dead letters" in err
    out = run(capsys, shop, "show", "log-1").out
    assert "missing_name  (the column of name is empty)" in out
    assert run(capsys, shop, "repair", status=2).err.startswith("error: repair needs an expression")
    out, err = run(capsys, shop, "repair", "--reason", "missing_name", "--python", MEND, "--dry-run")
    assert "before" in out
    assert '"name":"buy"' in out
    assert "1 of 1 letters would be taken" in err
    words = ("replay", "--reason", "missing_name", "--python", MEND, "--to", collector.url)
    assert "nothing was" in run(capsys, shop, *words, "--dry-run").err
    assert collector.requests == []
    assert "1 letters = 1 stored + 0 that were stored before + 0 left" in run(capsys, shop, *words).err
    assert json.loads(run(capsys, shop, "list", "--reason", "missing_name", "--json").out)["total"] == 0
    assert json.loads(run(capsys, shop, "list", "--reason", "missing_name", "--all", "--json").out)["rows"][0]["state"] == "replayed"
