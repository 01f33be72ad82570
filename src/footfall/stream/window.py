"""Windows as people write them: `{ tumbling = "10s" }`, `{ sliding = "5m", every = "1m" }`, `{ session = "30m" }`, or none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from footfall.errors import InvalidConfig, InvalidQuery, nearest
from footfall.event.span import Span

KINDS = ("tumbling", "sliding", "session")
WINDOWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Window:
    """How records of a key are grouped by time.  `size_us` is the size, or the gap of sessions; 0 for `none`: one row a key."""

    kind: Literal["tumbling", "sliding", "session", "none"]
    size_us: int = 0
    every_us: int = 1

    @property
    def windows_of_a_record(self) -> int:
        """How many windows a record belongs to, at most."""
        return -(-self.size_us // self.every_us) if self.kind in ("tumbling", "sliding") else 1

    def __str__(self) -> str:
        if self.kind == "none":
            return "none"
        size = str(_span(self.size_us))
        return f"{self.kind} {size}" + (f" every {_span(self.every_us)}" if self.kind == "sliding" else "")


def _span(us: int) -> Span:
    from datetime import timedelta

    return Span(timedelta(microseconds=us))


def window(given: Mapping[str, str] | None, *, field: str) -> Window:
    """The window of a table.

    Raises:
        InvalidConfig: it is none.
    """
    if not given:
        return Window("none")
    hint = 'write { tumbling = "10s" }, { sliding = "5m", every = "1m" } or { session = "30m" }'
    for name in given:
        if name not in (*KINDS, "every"):
            near = nearest(name, (*KINDS, "every"), limit=1)
            raise InvalidConfig(f"a window has no {name!r}", field=field, got=name, hint=f"did you mean {near[0]!r}?" if near else hint)
    chosen = [name for name in KINDS if name in given]
    if len(chosen) != 1 or ("every" in given) is not (chosen == ["sliding"]):
        raise InvalidConfig("a window is tumbling, sliding with every, or a session", field=field, got=dict(given), hint=hint)
    size_us = _us(given[chosen[0]], field)
    if chosen == ["session"]:
        return Window("session", size_us)
    every_us = _us(given["every"], field) if chosen == ["sliding"] else size_us
    if every_us > size_us or -(-size_us // every_us) > WINDOWS_MAX:
        raise InvalidConfig(
            f"a window of {given[chosen[0]]} cannot begin every {given['every']}",
            field=field,
            got=given["every"],
            hint=f"write a step that is no longer than the window and fits into it at most {WINDOWS_MAX} times",
        )
    return Window("tumbling" if chosen == ["tumbling"] else "sliding", size_us, every_us)


def _us(text: str, field: str) -> int:
    try:
        span = Span(text)
    except InvalidQuery as problem:
        raise InvalidConfig(problem.sentence, field=field, got=text, hint=problem.hint) from None
    if span.unlimited:
        raise InvalidConfig("a window has an end", field=field, got=text, hint="write a span such as 10s, 5m or 1d")
    return span.us
