"""Dimensions on the live path of a project: a view by their columns, and changes between micro-batches."""

from __future__ import annotations

import logging

from footfall.stream.store.contract import RowsWanted
from live_support import Shop, declare
from up_support import wait_until

DECLARED = """
[live]
views = []

[dimensions.pages]
path = "pages.csv"
key = "page"
reload = "1s"

[[view]]
name = "sections"
keys = ["pages.section"]
where = ["pages.hidden!=true"]
measures = { events = "count" }
"""


def sections(shop: Shop) -> dict[str | None, int]:
    rows = shop._path.store.rows("sections", RowsWanted())
    return {row["pages.section"]: row["events"] for row in rows}


def test_a_view_by_a_dimension_follows_its_file(tmp_path, caplog):
    caplog.set_level(logging.INFO, "footfall.dimensions")
    project = declare(tmp_path / "shop", DECLARED)
    file = project.path / "pages.csv"
    file.write_text("page,section,hidden\n/a,news,false\n/b,sport,false\n/b,twice,true\n/x,none,true\n", encoding="utf-8")
    shop = Shop(project.path)
    shop.send({"page": "/a"}, {"page": "/b"}, {"page": "/x"}, {"page": "/c"}, {"page": "/a"})
    shop.take()
    assert sections(shop) == {"news": 2, "sport": 1, None: 1}
    beside = file.with_suffix(".new")
    beside.write_text("page,section,hidden\n/a,news,false\n/c,culture,false\n", encoding="utf-8")
    beside.replace(file)
    wait_until(lambda: shop.take() or "dimensions changed" in caplog.text)
    shop.send({"page": "/a", "s": 1}, {"page": "/b", "s": 1}, {"page": "/c", "s": 1})
    shop.take()
    assert sections(shop) == {"news": 3, "sport": 1, None: 2, "culture": 1}
    file.unlink()
    wait_until(lambda: shop.take() or "has no file" in caplog.text)
    shop.send({"page": "/c", "s": 2})
    shop.take()
    assert sections(shop)["culture"] == 2, "the rows from before stay"
    shop.close()
