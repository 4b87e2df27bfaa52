"""Requests of people and firms we can name: what they read before and while they were customers.

They are few against the traffic of the site. Each person has an address and a browser of their
own, and one habit that tells who it is: a portal login, a click id in a link of ours, the address
in a link of a mail, the contact number in such a link, or the number of the lead on the page of
thanks after a form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .clock import zulu_text
from .random_source import scalar_random
from .records import Lead, Person, World
from .sizes import DAY, END, LOG_START, START

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
SERVICE_LEVELS_PAGE = "/compare/service-levels"
PRICING_PAGE = "/pricing"
DOCUMENTS = ("/docs/interface-guide.pdf", "/docs/security-white-paper.pdf", "/docs/roi-sheet.pdf")
COUNT_HABITS = 3
"""What a person does who is interested: compare, download, come back."""
SITE = "https://www.ourcompany.example/"
LAST_SECOND = END - 60

Pages = list[tuple[str, int]]
"""URLs with the seconds until the next one."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What the log knows of a visitor."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One request; ``written`` is when the server got to write the line."""

    at: int
    browser: Browser
    url: str
    status: int = 200
    size: int = 18_000
    referrer: str = "-"
    user: str = "-"
    written: int = 0

    @property
    def order(self) -> tuple[int, str, str, int]:
        return (self.written or self.at, self.browser.address, self.browser.agent, self.at)


def person_browser(person: Person, device: int = 0) -> Browser:
    """A browser at an address of the person's own, outside the ranges of other traffic."""
    number = int(person.no[1:])
    address = f"100.{64 + 32 * device + (number >> 16 & 31)}.{number >> 8 & 255}.{number & 255}"
    return Browser(address, AGENTS[(number + 3 * device) % len(AGENTS)])


def click_id(person: Person) -> str:
    return f"ck{int(person.no[1:]) * 48_271 % 2_147_483_647:08x}"


def evidence_kind(person: Person, asks_by_form: bool = False) -> str:
    """How a browser of this person can be recognised."""
    digit = int(person.no[1:]) % 10
    if person.login:
        return "login"
    if digit == 6 and asks_by_form:
        return "lead_key"
    return {3: "email", 9: "contact_key"}.get(digit, "click_id")


def named_url(person: Person, url: str, kind: str) -> str:
    """A link of ours that says who got it."""
    if kind == "login" or kind == "lead_key":
        return url
    value = {
        "click_id": f"cid={click_id(person)}",
        "email": f"email={quote(person.mail.capitalize(), safe='')}",
        "contact_key": f"contact_id={person.no}",
    }[kind]
    return f"{url}?utm_source=mail&utm_medium=email&utm_campaign=letter&{value}"


def count_bytes(url: str) -> int:
    return 400_000 if url.startswith("/docs/") else 9_000 + len(url) * 311


@dataclass
class Diary:
    """Collects requests."""

    hits: list[Hit] = field(default_factory=list)

    def pages(self, browser: Browser, at: int, pages: Pages, user: str = "-") -> None:
        """Requests one after the other; only the first carries the name of the user."""
        for position, (url, seconds) in enumerate(pages):
            if not LOG_START <= at < LAST_SECOND:
                at += seconds
                continue
            referrer = SITE if position else "-"
            name = "-" if position else user
            self.hits.append(Hit(at, browser, url, 200, count_bytes(url), referrer, name))
            at += seconds

    def visit(
        self, person: Person, at: int, pages: Pages, kind: str | None = None, device: int = 0
    ) -> None:
        """One session of a person; it starts by naming the person."""
        kind = kind or evidence_kind(person)
        browser, at = person_browser(person, device), max(START, at)
        if kind == "login":
            # The portal asks for the password once and knows the user on the next page.
            user = str(person.login)
            self.pages(browser, at, [("/portal/home", 6)], user)
            self.pages(browser, at + 6, pages, user)
            return
        (first, seconds), *others = pages
        self.pages(browser, at, [(named_url(person, first, kind), seconds), *others])


class _Journeys:
    """What the people of leads and deals looked at."""

    def __init__(self, world: World) -> None:
        self.rng = scalar_random(world.seed, "journeys")
        self.diary = Diary()
        self.with_form = {lead.person.no for lead in world.leads if not lead.is_silent}

    def visit(self, person: Person, at: int, pages: Pages) -> None:
        self.diary.visit(person, at, pages, self.kind(person))

    def kind(self, person: Person) -> str:
        return evidence_kind(person, person.no in self.with_form)

    def lead(self, lead: Lead) -> None:
        rng, person = self.rng, lead.person
        before = lead.created - rng.randint(1, 3) * DAY
        usual = [("/", 20), (f"/products/{lead.line.split()[0].lower()}", rng.randint(30, 90))]
        if self.kind(person) == "lead_key":
            thanks = f"/contact/thanks?lead={lead.no}"
            self.diary.pages(
                person_browser(person), lead.created - 35, [("/contact", 35), (thanks, 20)]
            )
        if lead.intent == "low":
            self.visit(person, before, usual[:1])
            return
        self.visit(person, before, usual)
        if lead.intent == "medium" or lead.created < START + 20 * DAY:
            return
        self._interest(person, before, int(lead.no[1:]) % COUNT_HABITS)
        self.visit(person, before + DAY // 3, [(PRICING_PAGE, rng.randint(25, 80))])
        if lead.story and lead.story.kind != "weak_interest":
            self._strong_interest(person)

    def _interest(self, person: Person, before: int, habit: int) -> None:
        rng = self.rng
        if habit == 0:
            seconds = rng.randint(190, 420)
            self.visit(person, before - DAY, [(COMPETITOR_PAGE, seconds), (PRICING_PAGE, 30)])
        elif habit == 1:
            first, second = rng.sample(DOCUMENTS, 2)
            self.visit(person, before - 3 * DAY, [(first, 15)])
            self.visit(person, before - DAY, [(second, 15)])
        else:
            for days in (9, 5, 1):
                self.visit(person, before - days * DAY, [(SERVICE_PAGE, rng.randint(20, 100))])

    def _strong_interest(self, person: Person) -> None:
        """Lately the person came back, and compared, and read, and compared once more."""
        start = END - 18 * DAY + self.rng.randint(2, 8) * 3_600
        first, second = DOCUMENTS[:2]
        self.visit(person, start, [(COMPETITOR_PAGE, 240), (PRICING_PAGE, 30)])
        self.visit(person, start + 2 * DAY, [(first, 40), (SERVICE_PAGE, 60)])
        self.visit(person, start + 5 * DAY, [(second, 40)])
        self.visit(person, start + 7 * DAY, [(SERVICE_PAGE, 60)])
        self.visit(person, start + 10 * DAY, [(COMPETITOR_PAGE, 200), (SERVICE_PAGE, 60)])


def journey_hits(world: World) -> list[Hit]:
    """All requests of the people of leads and deals."""
    journeys = _Journeys(world)
    for lead in world.leads:
        if not lead.is_silent:
            journeys.lead(lead)
    for deal in world.deals:
        reached = dict(deal.steps)
        if "NEGO" in reached and int(deal.no[1:]) % 3 == 0 and not (deal.lead and deal.lead.story):
            journeys.visit(deal.person, reached["NEGO"] + 3_600, [(PRICING_PAGE, 60)])
    return journeys.diary.hits


def campaign_links(world: World, hits: list[Hit]) -> list[dict[str, Any]]:
    """The campaign tool's list of the click ids that were used."""
    used = {hit.url.partition("cid=")[2] for hit in hits if "cid=" in hit.url}
    return [
        {"click_id": click_id(person), "crm_person": person.no, "sent": zulu_text(START - DAY)}
        for person in world.persons
        if click_id(person) in used
    ]
