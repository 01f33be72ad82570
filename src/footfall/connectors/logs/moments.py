"""Times as logs write them.  Neighbouring lines mostly share theirs, so the latest ones are remembered."""

from __future__ import annotations

import re
from functools import lru_cache

from footfall import clock
from footfall.event.cells.times import TimeReader

DAY_US = 86_400_000_000
_WITHOUT_YEAR = re.compile(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d(?:[.,]\d+)?)")
_DATE_IN_WORDS = re.compile(r"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d(?:[.,]\d+)?) (\d{4})")


class Moments:
    """Reads times; one without an offset is wall time of `zone`.

    A time without a year (syslog) is the latest such time that is not more than a day ahead of `now_us`, the present by default.
    """

    def __init__(self, zone: str = "UTC", *, now_us: int | None = None) -> None:
        self._reader = TimeReader(zone)
        self._now_us = now_us
        self.read = lru_cache(4096)(self._read)

    def _read(self, text: str) -> int | None:
        """Microseconds since 1970; None when the text is no time."""
        text = text.strip(" []")
        short = _WITHOUT_YEAR.fullmatch(text)
        if short:
            return self._nearest(f"{short[2]}/{short[1]}/", short[3])
        words = _DATE_IN_WORDS.fullmatch(text)
        if words:
            text = f"{words[2]:0>2}/{words[1]}/{words[4]} {words[3]}"
        return self._reader.read_text(text)

    def _nearest(self, day: str, time: str) -> int | None:
        limit = (clock.now_us() if self._now_us is None else self._now_us) + DAY_US
        year = 1970 + limit // (365 * DAY_US + DAY_US // 4)
        for candidate in (year + 1, year, year - 1):
            moment = self._reader.read_text(f"{day:0>7}{candidate} {time}")
            if moment is not None and moment <= limit:
                return moment
        return None
