"""Packed bodies: every packing there and back, bombs stopped early, broken ones refused by name."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from footfall.collect.inflate import inflate
from footfall.collect.wire.contract import BadRequest

MOST = 1 << 20
PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize("name", PACKERS)
@given(body=st.binary(min_size=1, max_size=3_000).filter(lambda body: body[:2] != b"\x1f\x8b"))
def test_every_packing_there_and_back(name, body):
    assert inflate(PACKERS[name](body), name.encode(), MOST) == body


def test_other_forms_that_clients_send():
    body = b'{"a":1}' * 50
    assert inflate(bare_deflate(body), b"deflate", MOST) == body
    assert inflate(gzip.compress(body), None, MOST) == body, "posthog-js says nothing"
    assert inflate(gzip.compress(body[:100]) + gzip.compress(body[100:]), b"gzip", MOST) == body
    assert inflate(gzip.compress(zlib.compress(body)), b"deflate, gzip", MOST) == body
    assert inflate(body, b"gzip", MOST) == body, "a proxy has unpacked it and left the header"
    assert inflate(body, b"identity", MOST) == body


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_costs_no_more_than_the_limit(name):
    bomb = PACKERS[name](bytes(256 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest) as problem:
            inflate(bomb, name.encode(), MOST)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert problem.value.status == 413
    assert peak < 16 << 20


@pytest.mark.parametrize("name", PACKERS)
def test_a_torn_body_is_refused(name):
    with pytest.raises(BadRequest) as problem:
        inflate(PACKERS[name](b'{"a":"' + bytes(range(256)) * 40 + b'"}')[:-9], name.encode(), MOST)
    assert problem.value.status == 400


@pytest.mark.parametrize("encoding", [b"compress", b"gzip, gzip, gzip", b"\xff"])
def test_unknown_packings_are_named(encoding):
    with pytest.raises(BadRequest, match="cannot be packed as") as problem:
        inflate(b"{}", encoding, MOST)
    assert problem.value.status == 415


def test_the_limit_is_exact():
    assert len(inflate(gzip.compress(bytes(MOST)), b"gzip", MOST)) == MOST
    with pytest.raises(BadRequest):
        inflate(gzip.compress(bytes(MOST + 1)), b"gzip", MOST)
    with pytest.raises(BadRequest):
        inflate(bytes(MOST + 1), None, MOST)
