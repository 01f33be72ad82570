"""What an action is given, and what it promises.

A `Message` is one alert ready to be sent: the same alert gives the same bytes in every try, every process and every run.  An `Action` takes
messages to one outside system.  Delivery is at least once under the alert's id; an action whose system can tell repeats apart lets it do so, and
says so in its module's docstring.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from footfall.stream.contract import Alert

DAY_CHARACTERS = len("2026-11-01T")
WORD_CHARACTERS_MAX = 80
MEASURE = "measure"  # the member of an alert's details that says what its value counts
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Control characters, line separators and marks that turn the direction of writing: none of them may come from data into a sentence.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_ENCODER = msgspec.json.Encoder(order="deterministic")


class Message(msgspec.Struct, frozen=True):
    """One alert as it is sent: `body` is JSON, `text` one sentence for people, `test` whether somebody only tries the way."""

    id: str
    body: bytes
    text: str
    alert: Alert
    test: bool = False


class Action(Protocol):
    """One way out.  Used by one thread."""

    batch: int  # most messages of one call

    def deliver(self, messages: Sequence[Message]) -> None:
        """Hand the messages over, in order, within the action's timeout; when it returns, the other side has all of them.

        Raises:
            DeliveryFailed: not all of them got through; its `ids` are those that did not, and the others did.
        """

    def close(self) -> None:
        """Let go of connections."""


class _Body(msgspec.Struct, omit_defaults=True):
    """The members of the JSON, in their order.  `test` is only there when it is so."""

    id: str
    rule: str
    severity: str
    key: dict[str, str | None]
    time: str
    value: float | None
    window_start: str | None
    window_end: str | None
    details: dict[str, Any]
    text: str
    test: bool = False


def message_of(alert: Alert, *, test: bool = False) -> Message:
    """The alert as it is sent.  Neither where it is in the log nor when it was raised is in it: those may differ from run to run."""
    text = sentence(alert)
    if test:
        text = f"test of footfall, nothing happened: {text}"
    body = _Body(
        alert.id,
        alert.rule,
        alert.severity,
        alert.key,
        iso(alert.time_us),
        alert.value,
        None if alert.window_start_us is None else iso(alert.window_start_us),
        None if alert.window_end_us is None else iso(alert.window_end_us),
        alert.details,
        text,
        test,
    )
    return Message(alert.id, _ENCODER.encode(body), text, alert, test)


def sentence(alert: Alert) -> str:
    """What happened, in one line: `burst: user_id 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z`."""
    about = ", ".join(f"{word(name)} {word(value)}" if value is not None else f"no {word(name)}" for name, value in sorted(alert.key.items()))
    measure = alert.details.get(MEASURE)
    has = "" if alert.value is None else number(alert.value)
    if has and isinstance(measure, str):
        has = f"{has} ({word(measure)})"
    what = " has ".join(part for part in (about, has) if part)
    return f"{word(alert.rule)}: {what} {when(alert)}" if what else f"{word(alert.rule)} {when(alert)}"


def when(alert: Alert) -> str:
    """The window of an alert, else its time, with its preposition."""
    if alert.window_start_us is None or alert.window_end_us is None:
        return f"at {iso(alert.time_us)}"
    start, end = iso(alert.window_start_us), iso(alert.window_end_us)
    same_day = start[:DAY_CHARACTERS] == end[:DAY_CHARACTERS]
    return f"in {start} - {end[DAY_CHARACTERS:] if same_day else end}"


def iso(time_us: int) -> str:
    """Microseconds as ISO 8601 in UTC: `2026-11-01T00:00:00Z`, with a fraction where there is one."""
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().replace("+00:00", "Z")


def number(value: float) -> str:
    """A number as people write it: 11, 0.25, 1e+20."""
    return f"{value:.0f}" if math.isfinite(value) and value == math.floor(value) and abs(value) < 1e15 else f"{value:.6g}"


def word(text: str) -> str:
    """A text from data, for a sentence: one line, printable, of bounded length."""
    return plain(text, WORD_CHARACTERS_MAX)


def plain(text: str, characters_max: int) -> str:
    """A text on one line and printable, cut where it is longer."""
    flat = _UNPRINTABLE.sub(" ", text[: 4 * characters_max]).strip()
    return flat if len(flat) <= characters_max else flat[: characters_max - 1] + "…"
