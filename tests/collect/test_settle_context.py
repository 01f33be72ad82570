"""What agents, addresses and campaigns say, case by case, and the set of known pairs against Python's."""

from __future__ import annotations

import random

import crawleruseragents
import numpy as np
import pyarrow as pa
import pytest

from footfall.collect.settle.agents import agent_columns, read_agent
from footfall.collect.settle.channel import channel_of
from footfall.collect.settle.known_pairs import KnownPairs
from footfall.collect.wire.robots import LIBRARY, is_robot
from footfall.event.cells.url_text import HOST, PARAMETERS, PATH, Addresses

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
TABLET = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CHROME, ("web", "Windows", "Chrome", "desktop", False)),
        (IPHONE, ("web", "iOS", "Mobile Safari", "mobile", False)),
        (IPAD, ("web", "iOS", "Mobile Safari", "tablet", False)),
        (PIXEL, ("web", "Android", "Chrome Mobile", "mobile", False)),
        (TABLET, ("web", "Android", "Chrome", "tablet", False)),
        (BOT, ("web", None, "Googlebot", "bot", True)),
        ("okhttp/4.12.0", ("android", None, "okhttp", None, False)),
        ("nonsense", (None, None, None, None, False)),
    ],
)
def test_an_agent_says_what_it_is(text, said):
    agent = read_agent(text)
    assert (agent.platform, agent.os, agent.browser, agent.device, agent.is_bot) == said


def test_every_robot_of_the_list_is_one():
    robots = [entry for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA if LIBRARY not in entry.get("tags", ())]
    named = [text for entry in robots for text in entry["instances"]]
    missed = [text for text in named if not is_robot(text)]
    assert len(missed) <= len(named) // 200, missed[:5]


def test_agents_become_columns_and_nothing_when_nobody_has_one():
    columns = agent_columns(pa.array([CHROME, None, BOT, CHROME, ""]))
    assert columns["is_bot"].to_pylist() == [False, None, True, False, None]
    assert columns["device"].to_pylist() == ["desktop", None, "bot", "desktop", None]
    assert agent_columns(pa.nulls(2, pa.string())) == {}


@pytest.mark.parametrize(
    ("site", "campaign", "clicked", "channel"),
    [
        ("", ("", "", ""), False, "Direct"),
        ("www.google.co.uk", ("", "", ""), False, "Organic Search"),
        ("", ("google", "organic", ""), False, "Organic Search"),
        ("www.google.com", ("google", "cpc", ""), False, "Paid Search"),
        ("", ("", "", ""), True, "Paid Search"),
        ("www.google.com", ("", "", ""), True, "Paid Search"),
        ("l.facebook.com", ("", "", ""), False, "Organic Social"),
        ("t.co", ("", "", ""), False, "Organic Social"),
        ("", ("newsletter", "social", ""), False, "Organic Social"),
        ("", ("Facebook", "Paid-Social", ""), False, "Paid Social"),
        ("m.youtube.com", ("", "", ""), False, "Organic Video"),
        ("", ("youtube", "ppc", ""), False, "Paid Video"),
        ("", ("partner", "video", ""), False, "Organic Video"),
        ("", ("partner", "cpm", ""), False, "Display"),
        ("", ("partner", "banner", ""), False, "Display"),
        ("", ("partner", "cpa", ""), False, "Paid Other"),
        ("www.amazon.de", ("", "", ""), False, "Organic Shopping"),
        ("", ("partner", "cpc", "autumn-shopping"), False, "Paid Shopping"),
        ("", ("mail", "email", ""), False, "Email"),
        ("mail.google.com", ("", "", ""), False, "Email"),
        ("", ("partner", "affiliate", ""), False, "Affiliates"),
        ("", ("partner", "audio", ""), False, "Audio"),
        ("", ("sms", "", ""), False, "SMS"),
        ("", ("app", "push", ""), False, "Mobile Push Notifications"),
        ("blog.example", ("", "", ""), False, "Referral"),
        ("", ("blog", "referral", ""), False, "Referral"),
        ("", ("", "", "cross-network x"), False, "Cross-network"),
        ("", ("who", "knows", ""), False, "Unassigned"),
    ],
)
def test_channels_after_the_definition(site, campaign, clicked, channel):
    assert channel_of(site, *campaign, clicked) == channel


@pytest.mark.parametrize(
    ("url", "host", "path", "campaign", "clicked"),
    [
        ("https://a.example/x/y?utm_source=s&utm_medium=m#utm_campaign=c", "a.example", "/x/y", ("s", "m", None), False),
        ("https://u:p@a.example:81?gclid=7", "a.example", "/", (None, None, None), True),
        ("https://a.example/?gclid=&utm_source=", "a.example", "/", (None, None, None), False),
        ("/x?utm_source=1&utm_source=2", None, "/x", ("1", None, None), False),
        ("/x?next=https://b.example/", None, "/x", (None, None, None), False),
        ("app://screen", "screen", "/", (None, None, None), False),
        ("?utm_source=q", None, None, ("q", None, None), False),
        ("word", None, "word", (None, None, None), False),
        ("", None, None, (None, None, None), False),
        (None, None, None, (None, None, None), False),
    ],
)
def test_addresses_are_cut(url, host, path, campaign, clicked):
    cut = Addresses(pa.array(["https://before.example/z", url, "/after"]).slice(1, 1))
    assert (cut.part(HOST)[0].as_py(), cut.part(PATH)[0].as_py()) == (host, path)
    assert tuple(cut.part(2 + number)[0].as_py() for number in range(len(PARAMETERS))) == campaign
    assert bool(cut.clicked[0]) == clicked


@pytest.mark.parametrize("seed", range(5))
def test_known_pairs_are_a_set(seed):
    chance = random.Random(seed)
    known, twin = KnownPairs(), set()
    for _ in range(20):
        keys = [chance.choice([chance.getrandbits(64) | 1, chance.randrange(1, 50)]) for _ in range(chance.choice([0, 1, 500]))]
        expected = [key not in twin and not twin.add(key) for key in keys]
        assert known.add(np.array(keys, np.uint64)).tolist() == expected
        assert len(known) == len(twin)
