"""Cross-origin requests: which pages may send events here, as browsers ask before they do."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.collect.wire.contract import Answer, WireProtocol

_USUAL = ("Accept", "Authorization", "Content-Encoding", "Content-Type", "Last-Event-ID", "X-Request-Id", "X-Requested-With", "X-Write-Key")
_SHOWN = b"Retry-After, X-Request-Id"
_DAY_S = b"86400"


class Cors:
    """Answers for browsers; `*` among the origins allows every page.  Cookies are allowed since Snowplow's visitor cookie needs it."""

    def __init__(self, origins: Sequence[str], protocols: Sequence[WireProtocol]) -> None:
        self._origins = frozenset(origin.encode().rstrip(b"/") for origin in origins)
        self._all = b"*" in self._origins
        named = {name.lower(): name for protocol in protocols for name in protocol.allow_headers} | {name.lower(): name for name in _USUAL}
        self._headers = ", ".join(named[name] for name in sorted(named)).encode()

    def headers(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """What an answer to a page of this origin carries."""
        if not (self._all or origin in self._origins):
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _SHOWN),
            (b"vary", b"Origin"),
        ]

    def preflight(self, methods: Sequence[str]) -> Answer:
        """What a browser may send to a path; the origin is added to every answer."""
        allowed = ", ".join((*methods, "OPTIONS") if methods else ("GET", "POST", "OPTIONS")).encode()
        return Answer(
            204,
            b"",
            (
                (b"access-control-allow-methods", allowed),
                (b"access-control-allow-headers", self._headers),
                (b"access-control-max-age", _DAY_S),
            ),
        )
