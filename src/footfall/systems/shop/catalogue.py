"""What the shop sells: categories that grow and shrink, brands, and products with prices.

Every category has a share of the attention, a typical price, a growth a week and an appetite (how readily a look becomes a
purchase).  They are written down here, not drawn, so that the movers of the history are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

# code: (share of attention, typical price in USD, growth a week, appetite)
CATEGORIES: dict[str, tuple[float, float, float, float]] = {
    "electronics.smartphone": (18.0, 320.0, 0.02, 1.55),
    "electronics.audio.headphone": (5.0, 75.0, 0.05, 1.45),
    "electronics.audio.subwoofer": (0.9, 140.0, -0.04, 0.80),
    "electronics.audio.microphone": (0.4, 60.0, 0.03, 0.90),
    "electronics.video.tv": (4.2, 380.0, 0.04, 1.00),
    "electronics.video.projector": (0.7, 290.0, -0.28, 0.55),
    "electronics.clocks": (3.6, 150.0, 0.00, 0.85),
    "electronics.tablet": (1.8, 240.0, -0.03, 0.95),
    "electronics.telephone": (0.7, 35.0, -0.12, 0.80),
    "electronics.camera.photo": (0.6, 520.0, -0.06, 0.55),
    "computers.notebook": (5.2, 640.0, 0.01, 0.80),
    "computers.desktop": (1.6, 520.0, -0.02, 0.65),
    "computers.components.cpu": (0.6, 210.0, 0.02, 0.90),
    "computers.components.videocards": (0.8, 330.0, 0.09, 0.75),
    "computers.components.motherboard": (0.4, 120.0, 0.00, 0.80),
    "computers.peripherals.printer": (0.8, 180.0, -0.02, 0.90),
    "computers.peripherals.monitor": (1.3, 210.0, 0.03, 0.85),
    "computers.peripherals.mouse": (0.9, 28.0, 0.04, 1.20),
    "computers.peripherals.keyboard": (0.6, 45.0, 0.02, 1.05),
    "computers.peripherals.camera": (0.6, 55.0, -0.24, 0.80),
    "appliances.kitchen.refrigerators": (2.8, 480.0, -0.01, 0.85),
    "appliances.kitchen.washer": (3.0, 340.0, 0.01, 1.05),
    "appliances.kitchen.microwave": (1.1, 95.0, 0.02, 1.05),
    "appliances.kitchen.kettle": (1.2, 38.0, 0.06, 1.25),
    "appliances.kitchen.blender": (0.9, 52.0, 0.01, 1.05),
    "appliances.kitchen.fryer": (0.5, 88.0, 0.34, 1.10),
    "appliances.kitchen.oven": (1.0, 290.0, 0.00, 0.75),
    "appliances.kitchen.dishwasher": (0.8, 390.0, 0.01, 0.80),
    "appliances.kitchen.coffee_machine": (0.9, 310.0, 0.07, 0.85),
    "appliances.environment.vacuum": (3.4, 150.0, 0.03, 1.10),
    "appliances.environment.air_heater": (0.9, 70.0, 0.29, 1.15),
    "appliances.environment.air_conditioner": (0.9, 350.0, -0.30, 0.60),
    "appliances.environment.fan": (0.6, 42.0, -0.33, 0.70),
    "appliances.environment.water_heater": (0.7, 140.0, 0.06, 0.95),
    "appliances.iron": (1.0, 48.0, 0.00, 1.10),
    "appliances.sewing_machine": (0.7, 190.0, 0.02, 0.90),
    "appliances.personal.massager": (0.5, 60.0, 0.05, 0.85),
    "furniture.living_room.sofa": (1.9, 430.0, -0.02, 0.35),
    "furniture.living_room.cabinet": (1.2, 160.0, -0.03, 0.40),
    "furniture.bedroom.bed": (1.5, 320.0, 0.00, 0.35),
    "furniture.kitchen.table": (0.6, 140.0, 0.01, 0.45),
    "furniture.bathroom.bath": (0.4, 210.0, -0.02, 0.45),
    "apparel.shoes": (3.2, 78.0, -0.01, 0.50),
    "apparel.shoes.keds": (1.4, 64.0, -0.09, 0.50),
    "apparel.shoes.step_ins": (0.7, 58.0, 0.21, 0.55),
    "apparel.shoes.espadrilles": (0.6, 46.0, -0.36, 0.40),
    "apparel.shirt": (0.7, 34.0, -0.05, 0.50),
    "apparel.jacket": (0.8, 120.0, 0.18, 0.60),
    "apparel.scarf": (0.5, 28.0, 0.38, 0.70),
    "apparel.underwear": (0.6, 24.0, 0.01, 0.60),
    "accessories.bag": (1.0, 56.0, 0.01, 0.55),
    "accessories.wallet": (0.4, 32.0, 0.03, 0.60),
    "kids.toys": (1.3, 36.0, 0.12, 0.90),
    "kids.carriage": (0.9, 230.0, -0.01, 0.60),
    "kids.skates": (0.4, 48.0, -0.22, 0.60),
    "sport.bicycle": (0.8, 280.0, -0.25, 0.50),
    "sport.trainer": (0.4, 260.0, 0.11, 0.45),
    "sport.ski": (0.4, 340.0, 0.31, 0.50),
    "auto.accessories.player": (0.8, 110.0, 0.00, 0.90),
    "auto.accessories.alarm": (0.4, 95.0, 0.02, 0.80),
    "construction.tools.drill": (0.9, 92.0, -0.01, 0.95),
    "construction.tools.light": (1.6, 30.0, 0.08, 1.05),
    "country_yard.lawn_mower": (0.5, 180.0, -0.35, 0.60),
    "country_yard.furniture.hammok": (0.4, 70.0, -0.31, 0.55),
    "medicine.tools.tonometer": (0.4, 44.0, 0.03, 1.00),
    "stationery.cartrige": (0.4, 26.0, 0.01, 1.10),
}

# Categories that the shop never gave a path: their rows have an empty category_code.
UNNAMED = 16
UNNAMED_SHARE = 30.0

_FIRST_CATEGORY_ID = 2_053_013_550_000_000_000
_FIRST_PRODUCT_ID = 1_000_000
_SYLLABLES = ("al", "bo", "ca", "den", "el", "fi", "gor", "ha", "in", "jo", "ka", "lu", "mi", "no", "or", "pa", "ri", "sa", "to", "ve", "xi", "zen")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products lie category by category: those of category c are first_product[c] to first_product[c + 1]."""

    category_id: Ints
    category_code: list[str]  # "" where the shop never gave one
    share: Floats  # of the attention on the first day; sums to 1
    growth: Floats  # a week, compounded
    first_product: Ints
    reach: Floats  # running sum of the products' popularity inside their category, plus the category's index
    product_id: Ints
    category: Ints  # of each product
    brand: Ints  # of each product, -1 for none
    brands: list[str]
    price: Floats
    appetite: Floats  # of each product: category, brand and price together; the mean over looks is about 1

    def attention(self, day: int) -> Floats:
        """The running sum of the categories' shares on a day, for drawing by searchsorted."""
        share = self.share * (1.0 + self.growth) ** (day / 7.0)
        return np.cumsum(share / share.sum())


def build_catalogue(seed: int, products: int) -> Catalogue:
    """The shop's catalogue, the same for the same seed and number of products."""
    rng = np.random.default_rng([seed, 1])
    named = np.array(list(CATEGORIES.values()))
    unnamed = np.column_stack(
        [
            rng.dirichlet(np.full(UNNAMED, 2.0)) * UNNAMED_SHARE,
            np.exp(rng.normal(4.2, 0.7, UNNAMED)),
            np.clip(rng.normal(0.0, 0.04, UNNAMED), -0.1, 0.1),
            np.clip(rng.normal(0.7, 0.2, UNNAMED), 0.3, 1.2),
        ]
    )
    share, typical_price, growth, category_appetite = np.vstack([named, unnamed]).T
    share = share / share.sum()
    count = np.maximum(6, np.round(products * np.sqrt(share) / np.sqrt(share).sum())).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(count)])
    category = np.repeat(np.arange(len(count)), count)
    rank = np.arange(len(category)) - first[category]
    popularity = (rank + 2.7) ** -1.05
    reach = category + _running_share(popularity, first, category)
    brands = [f"{a}{b}" for a in _SYLLABLES for b in ("mar", "tek", "dia", "ro", "vanti", "lux", "so", "nova", "lin", "com")]
    brand = _brands_of(rng, len(brands), category)
    strength = np.exp(rng.normal(0.0, 0.30, len(brands)))
    ratio = np.exp(rng.normal(0.0, 0.42, len(category)))
    appetite = category_appetite[category] * np.where(brand < 0, 0.7, strength[brand]) * ratio**-0.35
    looks = share[category] * np.diff(np.concatenate([[0.0], reach]))
    return Catalogue(
        category_id=_FIRST_CATEGORY_ID + np.sort(rng.choice(900_000_000, len(count), replace=False)) * 11,
        category_code=[*CATEGORIES, *[""] * UNNAMED],
        share=share,
        growth=growth,
        first_product=first,
        reach=reach,
        product_id=_FIRST_PRODUCT_ID + rng.permutation(len(category) * 3)[: len(category)],
        category=category,
        brand=brand,
        brands=brands,
        price=np.round(typical_price[category] * ratio, 2),
        appetite=appetite / np.average(appetite, weights=looks),
    )


def _running_share(weight: Floats, first: Ints, category: Ints) -> Floats:
    """The running sum of each category's weights, from just above 0 to just below 1."""
    total = np.concatenate([[0.0], np.cumsum(weight)])
    start, end = total[first[:-1]], total[first[1:]]
    share: Floats = np.minimum((total[1:] - start[category]) / (end - start)[category], 1.0 - 1e-9)
    return share


def _brands_of(rng: np.random.Generator, brands: int, category: Ints) -> Ints:
    """Each category carries eight brands, unevenly; about one product in seven has none."""
    carried = rng.integers(0, brands, (int(category.max()) + 1, 8))
    pick = np.minimum(rng.geometric(0.32, len(category)) - 1, 7)
    return np.where(rng.random(len(category)) < 0.14, -1, carried[category, pick])
