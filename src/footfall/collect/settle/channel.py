"""The channel that brought somebody: Google Analytics' default channel groups, from the referrer and the campaign parameters.

The rules are tried in the order of that definition; the first that holds counts.  What names neither a referrer nor a campaign is
Direct.  Going from page to page of one host brings nobody, so it has no channel.  Source: Google's help page "Default channel group",
with the sites of each kind that people meet most.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SEARCH = frozenset((
    "360", "aol", "ask", "baidu", "bing", "brave", "daum", "dogpile", "duckduckgo", "ecosia", "google", "kagi", "lycos", "msn", "naver",
    "onet", "petal", "presearch", "qwant", "rambler", "seznam", "so", "so.com", "sogou", "startpage", "swisscows", "virgilio", "yahoo",
    "yandex",
))  # fmt: skip
_SOCIAL = frozenset((
    "bluesky", "bsky", "discord", "facebook", "fb", "flickr", "ig", "instagram", "line", "linkedin", "lnkd.in", "mastodon", "medium",
    "meetup", "messenger", "news.ycombinator.com", "nextdoor", "pinterest", "quora", "reddit", "snapchat", "t.co", "t.me", "telegram",
    "threads", "tiktok", "tumblr", "twitter", "vk", "wechat", "weibo", "whatsapp", "x.com", "xing", "ycombinator",
))  # fmt: skip
_VIDEO = frozenset((
    "bilibili", "dailymotion", "disneyplus", "hulu", "netflix", "niconico", "rumble", "ted", "twitch", "vimeo", "wistia", "youtu.be",
    "youtube",
))  # fmt: skip
_SHOPPING = frozenset((
    "alibaba", "aliexpress", "amazon", "ebay", "etsy", "idealo", "igshopping", "mercadolibre", "rakuten", "shein", "shopify",
    "shopping.google.com", "temu", "walmart",
))  # fmt: skip
_MAIL = frozenset((
    "gmx", "mail.google.com", "mail.proton.me", "mail.ru", "mail.yahoo.com", "outlook.live.com", "outlook.office.com", "web.de", "webmail",
))  # fmt: skip
_PAID = re.compile(r"cp|^ppc$|^retargeting$|^paid")
_SHOP = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_EMAIL = frozenset(("email", "e-mail", "e_mail", "e mail"))
_SOCIAL_MEDIA = frozenset(("social", "social-network", "social-media", "sm", "social network", "social media"))
_DISPLAY = frozenset(("display", "banner", "expandable", "interstitial", "cpm"))
_KINDS = (("mail", _MAIL), ("shopping", _SHOPPING), ("video", _VIDEO), ("search", _SEARCH), ("social", _SOCIAL))
_SECOND_LEVEL = frozenset(("co", "com", "org", "net", "ac", "gov", "edu"))


@lru_cache(maxsize=1 << 14)
def kind_of(site: str) -> str:
    """What kind of site a host or a campaign's source is: search, social, video, shopping, mail, or other."""
    name = site.strip().lower().rstrip(".").removeprefix("www.")
    for kind, sites in _KINDS:
        if name in sites or _registered(name) in sites or _brand(name) in sites:
            return kind
    return "other"


def _registered(host: str) -> str:
    """The last two labels of a host, three under a shared second level: youtu.be, bbc.co.uk."""
    labels = host.split(".")
    size = 3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 2
    return ".".join(labels[-size:])


def _brand(host: str) -> str:
    """The label before the public end of a host: google of news.google.co.uk, facebook of l.facebook.com."""
    return _registered(host).partition(".")[0] if "." in host else host


@lru_cache(maxsize=1 << 16)
def channel_of(site: str, source: str, medium: str, campaign: str, clicked: bool) -> str:
    """The channel of a referring host and campaign parameters; `clicked` says that an advertiser's click id was there."""
    origin = source or site
    kind = kind_of(origin) if origin else "other"
    name = source.lower()
    medium, campaign = medium.lower(), campaign.lower()
    if not origin and not medium and not campaign and not clicked:
        return "Direct"
    if "cross-network" in campaign:
        return "Cross-network"
    shop = kind == "shopping" or bool(_SHOP.match(campaign))
    if _PAID.search(medium) or (clicked and not medium):
        return _paid(kind, medium, shop=shop, sited=bool(origin))
    if medium in _DISPLAY:
        return "Display"
    return _unpaid(kind, name, medium, shop=shop, referred=bool(site))


def _paid(kind: str, medium: str, *, shop: bool, sited: bool) -> str:
    if shop:
        return "Paid Shopping"
    if kind in ("search", "social", "video"):
        return f"Paid {kind.title()}"
    if medium in _DISPLAY:
        return "Display"
    return "Paid Other" if sited or medium else "Paid Search"


def _unpaid(kind: str, source: str, medium: str, *, shop: bool, referred: bool) -> str:
    rules = (
        ("Organic Shopping", shop),
        ("Organic Social", kind == "social" or medium in _SOCIAL_MEDIA),
        ("Organic Video", kind == "video" or "video" in medium),
        ("Email", kind == "mail" or source in _EMAIL or medium in _EMAIL),
        ("Organic Search", (kind == "search" and medium in ("", "organic")) or medium == "organic"),
        ("Affiliates", medium in ("affiliate", "affiliates")),
        ("Audio", medium == "audio"),
        ("SMS", source == "sms" or medium == "sms"),
        ("Mobile Push Notifications", medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase"),
        ("Referral", medium in ("referral", "app", "link") or (referred and not source and not medium)),
    )
    return next((channel for channel, holds in rules if holds), "Unassigned")
