"""What footfall.toml may say about the front door."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from footfall.errors import InvalidConfig


class CollectSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP port that takes events."""

    host: Annotated[str, Meta(description="the address to listen on; one that others can reach needs a write key")] = "127.0.0.1"
    port: Annotated[int, Meta(description="the port to listen on; 0 takes a free one")] = 8787
    ip: Annotated[Literal["drop", "hash", "keep"], Meta(description="what becomes of IP addresses once the country is known")] = "drop"
    place_database: Annotated[str | None, Meta(description="an mmdb file (GeoLite2-City or alike) for region and city; left out: country only")] = (
        None
    )
    trusted_proxies: Annotated[tuple[str, ...], Meta(description="proxies whose X-Forwarded-For is believed")] = ("127.0.0.1", "::1")
    cors_origins: Annotated[tuple[str, ...], Meta(description="web origins that may send events; * allows every one")] = ("*",)
    body_bytes_max: Annotated[int, Meta(description="largest body of a request, unpacked")] = 20 << 20
    event_bytes_max: Annotated[int, Meta(description="largest single event")] = 1 << 20
    events_max: Annotated[int, Meta(description="most events in one request")] = 50_000
    waiting_bytes_max: Annotated[int, Meta(description="most bytes of bodies in memory; beyond it clients are asked to come back")] = 64 << 20
    body_seconds_max: Annotated[int, Meta(description="seconds in which a request must have arrived")] = 30

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise InvalidConfig(f"{self.port} is no port", field="collect.port", got=self.port, hint="write 0 to 65535")
        for name in ("body_bytes_max", "event_bytes_max", "events_max", "waiting_bytes_max", "body_seconds_max"):
            if getattr(self, name) < 1:
                raise InvalidConfig(
                    f"collect.{name} must be 1 or more", field=f"collect.{name}", got=getattr(self, name), hint="leave it out for the default"
                )
