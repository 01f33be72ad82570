"""What web addresses add to an event: its page, its campaign and its channel, where the event does not say them itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.collect.settle.channel import channel_of
from footfall.event.cells.url_text import HOST, PARAMETERS, PATH, Addresses


def address_columns(events: pa.Table) -> dict[str, pa.Array]:
    """page, utm_source, utm_medium, utm_campaign and channel of events, as far as their addresses add anything."""
    given = {name: _array(events, name) for name in ("url", "referrer", "page", "channel", *PARAMETERS)}
    columns: dict[str, pa.Array] = {}
    url = Addresses(given["url"]) if _any(given["url"]) else None
    if url is not None:
        if given["page"].null_count:
            columns["page"] = pc.coalesce(given["page"], url.part(PATH))
        for number, name in enumerate(PARAMETERS, start=2):
            if given[name].null_count and url.has(number):
                columns[name] = pc.coalesce(given[name], _plain(url.part(number)))
    known = given | columns
    if any(_any(known[name]) for name in ("url", "referrer", *PARAMETERS)) and known["channel"].null_count:
        columns["channel"] = pc.coalesce(known["channel"], _channels(known, url))
    return columns


def _channels(columns: dict[str, pa.Array], url: Addresses | None) -> pa.Array:
    """Every distinct mixture of referrer's host and campaign is judged once."""
    size = len(columns["referrer"])
    referrer = Addresses(columns["referrer"]) if _any(columns["referrer"]) else None
    parts = [pa.nulls(size, pa.string()) if referrer is None else referrer.part(HOST), *(columns[name] for name in PARAMETERS)]
    applies = np.zeros(size, np.bool_)
    for name in ("url", "referrer", *PARAMETERS):
        applies |= columns[name].is_valid().to_numpy(zero_copy_only=False)
    clicked = np.zeros(size, np.bool_) if url is None else url.clicked
    inside = np.zeros(size, np.bool_) if url is None or referrer is None else url.same_host(referrer)
    campaign = columns["utm_source"].is_valid().to_numpy(zero_copy_only=False) | columns["utm_medium"].is_valid().to_numpy(zero_copy_only=False)
    applies &= ~inside | clicked | campaign
    coded = [part.dictionary_encode() for part in parts]
    mixture = clicked.astype(np.int64)
    for part in coded:
        codes = part.indices.fill_null(len(part.dictionary)).to_numpy(zero_copy_only=False)
        mixture = mixture * (len(part.dictionary) + 1) + codes
    mixtures = pa.array(mixture).dictionary_encode()
    texts = [[*part.dictionary.to_pylist(), ""] for part in coded]
    found = [channel_of(*_unmixed(number, texts)) for number in mixtures.dictionary.to_pylist()]
    channels = pc.take(pa.array(found, pa.string()), mixtures.indices)
    return pc.if_else(pa.array(applies), channels, pa.scalar(None, pa.string()))


def _unmixed(number: int, texts: list[list[str]]) -> Any:
    """The texts that a mixture was made of, and whether an advertiser's click id was there."""
    found = []
    for part in reversed(texts):
        number, code = divmod(number, len(part))
        found.append(part[code][:200])
    return (*reversed(found), bool(number))


def _plain(values: pa.Array) -> pa.Array:
    """Values of a query with their escapes undone, each distinct one once."""
    coded = values.dictionary_encode()
    plain = [unquote_plus(value) for value in coded.dictionary.to_pylist()]
    return pc.take(pa.array(plain, pa.string()), coded.indices)


def _array(events: pa.Table, name: str) -> pa.Array:
    return events.column(name).combine_chunks()


def _any(column: pa.Array) -> bool:
    return bool(column.null_count < len(column))
