"""Where an address is: the bundled table against known assignments, its packing against the ranges, and databases of the user's own."""

from __future__ import annotations

import ipaddress
import random
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from mmdb_support import mmdb

from footfall.collect.places import BUNDLED, LENGTH_MAX, NOWHERE, Countries, Places, hashed
from footfall.errors import InvalidConfig

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "countries.py"), run_name="checked")


@pytest.fixture(scope="module")
def bundled() -> Places:
    return Places()


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("8.8.8.8", "US"),
        ("193.0.6.139", "NL"),  # the registry of Europe
        ("133.11.0.1", "JP"),  # a university in Tokyo
        ("200.160.2.3", "BR"),  # the registry of Brazil
        ("196.216.2.1", "ZA"),
        ("130.149.7.201", "DE"),  # a university in Berlin
        ("2001:4860:4860::8888", "US"),
        ("2001:67c:2e8:22::c100:68b", "NL"),
        ("2001:200::1", "JP"),
        ("2001:0200:0:0::FFFF", "JP"),
        ("::ffff:193.0.6.139", "NL"),
        ("::FFFF:c100:68b", "NL"),
    ],
)
def test_known_addresses_have_their_country(bundled, address, country):
    assert bundled.of(address) == (country, None, None)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.3.2", "169.254.1.1", "0.0.0.0", "255.255.255.255", "203.0.113.7",
        "224.0.0.1", "::", "::1", "fe80::1", "fd00::1", "2001:db8::1", "ff02::1", "::ffff:10.0.0.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "", "unknown", "8.8.8", "8.8.8.8.8", "8.8.8.256", "08.8.8.8", "8.8.8.8 ", "8.8.8.8:80", "[::1]", "1.2.3.4\0", "1" * (LENGTH_MAX + 1), ":", "\ud800:", "é",
    ],
)  # fmt: skip
def test_an_address_that_lies_nowhere_has_no_place(bundled, address):
    assert bundled.of(address) == NOWHERE


def test_the_bundled_table_is_small_and_needs_no_arrays_library():
    assert BUNDLED.stat().st_size < 1_500_000
    program = "import sys; from footfall.collect.places import Places; Places().of('8.8.8.8'); print({'numpy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def twin(ranges: list[tuple[int, int, str]], address: int) -> str:
    """The narrowest range around an address; of equal ones that lie apart the one that starts last."""
    around = [(last - first, -first, country) for first, last, country in ranges if first <= address <= last]
    return min(around)[2] if around else ""


def nested(chance: random.Random, low: int, high: int, depth: int = 0) -> list[tuple[int, int, str]]:
    """Ranges within [low, high], next to each other or one in the other, never crossing."""
    edges = sorted(chance.sample(range(low, high + 1), min(high - low + 1, 2 * chance.randrange(4))))
    ranges = []
    for first, last in zip(edges[::2], edges[1::2], strict=False):
        ranges.append((first, last, chance.choice(["DE", "FR", "US"])))
        if depth < 2 and last - first > 2:
            ranges += [one for one in nested(chance, first, last, depth + 1) if one[:2] != (first, last)]
    return ranges


@pytest.mark.parametrize("seed", range(100))
def test_packed_ranges_are_found_again(seed):
    chance = random.Random(seed)
    ranges4 = nested(chance, (8 << 24), (8 << 24) + 60)
    base6 = 0x2A00 << 112
    ranges6 = [(base6 + (a << 64), base6 + (b << 64) + (1 << 64) - 1, country) for a, b, country in nested(chance, 0, 60)]
    chance.shuffle(ranges4)
    countries = Countries.unpacked(TOOL["packed"](ranges4, ranges6, "test"))
    for step in range(-1, 62):
        address = (8 << 24) + step
        assert countries.place(str(ipaddress.IPv4Address(address))) == (twin(ranges4, address) or None, None, None), (seed, step)
        address = base6 + (step << 64) + chance.randrange(1 << 64)
        assert countries.place(str(ipaddress.IPv6Address(address))) == (twin(ranges6, address) or None, None, None), (seed, step)


def test_the_registrys_own_country_gives_way_to_that_of_the_routes():
    starts = [(0, ""), (10, "AU"), (30, "DE"), (40, "AU"), (60, "")]
    routes = [(0, "US"), (15, "JP"), (20, ""), (35, "JP"), (45, "AU"), (50, "NZ")]
    told = TOOL["corrected"](starts, routes)
    assert TOOL["joined"](told, 100) == [(0, ""), (10, "US"), (15, "JP"), (20, "AU"), (30, "DE"), (40, "JP"), (45, "AU"), (50, "NZ"), (60, "")]


def test_files_may_hold_numbers_or_text():
    assert (
        list(TOOL["ranges_of"]("1.0.0.0,1.0.0.255,au\n")) == list(TOOL["ranges_of"]("16777216,16777471,AU\n")) == [(1 << 24, (1 << 24) + 255, "AU")]
    )


BERLIN = {"country": {"iso_code": "DE"}, "subdivisions": [{"iso_code": "BE", "names": {"en": "Land Berlin"}}], "city": {"names": {"en": "Berlin"}}}


def test_a_database_of_the_users_gives_region_and_city(tmp_path):
    file = tmp_path / "city.mmdb"
    networks = {
        "20.1.0.0/16": BERLIN,
        "30.0.0.0/8": {"country": {"iso_code": "FR"}, "city": {"names": {"de": "Paris"}}},
        "40.0.0.0/8": {"country_code": "US", "state1": "Ohio", "city": "Columbus"},
        "50.0.0.0/8": {"country": "IT", "region": "Lazio", "city": ""},
        "60.0.0.0/8": {"country": {"iso_code": 7}, "subdivisions": [], "city": {"names": "x"}},
        "2a00::/16": BERLIN,
    }
    file.write_bytes(mmdb(networks))
    places = Places(file)
    assert places.of("20.1.2.3") == places.of("::ffff:20.1.2.3") == places.of("2a00::7") == ("DE", "Land Berlin", "Berlin")
    assert places.of("30.1.2.3") == ("FR", None, None)
    assert places.of("40.1.2.3") == ("US", "Ohio", "Columbus")
    assert places.of("50.1.2.3") == ("IT", "Lazio", None)
    assert places.of("60.1.2.3") == NOWHERE
    assert places.of("70.1.2.3") == places.of("127.0.0.1") == places.of("nonsense") == NOWHERE


def test_a_database_of_ipv4_only_knows_nothing_of_ipv6(tmp_path):
    file = tmp_path / "city.mmdb"
    file.write_bytes(mmdb({"20.1.0.0/16": BERLIN}, ip_version=4))
    places = Places(file)
    assert places.of("20.1.2.3")[2] == "Berlin"
    assert places.of("2a00::7") == NOWHERE


def test_a_database_that_breaks_off_costs_the_place_only(tmp_path):
    file = tmp_path / "city.mmdb"
    whole = mmdb({"20.1.0.0/16": BERLIN})
    file.write_bytes(whole.replace(b"\x44city", b"\x7fcity"))
    assert Places(file).of("20.1.2.3") == NOWHERE


@pytest.mark.parametrize(("content", "words"), [(None, "is not there"), (b"", "cannot be read"), (b"not an mmdb", "cannot be read")])
def test_a_wrong_database_is_named(tmp_path, content, words):
    file = tmp_path / "wrong.mmdb"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidConfig, match=words) as caught:
        Places(file)
    assert caught.value.field == "collect.place_database"
    assert str(file) in caught.value.sentence


def test_a_hash_depends_on_address_and_salt_alone():
    assert hashed("8.8.8.8", b"salt") == hashed("::ffff:8.8.8.8", b"salt")
    assert hashed("2001:4860::1", b"salt") == hashed("2001:4860:0:0::1", b"salt")
    different = {
        hashed("8.8.8.8", b"salt"),
        hashed("8.8.8.9", b"salt"),
        hashed("8.8.8.8", b"pepper"),
        hashed("x", b"salt"),
        hashed("\ud800", b"salt"),
    }
    assert len(different) == 5
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in different)
