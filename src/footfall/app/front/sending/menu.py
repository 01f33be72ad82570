"""The ways of sending by name."""

from __future__ import annotations

from footfall.app.front.sending.amplitude import AmplitudeSender
from footfall.app.front.sending.contract import Sender
from footfall.app.front.sending.mixpanel import MixpanelSender
from footfall.app.front.sending.native import NativeSender
from footfall.app.front.sending.posthog import PosthogSender
from footfall.app.front.sending.segment import SegmentSender
from footfall.app.front.sending.snowplow import SnowplowSender
from footfall.errors import InvalidQuery, nearest

_SENDERS: tuple[type[Sender], ...] = (NativeSender, SegmentSender, PosthogSender, AmplitudeSender, MixpanelSender, SnowplowSender)
NAMES: tuple[str, ...] = tuple(sender.name for sender in _SENDERS)


def sender(name: str) -> Sender:
    """A way of sending by the product's name.

    Raises:
        InvalidQuery: there is none of that name.
    """
    for one in _SENDERS:
        if one.name == name:
            return one()
    near = nearest(name, NAMES, limit=1)
    hint = f"did you mean {near[0]!r}?" if near else "write one of " + ", ".join(NAMES)
    raise InvalidQuery(f"nothing is sent as {name!r}", field="protocol", got=name, allowed=NAMES, hint=hint)
