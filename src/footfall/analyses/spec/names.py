"""Event names that an analysis was asked about: do they exist, and how are they left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from footfall.errors import UnknownEvent, nearest
from footfall.event.filters import Filter, quoted

if TYPE_CHECKING:
    from footfall.analyses.spec.contract import Engine


def known_events(engine: Engine, names: Sequence[str], *, field: str | None = None) -> None:
    """UnknownEvent with the nearest known names when the snapshot never saw one of `names`."""
    if not names:
        return
    known = engine.event_names()
    seen = set(known)
    for name in names:
        if name in seen:
            continue
        near = nearest(name, known)
        if near:
            hint = "did you mean " + " or ".join(repr(other) for other in near) + "?"
        elif known:
            hint = "known events: " + ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
        else:
            hint = "there are no events yet: footfall import FILE reads some"
        raise UnknownEvent(f"there is no event named {name!r}", field=field, got=name, allowed=near or tuple(known[:10]), hint=hint)


class NotNamed(Filter):
    """The condition that an event has none of these names, whatever characters they hold."""

    __slots__ = ("names",)

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("name!=" + "|".join(names))
        self.names = tuple(names)

    def sql(self, column_sql: Callable[[str], str], column_type: Callable[[str], str]) -> str:
        """The condition as portable SQL."""
        return f"{column_sql('name')} NOT IN ({', '.join(quoted(name) for name in self.names)})"
