"""GET /tag.js: the browser tag, small enough to send whole and kept by browsers for an hour.

What it does for a page stands in docs/browser-tag.md; its source is the file that is served, there is no build step.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from footfall.collect.wire.contract import Answer, Asked

_HEADERS = (
    (b"cache-control", b"public, max-age=3600, stale-while-revalidate=86400"),
    (b"vary", b"Accept-Encoding"),
    (b"cross-origin-resource-policy", b"cross-origin"),  # pages that isolate themselves load nothing without it
    (b"x-content-type-options", b"nosniff"),
)
_SCRIPT = (b"content-type", b"text/javascript; charset=utf-8")


@cache
def script() -> tuple[bytes, bytes, bytes]:
    """The tag as it is, as gzip, and its ETag."""
    source = files("footfall.collect.tag").joinpath("tag.js").read_bytes()
    return source, gzip.compress(source, 9, mtime=0), b'W/"%s"' % hashlib.sha256(source).hexdigest()[:20].encode()


def answer_tag(asked: Asked) -> Answer:
    """The script, or 304 when the browser has this very one."""
    source, packed, tag = script()
    headers = (*_HEADERS, (b"etag", tag))
    known = asked.headers.get(b"if-none-match", b"")
    if tag.removeprefix(b"W/") in known or known.strip() == b"*":
        return Answer(304, b"", headers)
    if b"gzip" in asked.headers.get(b"accept-encoding", b""):
        return Answer(200, packed, (_SCRIPT, (b"content-encoding", b"gzip"), *headers))
    return Answer(200, source, (_SCRIPT, *headers))
