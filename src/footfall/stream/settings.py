"""What footfall.toml may say about the live path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from footfall.errors import InvalidConfig, nearest
from footfall.event.span import Span

BUILT_IN_VIEWS = ("active", "active_users", "events", "pages", "recent_pages", "sessions", "requests", "latency")


class LiveSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes visible as it arrives: views, rules, alerts."""

    lateness: Annotated[Span, Meta(description="how late a record may come and still count in views and rules")] = Span("10s")
    views: Annotated[tuple[str, ...], Meta(description="built-in views to keep; docs/views.md lists them, none: an empty list")] = BUILT_IN_VIEWS
    alerts_keep: Annotated[Span, Meta(description="how long alerts are kept")] = Span("90d")

    def __post_init__(self) -> None:
        for name in self.views:
            if name not in BUILT_IN_VIEWS:
                near = nearest(name, BUILT_IN_VIEWS, limit=1)
                hint = f"did you mean {near[0]!r}?" if near else "built in: " + ", ".join(BUILT_IN_VIEWS)
                raise InvalidConfig(f"there is no built-in view {name!r}", field="live.views", got=name, allowed=BUILT_IN_VIEWS, hint=hint)


class ViewsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where views, alerts and the state of the live path are kept."""

    url: Annotated[str, Meta(description="the store: sqlite:FILE, relative to the project or absolute")] = "sqlite:.footfall/state.db"

    def __post_init__(self) -> None:
        if not self.url.startswith("sqlite:") or self.url == "sqlite:":
            raise InvalidConfig(
                f"views cannot be kept at {self.url!r}",
                field="views.url",
                got=self.url,
                allowed=("sqlite:FILE",),
                hint='write url = "sqlite:.footfall/state.db"',
            )

    def path(self, folder: Path) -> Path:
        """The store's file, absolute."""
        return (folder / self.url.removeprefix("sqlite:")).resolve()
