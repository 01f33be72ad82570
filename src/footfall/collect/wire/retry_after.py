"""When a client may come back, as the header that all HTTP clients know."""

from __future__ import annotations

from footfall.collect.wire.contract import Problem


def retry_after(problem: Problem) -> tuple[tuple[bytes, bytes], ...]:
    """The Retry-After header of a refusal, in seconds; nothing where coming back does not help."""
    if problem.status not in (429, 503):
        return ()
    seconds = 1 if problem.retry_after_s is None else problem.retry_after_s
    return ((b"retry-after", b"%d" % seconds),)
