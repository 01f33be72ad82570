"""Keys: who may write events, who may read, who may change things.

A key is a secret (`ff_…`) or any text a client sends anyway, such as the domain that a page names.  Only its SHA-256 is kept, with a name, which
becomes the `source` of its events, and a scope.  Without any write key everybody who can reach the port may write, which is allowed
on loopback only, and the key that a client sends is taken as the source.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Literal, get_args

import msgspec

from footfall import clock
from footfall.errors import InvalidConfig, StorageFailed, nearest

Scope = Literal["write", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
FILE_NAME = "keys.json"
LOOK_AGAIN_S = 1.0
_REMEMBERED_MAX = 10_000
SOURCE_LENGTH_MAX = 200


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key as it is kept."""

    name: str
    scope: Scope
    digest: str
    created_us: int


class KeyRing:
    """The keys of a project, in one file of its state folder, read again when it changes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._keys: tuple[Key, ...] = ()
        self._stamp: tuple[int, int] | None = None
        self._looked_s = -LOOK_AGAIN_S
        self._known: dict[tuple[str, Scope], str | None] = {}

    def every(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        now_s = clock.monotonic_s()
        if now_s - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s = now_s
            self._read()
        return self._keys

    def guarded(self, scope: Scope = "write") -> bool:
        """Whether this scope asks for a key."""
        return any(key.scope == scope for key in self.every())

    def source(self, sent: str | None, scope: Scope = "write") -> str | None:
        """The name of a key that was sent, if it opens this scope; an admin key opens all."""
        self.every()
        if sent is None:
            return None
        remembered = self._known.get((sent, scope), "")
        if remembered != "":
            return remembered
        digest = digest_of(sent)
        fits = [key.name for key in self._keys if key.scope in (scope, "admin") and hmac.compare_digest(key.digest, digest)]
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[sent, scope] = fits[0] if fits else None
        return fits[0] if fits else None

    def add(self, name: str, scope: Scope, secret: str | None = None) -> str:
        """Make a key and return what clients must send; it is shown this once.

        Raises:
            InvalidConfig: the name is taken or the scope does not exist.
        """
        self._read()
        if not name or len(name) > SOURCE_LENGTH_MAX:
            raise InvalidConfig("a key needs a name of 1 to 200 characters", field="name", got=name, hint="name it after the application")
        if scope not in SCOPES:
            raise InvalidConfig(f"{scope!r} is no scope", field="scope", got=scope, allowed=SCOPES, hint="write, read or admin")
        if any(key.name == name for key in self._keys):
            raise InvalidConfig(f"there is a key {name!r} already", field="name", got=name, hint="choose another name, or remove that one first")
        secret = secret or f"ff_{scope}_{secrets.token_urlsafe(24)}"
        self._write((*self._keys, Key(name, scope, digest_of(secret), clock.now_us())))
        return secret

    def remove(self, name: str) -> None:
        """Let a key go; clients that send it are refused from then on.

        Raises:
            InvalidConfig: there is no such key.
        """
        self._read()
        names = [key.name for key in self._keys]
        if name not in names:
            near = nearest(name, names, limit=1)
            hint = f"did you mean {near[0]!r}?" if near else "see footfall keys list"
            raise InvalidConfig(f"there is no key {name!r}", field="name", got=name, allowed=names, hint=hint)
        self._write(tuple(key for key in self._keys if key.name != name))

    def _read(self) -> None:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self._stamp:
                return
            self._keys = msgspec.json.decode(self.path.read_bytes(), type=tuple[Key, ...])
        except FileNotFoundError:
            self._keys, stamp = (), None
        except (OSError, msgspec.MsgspecError) as problem:
            raise InvalidConfig(
                f"{self.path} cannot be read: {problem}", got=str(self.path), hint="restore it, or remove it and make new keys"
            ) from None
        self._stamp = stamp
        self._known.clear()

    def _write(self, keys: tuple[Key, ...]) -> None:
        partial = self.path.with_suffix(".partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(msgspec.json.format(msgspec.json.encode(keys)))
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(self.path)
        except OSError as problem:
            raise StorageFailed(f"{self.path} cannot be written: {problem.strerror}", got=str(self.path), hint="check its folder") from problem
        self._read()


def digest_of(secret: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
