"""A writer of small mmdb files, after the published format: a tree of 24-bit records over the bits of an address, then the values."""

from __future__ import annotations

import ipaddress
from typing import Any

U16, U32, U64 = 5, 6, 9
_MARK = b"\xab\xcd\xefMaxMind.com"


def mmdb(networks: dict[str, Any], *, ip_version: int = 6) -> bytes:
    """Network -> record, as a file.  IPv4 networks lie under ::/96, as in files of both versions."""
    nodes: list[list[Any]] = [[None, None]]
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        bits = format(int(network.network_address), f"0{network.max_prefixlen}b")[: network.prefixlen]
        bits = "0" * (96 if ip_version == 6 and network.version == 4 else 0) + bits
        node = 0
        for bit in bits[:-1]:
            if nodes[node][int(bit)] is None:
                nodes.append([None, None])
                nodes[node][int(bit)] = len(nodes) - 1
            node = nodes[node][int(bit)]
        nodes[node][int(bits[-1])] = {"record": record}
    values, tree = b"", b""
    for pair in nodes:
        for side in pair:
            target = side if isinstance(side, int) else len(nodes)
            if isinstance(side, dict):
                target = len(nodes) + 16 + len(values)
                values += _encoded(side["record"])
            tree += target.to_bytes(3, "big")
    about = {
        "binary_format_major_version": (U16, 2), "binary_format_minor_version": (U16, 0), "build_epoch": (U64, 1), "database_type": "City",
        "description": {"en": "test"}, "ip_version": (U16, ip_version), "languages": ["en"], "node_count": (U32, len(nodes)), "record_size": (U16, 24),
    }  # fmt: skip
    return tree + bytes(16) + values + _MARK + _encoded(about)


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, int):
        value = (U32, value)
    if isinstance(value, tuple):
        kind, number = value
        octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return _control(kind, len(octets)) + octets
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    return _control(7, len(value)) + b"".join(_encoded(key) + _encoded(one) for key, one in value.items())


def _control(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
