"""What a User-Agent says: browser, operating system, kind of device, platform, and whether it is a robot's.

Each distinct text is looked at once and remembered, the latest 16,384 of them.  The text itself is not stored with the event.  Robots are
marked and kept; analyses decide about them.  Parsing is uap-core's, robots are those of crawler-user-agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from footfall.collect.wire.robots import LENGTH_MAX, is_robot

REMEMBERED = 1 << 14
COLUMNS = ("platform", "os", "browser", "device", "is_bot")
_HAND_HELD = {"iOS": "ios", "Android": "android"}
_DESKTOPS = frozenset(("Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS", "Fedora", "Debian", "FreeBSD", "OpenBSD"))
_TELEVISIONS = ("SmartTV", "SMART-TV", "AppleTV", "Apple TV", "BRAVIA", "GoogleTV", "HbbTV", "Roku", "Tizen TV", "Web0S", "CrKey")
_TABLETS = ("iPad", "Tablet", "PlayBook", "Kindle", "Silk/")


@dataclass(frozen=True, slots=True)
class Agent:
    """What one text says; None where it says nothing."""

    platform: str | None
    os: str | None
    browser: str | None
    device: str | None
    is_bot: bool


@cache
def _parser() -> Any:
    from ua_parser import Parser, loaders
    from ua_parser.regex import Resolver

    return Parser(Resolver(loaders.load_lazy_builtins()))


@lru_cache(maxsize=REMEMBERED)
def read_agent(text: str) -> Agent:
    """What a User-Agent says.  Cost: 40 microseconds for a new one."""
    text = text[:LENGTH_MAX]
    parsed = _parser().parse(text)
    system = _family(parsed.os)
    robot = is_robot(text)
    return Agent(_platform(text, system), system, _family(parsed.user_agent), "bot" if robot else _device(text, system), robot)


def _family(part: Any) -> str | None:
    return part.family if part is not None and part.family != "Other" else None


def _platform(text: str, system: str | None) -> str | None:
    if text.startswith(("Mozilla/", "Opera/")):
        return "web"
    if system is None and text.startswith(("okhttp", "Dalvik")):
        return "android"
    return _HAND_HELD.get(system or "")


def _device(text: str, system: str | None) -> str | None:
    if any(word in text for word in _TELEVISIONS):
        return "tv"
    if any(word in text for word in _TABLETS) or (system == "Android" and "Mobile" not in text and text.startswith("Mozilla/")):
        return "tablet"
    if system in _HAND_HELD or "Mobile" in text:
        return "mobile"
    return "desktop" if system in _DESKTOPS else None


def agent_columns(texts: pa.Array) -> dict[str, pa.Array]:
    """(n,) User-Agents -> the columns that they say, by name; none when no row has one."""
    if texts.null_count == len(texts):
        return {}
    coded = texts if isinstance(texts, pa.DictionaryArray) else texts.dictionary_encode()
    read = [read_agent(text) if text else None for text in coded.dictionary.to_pylist()]
    columns = {}
    for name in COLUMNS:
        kind = pa.bool_() if name == "is_bot" else pa.string()
        columns[name] = pc.take(pa.array([None if one is None else getattr(one, name) for one in read], kind), coded.indices)
    return columns
