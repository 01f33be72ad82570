"""The tables `[dimensions.NAME]` of footfall.toml."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from footfall.errors import InvalidConfig, InvalidQuery, nearest
from footfall.event.span import Span

SCHEMES = ("sqlite", "postgresql", "mysql")


class Dimension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table beside the events whose columns describe them: customers, products, songs."""

    key: Annotated[str, Meta(description="the column of the table that identifies a row")]
    path: Annotated[str | None, Meta(description="a file (CSV or Parquet), relative to the project or absolute")] = None
    url: Annotated[
        str | None, Meta(description="a database instead of a file: sqlite:///file.db, postgresql://user@host/name or mysql://user@host/name")
    ] = None
    query: Annotated[str | None, Meta(description="the query that gives the rows, where there is a url")] = None
    password_env: Annotated[str | None, Meta(description="the environment variable that holds the database's password")] = None
    column: Annotated[
        str | None, Meta(description="the column or property of the events that holds the key; left out: the column called like the key")
    ] = None
    reload: Annotated[str, Meta(description="how often a change is looked for")] = "1m"

    @property
    def reload_us(self) -> int:
        """`reload` in microseconds."""
        return Span(self.reload).us


def check(name: str, declared: Dimension) -> None:
    """Refuse what cannot be.

    Raises:
        InvalidConfig: it has not one source, or one that is not understood.
    """

    def wrong(sentence: str, field: str, got: object, hint: str) -> InvalidConfig:
        return InvalidConfig(f"dimension {name!r} {sentence}", field=f"dimensions.{name}.{field}", got=got, hint=hint)

    if (declared.path is None) is (declared.url is None):
        sentence = "has neither a path nor a url" if declared.path is None else "has a path and a url"
        raise wrong(sentence, "path", declared.path, 'write path = "products.csv", or url and query')
    if (declared.url is None) is not (declared.query is None):
        sentence = "has a url and no query" if declared.query is None else "has a query and no url"
        raise wrong(sentence, "query", declared.query, 'write url = "postgresql://user@host/name" and query = "SELECT ..."')
    if declared.url is not None:
        parts = urlsplit(declared.url)
        if parts.scheme not in SCHEMES:
            near = nearest(parts.scheme, SCHEMES, limit=1)
            hint = f"did you mean {near[0]}://?" if near else "write sqlite:///file.db, postgresql://user@host/name or mysql://user@host/name"
            raise wrong(f"cannot be read from {(parts.scheme or declared.url)!r}", "url", parts.scheme, hint)
        if parts.password is not None:
            raise wrong("has a password in its url", "url", None, 'leave it out, and name an environment variable: password_env = "DB_PASSWORD"')
    try:
        unlimited = Span(declared.reload).unlimited
    except InvalidQuery as problem:
        raise wrong(f"is reloaded every {declared.reload!r}, which is no span of time", "reload", declared.reload, problem.hint or "") from None
    if not unlimited and declared.reload_us < 1_000_000:
        raise wrong(f"is reloaded every {declared.reload}", "reload", declared.reload, "write 1s or more, or none to never look")
