"""`[[notify]]` tables: what is refused, with which words, and that secrets only come out of the environment."""

from __future__ import annotations

import sys
import tomllib

import msgspec
import pytest

from actions_support import message
from footfall.connectors.actions.building import build_action
from footfall.connectors.actions.settings import KINDS, Notify, check_names
from footfall.errors import InvalidConfig, MissingExtra

FULL = {
    "email": {"host": "mail.shop.example", "sender": "footfall@shop.example", "to": ["ops@shop.example"]},
    "webhook": {"url": "https://hooks.shop.example/alerts"},
    "slack": {"url_env": "SLACK_URL"},
    "sms": {"to": ["+4930123456"]},
    "redis": {"key": "alerts:{user_id}"},
    "kafka": {"brokers": ["127.0.0.1:9092"], "topic": "alerts"},
    "file": {},
    "sns": {"topic": "arn:aws:sns:eu-central-1:123456789012:alerts"},
    "cloudwatch": {"namespace": "shop", "region": "eu-central-1", "dimensions": {"user_id": "{user_id}"}},
}


def read(kind, **members) -> Notify:
    return msgspec.convert({"name": "ops", "kind": kind, **FULL[kind], **members}, Notify, strict=False)


def test_every_kind_can_be_written_down():
    assert set(FULL) == set(KINDS)


@pytest.mark.parametrize("kind", sorted(FULL))
def test_every_kind_is_built_and_closed(kind, tmp_path):
    action = build_action(read(kind), tmp_path / ".footfall", {"SLACK_URL": "https://hooks.slack.example/services/T/B/x"})
    assert action.batch >= 1
    action.close()
    assert not (tmp_path / ".footfall").exists(), "nothing is made before there is an alert"


def test_paths_are_relative_to_the_project(tmp_path):
    for kind, member in (("file", "path"), ("sms", "spool")):
        build_action(read(kind, **{member: f"out/{kind}"}), tmp_path / ".footfall", {}).deliver([message()])
        assert (tmp_path / "out" / kind).exists()
    build_action(read("file"), tmp_path / ".footfall", {}).deliver([message()])
    assert (tmp_path / ".footfall" / "alerts.ndjson").exists()


@pytest.mark.parametrize(
    ("kind", "members", "sentence"),
    [
        ("file", {"name": "a b"}, "notify: an action cannot be called 'a b'"),
        ("file", {"tries": 0}, "notify.ops.tries: 0 tries are not possible"),
        ("file", {"give_up": "8d"}, "notify.ops.give_up: 8d is too long"),
        ("file", {"give_up": "none"}, "notify.ops.give_up: none is too long"),
        ("file", {"timeout": "soon"}, "notify.ops.timeout: 'soon' is not a span of time"),
        ("file", {"timeout": "3m"}, "notify.ops.timeout: 3m is too long"),
        ("file", {"path": "alerts/"}, "notify.ops.path: 'alerts/' is no file"),
        ("webhook", {"url": None}, "notify.ops.url: write url or url_env, one of them"),
        ("webhook", {"url_env": "HOOK"}, "notify.ops.url: write url or url_env, one of them"),
        ("webhook", {"url": "ftp://x"}, "notify.ops.url: this is no address to send to"),
        ("webhook", {"url": "https://x:99999/"}, "notify.ops.url: this is no address to send to"),
        ("webhook", {"url": "https://x/a b"}, "notify.ops.url: this is no address to send to"),
        ("webhook", {"url": "https://[x/"}, "notify.ops.url: this is no address to send to"),
        ("webhook", {"url": "https://me:secret@x/"}, "notify.ops.url: an address does not hold a password"),
        ("webhook", {"secret_env": "s3cret!"}, "notify.ops.secret_env: this is no name of an environment variable"),
        ("webhook", {"headers": {"X-A": "a\r\nb"}}, "notify.ops.headers: 'X-A' is no header that can be sent"),
        ("webhook", {"headers": {"X A": "a"}}, "notify.ops.headers: 'X A' is no header that can be sent"),
        ("webhook", {"headers_env": {"X A": "A"}}, "notify.ops.headers: 'X A' is no header that can be sent"),
        ("webhook", {"headers_env": {"X-A": "a-b"}}, "notify.ops.headers_env: this is no name of an environment variable"),
        ("email", {"to": []}, "notify.ops.to: there is nobody to write to"),
        ("email", {"to": ["ops"]}, "notify.ops.to: 'ops' is no mail address"),
        ("email", {"sender": "Footfall"}, "notify.ops.sender: 'Footfall' is no mail address"),
        ("email", {"user": "me"}, "notify.ops.user: a user needs password_env"),
        ("email", {"user": "me", "password_env": "P", "security": "none"}, "notify.ops.security: the password would be sent in the clear"),
        ("email", {"subject": "{"}, "notify.ops.subject: '{' is no template"),
        ("sms", {"to": ["030123456"]}, "notify.ops.to: '030123456' is no telephone number"),
        ("sms", {"to": []}, "notify.ops.to: there is nobody to write to"),
        ("sms", {"characters_max": 5}, "notify.ops.characters_max: 5 characters are not possible"),
        ("sms", {"gateway": "http://x", "gateway_env": "G"}, "notify.ops.gateway: write gateway or gateway_env, one of them"),
        ("redis", {"url": "redis://:secret@x:6379"}, "notify.ops.url: this is no address of a Redis server"),
        ("redis", {"url": "http://x"}, "notify.ops.url: this is no address of a Redis server"),
        ("redis", {"key": "{}"}, "notify.ops.key: '{}' has a place that is not a name"),
        ("redis", {"keep": "10ms"}, "notify.ops.keep: 10ms is not possible"),
        ("kafka", {"brokers": []}, "notify.ops.brokers: there is no broker"),
        ("kafka", {"brokers": ["kafka"]}, "notify.ops.brokers: 'kafka' is no broker"),
        ("kafka", {"topic": "a/b"}, "notify.ops.topic: 'a/b' is no topic"),
        ("kafka", {"password_env": "P"}, "notify.ops.user: a user needs password_env"),
        ("sns", {"topic": "alerts"}, "notify.ops.topic: 'alerts' is no ARN of a topic"),
        ("sns", {"endpoint": "sns.local"}, "notify.ops.endpoint: this is no address to send to"),
        ("cloudwatch", {"namespace": "AWS/EC2"}, "notify.ops.namespace: 'AWS/EC2' is no namespace for metrics of one's own"),
        ("cloudwatch", {"metric": ""}, "notify.ops.metric: a metric has a name"),
        ("cloudwatch", {"dimensions": {"a": "{"}}, "notify.ops.dimensions.a: '{' is no template"),
        ("cloudwatch", {"dimensions": {f"d{n}": "x" for n in range(31)}}, "notify.ops.dimensions: 31 dimensions are too many"),
    ],
)
def test_what_cannot_work_is_refused(kind, members, sentence):
    with pytest.raises(InvalidConfig) as problem:
        read(kind, **members)
    assert problem.value.sentence.startswith(sentence)
    assert problem.value.hint
    assert problem.value.field.startswith("notify.")
    assert "secret" not in f"{problem.value.sentence} {problem.value.got}".replace("secret_env", "")


def test_an_unknown_kind_or_member_is_refused():
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'pigeon'"):
        msgspec.convert({"name": "ops", "kind": "pigeon"}, Notify)
    with pytest.raises(msgspec.ValidationError, match="unknown field `urls`"):
        read("webhook", urls="x")


def test_a_name_is_given_once():
    check_names([read("file"), read("file", name="other")])
    with pytest.raises(InvalidConfig, match="two actions are called 'ops'"):
        check_names([read("file"), read("sms")])


@pytest.mark.parametrize(
    ("kind", "members", "variable"),
    [
        ("slack", {}, "SLACK_URL"),
        ("webhook", {"secret_env": "SIGN"}, "SIGN"),
        ("webhook", {"headers_env": {"Authorization": "TOKEN"}}, "TOKEN"),
        ("email", {"user": "me", "password_env": "PASS"}, "PASS"),
        ("sms", {"gateway_env": "GATE"}, "GATE"),
        ("redis", {"password_env": "PASS"}, "PASS"),
        ("kafka", {"user": "me", "password_env": "PASS"}, "PASS"),
    ],
)
def test_a_secret_that_is_not_there_is_told_by_its_name(kind, members, variable, tmp_path):
    for environment, what in (({}, "is not set"), ({variable: " "}, "is not set"), ({variable: "two\nlines"}, "holds more than one line")):
        with pytest.raises(InvalidConfig, match=f"the environment variable {variable} {what}"):
            build_action(read(kind, **members), tmp_path, environment)


def test_an_address_from_the_environment_is_checked_without_showing_it(tmp_path):
    with pytest.raises(InvalidConfig, match=r"notify.ops.url_env: this is no address to send to") as problem:
        build_action(read("slack"), tmp_path, {"SLACK_URL": "hooks.slack.example/T0/x"})
    assert "T0" not in str(problem.value.as_dict())


@pytest.mark.parametrize(
    ("kind", "package", "extra"),
    [("redis", "redis", "redis"), ("kafka", "confluent_kafka", "kafka"), ("sns", "boto3", "aws"), ("cloudwatch", "boto3", "aws")],
)
def test_a_package_that_is_missing_is_named(kind, package, extra, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match="is not installed") as problem:
        build_action(read(kind), tmp_path, {})
    assert problem.value.hint == f"pip install 'footfall[{extra}]'"


def test_cloudwatch_needs_a_region(tmp_path, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidConfig, match="You must specify a region") as problem:
        build_action(read("cloudwatch", region=None), tmp_path, {})
    assert problem.value.hint == "write region, or set AWS_REGION"


def test_a_table_as_it_is_written_in_toml():
    text = '[[notify]]\nname = "hook"\nkind = "webhook"\nurl = "https://x/"\nheaders_env = {Authorization = "TOKEN"}\ntries = 3\n'
    (made,) = msgspec.convert(tomllib.loads(text)["notify"], tuple[Notify, ...], strict=False)
    assert (made.name, made.tries, made.headers_env, made.timeout_s, made.give_up_us) == ("hook", 3, {"Authorization": "TOKEN"}, 10.0, 86_400_000_000)
