"""The browser tag is small, ES2017 at most, and browsers may keep it."""

from __future__ import annotations

import gzip

from footfall.collect.tag import answer_tag
from footfall.collect.wire.contract import Asked

PACKED_BYTES_MAX = 4096


def ask(**headers: str):
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    answer = answer_tag(Asked("GET", "/tag.js", b"", headers=named))
    return answer, dict(answer.headers)


def test_the_tag_is_small():
    answer, headers = ask(accept_encoding="gzip, deflate, br")
    assert headers[b"content-encoding"] == b"gzip"
    assert len(answer.body) <= PACKED_BYTES_MAX
    plain, plain_headers = ask()
    assert b"content-encoding" not in plain_headers
    assert gzip.decompress(answer.body) == plain.body


def test_the_tag_can_be_kept():
    answer, headers = ask()
    assert answer.status == 200
    assert headers[b"content-type"].startswith(b"text/javascript")
    assert b"max-age=3600" in headers[b"cache-control"]
    assert headers[b"vary"] == b"Accept-Encoding"
    tag = headers[b"etag"].decode()
    again, again_headers = ask(if_none_match=f'"other", {tag}')
    assert (again.status, again.body) == (304, b"")
    assert again_headers[b"etag"] == headers[b"etag"]
    assert ask(if_none_match=tag.removeprefix("W/"))[0].status == 304
    assert ask(if_none_match='"other"')[0].status == 200


def test_the_tag_needs_no_newer_browser_than_2017():
    source = ask()[0].body.decode()
    assert [word for word in ("?.", "??", " ** ", "catch {", "...{", "Object.fromEntries", ".flat(", ".replaceAll(") if word in source] == []


def test_the_tag_leaves_no_cookie():
    assert "cookie =" not in ask()[0].body.decode()
