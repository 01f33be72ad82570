"""Kafka: each alert as one record, its key from a template.

Delivery: at least once.  The producer is idempotent, so its own repeats do not show; a try after a failure or a crash may write a second record with
the same key, value and `footfall-id` header.  With the default key, the alert's id, a compacted topic keeps one of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from footfall.connectors.actions.contract import Message
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed, MissingExtra

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

_logger = logging.getLogger("footfall.kafka")
# What the same record gets again; everything else may be different later.
_NEVER = (
    "MSG_SIZE_TOO_LARGE",
    "RECORD_LIST_TOO_LARGE",
    "INVALID_RECORD",
    "TOPIC_EXCEPTION",
    "TOPIC_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "SASL_AUTHENTICATION_FAILED",
    "_AUTHENTICATION",
    "_INVALID_ARG",
    "POLICY_VIOLATION",
)


class KafkaAction:
    """Writes to one topic.  `settings` are librdkafka's own, as `connection_of` makes them."""

    batch = 500

    def __init__(self, settings: Mapping[str, Any], *, topic: str, key: Template, timeout_s: float = 10.0) -> None:
        try:
            import confluent_kafka  # noqa: F401
        except ImportError:
            raise MissingExtra("the Kafka client is not installed", hint="pip install 'footfall[kafka]'") from None
        self._settings = dict(settings)
        self._topic = topic
        self._key = key
        self._timeout_s = timeout_s
        self._producer: Producer | None = None

    def deliver(self, messages: Sequence[Message]) -> None:
        """All of them in one flush.

        Raises:
            DeliveryFailed: the brokers do not answer, or refuse some of them.
        """
        from confluent_kafka import KafkaException

        failures: dict[str, tuple[str, bool]] = {}
        settled: set[str] = set()

        def note(name: str, error: KafkaError | None) -> None:
            settled.add(name)
            if error is not None:
                failures[name] = (error.str(), error.name() not in _NEVER)

        producer = self._opened()
        for message in messages:
            try:
                self._produce(producer, message, note)
            except DeliveryFailed as problem:
                failures[message.id] = (problem.sentence, problem.retryable)
            except KafkaException as problem:
                note(message.id, problem.args[0])
            except BufferError:
                failures[message.id] = ("too many records wait for the brokers", True)
        producer.flush(self._timeout_s + 1)
        unsettled = {message.id for message in messages} - settled - set(failures)
        failures |= dict.fromkeys(unsettled, ("no answer in time", True))
        if failures:
            self.close()  # a new producer for the next try: what this one still holds must not be written behind our back
            said, _ = next((failure for failure in failures.values() if failure[1]), next(iter(failures.values())))
            raise DeliveryFailed(f"topic {self._topic}: {said}", retryable=any(again for _, again in failures.values()), ids=failures)

    def _produce(self, producer: Producer, message: Message, note: Any) -> None:
        producer.produce(
            self._topic,
            message.body,
            self._key.fill(message),
            headers=[("footfall-id", message.id.encode())],
            timestamp=message.alert.time_us // 1_000,
            on_delivery=lambda error, _: note(message.id, error),
        )
        producer.poll(0)

    def _opened(self) -> Producer:
        if self._producer is None:
            from confluent_kafka import Producer

            timeout_ms = max(1_000, round(self._timeout_s * 1_000))
            self._producer = Producer(
                {
                    **self._settings,
                    "enable.idempotence": True,
                    "message.timeout.ms": timeout_ms,
                    "socket.timeout.ms": min(60_000, timeout_ms),
                    "socket.connection.setup.timeout.ms": timeout_ms,
                    "linger.ms": 5,
                },
                logger=_logger,
            )
        return self._producer

    def close(self) -> None:
        """Let go of the brokers; what was not acknowledged is given up."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1)
            self._producer = None


def connection_of(
    brokers: Sequence[str], *, security: str, mechanism: str, user: str | None = None, password: str | None = None, ca_file: str | None = None
) -> dict[str, Any]:
    """The brokers and who we are there, in librdkafka's words."""
    settings: dict[str, Any] = {"bootstrap.servers": ",".join(brokers), "client.id": "footfall"}
    protocol = ("SASL_" if user is not None else "") + ("SSL" if security == "tls" else "PLAINTEXT")
    settings["security.protocol"] = protocol
    if user is not None:
        settings |= {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password or ""}
    if ca_file is not None:
        settings["ssl.ca.location"] = ca_file
    return settings
