"""Slack: a post is blocks and a text, and no data in it mentions anybody."""

from __future__ import annotations

import json

import pytest

from actions_support import Hook, alert, message
from footfall.connectors.actions.contract import message_of
from footfall.connectors.actions.slack import SlackAction, post_of
from footfall.errors import DeliveryFailed


def test_a_post_has_the_sentence_the_facts_and_the_id():
    post = json.loads(post_of(message()))
    assert post["text"] == "🟠 burst: user_id 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z"
    head, facts, last = post["blocks"]
    assert head["text"]["text"] == "🟠 *burst*\nburst: user_id 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z"
    assert [field["text"] for field in facts["fields"]] == ["*severity*\nhigh", "*user_id*\n101", "*value*\n11"]
    assert last["elements"][0]["text"] == "5f0c · 2026-11-01T00:00:04Z"


def test_a_test_says_so():
    post = json.loads(post_of(message_of(alert(), test=True)))
    assert "test of footfall, nothing happened" in post["text"]
    assert post["blocks"][-1]["elements"][0]["text"].endswith("· test")


def test_data_cannot_mention_anybody_or_become_a_link():
    wild = "<!channel> <@U1> <http://x.example|click> & *bold*\n\n<!here>"
    text = post_of(message(key={"user_id": wild}, rule="rule<!everyone>", details={"measure": wild})).decode()
    assert "<" not in text
    assert ">" not in text
    post = json.loads(text)
    words = [post["blocks"][0]["text"], *post["blocks"][1]["fields"], *post["blocks"][2]["elements"]]
    assert all(one["verbatim"] for one in words)


def test_a_post_stays_within_what_slack_takes():
    key = {f"column{number}": "&" * 5_000 for number in range(30)}
    post = json.loads(post_of(message(key=key, rule="<" * 500)))
    head, facts, last = post["blocks"]
    assert len(head["text"]["text"]) <= 3_000
    assert len(facts["fields"]) <= 10
    assert max(len(field["text"]) for field in facts["fields"]) <= 2_000
    assert len(last["elements"][0]["text"]) <= 3_000


def test_posts_go_to_the_hook_and_a_limit_is_respected():
    with Hook([(429, {"Retry-After": "30"}), (404, {}, b"no_service"), 200]) as hook:
        action = SlackAction(hook.url, timeout_s=5)
        with pytest.raises(DeliveryFailed) as limited:
            action.deliver([message()])
        with pytest.raises(DeliveryFailed, match="answers 404: no_service") as gone:
            action.deliver([message()])
        action.deliver([message()])
        action.close()
    assert (limited.value.retryable, limited.value.after_s) == (True, 30)
    assert not gone.value.retryable
    assert len(set(hook.bodies)) == 1
