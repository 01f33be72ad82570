"""One connection of a client, with the two limits that uvicorn leaves to others: the size of headers, and the time a request may take to arrive."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from footfall import clock

HEADER_BYTES_MAX = 64 << 10
CONNECTIONS_MAX = 8_192
LOOK_EVERY_S = 1.0


class HeadersTooLarge(Exception):
    """More header bytes than any SDK sends."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection; `began_s` is when the request that is still arriving began to, None between requests."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.began_s: float | None = clock.monotonic_s()
        self._header_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Turn away what no server could hold open."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.began_s = clock.monotonic_s()
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the path."""
        self._measure(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._measure(len(name) + len(value))
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        self.began_s = None
        super().on_message_complete()

    def _measure(self, octets: int) -> None:
        self._header_bytes += octets
        if self._header_bytes > HEADER_BYTES_MAX:
            raise HeadersTooLarge


async def close_slow(connections: set[Any], seconds_max: float) -> None:
    """Look once a second for requests that take too long to arrive and close them, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        late_s = clock.monotonic_s() - seconds_max
        for connection in list(connections):
            if isinstance(connection, Connection) and connection.began_s is not None and connection.began_s < late_s:
                connection.transport.abort()
