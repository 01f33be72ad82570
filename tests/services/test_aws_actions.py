"""SNS and CloudWatch, against a double of AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from service_servers import free_port

from actions_support import message, numbered
from footfall import clock
from footfall.connectors.actions.cloudwatch import CloudwatchAction, Metric
from footfall.connectors.actions.sns import SnsAction
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed

REGION = "eu-central-1"


@pytest.fixture
def client_of(aws):
    """client_of(service): a client of the double."""
    made = []

    def build(service):
        made.append(boto3.session.Session().client(service, region_name=REGION, endpoint_url=aws))
        return made[-1]

    yield build
    for client in made:
        client.close()


@pytest.fixture
def topic_of(client_of):
    """topic_of(name): a topic and a function that reads what its subscribed queue got."""
    sns, sqs = client_of("sns"), client_of("sqs")

    def build(name):
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        topic = sns.create_topic(Name=name, Attributes={"FifoTopic": "true"} if fifo else {})["TopicArn"]
        queue = sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        def read():
            found = []
            while got := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages"):
                for one in got:
                    found.append(json.loads(one["Body"]) | {"group": one["Attributes"].get("MessageGroupId")})
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
            return found

        return topic, read

    return build


@pytest.fixture
def sns_of(aws):
    made = []

    def build(topic, *, group="{rule}", endpoint=aws):
        made.append(SnsAction(topic, group=Template(group, "group"), region=REGION, endpoint=endpoint, timeout_s=5))
        return made[-1]

    yield build
    for action in made:
        action.close()


def test_a_topic_gets_the_json_and_the_sentence(topic_of, sns_of):
    topic, read = topic_of("alerts-plain")
    sns_of(topic).deliver([message(key={"user_id": "Zoë\n101"})])
    (got,) = read()
    assert got["Message"].encode() == message(key={"user_id": "Zoë\n101"}).body
    assert got["Subject"] == "burst: user_id Zo? 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z"
    assert got["MessageAttributes"]["footfall-id"]["Value"] == "5f0c"


def test_ten_go_in_one_request(topic_of, sns_of):
    topic, read = topic_of("alerts-ten")
    sns_of(topic).deliver(numbered(10))
    assert sorted(json.loads(got["Message"])["id"] for got in read()) == [f"a{number}" for number in range(10)]


def test_a_fifo_topic_takes_an_alert_once_and_keeps_a_groups_order(topic_of, sns_of):
    topic, read = topic_of("alerts.fifo")
    action = sns_of(topic, group="{user_id}")
    action.deliver(numbered(3))
    action.deliver(numbered(4))
    got = read()
    assert [json.loads(one["Message"])["id"] for one in got] == ["a0", "a1", "a2", "a3"]
    assert {one["group"] for one in got} == {"101"}


def test_a_group_that_sns_would_not_take_stands_there_by_its_hash(topic_of, sns_of):
    topic, read = topic_of("odd.fifo")
    sns_of(topic, group="{user_id}").deliver([message(key={"user_id": "Zoë 101"})])
    (got,) = read()
    assert len(got["group"]) == 64


def test_a_topic_that_does_not_exist_stays_so(sns_of):
    with pytest.raises(DeliveryFailed, match="SNS answers NotFound") as problem:
        sns_of(f"arn:aws:sns:{REGION}:123456789012:nowhere").deliver([message()])
    assert not problem.value.retryable


def test_aws_that_is_away_is_worth_another_try(sns_of, cloudwatch_of):
    nowhere = f"http://127.0.0.1:{free_port()}"
    for action in (sns_of(f"arn:aws:sns:{REGION}:123456789012:alerts", endpoint=nowhere), cloudwatch_of(endpoint=nowhere)):
        with pytest.raises(DeliveryFailed, match="Could not connect") as problem:
            action.deliver([message()])
        assert problem.value.retryable


@pytest.fixture
def cloudwatch_of(aws):
    made = []

    def build(*, endpoint=aws, name="bursts", value="1", **dimensions):
        made_of = {key: Template(text, key) for key, text in dimensions.items()}
        metric = Metric("shop", name, made_of, Template(value, "value"), "Count", 1)
        made.append(CloudwatchAction(metric, region=REGION, endpoint=endpoint, timeout_s=5))
        return made[-1]

    yield build
    for action in made:
        action.close()


def recent(count, **changes):
    """Alerts of the last minutes: CloudWatch keeps old points, but not for ever."""
    return [message(id=f"a{number}", time_us=clock.now_us() - number * 1_000_000, **changes) for number in range(count)]


def sums(client, name, dimensions):
    now = datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
    points = client.get_metric_statistics(
        Namespace="shop",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7_200,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return [(point["Sum"], point["SampleCount"], point["Unit"]) for point in points]


def test_alerts_are_counted_by_their_dimensions(cloudwatch_of, client_of):
    action = cloudwatch_of(name="counted", user_id="{user_id}", rule="{rule}")
    action.deliver([*recent(5), *recent(2, key={"user_id": "102"})])
    client = client_of("cloudwatch")
    assert sums(client, "counted", {"user_id": "101", "rule": "burst"}) == [(5, 5, "Count")]
    assert sums(client, "counted", {"user_id": "102", "rule": "burst"}) == [(2, 2, "Count")]


def test_the_value_of_the_alert(cloudwatch_of, client_of):
    cloudwatch_of(name="valued", value="{value}").deliver([*recent(1, value=2.5), *recent(1, value=4.0)])
    assert sums(client_of("cloudwatch"), "valued", {}) == [(6.5, 2, "Count")]


def test_an_alert_without_a_value_or_dimension_does_not_hold_up_the_others(cloudwatch_of, client_of):
    action = cloudwatch_of(name="holes", value="{value}", user_id="{user_id}")
    with pytest.raises(DeliveryFailed, match=r"the alert has no (value|user_id)") as problem:
        action.deliver([*recent(1), message(id="b", value=None), message(id="c", key={}), message(id="d", value=float("inf"))])
    assert (problem.value.ids, problem.value.retryable) == ({"b", "c", "d"}, False)
    assert sums(client_of("cloudwatch"), "holes", {"user_id": "101"}) == [(11, 1, "Count")]
