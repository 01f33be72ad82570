"""What the actions that speak over a network share: an address that takes POSTs, and an end to every exchange.

A socket's timeout counts from byte to byte, so a server that sends one byte now and then would hold a thread for ever; `deadline` cuts the
connection when the whole exchange takes too long.  Redirects are not followed: what is signed for one address does not go to another.
"""

from __future__ import annotations

import email.utils
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import NamedTuple
from urllib.parse import urlsplit

from footfall import clock
from footfall.connectors.actions.contract import plain
from footfall.errors import DeliveryFailed, InvalidConfig

KEPT_IDLE_S = 20.0
ANSWER_BYTES_MAX = 64 << 10
SAID_CHARACTERS_MAX = 200
AGAIN = (408, 425, 429)
_HINT = "write https://host/path; a secret address goes into the environment, and its name into url_env"


class Answer(NamedTuple):
    """What the other side said."""

    status: int
    said: str
    after_s: float | None
    location: str | None


@contextmanager
def deadline(seconds: float, cut: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Call `cut` from another thread when the block takes longer; the block can ask whether that happened."""
    late = Event()

    def end() -> None:
        late.set()
        cut()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        timer.cancel()


def cut_socket(connected: socket.socket | None) -> None:
    """End whatever waits on a socket; the thread that waits gets an error and closes it."""
    if connected is not None:
        with suppress(OSError):  # it may be closed already
            # Not the method of an SSL socket, which would take the TLS state from under the reading thread.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)


def check_address(url: str, field: str) -> None:
    """Refuse what is no http address.

    Raises:
        InvalidConfig: it has no host, an impossible port, a password or blanks in it.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or any(character <= " " or character > "~" for character in url):
        raise InvalidConfig(f"{field}: this is no address to send to", field=field, hint=_HINT)
    if "@" in parts.netloc:
        raise InvalidConfig(
            f"{field}: an address does not hold a password", field=field, hint='send it as a header: headers_env = {Authorization = "VARIABLE"}'
        )


class Address:
    """One http(s) address that takes POSTs, over a connection that is kept for a while."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""  # all that an error says: the rest of the address may be a secret
        self._secure = parts.scheme == "https"
        self._port = parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._used_s = 0.0

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One exchange, whatever the answer.

        Raises:
            DeliveryFailed: there was no answer in time; another try may help.
        """
        if self._connection is not None and clock.monotonic_s() - self._used_s > KEPT_IDLE_S:
            self.close()
        kept = self._connection is not None
        try:
            try:
                return self._exchange(body, headers)
            except (ConnectionError, http.client.BadStatusLine):
                if not kept:
                    raise
                self.close()  # the other side may have closed a kept connection before this request reached it
                return self._exchange(body, headers)
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise DeliveryFailed(f"{self.host} does not answer: {_reason(problem)}", hint="is it running, and is the address right?") from problem
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._connection is None:
            self._connection = self._new()
        connection = self._connection
        with deadline(self._timeout_s, lambda: cut_socket(connection.sock)) as late:
            problem: Exception | None = None
            try:
                connection.request("POST", self._target, body, {"User-Agent": "footfall", **headers})
                response = connection.getresponse()
                content = response.read(ANSWER_BYTES_MAX)
            except (OSError, http.client.HTTPException) as failure:
                problem = failure
            if late():  # headers that were cut off look like headers that ended
                raise TimeoutError(f"nothing came within {self._timeout_s:g} s") from problem
            if problem is not None:
                raise problem
            rest = not response.isclosed()
        if rest or response.will_close:
            self.close()
        self._used_s = clock.monotonic_s()
        said = plain(content.decode("utf-8", "replace"), SAID_CHARACTERS_MAX)
        return Answer(response.status, said, _seconds(response.getheader("Retry-After")), response.getheader("Location"))

    def _new(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self.host, self._port, timeout=self._timeout_s, context=ssl.create_default_context())
        return http.client.HTTPConnection(self.host, self._port, timeout=self._timeout_s)


def must_be_fine(host: str, answer: Answer) -> None:
    """2xx is fine; 408, 425, 429 and 5xx may be so later; anything else stays as it is.

    Raises:
        DeliveryFailed: the answer is no yes.
    """
    if 200 <= answer.status < 300:
        return
    said = f": {answer.said}" if answer.said else ""
    if 300 <= answer.status < 400:
        where = urlsplit(answer.location or "").hostname or "elsewhere"
        raise DeliveryFailed(
            f"{host} answers {answer.status} and sends on to {where}, which is not followed", retryable=False, hint="write the final address"
        )
    again = answer.status in AGAIN or answer.status >= 500
    raise DeliveryFailed(f"{host} answers {answer.status}{said}", retryable=again, after_s=answer.after_s if again else None)


def _reason(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {problem.verify_message}"
    if isinstance(problem, TimeoutError):
        return str(problem)
    return plain(str(getattr(problem, "strerror", None) or problem) or type(problem).__name__, SAID_CHARACTERS_MAX)


def _seconds(header: str | None) -> float | None:
    """Retry-After: seconds, or a date."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header[:12])
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - clock.now_us() / 1e6)
