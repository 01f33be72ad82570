"""The databases that dimensions come from, each asked one reading query over one connection that is closed again.

SQLite comes with Python; PostgreSQL needs the extra `postgres`, MySQL and MariaDB the extra `mysql`.
"""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from footfall.errors import InvalidConfig, MissingExtra, StorageFailed

SECONDS_MAX = 30  # to connect, and for each answer
_SECURITY = ("disable", "require", "verify-full")
Answer = tuple[list[str], Sequence[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is.  `database` is the file of SQLite, `options` what stands behind the question mark."""

    scheme: str
    database: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str | None = field(default=None, repr=False)
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str | None:
        """The value of an option."""
        return dict(self.options).get(name)


def place_of(name: str, url: str, folder: Path, password: str | None) -> Place:
    """The place that a URL names; files are relative to `folder`.

    Raises:
        InvalidConfig: it names none.
    """
    parts = urlsplit(url)
    options = tuple(parse_qsl(parts.query, keep_blank_values=True))
    known = {"sqlite": (), "postgresql": ("sslmode", "host"), "mysql": ("sslmode",)}[parts.scheme]
    wrong = next((option for option, _ in options if option not in known), None)
    if wrong is not None or not parts.path.strip("/"):
        raise InvalidConfig(
            f"dimension {name!r}: " + (f"{parts.scheme} URLs have no option {wrong!r}" if wrong is not None else "its url names no database"),
            field=f"dimensions.{name}.url",
            got=wrong or url,
            allowed=known,
            hint="see docs/dimensions.md",
        )
    if parts.scheme == "sqlite":
        return Place("sqlite", str((folder / unquote(parts.path[1:])).resolve()))
    place = Place(
        parts.scheme, unquote(parts.path[1:]), unquote(parts.hostname or "localhost"), parts.port, unquote(parts.username or ""), password, options
    )
    if place.option("sslmode") not in (None, *_SECURITY):
        raise InvalidConfig(
            f"dimension {name!r}: {place.option('sslmode')!r} is no sslmode",
            field=f"dimensions.{name}.url",
            got=place.option("sslmode"),
            allowed=_SECURITY,
            hint="write one of " + ", ".join(_SECURITY),
        )
    return place


def rows_of(name: str, place: Place, query: str) -> Answer:
    """The names of a query's columns, and its rows.

    Raises:
        MissingExtra: the driver is not installed.
        InvalidConfig: the database refuses the query.
        StorageFailed: the database cannot be reached.
    """
    return {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}[place.scheme](name, place, query)


def _sqlite(name: str, place: Place, query: str) -> Answer:
    file = Path(place.database)
    if not file.is_file():
        raise InvalidConfig(
            f"dimension {name!r} has no file {file}", field=f"dimensions.{name}.url", got=place.database, hint="correct the url in footfall.toml"
        )
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=SECONDS_MAX)) as connection:
            return _asked(connection, query)
    except sqlite3.DatabaseError as problem:
        if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
            raise _unreachable(name, place, problem) from problem
        raise _refused(name, query, problem) from problem


def _postgresql(name: str, place: Place, query: str) -> Answer:
    pg8000 = _driver(name, "pg8000.dbapi", "postgres")
    folder = place.option("host")
    where = {"host": place.host} if folder is None else {"unix_sock": f"{folder}/.s.PGSQL.{place.port or 5432}"}
    context = _context(place)
    try:
        connection = pg8000.connect(
            user=place.user,
            password=place.password,
            database=place.database,
            port=place.port or 5432,
            timeout=SECONDS_MAX,
            application_name="footfall",
            ssl_context=context,
            **where,
        )
        with closing(connection):
            return _asked(connection, query, "SET TRANSACTION READ ONLY")
    except pg8000.InterfaceError as problem:
        raise _unreachable(name, place, problem) from problem
    except pg8000.DatabaseError as problem:
        # 28, 3D and 53 to 58 are about who asks and how the server is, not about what was asked.
        said = problem.args[0] if problem.args and isinstance(problem.args[0], dict) else {}
        code, sentence = str(said.get("C", "")), said.get("M", problem)
        failure = _unreachable if code[:2] in ("28", "3D", "53", "54", "55", "57", "58") else _refused
        raise failure(name, place if failure is _unreachable else query, sentence) from problem  # type: ignore[arg-type]
    except OSError as problem:
        raise _unreachable(name, place, problem) from problem


def _mysql(name: str, place: Place, query: str) -> Answer:
    pymysql = _driver(name, "pymysql", "mysql")
    try:
        connection = pymysql.connect(
            host=place.host,
            port=place.port or 3306,
            user=place.user or None,
            password=place.password or "",
            database=place.database,
            charset="utf8mb4",
            connect_timeout=SECONDS_MAX,
            read_timeout=SECONDS_MAX,
            ssl=_context(place),
        )
        with closing(connection):
            return _asked(connection, query, "START TRANSACTION READ ONLY")
    except (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError) as problem:
        raise _unreachable(name, place, problem.args[-1] if problem.args else problem) from problem
    except pymysql.err.MySQLError as problem:
        raise _refused(name, query, problem.args[-1] if problem.args else problem) from problem


def _asked(connection: Any, query: str, before: str | None = None) -> Answer:
    with closing(connection.cursor()) as cursor:
        if before is not None:
            cursor.execute(before)
        cursor.execute(query)
        return [column[0] for column in cursor.description or ()], cursor.fetchall() if cursor.description else ()


def _driver(name: str, module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra(
            f"dimension {name!r} needs the package {module.partition('.')[0]}, which is not installed",
            field=f"dimensions.{name}.url",
            hint=f'install it: pip install "footfall[{extra}]"',
        ) from None


def _context(place: Place) -> ssl.SSLContext | None:
    """What `sslmode` says: no encryption, encryption, or encryption with a known certificate."""
    mode = place.option("sslmode") or "disable"
    if mode == "disable":
        return None
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unreachable(name: str, place: Place, problem: object) -> StorageFailed:
    where = place.host if place.scheme != "sqlite" else place.database
    return StorageFailed(
        f"dimension {name!r}: the database at {where} cannot be asked: {problem}",
        field=f"dimensions.{name}.url",
        got=where,
        hint="check that it runs, its url, and the variable that password_env names",
    )


def _refused(name: str, query: str, problem: object) -> InvalidConfig:
    return InvalidConfig(
        f"the query of dimension {name!r} is refused: {problem}", field=f"dimensions.{name}.query", got=query, hint="correct it in footfall.toml"
    )
