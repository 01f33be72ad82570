"""Slack, and whatever takes Slack's incoming webhooks (Mattermost, Rocket.Chat): each alert as one post of blocks with a plain text beside them.

Delivery: at least once.  Slack knows no ids, so a post whose answer was lost may appear twice; the alert's id is in its last line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from footfall.connectors.actions.contract import WORD_CHARACTERS_MAX, Message, iso, number, plain
from footfall.connectors.actions.wire import Address, must_be_fine

FIELDS_MAX = 10  # Slack takes no more in one block
TEXT_CHARACTERS_MAX = 500  # a block takes 3,000, and a sign may become five characters
_SIGNS = {"low": "⚪", "medium": "🟡", "high": "🟠", "critical": "🔴"}


class SlackAction:
    """Posts to one incoming webhook, whose address is the secret."""

    batch = 1

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._address = Address(url, timeout_s=timeout_s)

    def deliver(self, messages: Sequence[Message]) -> None:
        """One post a message.

        Raises:
            DeliveryFailed: no answer, or one that is not 2xx.
        """
        for message in messages:
            answer = self._address.post(post_of(message), {"Content-Type": "application/json; charset=utf-8"})
            must_be_fine(self._address.host, answer)

    def close(self) -> None:
        """Let go of the connection."""
        self._address.close()


def post_of(message: Message) -> bytes:
    """The JSON of a post.  Texts from data cannot mention anybody or become links: Slack's three signs are written out, and the rest is verbatim."""
    alert = message.alert
    sign = _SIGNS[alert.severity]
    facts = {"severity": alert.severity} | {name: "none" if value is None else value for name, value in sorted(alert.key.items())}
    if alert.value is not None:
        facts["value"] = number(alert.value)
    fields = [_words(f"*{_escaped(name)}*\n{_escaped(value)}") for name, value in [*facts.items()][:FIELDS_MAX]]
    text = _escaped(message.text, TEXT_CHARACTERS_MAX)
    last = f"{message.id} · {iso(alert.time_us)}" + (" · test" if message.test else "")
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": _words(f"{sign} *{_escaped(alert.rule)}*\n{text}")},
        {"type": "section", "fields": fields},
        {"type": "context", "elements": [_words(_escaped(last, TEXT_CHARACTERS_MAX))]},
    ]
    return msgspec.json.encode({"text": f"{sign} {text}", "blocks": blocks})


def _words(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str, characters_max: int = WORD_CHARACTERS_MAX) -> str:
    return plain(text, characters_max).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
