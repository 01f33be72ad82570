"""Visitors without a cookie: an id of address, agent and site that changes every day.

Umami, Plausible and others send no id of the person; the same browser on the same site gets the same id for one day (UTC), by a keyed hash.
Without its key, which never leaves the collector, the id leads back neither to the address nor to another day's id.
After Plausible's and Umami's daily salts.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from uuid import UUID

from footfall.collect.wire.contract import Asked

DAY_US = 86_400_000_000
_KEY_BYTES_MAX = 64


class _Salt:
    """One key a process, until the door sets the one that it keeps."""

    value = secrets.token_bytes(32)


def set_salt(salt: bytes) -> None:
    """Use this key from now on; the door calls it at its start, so that an id lives through a restart."""
    _Salt.value = salt[:_KEY_BYTES_MAX]


def visitor_id(*parts: str) -> str:
    """A UUID made of parts and the key: the same for the same parts, different when any part differs."""
    told = "\0".join(part.replace("\0", "") for part in parts)
    digest = blake2b(told.encode("utf-8", "surrogatepass"), key=_Salt.value, digest_size=16).digest()
    return str(UUID(bytes=digest, version=5))


def anonymous_visitor(asked: Asked, site: str, *, address: str | None = None, agent: str | None = None) -> str:
    """The id of a request's visitor on a site for the day of its receipt.

    `address` and `agent` stand in for the request's own where a server passes on what its visitor's browser said.
    """
    place = address or asked.address or ""
    browser = agent or asked.header(b"user-agent") or ""
    return visitor_id("visitor", str(asked.received_us // DAY_US), site, place, browser)
