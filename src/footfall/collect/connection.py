"""One connection of a client, with the limits that uvicorn leaves to others.

They are the size of headers, the time a request may take to arrive, and how long a client may take nothing of what waits for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from footfall import clock

HEADER_BYTES_MAX = 64 << 10
CONNECTIONS_MAX = 8_192
LOOK_EVERY_S = 1.0
STALLED_S = 120.0
STALLED_AT_END_S = 5.0  # once the port closes


class HeadersTooLarge(Exception):
    """More header bytes than any SDK sends."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection; `began_s` is when the request that is still arriving began to, None between requests."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.began_s: float | None = clock.monotonic_s()
        self._header_bytes = 0
        self._unread_bytes = 0
        self._unread_since_s = 0.0

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

    def stalled_s(self, now_s: float) -> float:
        """For how long the client has taken nothing of what waits for it, as far as was seen by looking now and then."""
        unread_bytes = self.transport.get_write_buffer_size() if self.flow.write_paused else 0
        if unread_bytes == 0 or unread_bytes != self._unread_bytes:
            self._unread_bytes, self._unread_since_s = unread_bytes, now_s
        return now_s - self._unread_since_s

    def shutdown(self) -> None:
        """The port closes: what has arrived is still answered, but a client that takes nothing is not waited for."""
        super().shutdown()
        if self.flow.write_paused:
            self._unread_bytes = self.transport.get_write_buffer_size()
            self.loop.call_later(STALLED_AT_END_S, self._end_stalled)

    def _end_stalled(self) -> None:
        if self.flow.write_paused and self.transport.get_write_buffer_size() == self._unread_bytes:
            self.transport.abort()

    def _measure(self, octets: int) -> None:
        self._header_bytes += octets
        if self._header_bytes > HEADER_BYTES_MAX:
            raise HeadersTooLarge


async def close_slow(connections: set[Any], seconds_max: float) -> None:
    """Look once a second for requests that take too long to arrive, and for clients that read nothing, and close them, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        now_s = clock.monotonic_s()
        for connection in list(connections):
            if not isinstance(connection, Connection):
                continue
            late = connection.began_s is not None and connection.began_s < now_s - seconds_max
            if late or connection.stalled_s(now_s) > STALLED_S:
                connection.transport.abort()
