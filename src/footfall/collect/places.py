"""Where an address is: its country, and with a database of the user's own its region and city.

The bundled table covers every address that a registry or its holder assigned to a country, and nothing finer.  It is one compressed file of
sorted starts (an IPv4 address, or the first 64 bits of an IPv6 one) and a country for each; a range ends where the next one starts.
Addresses that lie nowhere (private, loopback, documentation, unassigned) have no place.

Memory: 4 MB.  Cost: one binary search an address, less for an address seen lately.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import maxminddb
import zstandard

from footfall.errors import InvalidConfig

BUNDLED = Path(__file__).parent / "data" / "countries.zst"
SEEN_LATELY = 8_192
LENGTH_MAX = 45
_MAPPED = b"\0" * 10 + b"\xff\xff"

Place = tuple[str | None, str | None, str | None]
NOWHERE: Place = (None, None, None)


class Places:
    """`of(address)` is (country, region, city), each None when unknown.

    Args:
        database: an mmdb file with cities, such as GeoLite2-City or DB-IP City; None: countries of the bundled table.

    Raises:
        InvalidConfig: the file is not there or is no mmdb.
    """

    def __init__(self, database: Path | None = None) -> None:
        find = Countries.bundled().place if database is None else _Cities(database).place
        self._find: Callable[[str], Place] = lru_cache(maxsize=SEEN_LATELY)(find)

    def of(self, address: str) -> Place:
        """The place of an address as text; nowhere when it is no address."""
        # A longer text is no address, and would be kept among those seen lately.
        return self._find(address) if len(address) <= LENGTH_MAX else NOWHERE


class Countries:
    """Sorted starts of ranges and the country of each; what `tools/countries.py` packs."""

    def __init__(self, starts4: Sequence[int], codes4: bytes, starts6: Sequence[int], codes6: bytes, names: Sequence[str]) -> None:
        self._starts4, self._codes4 = starts4, codes4
        self._starts6, self._codes6 = starts6, codes6
        self._places: list[Place] = [(name or None, None, None) for name in names]

    @classmethod
    def bundled(cls) -> Countries:
        """The table that comes with footfall."""
        return cls.unpacked(BUNDLED.read_bytes())

    @classmethod
    def unpacked(cls, packed: bytes) -> Countries:
        """The table from its file: a line of JSON, then for IPv4 and IPv6 the steps from start to start and the countries.

        The bytes of the steps lie by significance (all lowest bytes first), which compresses to half.
        """
        head, _, body = zstandard.ZstdDecompressor().decompress(packed).partition(b"\n")
        described = json.loads(head)
        count4, count6 = described["ranges4"], described["ranges6"]
        at4, at6 = count4 * 4, count4 * 5 + count6 * 8
        return cls(
            _from_planes(body[:at4], "I"), body[at4 : count4 * 5], _from_planes(body[count4 * 5 : at6], "Q"), body[at6:], described["countries"]
        )

    def place(self, address: str) -> Place:
        """The place of an address as text; nowhere when it is no address."""
        octets = octets_of(address)
        if octets is None:
            return NOWHERE
        if len(octets) == 4:
            return self._places[self._codes4[bisect_right(self._starts4, int.from_bytes(octets, "big")) - 1]]
        return self._places[self._codes6[bisect_right(self._starts6, int.from_bytes(octets[:8], "big")) - 1]]


class _Cities:
    """An mmdb file of the user's.  Its records are nested as MaxMind and DB-IP write them, or flat as others do."""

    def __init__(self, path: Path) -> None:
        hint = "write the path of a GeoLite2-City file or alike, or leave it out for countries only"
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as problem:
            wrong = "is not there" if isinstance(problem, FileNotFoundError) else f"cannot be read as an mmdb file: {problem}"
            raise InvalidConfig(f"collect.place_database {str(path)!r} {wrong}", field="collect.place_database", got=str(path), hint=hint) from None

    def place(self, address: str) -> Place:
        """The place of an address as text; nowhere when it is no address."""
        octets = octets_of(address)
        if octets is None:
            return NOWHERE
        try:
            record: Any = self._reader.get(socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets))
        except (ValueError, maxminddb.InvalidDatabaseError):
            # A file of IPv4 only that is asked about IPv6, or one that breaks off: the event is worth more than its place.
            return NOWHERE
        if not isinstance(record, dict):
            return NOWHERE
        regions = record.get("subdivisions")
        region = regions[0] if isinstance(regions, list) and regions else record.get("region") or record.get("state1")
        return _code(record), _name(region), _name(record.get("city"))


def octets_of(address: str) -> bytes | None:
    """4 or 16 bytes of an address as text, an IPv4 address inside IPv6 (::ffff:…) as the 4; None when it is no address."""
    try:
        if ":" not in address:
            return socket.inet_pton(socket.AF_INET, address)
        octets = socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
    return octets[12:] if octets.startswith(_MAPPED) else octets


def hashed(address: str, salt: bytes) -> str:
    """An address as 16 hexadecimal digits that only this salt (up to 64 bytes) gives: BLAKE2b with the salt as its key.

    One address in two spellings has one hash.
    """
    return hashlib.blake2b(octets_of(address) or address.encode("utf-8", "replace"), digest_size=8, key=salt).hexdigest()


def _from_planes(planes: bytes, kind: str) -> array[int]:
    """Steps whose bytes lie by significance -> their running sum."""
    width = array(kind).itemsize
    count = len(planes) // width
    steps = bytearray(len(planes))
    for place in range(width):
        steps[place::width] = planes[place * count : (place + 1) * count]
    whole = array(kind)
    whole.frombytes(bytes(steps))
    if sys.byteorder == "big":
        whole.byteswap()
    return array(kind, accumulate(whole))


def _code(record: dict[str, Any]) -> str | None:
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code") or country
    return code if isinstance(code, str) and len(code) == 2 else None


def _name(value: Any) -> str | None:
    """A name as text, or the English one of a record with names."""
    if isinstance(value, dict):
        names = value.get("names")
        value = names.get("en") if isinstance(names, dict) else None
    return value if isinstance(value, str) and value else None
