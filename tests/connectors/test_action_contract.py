"""What an alert is sent as: the same bytes for the same alert, one sentence for people, and templates that leave no holes."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_support import START_US, alert, message
from footfall.connectors.actions.contract import message_of, sentence
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed, InvalidConfig
from footfall.stream.contract import Alert

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
VALUES = st.one_of(TEXTS, st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none())


def test_the_body_is_the_alert_as_json():
    assert json.loads(message().body) == {
        "id": "5f0c",
        "rule": "burst",
        "severity": "high",
        "key": {"user_id": "101"},
        "time": "2026-11-01T00:00:04Z",
        "value": 11.0,
        "window_start": "2026-11-01T00:00:00Z",
        "window_end": "2026-11-01T00:00:10Z",
        "details": {"measure": "count"},
        "text": "burst: user_id 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z",
    }


def test_a_test_is_marked_as_one():
    made = json.loads(message_of(alert(), test=True).body)
    assert made["test"] is True
    assert made["text"].startswith("test of footfall, nothing happened: burst")


@given(st.dictionaries(TEXTS, st.one_of(st.none(), TEXTS), max_size=4), st.dictionaries(TEXTS, VALUES, max_size=4), st.randoms(use_true_random=False))
def test_the_same_alert_has_the_same_bytes(key, details, shuffle: random.Random):
    """However its members were put together, wherever it was in the log and whenever it was raised."""

    def shuffled(members):
        pairs = [*members.items()]
        shuffle.shuffle(pairs)
        return dict(pairs)

    one = alert(key=key, details=details)
    again = alert(key=shuffled(key), details=shuffled(details), raised_us=1, position=0)
    assert message_of(one) == message_of(one)
    assert message_of(one).body == message_of(again).body
    assert message_of(one).text == message_of(again).text
    assert "\n" not in message_of(one).text
    assert message_of(one).text.isprintable() or any(not character.isprintable() for character in "".join([*key, *filter(None, key.values())]))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "burst: user_id 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"details": {}}, "burst: user_id 101 has 11 in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"value": None}, "burst: user_id 101 in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"value": 0.25, "details": {}}, "burst: user_id 101 has 0.25 in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"key": {}, "details": {}}, "burst: 11 in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"key": {}, "value": None}, "burst in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"key": {"user_id": "1", "country": None}, "value": None}, "burst: no country, user_id 1 in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"window_start_us": None, "window_end_us": None}, "burst: user_id 101 has 11 (count) at 2026-11-01T00:00:04Z"),
        (
            {"window_end_us": START_US + 86_400_000_000, "value": None},
            "burst: user_id 101 in 2026-11-01T00:00:00Z - 2026-11-02T00:00:00Z",
        ),
        ({"time_us": START_US + 1, "window_start_us": None, "value": None}, "burst: user_id 101 at 2026-11-01T00:00:00.000001Z"),
        ({"key": {"user_id": "x\r\nBcc: all@example\u202e"}, "value": None}, "burst: user_id x Bcc: all@example in 2026-11-01T00:00:00Z - 00:00:10Z"),
        ({"key": {"user_id": "y" * 500}, "value": None}, f"burst: user_id {'y' * 79}… in 2026-11-01T00:00:00Z - 00:00:10Z"),
    ],
)
def test_the_sentence(changes, text):
    assert sentence(alert(**changes)) == text


def test_a_template_takes_the_key_then_members_then_details():
    sent = message(key={"user_id": "101", "time": "noon"}, details={"track_id": 7, "id": "x", "rate": 0.5, "plays": [1, 2]})
    filled = {
        "interest:{user_id}": "interest:101",
        "{track_id} {rate} {plays}": "7 0.5 [1,2]",
        "{id} {details.id}": "5f0c x",
        "{time} {key.time}": "noon noon",
        "{rule}/{severity}/{value}/{window_start}": "burst/high/11/2026-11-01T00:00:00Z",
        "{{x}}": "{x}",
        "plain": "plain",
    }
    assert {text: Template(text).fill(sent) for text in filled} == filled


def test_a_template_is_not_filled_with_a_hole():
    with pytest.raises(DeliveryFailed, match=r"the alert has no track_id, which key = 'plays:{track_id}' asks for") as problem:
        Template("plays:{track_id}", "key").fill(message())
    assert not problem.value.retryable
    assert problem.value.ids == {"5f0c"}
    assert Template("plays:{track_id}").fill(message(), missing="-") == "plays:-"


@pytest.mark.parametrize("text", ["{", "{user_id", "}", "{user_id!r}", "{user_id:>10}", "{}", "{user[0]}"])
def test_a_wrong_template_is_refused(text):
    with pytest.raises(InvalidConfig, match=r"subject: .*template|subject: .*not a name"):
        Template(text, "subject")


def test_a_template_never_looks_into_objects():
    with pytest.raises(DeliveryFailed):
        Template("{alert.__class__}").fill(message())


def test_an_alert_of_the_store_is_sent_as_it_was_raised():
    """Through the store's encoding and back, the bytes are those of the alert before."""
    import msgspec

    one = alert(details={"b": 1, "a": {"y": 2, "x": [1.5, None]}})
    assert message_of(msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Alert)).body == message_of(one).body
