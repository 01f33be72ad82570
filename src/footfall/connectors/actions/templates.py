"""Texts with places for an alert's facts: `interest:{user_id}`.

A place names a column of the alert's key, one of its members (id, rule, severity, time, value, window_start, window_end, text) or one of its
details, looked for in this order; `{key.time}` and `{details.id}` name what a member hides.  `{{` is a brace.  An alert that lacks
what a place names cannot be sent by that template, and is not sent with a hole in it.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from footfall.connectors.actions.contract import Message, iso, number
from footfall.errors import DeliveryFailed, InvalidConfig
from footfall.stream.contract import Alert

_HINT = "write a name of the alert's key in braces, such as interest:{user_id}"
MEMBERS: Mapping[str, Callable[[Message], Any]] = {
    "id": lambda message: message.id,
    "rule": lambda message: message.alert.rule,
    "severity": lambda message: message.alert.severity,
    "time": lambda message: iso(message.alert.time_us),
    "value": lambda message: message.alert.value,
    "window_start": lambda message: _iso(message.alert.window_start_us),
    "window_end": lambda message: _iso(message.alert.window_end_us),
    "text": lambda message: message.text,
}


class Template:
    """A checked template.

    Raises:
        InvalidConfig: a brace is left open, or a place holds more than a name.
    """

    def __init__(self, text: str, field: str = "template") -> None:
        self.text = text
        self._field = field
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as problem:
            raise InvalidConfig(f"{field}: {text!r} is no template: {problem}", field=field, got=text, hint=_HINT) from None
        self._parts: list[tuple[str, str | None]] = []
        for literal, name, form, conversion in parsed:
            if name is not None and (not name.strip() or form or conversion or "[" in name):
                raise InvalidConfig(f"{field}: {text!r} has a place that is not a name", field=field, got=text, hint=_HINT)
            self._parts.append((literal, name))

    @property
    def names(self) -> list[str]:
        """What its places name."""
        return [name for _, name in self._parts if name is not None]

    def fill(self, message: Message, *, missing: str | None = None) -> str:
        """The text for an alert; `missing` stands for what the alert lacks.

        Raises:
            DeliveryFailed: the alert lacks something and nothing stands for it; another try does not help.
        """
        made = []
        for literal, name in self._parts:
            made.append(literal)
            if name is None:
                continue
            value = _value(message, name)
            if value is None and missing is None:
                raise DeliveryFailed(
                    f"the alert has no {name}, which {self._field} = {self.text!r} asks for",
                    retryable=False,
                    ids=[message.id],
                    hint="name what the rule's key holds, then replay the alert",
                )
            made.append(missing or "" if value is None else _text(value))
        return "".join(made)


def filled(templates: Mapping[str, Template], message: Message) -> dict[str, str]:
    """Several templates for one alert."""
    return {name: template.fill(message) for name, template in templates.items()}


def _value(message: Message, name: str) -> Any:
    alert = message.alert
    table, dot, rest = name.partition(".")
    if dot and table in ("key", "details") and name not in alert.key:
        return _table(alert, table).get(rest)
    if name in alert.key:
        return alert.key[name]
    return MEMBERS[name](message) if name in MEMBERS else alert.details.get(name)


def _table(alert: Alert, name: str) -> Mapping[str, Any]:
    return alert.key if name == "key" else alert.details


def _iso(time_us: int | None) -> str | None:
    return None if time_us is None else iso(time_us)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return msgspec.json.encode(value, order="deterministic").decode()
    return str(value) if isinstance(value, int) else number(value)
