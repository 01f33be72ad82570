"""Whether a User-Agent is a robot's.  Robots are marked and kept; analyses decide about them.  The list is crawler-user-agents'."""

from __future__ import annotations

from functools import cache
from typing import Any

LIBRARY = "http-library"  # the list's tag for them
LENGTH_MAX = 1 << 10  # of a text; what is longer says nothing more


@cache
def _robots() -> Any:
    """The patterns of robots in one matcher that skips what cannot match; one by one they cost a hundred times as much."""
    import crawleruseragents
    from ua_parser_rs import OSExtractor

    # HTTP libraries are how SDKs send: what says no more than okhttp or axios is no robot for that.
    patterns = [entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA if LIBRARY not in entry.get("tags", ())]
    return OSExtractor((pattern, "robot", None, None, None, None) for pattern in patterns)


def is_robot(text: str) -> bool:
    """Whether a User-Agent is a known robot's."""
    return _robots().extract(text[:LENGTH_MAX]) is not None
