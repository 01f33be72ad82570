"""Webhook: each alert as one POST of JSON, signed.

Delivery: at least once.  Every try of an alert has the same body, `X-Footfall-Id`, `Idempotency-Key` and signature, so a receiver that remembers
ids takes each alert once.  The signature is the HMAC-SHA-256 of the body under a secret that both sides know; it holds no time of its own,
because the body has the alert's time and the id tells a repeat.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from footfall.connectors.actions.contract import Message
from footfall.connectors.actions.wire import Address, must_be_fine


class WebhookAction:
    """Posts to one address.  `secret` signs, `headers` go with every request."""

    batch = 1

    def __init__(self, url: str, *, secret: str | None = None, headers: Mapping[str, str] | None = None, timeout_s: float = 10.0) -> None:
        self._address = Address(url, timeout_s=timeout_s)
        self._secret = None if secret is None else secret.encode()
        self._headers = dict(headers or {})

    def deliver(self, messages: Sequence[Message]) -> None:
        """One request a message.

        Raises:
            DeliveryFailed: no answer, or one that is not 2xx.
        """
        for message in messages:
            answer = self._address.post(message.body, self._headers | self._of(message))
            must_be_fine(self._address.host, answer)

    def _of(self, message: Message) -> dict[str, str]:
        name = quote(message.id, safe="")
        headers = {"Content-Type": "application/json", "X-Footfall-Id": name, "Idempotency-Key": name}
        if self._secret is not None:
            headers["X-Footfall-Signature"] = signature(message.body, self._secret)
        return headers

    def close(self) -> None:
        """Let go of the connection."""
        self._address.close()


def signature(body: bytes, secret: bytes) -> str:
    """What X-Footfall-Signature holds for a body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
