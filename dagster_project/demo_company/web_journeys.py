"""Requests of people we can name: what they looked at before and while they were customers.

They are few against the traffic of the site. Each person has an address and a browser of their
own; a click id in a link of ours (``cid``) or the login name of the portal tells who it is.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from .clock import zulu_text
from .random_source import scalar_random
from .records import Lead, Person, World
from .sizes import DAY, END, START

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148 MicroMessenger/8.0.49",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 Mobile",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Edg/126.0.0.0",
)
COMPETITOR_PAGE = "/compare/competitor-x"
SERVICE_PAGE = "/compare/service-plans"
PRICING_PAGE = "/pricing"
DOCUMENTS = ("/docs/interface-guide.pdf", "/docs/security-white-paper.pdf", "/docs/roi-sheet.pdf")
SIGNALS = (
    "three_minutes_on_competitor_page",
    "two_documents_in_7_days",
    "three_service_page_visits_in_14_days",
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One request of a known person."""

    at: int
    person: Person
    url: str
    status: int = 200
    size: int = 18_000
    referrer: str = "-"
    with_login: bool = False


def person_address(person: Person) -> str:
    """An address of the person's own, outside the ranges of the anonymous traffic."""
    number = int(person.no[1:])
    return f"100.{64 + (number >> 16 & 63)}.{number >> 8 & 255}.{number & 255}"


def person_agent(person: Person) -> str:
    return AGENTS[int(person.no[1:]) % len(AGENTS)]


def click_id(person: Person) -> str:
    return f"ck{int(person.no[1:]) * 48_271 % 2_147_483_647:08x}"


class _Diary:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.hits: list[Hit] = []
        self.signals: dict[str, set[str]] = defaultdict(set)

    def visit(self, person: Person, at: int, urls: list[tuple[str, int]]) -> None:
        """One session: pages with the seconds spent on each; it starts by naming the person."""
        at = max(START, at)
        first = True
        for url, seconds in urls:
            if at >= END - 60:
                return
            link, login = url, False
            if first and person.login:
                self.hits.append(Hit(at, person, "/portal/home", with_login=True))
                at += 6
            elif first:
                link = f"{url}?utm_source=mail&cid={click_id(person)}"
            login = bool(person.login) and first
            size = 400_000 if url.startswith("/docs/") else 9_000 + len(url) * 311
            referrer = "-" if first else "https://www.ourcompany.example/"
            self.hits.append(Hit(at, person, link, 200, size, referrer, login))
            at += seconds
            first = False

    def lead(self, lead: Lead) -> None:
        rng, person = self.rng, lead.person
        before = lead.created - rng.randint(1, 3) * DAY
        usual = [("/", 20), (f"/products/{lead.line.split()[0].lower()}", rng.randint(30, 90))]
        if lead.intent == "low":
            self.visit(person, before, usual[:1])
            return
        self.visit(person, before, usual)
        if lead.intent == "medium" or lead.created < START + 20 * DAY:
            return
        self._signal(person, before, SIGNALS[int(lead.no[1:]) % len(SIGNALS)])
        self.visit(person, before + DAY // 3, [(PRICING_PAGE, rng.randint(25, 80))])
        if lead.is_stalled:
            recent = END - rng.randint(6, 20) * DAY
            self.visit(person, recent, [(PRICING_PAGE, 70), (SERVICE_PAGE, 60)])

    def _signal(self, person: Person, before: int, signal: str) -> None:
        rng = self.rng
        if signal == SIGNALS[0]:
            seconds = rng.randint(190, 420)
            self.visit(person, before - DAY, [(COMPETITOR_PAGE, seconds), (PRICING_PAGE, 30)])
        elif signal == SIGNALS[1]:
            first, second = rng.sample(DOCUMENTS, 2)
            self.visit(person, before - 3 * DAY, [(first, 15)])
            self.visit(person, before - DAY, [(second, 15)])
        else:
            for days in (9, 5, 1):
                self.visit(person, before - days * DAY, [(SERVICE_PAGE, rng.randint(20, 100))])
        self.signals[signal].add(person.no)


def known_hits(world: World) -> tuple[list[Hit], list[dict[str, Any]]]:
    """All requests of known people in order, and the campaign tool's list of click ids."""
    rng = scalar_random(world.seed, "journeys")
    diary = _Diary(rng)
    for lead in world.leads:
        if not lead.is_silent:
            diary.lead(lead)
    after_quote = set()
    for deal in world.deals:
        reached = dict(deal.steps)
        if "NEGO" in reached and int(deal.no[1:]) % 3 == 0:
            diary.visit(deal.person, reached["NEGO"] + 3_600, [(PRICING_PAGE, 60)])
            if reached["NEGO"] + 3_600 < END - 60:
                after_quote.add(deal.no)
    diary.hits.sort(key=lambda hit: (hit.at, hit.person.no, hit.url))
    clicked = {hit.person.no: hit.person for hit in reversed(diary.hits) if "cid=" in hit.url}
    links = [
        {
            "click_id": click_id(clicked[number]),
            "crm_person": number,
            "sent": zulu_text(START - DAY),
        }
        for number in sorted(clicked)
    ]
    logins = {hit.person.no for hit in diary.hits if hit.with_login}
    world.truths["web_links"] = {
        "click_ids": {str(link["click_id"]): link["crm_person"] for link in links},
        "logins": {str(person.login): person.no for person in world.persons if person.no in logins},
        "count_click_ids": len(links),
        "count_logins": len(logins),
        "meaning": "Click id in a URL, or login name in the log line → CRM person. Other lines "
        "of the same address and browser are the same person's.",
    }
    world.truths["web_signals"] = {
        **{signal: sorted(diary.signals[signal]) for signal in SIGNALS},
        "pricing_page_after_quote_deals": sorted(after_quote),
        "meaning": "People who really did it; no other known person did.",
    }
    return diary.hits, links
