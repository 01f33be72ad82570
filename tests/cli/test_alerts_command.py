"""`footfall alerts`: what was delivered, what was set aside, another try, and a test of the way."""

from __future__ import annotations

import json

import pytest

from actions_support import Hook, alert
from footfall.app.front.delivering import Deliverer
from footfall.app.live.actions import delivered, deliverer_of, notify_of
from footfall.app.project import open_project
from footfall.cli.main import main
from footfall.errors import InvalidConfig
from footfall.stream.store.contract import Change, Moment
from footfall.stream.store.sqlite import SqliteViews
from up_support import wait_until


@pytest.fixture
def project_of(tmp_path):
    """project_of(tables): a project with these tables in its footfall.toml."""

    def build(tables: str):
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        (folder / "footfall.toml").write_text(f'[project]\nname = "shop"\n{tables}')
        return open_project(folder)

    return build


@pytest.fixture
def run(capsys, tmp_path):
    """run(*words): a command on that project; its status, stdout and stderr."""

    def command(*words):
        status = main(["-C", str(tmp_path / "shop"), *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def post(project, *ids, action="ops"):
    store = SqliteViews(project.config.views.path(project.path))
    store.commit(Change(Moment("log", 1, 1), alerts=[(alert(id=name, key={"user_id": name}), (action,)) for name in ids]))
    store.close()


def hook_table(hook, more=""):
    return f'[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "{hook.url}"\n{more}'


def test_deliveries_dead_letters_and_a_replay(project_of, run):
    with Hook([200, 400, 200]) as hook:
        project = project_of(hook_table(hook))
        post(project, "one", "two", "three")
        status, out, _ = run("alerts", "deliveries", "--json")
        assert json.loads(out)["rows"][0] | {"waiting": 3, "delivered": 0} == json.loads(out)["rows"][0]
        deliverer = deliverer_of(project, {})
        deliverer.start()
        wait_until(lambda: delivered(project) == {"ops": 3})

        status, out, err = run("alerts", "deliveries")
        assert (status, err) == (0, "")
        assert "ops" in out
        (row,) = json.loads(run("alerts", "deliveries", "--action", "ops", "--json")[1])["rows"]
        assert {name: row[name] for name in ("delivered", "waiting", "parked", "dead", "retried")} == {
            "delivered": 2, "waiting": 0, "parked": 0, "dead": 1, "retried": 0,
        }  # fmt: skip
        assert row["last_error"] == "127.0.0.1 answers 400"
        (letter,) = json.loads(run("alerts", "deliveries", "--dead", "--json")[1])["rows"]
        assert (letter["id"], letter["number"], letter["reason"]) == ("two", 2, "127.0.0.1 answers 400")
        assert letter["alert"] == "burst: user_id two has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z"

        assert run("alerts", "replay", "ops", "3")[0] == 2
        assert run("alerts", "replay", "ops") == (
            2,
            "",
            "error: say which: a number or more, or --all\nhint: footfall alerts deliveries --action ops --dead lists them\n",
        )
        assert run("alerts", "replay", "ops", "2") == (0, "", "1 alerts of 'ops' are tried again\n")
        wait_until(lambda: sorted(hook.ids) == ["one", "three", "two", "two"])
        wait_until(lambda: json.loads(run("alerts", "deliveries", "--dead", "--json")[1])["rows"] == [])
        assert json.loads(run("alerts", "replay", "ops", "--all", "--json")[1]) == {"action": "ops", "replayed": 0}
        deliverer.stop()
    assert len({body for body in hook.bodies if b'"two"' in body}) == 1


def test_without_actions_or_deliveries(project_of, run):
    project_of("")
    assert run("alerts", "deliveries") == (0, "", "there are no actions; declare one as [[notify]] in footfall.toml\n")
    assert run("alerts", "deliveries", "--dead") == (0, "", "no alert was set aside\n")
    status, _, err = run("alerts", "deliveries", "--action", "ops")
    assert status == 2
    assert err == "error: there is no action 'ops'\nhint: actions: none; declare one as [[notify]] in footfall.toml\n"


def test_a_test_goes_out_and_says_so(project_of, run):
    with Hook() as hook:
        project_of(hook_table(hook))
        status, out, err = run("alerts", "test", "ops")
        assert (status, out) == (0, "")
        assert err.startswith("'ops' took it (webhook): test of footfall, nothing happened: test: user_id test has 1 in 2")
        assert json.loads(run("alerts", "test", "ops", "--json")[1])["delivered"] is True
    sent = [json.loads(body) for body in hook.bodies]
    assert [one["test"] for one in sent] == [True, True]
    assert sent[0]["id"] != sent[1]["id"], "nobody takes the second for a repeat"


def test_a_test_that_fails_says_why(project_of, run):
    with Hook([(403, {}, b"who are you?")]) as hook:
        project_of(hook_table(hook))
        assert run("alerts", "test", "ops") == (1, "", "error: 127.0.0.1 answers 403: who are you?\n")
    status, _, err = run("alerts", "test", "opps", "--json")
    assert status == 2
    assert json.loads(err)["error"]["hint"] == "did you mean 'ops'?"


def test_a_test_has_what_the_templates_ask_for(project_of):
    """Of a rule's key, and of whatever else is named."""
    from footfall.app.live.actions import _sample

    project = project_of(
        '[[rule]]\nname = "fans"\nkind = "repeat"\nkey = ["user_id", "track_id"]\nactions = ["interest"]\n'
        '[[notify]]\nname = "interest"\nkind = "redis"\nkey = "interest:{user_id}:{details.genre}"\nvalue = "{city} {rule}"\n'
    )
    made = _sample(project, notify_of(project)[0])
    assert made.key == {"user_id": "test", "track_id": "test", "city": "test"}
    assert made.details == {"genre": "test"}


@pytest.mark.parametrize(
    ("table", "sentence", "hint"),
    [
        ('name = "ops"', "notify 'ops' has no kind", "kinds: email, webhook, slack, sms, redis, kafka, file, sns, cloudwatch"),
        ('name = "ops"\nkind = "webhok"', "notify 'ops' is of no kind 'webhok'", "did you mean 'webhook'?"),
        ('kind = "file"\npth = "x"', "the notify number 1: there is no key 'pth'", "did you mean 'path'?"),
        ('kind = "file"', "the notify number 1: object missing required field `name`", "see docs/actions.md"),
        ('name = "ops"\nkind = "file"\ntries = "x"', "notify 'ops': tries: expected `int`, got `str`", "see docs/actions.md"),
        ('name = "ops"\nkind = "file"\ntries = 0', "notify.ops.tries: 0 tries are not possible", "write 1 to 100"),
        ('name = "ops"\nkind = "slack"', "notify.ops.url: write url or url_env, one of them", 'url = "https://host/path"'),
    ],
)
def test_a_wrong_table_is_named(table, sentence, hint, project_of):
    with pytest.raises(InvalidConfig) as problem:
        notify_of(project_of(f"[[notify]]\n{table}\n"))
    assert (problem.value.sentence, problem.value.hint) == (sentence, hint)


def test_a_deliverer_of_a_project_needs_its_secrets(project_of):
    project = project_of('[[notify]]\nname = "chat"\nkind = "slack"\nurl_env = "SLACK_URL"\n')
    with pytest.raises(InvalidConfig, match="the environment variable SLACK_URL is not set"):
        deliverer_of(project, {})
    deliverer = deliverer_of(project, {"SLACK_URL": "https://hooks.slack.example/x"})
    assert isinstance(deliverer, Deliverer)
    assert [row.action for row in deliverer.metrics()] == ["chat"]
    assert delivered(project) == {"chat": 0}
    deliverer.stop()


def test_a_person_is_erased_from_what_was_set_aside(project_of):
    from footfall.app.front.erasing import erase

    with Hook([400, 400]) as hook:
        project = project_of(hook_table(hook))
        post(project, "one", "two")
        deliverer = deliverer_of(project, {})
        deliverer.start()
        wait_until(lambda: len(deliverer.dead("ops")) == 2)
        assert erase(project, "one").view_rows == 2, "the alert, and what was kept of its delivery"
        assert [letter.alert.id for letter in deliverer.dead("ops")] == ["two"]
        deliverer.stop()
    content = b"".join(path.read_bytes() for path in (project.path / ".footfall").glob("deliveries.db*"))
    assert b"user_id\xa3two" in content
    assert b"user_id\xa3one" not in content


def test_an_alert_that_is_erased_while_it_is_tried_does_not_come_back(project_of):
    with Hook([500, "hang"]) as hook:
        project = project_of(hook_table(hook, 'timeout = "20s"\n'))
        post(project, "one")
        deliverer = deliverer_of(project, {})
        deliverer.start()
        assert hook.hanging.wait(30)
        assert deliverer.deliveries.erase(["one"]) == 1
        hook.release()
        wait_until(lambda: deliverer.metrics()[0].retried == 1)
        assert deliverer.deliveries.letters(dead=False) == []
        deliverer.stop()
