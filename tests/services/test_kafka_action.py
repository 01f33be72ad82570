"""Kafka, against a real broker: records with key, value and id, none lost and none written behind one's back."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition
from service_servers import free_port

from actions_support import START_US, message, numbered
from footfall.connectors.actions.kafka import KafkaAction, connection_of
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed


@pytest.fixture
def topic():
    return f"alerts-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def action_of(kafka, topic):
    """action_of(key="{id}", …): to the broker, or to another port."""
    made = []

    def build(key="{id}", *, port=None, timeout_s=20.0):
        connection = connection_of([f"127.0.0.1:{port or kafka.port}"], security="plaintext", mechanism="PLAIN")
        made.append(KafkaAction(connection, topic=topic, key=Template(key, "key"), timeout_s=timeout_s))
        return made[-1]

    yield build
    for action in made:
        action.close()


@pytest.fixture
def records(kafka, topic):
    """records(): everything that the topic holds."""

    def read():
        consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{kafka.port}", "group.id": "test", "enable.auto.commit": False})
        try:
            partition = TopicPartition(topic, 0)
            low, high = consumer.get_watermark_offsets(partition, timeout=20)
            partition.offset = low
            consumer.assign([partition])
            found = []
            while len(found) < high - low:
                one = consumer.poll(20)
                assert one is not None, f"{len(found)} of {high - low} records came"
                assert one.error() is None, one.error()
                found.append(one)
            return found
        finally:
            consumer.close()

    return read


def test_a_record_has_key_value_id_and_time(action_of, records):
    action_of("{user_id}").deliver([message()])
    (record,) = records()
    assert record.key() == b"101"
    assert record.value() == message().body
    assert record.headers() == [("footfall-id", b"5f0c")]
    assert record.timestamp()[1] == START_US // 1_000 + 4_000


def test_a_batch_keeps_its_order(action_of, records):
    action = action_of()
    action.deliver(numbered(300))
    action.deliver(numbered(3))
    assert [record.key().decode() for record in records()] == [*(f"a{number}" for number in range(300)), "a0", "a1", "a2"]


def test_of_a_batch_only_what_is_too_large_fails(action_of, records):
    big = message(id="big", details={"text": "x" * 2_000_000})
    with pytest.raises(DeliveryFailed, match=r"topic alerts-.*(?i:size|large)") as problem:
        action_of().deliver([*numbered(2), big, message()])
    assert (problem.value.ids, problem.value.retryable) == ({"big"}, False)
    assert [record.key().decode() for record in records()] == ["a0", "a1", "5f0c"]


def test_a_record_that_the_broker_finds_too_large_stays_so(action_of):
    big = message(id="big", details={"text": "x" * 500_000})
    with pytest.raises(DeliveryFailed, match=r"topic alerts-.*(?i:size|large)") as problem:
        action_of().deliver([big])
    assert not problem.value.retryable


def test_an_alert_without_what_the_key_asks_for(action_of, records):
    with pytest.raises(DeliveryFailed, match="the alert has no track_id") as problem:
        action_of("{track_id}").deliver([message(), message(id="b", key={"track_id": "13"})])
    assert (problem.value.ids, problem.value.retryable) == ({"5f0c"}, False)
    assert [record.key() for record in records()] == [b"13"]


def test_nobody_there(action_of):
    action = action_of(port=free_port(), timeout_s=1)
    with pytest.raises(DeliveryFailed, match=r"topic alerts-.*: .*(?i:timed out|in time)") as problem:
        action.deliver(numbered(2))
    assert (problem.value.ids, problem.value.retryable) == ({"a0", "a1"}, True)


def test_a_broker_that_hangs_gets_everything_later(action_of, records, kafka):
    action = action_of(timeout_s=2)
    action.deliver([message(id="before")])
    kafka.hang()
    try:
        with pytest.raises(DeliveryFailed) as problem:
            action.deliver(numbered(2))
        assert problem.value.retryable
    finally:
        kafka.go_on()
    action_of().deliver(numbered(2))
    assert {record.key().decode() for record in records()} == {"before", "a0", "a1"}
    assert {record.value() for record in records()} == {message(id="before").body, *(one.body for one in numbered(2))}
