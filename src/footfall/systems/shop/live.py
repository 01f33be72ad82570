"""The shop as it happens: visits one after the other, without end, for a collector that is being tried out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from footfall.event.canonical import Event
from footfall.systems.shop.catalogue import Catalogue, build_catalogue
from footfall.systems.shop.history import ShopHistory, visits_by_day
from footfall.systems.shop.people import build_people
from footfall.systems.shop.schema import EVENT_TYPES

_EVENTS_A_DAY = 40_000
_DAYS = 365


def live_events(seed: int) -> Iterator[Event]:
    """Events in the order in which they happen, without times and ids: the sender knows those."""
    while True:
        history = ShopHistory(events=_EVENTS_A_DAY * _DAYS, days=_DAYS, last_day=date(2026, 12, 31), seed=seed, flaws=False)
        catalogue = build_catalogue(seed, history.products)
        people = build_people(seed, history.persons, history.days)
        products = [_product(catalogue, product) for product in range(len(catalogue.product_id))]
        for _, visits in visits_by_day(history, catalogue, people):
            users = people.user_id[visits.person].tolist()
            columns = zip(visits.kind.tolist(), users, visits.session.tolist(), visits.product.tolist(), strict=True)
            for kind, user, session, product in columns:
                page, properties = products[product]
                yield Event(
                    EVENT_TYPES[kind], user_id=str(user), session_id=f"{seed:x}-{session:x}", page=page, platform="web", properties=properties
                )
        seed += 1


def _product(catalogue: Catalogue, product: int) -> tuple[str, msgspec.Raw]:
    category, brand = int(catalogue.category[product]), int(catalogue.brand[product])
    product_id = int(catalogue.product_id[product])
    members = {
        "product_id": product_id,
        "category_id": int(catalogue.category_id[category]),
        "category_code": catalogue.category_code[category],
        "brand": catalogue.brands[brand] if brand >= 0 else "",
        "price": round(float(catalogue.price[product]), 2),
    }
    return f"/product/{product_id}", msgspec.Raw(msgspec.json.encode(members))
