"""The Protocol contract: how one vendor's requests are read, and how that vendor's SDKs want to be answered.

A protocol is pure: it sees bytes and headers and returns items and replies.  It knows no log, no clock and no key store.  What it does
not understand becomes a Refusal with its reason, never an exception for one bad event among good ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from footfall.errors import FootfallError
from footfall.event.canonical import Event, LogRecord
from footfall.event.drop import DropReason

JSON = (b"content-type", b"application/json")
TEXT = (b"content-type", b"text/plain; charset=utf-8")


@dataclass(slots=True, weakref_slot=True)
class Asked:
    """One request as a protocol sees it.  Header names are lower-case bytes; `body` is unpacked and has passed the size limits."""

    method: str
    path: str
    body: bytes
    query_string: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    received_us: int = 0
    address: str | None = None

    def query(self) -> dict[str, str]:
        """The parameters behind the question mark; the last one of a name counts."""
        return dict(parse_qsl(self.query_string.decode("utf-8", "replace"), keep_blank_values=True)) if self.query_string else {}

    def header(self, name: bytes) -> str | None:
        """One header as text."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One event that will not be stored, with its index in the request.

    With an `event_id` it becomes one dead letter however often it is sent within the window of duplicates.
    """

    place: int
    reason: DropReason
    detail: str
    row: str
    field: str | None = None
    event_id: str | None = None


@dataclass(slots=True)
class Batch:
    """The items of one request.

    `items` are Event or LogRecord, or, for a protocol whose bodies the log may keep as they came, its own typed items.  `ids` are the ids to
    remove duplicates by, one an item, None where there is none; what identifies within a device or user is part of the id.  `places` are
    the items' indexes in the request when some were refused.  `key` is what says which application sent it (write key, token, domain).
    `sent` is the client's clock at sending.  `private` says that the body holds what must not reach the disk (an IP address).
    """

    items: list[Any]
    ids: list[str | None]
    key: str | None = None
    sent: str | int | None = None
    refused: list[Refusal] = field(default_factory=list)
    places: list[int] | None = None
    private: bool = False
    extra: Any = None  # what `answer` wants to know

    def place(self, index: int) -> int:
        """Where item `index` stood in the request."""
        return index if self.places is None else self.places[index]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch that is now durable: the indexes into `batch.items` that were duplicates, and everything refused."""

    batch: Batch
    duplicates: frozenset[int] = frozenset()
    refused: Sequence[Refusal] = ()

    @property
    def stored(self) -> int:
        """Events that were accepted now or before."""
        return len(self.batch.items)


class BadRequest(FootfallError):
    """The whole request cannot be used: a DropReason, and what is wrong in words.  Its body becomes one dead letter."""

    code = "bad_request"

    def __init__(
        self, reason: DropReason, sentence: str, *, field: str | None = None, got: object = None, hint: str | None = None, status: int = 400
    ) -> None:
        super().__init__(sentence, field=field, got=got, hint=hint)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing of a request was stored: 400, 401, 403, 413, 415, 429 or 503, in words, and when to come back."""

    status: int
    code: str
    sentence: str
    hint: str | None = None
    retry_after_s: int | None = None
    batch: Batch | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a protocol.  A path that ends in `*` takes everything that begins with it.

    With `reply` the request carries no events (an SDK asks for its settings): the answer is made at once and nothing is stored.
    Two vendors may use the same path: `when` says which requests are this one's, by header, query or body, and must be quick and pure.
    The door asks the routes of a path that have a `when` first, in their order; a route without one takes what is left.
    """

    methods: tuple[str, ...]
    path: str
    reply: Callable[[Asked], Answer] | None = None
    when: Callable[[Asked], bool] | None = None


class WireProtocol(Protocol):
    """One vendor's way of sending events."""

    name: str
    title: str  # as people call it
    stream: str  # "events" or "logs"
    routes: tuple[Route, ...]
    raw: bool  # whether the log may keep accepted bodies as they came; then `read` and `events` run again downstream
    allow_headers: tuple[str, ...]  # request headers that browsers may send across origins, beside the usual ones

    def read(self, asked: Asked) -> Batch:
        """The items of a request; BadRequest when there is nothing to be had of it."""

    def events(self, batch: Batch) -> list[Event] | list[LogRecord]:
        """The items in canonical form, one for each, in order."""

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """What the SDK needs to see when the batch is durable (refused events included, as dead letters)."""

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """What the SDK needs to see when nothing was stored, so that it tries again or gives up, whichever is right."""
