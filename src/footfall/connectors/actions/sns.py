"""AWS SNS: alerts published to a topic, ten in a request; subscribers by e-mail and telephone get the sentence, all others the JSON.

Delivery: at least once.  A FIFO topic knows repeats within five minutes by the alert's id and keeps the order of each group; other topics know none,
and the id is in the JSON and in the message attribute `footfall-id`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from footfall.connectors.actions import aws
from footfall.connectors.actions.contract import Message, plain
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed

SUBJECT_CHARACTERS_MAX = 99  # SNS takes fewer than 100, ASCII only
GROUP_CHARACTERS_MAX = 128


class SnsAction:
    """Publishes to one topic."""

    batch = 10

    def __init__(self, topic: str, *, group: Template, region: str | None = None, endpoint: str | None = None, timeout_s: float = 10.0) -> None:
        self._topic = topic
        self._group = group
        self._client = aws.client("sns", region=region, endpoint=endpoint, timeout_s=timeout_s)

    def deliver(self, messages: Sequence[Message]) -> None:
        """One request for all of them.

        Raises:
            DeliveryFailed: SNS does not answer, or refuses some of them.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        entries = [self._entry(number, message) for number, message in enumerate(messages)]
        try:
            answer = self._client.publish_batch(TopicArn=self._topic, PublishBatchRequestEntries=entries)
        except (BotoCoreError, ClientError) as problem:
            raise aws.failed("SNS", problem) from problem
        failures = {messages[int(entry["Id"])].id: entry for entry in answer.get("Failed", [])}
        if failures:
            first = next(iter(failures.values()))
            again = any(not entry.get("SenderFault") or aws.later(entry.get("Code", "")) for entry in failures.values())
            said = plain(str(first.get("Message", "")), 200)
            raise DeliveryFailed(f"SNS refuses alerts: {first.get('Code')}: {said}", retryable=again, ids=failures)

    def _entry(self, number: int, message: Message) -> dict[str, Any]:
        body = message.body.decode()
        subject = plain(message.text, SUBJECT_CHARACTERS_MAX).encode("ascii", "replace").decode()
        entry: dict[str, Any] = {
            "Id": str(number),
            "Subject": subject,
            "Message": msgspec.json.encode({"default": body, "email": message.text, "sms": message.text}).decode(),
            "MessageStructure": "json",
            "MessageAttributes": {"footfall-id": {"DataType": "String", "StringValue": message.id}},
        }
        if self._topic.endswith(".fifo"):
            entry["MessageDeduplicationId"] = hashlib.sha256(message.id.encode()).hexdigest()
            entry["MessageGroupId"] = _group(self._group.fill(message))
        return entry

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _group(text: str) -> str:
    """A group id that SNS takes: printable ASCII without blanks; any other text stands there by its hash."""
    fine = 0 < len(text) <= GROUP_CHARACTERS_MAX and all("!" <= character <= "~" for character in text)
    return text if fine else hashlib.sha256(text.encode()).hexdigest()
