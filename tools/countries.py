"""Build the table of countries that footfall ships, `src/footfall/collect/data/countries.zst`.

    tools/countries.py                                   the newest npm packages @ip-location-db/geo-whois-asn-country and asn-country
    tools/countries.py --csv IPV4.csv IPV6.csv           files of that form (first address, last address, country)

Where ranges overlap the narrower one wins.  Addresses that are nobody's place (private, documentation and the like) have no country
whatever the files say.  IPv6 is kept to /64, the smallest network there is.  The first package gives Australia, where the registry of Asia sits, to
many IPv6 networks whose holder it does not know; there the country of the network's routes, from the second package, goes first.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import ipaddress
import json
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import zstandard

TARGET = Path(__file__).resolve().parents[1] / "src" / "footfall" / "collect" / "data" / "countries.zst"
PACKAGE = "@ip-location-db/geo-whois-asn-country"
ROUTES = "@ip-location-db/asn-country"
REGISTRYS_OWN = "AU"
TIMEOUT_S = 60

# The IANA registries of special-purpose addresses.
NOBODYS4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)  # fmt: skip
NOBODYS6 = ("::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1")

Range = tuple[int, int, str]
Start = tuple[int, str]


def ranges_of(text: str) -> Iterator[Range]:
    """The lines of a CSV file as (first, last, country); addresses are numbers or text."""
    for first, last, country in csv.reader(io.StringIO(text)):
        yield number(first), number(last), country.strip().upper()


def number(address: str) -> int:
    """An address as a number."""
    return int(address) if address.isdigit() else int(ipaddress.ip_address(address))


def starts_of(ranges: Iterable[Range]) -> list[Start]:
    """Ranges in any order -> where each country starts, sorted, from 0 on; '' is no country."""
    starts: list[Start] = [(0, "")]
    around: list[tuple[int, str]] = []

    def begin(at: int, country: str) -> None:
        if starts[-1][0] == at:
            starts.pop()
        starts.append((at, country))

    def end(before: float) -> None:
        while around and around[-1][0] < before:
            last, _ = around.pop()
            while around and around[-1][0] <= last:
                around.pop()
            begin(last + 1, around[-1][1] if around else "")

    for first, last, country in sorted(ranges, key=lambda one: (one[0], -one[1])):
        end(first)
        begin(first, country)
        around.append((last, country))
    end(float("inf"))
    return starts


def cleared(starts: list[Start], networks: Iterable[str]) -> list[Start]:
    """The same without a country in these networks."""
    for text in networks:
        network = ipaddress.ip_network(text)
        low, high = int(network.network_address), int(network.broadcast_address) + 1
        beyond = next(country for at, country in reversed(starts) if at <= high)
        starts = [start for start in starts if start[0] < low] + [(low, ""), (high, beyond)] + [start for start in starts if start[0] > high]
    return starts


def coarser(starts: list[Start], bits: int) -> list[Start]:
    """Starts in units of 2**bits addresses: a unit has the country of its first address."""
    kept: dict[int, str] = {}
    for at, country in starts:
        kept[-(-at >> bits)] = country
    return list(kept.items())


def corrected(starts: list[Start], routes: list[Start]) -> list[Start]:
    """Starts in which the registry's own country gives way to that of the routes, where there is one."""
    told, routed = dict(starts), dict(routes)
    country = route = ""
    kept = []
    for at in sorted(told | routed):
        country, route = told.get(at, country), routed.get(at, route)
        kept.append((at, route if country == REGISTRYS_OWN and route else country))
    return kept


def joined(starts: list[Start], end: int) -> list[Start]:
    """Neighbours of one country as one, up to the end of all addresses."""
    kept: list[Start] = []
    for at, country in starts:
        if at < end and (not kept or kept[-1][1] != country):
            kept.append((at, country))
    return kept


def packed(ranges4: Iterable[Range], ranges6: Iterable[Range], source: str, routes6: Iterable[Range] = ()) -> bytes:
    """The file; `footfall.collect.places.Countries` reads it."""
    starts4 = joined(cleared(starts_of(ranges4), NOBODYS4), 1 << 32)
    starts6 = joined(coarser(cleared(corrected(starts_of(ranges6), starts_of(routes6)), NOBODYS6), 64), 1 << 64)
    countries = sorted({country for _, country in starts4 + starts6} | {""})
    if len(countries) > 256:
        raise SystemExit(f"{len(countries)} countries do not fit into a byte")
    code = {country: index for index, country in enumerate(countries)}
    head = {"source": source, "ranges4": len(starts4), "ranges6": len(starts6), "countries": countries}
    body = json.dumps(head).encode() + b"\n"
    for starts, kind in ((starts4, "I"), (starts6, "Q")):
        body += planes([at for at, _ in starts], kind) + bytes(code[country] for _, country in starts)
    return zstandard.ZstdCompressor(level=22, write_checksum=True).compress(body)


def planes(starts: list[int], kind: str) -> bytes:
    """Steps from start to start, their lowest bytes first, then the next."""
    steps = array(kind, [after - before for before, after in zip([0, *starts[:-1]], starts, strict=True)])
    if sys.byteorder == "big":
        steps.byteswap()
    octets = steps.tobytes()
    return b"".join(octets[place :: steps.itemsize] for place in range(steps.itemsize))


def registry() -> str:
    """The npm registry that this user has set, else the public one."""
    npm = shutil.which("npm")
    told = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False).stdout.strip() if npm else ""  # noqa: S603
    return told.rstrip("/") if told.startswith("http") else "https://registry.npmjs.org"


def fetched(package: str) -> tuple[str, str, str]:
    """The IPv4 and the IPv6 file of the newest version of a package, and its name with that version."""
    with urllib.request.urlopen(f"{registry()}/{package.replace('/', '%2f')}/latest", timeout=TIMEOUT_S) as answer:
        described = json.load(answer)
    with urllib.request.urlopen(described["dist"]["tarball"], timeout=TIMEOUT_S) as answer:
        archive = answer.read()
    method, _, digest = described["dist"]["integrity"].partition("-")
    if base64.b64encode(hashlib.new(method, archive).digest()).decode() != digest:
        raise SystemExit(f"{package} is not what the registry says it is")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        texts = []
        for version in (4, 6):
            member = files.extractfile(f"package/{package.partition('/')[2]}-ipv{version}-num.csv")
            assert member is not None
            texts.append(member.read().decode())
    return texts[0], texts[1], f"npm {package} {described['version']}"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Build the table of countries that footfall ships.")
    parser.add_argument("--csv", nargs=2, type=Path, metavar=("IPV4", "IPV6"), help="read these files instead of the npm package")
    given = parser.parse_args().csv
    routes6 = ""
    if given is None:
        ipv4, ipv6, source = fetched(PACKAGE)
        _, routes6, routes = fetched(ROUTES)
        source += f", {routes}"
    else:
        ipv4, ipv6 = (path.read_text() for path in given)
        source = ", ".join(path.name for path in given)
    octets = packed(ranges_of(ipv4), ranges_of(ipv6), source, ranges_of(routes6))
    TARGET.write_bytes(octets)
    print(f"{TARGET.name}: {len(octets):,} bytes from {source}")


if __name__ == "__main__":
    main()
