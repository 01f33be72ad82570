"""Redis, and what speaks its protocol (Valkey, KeyDB): alerts as members of a set, a list, a sorted set or a stream.

Delivery: at least once, and each alert changes Redis once.  A set holds a member once anyway; a sorted set keeps the latest time as the member's
score, in whatever order alerts come; for lists and streams a script appends and marks the alert's id in one step, and does nothing when the mark
is there.  Marks live for eight days.  In a cluster the key and the mark must share a slot: put the same braces into both, `{{shop}}:alerts`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from footfall.connectors.actions.contract import Message, iso, plain
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed, MissingExtra

if TYPE_CHECKING:
    from redis import Redis

Form = Literal["set", "list", "sorted set", "stream"]
MARK_S = 8 * 86_400
MARK = "footfall:delivered"
_HASH_TAG = re.compile(r"\{[^}]+\}")
# Answers that the same command may not get again: by their class, and by their first word where they have no class.
_LATER_CLASSES = ("ReadOnlyError", "OutOfMemoryError", "TryAgainError", "ClusterDownError", "MasterDownError", "MovedError", "AskError")
_LATER_WORDS = ("MISCONF", "BUSY", "NOREPLICAS", "OOM", "LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN")
_NEVER_CLASSES = ("AuthenticationError", "AuthenticationWrongNumberOfArgsError", "NoPermissionError", "AuthorizationError", "DataError")
# KEYS: mark, key.  ARGV: seconds of the mark, seconds of the key or 0, then what is appended.
_LIST = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[3])
if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
return 1"""
_STREAM = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
return 1"""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """Where it is and who we are there."""

    url: str
    user: str | None = None
    password: str | None = None
    timeout_s: float = 10.0

    @property
    def host(self) -> str:
        """The host and port, for sentences."""
        return self.url.partition("://")[2].partition("/")[0] or self.url


class RedisAction:
    """Adds each alert under a key.  `keep_s` renews the key's time to live with every alert."""

    batch = 100

    def __init__(self, server: RedisServer, *, form: Form, key: Template, value: Template | None, keep_s: int | None = None) -> None:
        try:
            import redis
        except ImportError:
            raise MissingExtra("the Redis client is not installed", hint="pip install 'footfall[redis]'") from None
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._server = server
        self._form = form
        self._key = key
        self._value = value
        self._keep_s = keep_s
        who = {name: value for name, value in (("username", server.user), ("password", server.password)) if value is not None}
        self._redis: Redis = redis.Redis.from_url(
            server.url,
            socket_timeout=server.timeout_s,
            socket_connect_timeout=server.timeout_s,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),  # of a connection that was closed meanwhile
            **who,
        )

    def deliver(self, messages: Sequence[Message]) -> None:
        """All of them in one round trip.

        Raises:
            DeliveryFailed: Redis does not answer, or refuses some of them.
        """
        from redis.exceptions import RedisError

        unfit: dict[str, DeliveryFailed] = {}
        sent: list[tuple[str, int]] = []  # (id, commands)
        pipe = self._redis.pipeline(transaction=False)
        for message in messages:
            try:
                commands = self._commands(message)
            except DeliveryFailed as problem:
                unfit[message.id] = problem
                continue
            for command in commands:
                pipe.execute_command(*command)
            sent.append((message.id, len(commands)))
        try:
            answers = iter(pipe.execute(raise_on_error=False))
        except (RedisError, OSError) as problem:
            raise DeliveryFailed(
                f"{self._server.host}: {_said(problem)}", retryable=_later(problem), hint="is it running, and are user and password right?"
            ) from problem
        for name, count in sent:
            problems = [answer for answer in (next(answers) for _ in range(count)) if isinstance(answer, Exception)]
            if problems:
                unfit[name] = self._refused(name, problems[0])
        _raise(unfit)

    def _commands(self, message: Message) -> list[tuple[Any, ...]]:
        key = self._key.fill(message)
        value = message.body if self._value is None else self._value.fill(message)
        keep: list[tuple[Any, ...]] = [] if self._keep_s is None else [("EXPIRE", key, self._keep_s)]
        if self._form == "set":
            return [("SADD", key, value), *keep]
        if self._form == "sorted set":
            return [("ZADD", key, "GT", repr(message.alert.time_us / 1e6), value), *keep]
        tag = _HASH_TAG.search(key)
        mark = f"{MARK}:{tag[0] if tag else ''}{key}:{message.id}"
        script, what = (_LIST, [value]) if self._form == "list" else (_STREAM, self._entry(message, value))
        return [("EVAL", script, 2, mark, key, MARK_S, self._keep_s or 0, *what)]

    @staticmethod
    def _entry(message: Message, value: str | bytes) -> list[str | bytes]:
        """The fields of a stream's entry."""
        return ["id", message.id, "rule", message.alert.rule, "time", iso(message.alert.time_us), "value", value]

    def _refused(self, name: str, problem: Exception) -> DeliveryFailed:
        return DeliveryFailed(f"{self._server.host} refuses {self._key.text!r}: {_said(problem)}", retryable=_later(problem), ids=[name])

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


def _said(problem: Exception) -> str:
    return plain(str(problem) or type(problem).__name__, 200)


def _later(problem: Exception) -> bool:
    """Whether the same may work later."""
    from redis.exceptions import ResponseError

    kind = type(problem).__name__
    if kind in _NEVER_CLASSES:
        return False
    return not isinstance(problem, ResponseError) or kind in _LATER_CLASSES or any(word in str(problem) for word in _LATER_WORDS)


def _raise(unfit: dict[str, DeliveryFailed]) -> None:
    """One error for all that did not get through; worth another try when one of them is, and then each is tried by itself."""
    if not unfit:
        return
    chosen = next((problem for problem in unfit.values() if problem.retryable), next(iter(unfit.values())))
    raise DeliveryFailed(chosen.sentence, retryable=chosen.retryable, ids=unfit, hint=chosen.hint)
