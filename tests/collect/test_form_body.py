"""Form fields and base64, against the standard library and as old SDKs write them."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.collect.wire.contract import BadRequest
from footfall.collect.wire.form_body import form_field, from_base64
from footfall.event.drop import DropReason


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).filter(lambda name: name == name.strip()), st.text(st.characters(codec="utf-8"))
    )
)
def test_fields_are_those_of_the_standard_library(fields):
    body = urlencode(fields).encode()
    expected = parse_qs(body.decode(), keep_blank_values=True)
    assert {name: form_field(body, name) for name in fields} == {name: expected[name][0] for name in fields}


def test_a_name_that_is_not_there_is_none():
    assert form_field(b"dat=1&xdata=2&data", "data") is None
    assert form_field(b"", "data") is None
    assert form_field(b"ip=1&data=x&data=y", "data") == "x"


def test_a_field_must_be_utf8():
    with pytest.raises(BadRequest, match="not UTF-8") as caught:
        form_field(b"data=%ff", "data")
    assert caught.value.reason is DropReason.INVALID_ENCODING


@given(st.binary())
def test_base64_in_every_dress(raw):
    plain = base64.b64encode(raw).decode()
    dressed = [plain, plain.rstrip("="), base64.urlsafe_b64encode(raw).decode(), plain.replace("+", " "), f"\n{plain[:7]}\r\n{plain[7:]}\n"]
    # A space at an end cannot be told from padding around the text, so it is no dress that an SDK can count on.
    assert [from_base64(text) for text in dressed if text == text.strip() or text[0] == "\n"] == [raw] * sum(
        text == text.strip() or text[0] == "\n" for text in dressed
    )


@pytest.mark.parametrize("text", ["%", "a", "{}", "é", "a\x00b="])
def test_what_is_no_base64_is_said(text):
    with pytest.raises(BadRequest, match="no base64"):
        from_base64(text)
