"""A client of a collector: one kept connection, and another try when the collector is away or asks for patience.

429, 502, 503 and 504, a refused connection and one that breaks off are tried again, after Retry-After or after a pause that doubles.
The body of another try is the same, so that ids in it remove what came twice.
"""

from __future__ import annotations

import email.utils
import gzip
import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from footfall import clock
from footfall.errors import InvalidQuery, StorageFailed

TIMEOUT_S = 60.0
PAUSE_FIRST_S, PAUSE_MAX_S = 0.25, 30.0
RETRY_AFTER_MAX_S = 300.0
AGAIN = (408, 425, 429, 500, 502, 503, 504)
PACKED_FROM_BYTES = 1024

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Post:
    """One request as a client sends it."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and after how many tries."""

    status: int
    body: bytes
    tries: int

    @property
    def fine(self) -> bool:
        """Whether everything in the request was taken, or set aside by name."""
        return 200 <= self.status < 300


class Door:
    """The collector at a URL.

    `patience_s` is how long one request is tried (None: for ever); `stopped` is asked before each pause, and ends the trying.
    """

    def __init__(self, url: str, *, patience_s: float | None = None, say: Say | None = None, stopped: Callable[[], bool] | None = None) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise InvalidQuery(f"{url!r} is no address of a collector", field="to", got=url, hint="write http://127.0.0.1:8787")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._place = (parts.scheme, parts.hostname, port)
        self._prefix = parts.path.rstrip("/")
        self._patience_s = patience_s
        self._say = say or (lambda _: None)
        self._stopped = stopped or (lambda: False)
        self._connection: http.client.HTTPConnection | None = None

    def post(self, post: Post, *, packed: bool = True) -> Reply:
        """Send until there is an answer that another try would not change.

        Raises:
            StorageFailed: the collector did not take it in time; nothing is known of it, and sending the same again is safe.
        """
        body, headers = post.body, {"User-Agent": "footfall", **post.headers}
        if packed and len(body) >= PACKED_FROM_BYTES and "Content-Encoding" not in headers:
            body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        began_s = clock.monotonic_s()
        pause_s, tries, told = PAUSE_FIRST_S, 0, False
        while True:
            tries += 1
            wait_s, problem, reply = pause_s, "", None
            try:
                reply, asked_s = self._once(post.path, body, headers)
            except (OSError, http.client.HTTPException) as failure:
                self.close()
                problem = f"{self.url} does not answer: {failure or type(failure).__name__}"
            else:
                if reply.status not in AGAIN:
                    if told:
                        self._say(f"{self.url} answers again")
                    return Reply(reply.status, reply.body, tries)
                problem = f"{self.url} answers {reply.status}"
                wait_s = pause_s if asked_s is None else min(asked_s, RETRY_AFTER_MAX_S)
            past_s = clock.monotonic_s() - began_s
            if self._stopped() or (self._patience_s is not None and past_s + wait_s > self._patience_s):
                raise StorageFailed(problem, field="to", got=self.url, hint="is it running?  footfall up starts it; sending again is safe")
            if not told and tries > 1:
                self._say(f"{problem}; trying again")
                told = True
            self._pause(wait_s)
            pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def answers(self) -> bool:
        """Whether there is a collector at all."""
        try:
            connection = self._connected()
            connection.request("GET", f"{self._prefix}/healthz", headers={"User-Agent": "footfall"})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            scheme, host, port = self._place
            if scheme == "https":
                self._connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        return self._connection

    def _once(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[Reply, float | None]:
        """One try: the answer, and the seconds that Retry-After asks for."""
        kept = self._connection is not None
        try:
            response = self._exchange(path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            if not kept:
                raise
            self.close()  # a kept connection may have been closed by the other side meanwhile
            response = self._exchange(path, body, headers)
        content = response.read()
        if response.will_close:
            self.close()
        return Reply(response.status, content, 1), _seconds(response.getheader("Retry-After"))

    def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        connection = self._connected()
        connection.request("POST", self._prefix + path, body, dict(headers))
        return connection.getresponse()

    def _pause(self, seconds: float) -> None:
        until_s = clock.monotonic_s() + seconds
        while not self._stopped() and (left_s := until_s - clock.monotonic_s()) > 0:
            clock.sleep_s(min(0.2, left_s))


def _seconds(header: str | None) -> float | None:
    """Retry-After: seconds, or a date."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - clock.now_us() / 1e6)


def refused(door: Door, reply: Reply) -> InvalidQuery:
    """The error for an answer that says no to all of a request."""
    said = reply.body[:300].decode("utf-8", "replace").strip()
    hint = {
        401: "name a write key with --key; footfall keys add makes one",
        403: "the key does not open writing; footfall keys add makes one that does",
        404: "is this the address of a footfall collector?",
    }.get(reply.status, f"it said: {said}" if said else "see docs/errors.md")
    return InvalidQuery(f"{door.url} answers {reply.status}", field="to", got=door.url, hint=hint)
