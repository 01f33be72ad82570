"""What every rule says: a frozen spec, as `[[rule]]` of footfall.toml has it, that becomes an operator.

[[rule]]
name = "burst"
kind = "threshold"
key = ["user_id"]
window = { tumbling = "10s" }
measure = "count"
record_above = 1
alert_above = 10
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec import Meta

from footfall.errors import InvalidConfig
from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.stream.contract import Operator, Severity, StreamName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footfall.stream.measure import Measure

NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"
LONGEST = Span("3660d")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A condition.  Subclasses are the kinds: they add fields and say what operator they become."""

    kind: ClassVar[str]

    name: Annotated[str, Meta(description="the rule's name", pattern=NAME)]
    stream: Annotated[StreamName, Meta(description="events, or logs: lines of applications")] = "events"
    key: Annotated[
        tuple[str, ...], Meta(description="whom it is about: columns, properties.key or dimension.column; left out: everybody together")
    ] = ()
    where: Annotated[tuple[Filter, ...], Meta(description="look only at records that meet these conditions, e.g. name=view")] = ()
    lateness: Annotated[Span | None, Meta(description="how late a record may come and still count; left out: live.lateness")] = None
    cool_down: Annotated[Span | None, Meta(description="after an alert the same key raises none for so long, in event time; left out: no pause")] = (
        None
    )
    severity: Annotated[Severity, Meta(description="low, medium, high or critical")] = "medium"
    allow: Annotated[tuple[str, ...], Meta(description="keys that never raise an alert, such as a monitor of your own")] = ()
    actions: Annotated[tuple[str, ...], Meta(description="names of [[notify]] tables that its alerts go to")] = ()
    keep: Annotated[Span, Meta(description="how long recorded windows are kept behind the event clock")] = Span("7d")

    def operator(self, *, lateness_us: int) -> Operator:
        """The rule in motion; `lateness_us` counts where the rule has none of its own."""
        raise AssertionError("every kind says how it runs")

    def measures(self) -> tuple[Measure, ...]:
        """What it measures."""
        return ()

    def filters(self) -> tuple[Filter, ...]:
        """Every condition that it holds records against."""
        return (*self.where, *(one.condition for one in self.measures() if one.condition is not None))

    def numbers(self) -> tuple[str, ...]:
        """Every column that must hold numbers."""
        return tuple(one.reference for one in self.measures() if one.reference is not None and one.needs_numbers)

    def references(self) -> tuple[str, ...]:
        """Every column it looks at."""
        measured = (one.reference for one in self.measures() if one.reference is not None)
        return tuple(dict.fromkeys((*self.key, *(one.column for one in self.filters()), *measured)))

    def look_back_us(self) -> int:
        """How long before a moment records can still matter for what it raises from then on, apart from its cool-down."""
        raise AssertionError("every kind says how far it looks back")

    def lateness_us(self, default_us: int) -> int:
        """Its own lateness, or the project's.

        Raises:
            InvalidConfig: it has none that ends.
        """
        if self.lateness is None:
            return default_us
        self.check_span(self.lateness, "lateness")
        return self.lateness.us

    def check_span(self, span: Span, field: str) -> None:
        """Refuse a span without end: what lies within it is kept.

        Raises:
            InvalidConfig: it is none, or longer than LONGEST.
        """
        if span.us > LONGEST.us:
            raise self.wrong("would remember without end", field, str(span), "write a span such as 10m, 2h or 30d")

    def wrong(self, what: str, field: str, got: object, hint: str) -> InvalidConfig:
        """An error that names the rule and the field."""
        return InvalidConfig(f"rule {self.name!r} {what}", field=f"rule.{self.name}.{field}", got=got, hint=hint)


def spec_of(rule: Rule) -> str:
    """The parts of a rule that its state depends on, as text: a new severity or action changes nothing that it remembers."""
    plain = msgspec.to_builtins(rule, enc_hook=str)
    for name in ("severity", "actions", "allow"):
        plain.pop(name, None)
    return msgspec.json.encode(plain, order="sorted").decode()


def unknown_actions(rules: Sequence[Rule], known: Sequence[str]) -> list[tuple[Rule, str]]:
    """Actions that rules name and nobody declares."""
    return [(rule, action) for rule in rules for action in rule.actions if action not in known]
