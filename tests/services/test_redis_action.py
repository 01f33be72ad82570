"""Redis, against a real server: each alert changes it once, whatever is tried again, in whatever order."""

from __future__ import annotations

import json
import random

import pytest
import redis as redis_client
from service_servers import redis_server

from actions_support import START_US, message, numbered
from footfall.connectors.actions.redis import MARK, RedisAction, RedisServer
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed


@pytest.fixture
def server(redis):
    """The client of a test."""
    client = redis_client.Redis(port=redis.port, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def action_of(redis):
    """action_of(form, key, value=None, …)."""
    made = []

    def build(form, key, value=None, *, port=None, timeout_s=5.0, keep_s=None, **who):
        address = RedisServer(f"redis://127.0.0.1:{port or redis.port}/0", timeout_s=timeout_s, **who)
        made.append(
            RedisAction(address, form=form, key=Template(key, "key"), value=None if value is None else Template(value, "value"), keep_s=keep_s)
        )
        return made[-1]

    yield build
    for action in made:
        action.close()


def plays(track, *, at=0, name="p", user="7"):
    return message(id=name, key={"user_id": user, "track_id": track}, time_us=START_US + at * 1_000_000)


def test_a_set_of_those_who_are_to_be_contacted(action_of, server):
    action = action_of("set", "1_day_event_users", "{user_id}")
    action.deliver([message(id="one", key={"user_id": "101"}), message(id="two", key={"user_id": "102"})])
    action.deliver([message(id="three", key={"user_id": "101"})])
    assert server.smembers("1_day_event_users") == {"101", "102"}


def test_an_interest_list_is_sorted_by_the_last_play_in_whatever_order_alerts_come(action_of, server):
    action = action_of("sorted set", "interest:{user_id}", "{track_id}")
    sent = [plays("13", at=0, name="a"), plays("42", at=10, name="b"), plays("13", at=20, name="c"), plays("42", at=15, name="d")]
    random.Random(3).shuffle(sent)
    for one in [*sent, *sent]:
        action.deliver([one])
    start_s = START_US / 1e6
    assert server.zrange("interest:7", 0, -1, withscores=True) == [("42", start_s + 15), ("13", start_s + 20)]


def test_a_list_has_each_alert_once(action_of, server):
    action = action_of("list", "alerts:{rule}")
    action.deliver(numbered(3))
    action.deliver(numbered(5))  # after a crash: the first three again
    assert [json.loads(one)["id"] for one in server.lrange("alerts:burst", 0, -1)] == ["a0", "a1", "a2", "a3", "a4"]
    assert 0 < server.ttl(f"{MARK}:alerts:burst:a0") <= 8 * 86_400


def test_a_stream_has_each_alert_once_with_its_id(action_of, server):
    action = action_of("stream", "alerts")
    action.deliver(numbered(2))
    action.deliver(numbered(2))
    entries = [fields for _, fields in server.xrange("alerts")]
    assert [(entry["id"], entry["rule"]) for entry in entries] == [("a0", "burst"), ("a1", "burst")]
    assert json.loads(entries[0]["value"])["key"] == {"user_id": "101"}


@pytest.mark.parametrize("form", ["set", "sorted set", "list", "stream"])
def test_a_key_lives_as_long_as_it_should_after_its_last_alert(form, action_of, server):
    action_of(form, "k", keep_s=1_000).deliver([message()])
    assert 990 < server.ttl("k") <= 1_000


def test_an_alert_that_lacks_what_the_key_asks_for_does_not_hold_up_the_others(action_of, server):
    action = action_of("set", "interest:{track_id}", "{user_id}")
    with pytest.raises(DeliveryFailed, match="the alert has no track_id") as problem:
        action.deliver([plays("13", name="a"), message(id="b"), plays("14", name="c")])
    assert (problem.value.ids, problem.value.retryable) == ({"b"}, False)
    assert sorted(server.keys("interest:*")) == ["interest:13", "interest:14"]


@pytest.mark.parametrize("form", ["set", "sorted set", "list", "stream"])
def test_a_key_that_holds_something_else_refuses_for_good(form, action_of, server):
    server.set("taken:13", "a string")
    action = action_of(form, "taken:{track_id}", "x")
    with pytest.raises(DeliveryFailed, match="WRONGTYPE") as problem:
        action.deliver([plays("12", name="a"), plays("13", name="b")])
    assert (problem.value.ids, problem.value.retryable) == ({"b"}, False)
    assert server.exists("taken:12")


def test_a_full_server_is_worth_another_try(action_of, server):
    action = action_of("stream", "alerts")
    action.deliver([message(id="before")])
    server.config_set("maxmemory", "1")
    for form in ("set", "list", "stream"):
        with pytest.raises(DeliveryFailed, match=r"OOM|used memory") as problem:
            action_of(form, f"other:{form}").deliver([message()])
        assert problem.value.retryable
    server.config_set("maxmemory", "0")
    action.deliver([message()])
    assert server.xlen("alerts") == 2


def test_a_server_that_was_started_again_meanwhile(action_of, redis):
    action = action_of("list", "alerts")
    action.deliver([message(id="one")])
    redis.kill()
    with pytest.raises(DeliveryFailed, match=f"127.0.0.1:{redis.port}: .*refused") as problem:
        action.deliver([message(id="two")])
    assert problem.value.retryable
    redis.start()
    action.deliver([message(id="two")])


def test_a_connection_that_the_server_closed_is_made_again(action_of, server):
    action = action_of("list", "alerts")
    action.deliver([message(id="one")])
    server.client_kill_filter(_type="normal", skipme=True)
    action.deliver([message(id="two")])
    assert server.llen("alerts") == 2


def test_a_server_that_hangs_is_left(action_of, redis):
    action = action_of("list", "alerts", timeout_s=0.3)
    redis.hang()
    with pytest.raises(DeliveryFailed, match=r"(?i)timeout|timed out") as problem:
        action.deliver([message()])
    assert problem.value.retryable
    redis.go_on()
    action.deliver([message()])


def test_a_password(action_of, redis_binary, tmp_path):
    with redis_server(redis_binary, tmp_path, "--requirepass", "s3cret").running() as guarded:
        for who in ({}, {"password": "wrong"}):
            with pytest.raises(DeliveryFailed, match=r"(?i)auth|password") as problem:
                action_of("list", "alerts", port=guarded.port, **who).deliver([message()])
            assert not problem.value.retryable
            assert "s3cret" not in problem.value.sentence
        action_of("list", "alerts", port=guarded.port, password="s3cret").deliver([message()])
