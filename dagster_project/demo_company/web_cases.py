"""Visits planted one by one: signals just in time, near misses, odd sessions, robots, identities.

Each case of a person belongs to one who otherwise never comes to the site, so that it can be
judged by itself. Addresses: 192.0.2.x robots and what looks like one, 198.51.100.x visitors who
share or change browsers, 198.18.x.x the networks of some customers.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .clock import zulu_text
from .random_source import scalar_random
from .records import Account, Person, Quote, World
from .sizes import DAY, END, LOG_START, Size
from .vocabulary import LEVELS
from .web_journeys import (
    AGENTS,
    COMPETITOR_PAGE,
    DOCUMENTS,
    PRICING_PAGE,
    SERVICE_LEVELS_PAGE,
    SERVICE_PAGE,
    Browser,
    Diary,
    Hit,
    Pages,
    click_id,
    evidence_kind,
    person_browser,
)

HOUR = 3_600
NOON = END - 40 * DAY + 4 * HOUR
"""The middle of the day in China, forty days before the as-of day: where most cases begin."""
MISSING_PAGE = "/products/discontinued"
RATE_BOT = Browser("192.0.2.11", AGENTS[0])
ROBOTS_BOT = Browser("192.0.2.12", AGENTS[1])
GUESSING_BOT = Browser("192.0.2.13", AGENTS[2])
SCANNER = Browser("192.0.2.14", AGENTS[0])
SCANNED = ("/wp-login.php", "/.env", "/phpmyadmin/index.php", "/.git/config", "/cgi-bin/test.cgi")
NEWS_PAGES = ("/", "/products/cloud", "/products/retail", "/resources/001", "/careers")


@dataclass
class WebCases:
    """The planted requests, and what was planted, by signal and case."""

    hits: list[Hit] = field(default_factory=list)
    late_hits: list[Hit] = field(default_factory=list)
    """Lines of before the as-of day that the web server writes after the first load."""
    planted: dict[str, dict[str, str]] = field(default_factory=dict)
    """Signal → case → person, or ``address agent`` where there is no person."""
    networks: list[dict[str, Any]] = field(default_factory=list)
    bots: dict[Browser, str] = field(default_factory=dict)
    bot_look_alikes: dict[Browser, str] = field(default_factory=dict)
    wrong_links: list[tuple[Browser, Person, Person]] = field(default_factory=list)
    """A browser, whom its evidence names, and who it really was."""
    late_visitor: Browser | None = None


class _Planter:
    def __init__(self, world: World, size: Size, journeys: list[Hit], boundary: int) -> None:
        self.world = world
        self.size = size
        self.boundary = boundary
        self.rng = scalar_random(world.seed, "web cases")
        self.journeys = journeys
        self.diary = Diary()
        self.cases = WebCases()
        self.browser_person = {person_browser(person): person for person in world.persons}
        known = {self.browser_person[hit.browser].no for hit in journeys}
        known |= {lead.person.no for lead in world.leads if lead.story}
        quiet = [
            person
            for person in world.persons
            if not person.is_cold and person.no not in known and person.moved_to is None
        ]
        self.quiet = self.rng.sample(quiet, len(quiet))
        self.used: list[Person] = []

    def person(self, accepts: Callable[[Person], bool] = lambda person: True) -> Person | None:
        """The next person who never came to the site."""
        for person in self.quiet:
            if accepts(person):
                self.quiet.remove(person)
                self.used.append(person)
                return person
        return None

    def note(self, signal: str, case: str, who: Person | Browser) -> None:
        name = who.no if isinstance(who, Person) else f"{who.address} {who.agent}"
        self.cases.planted.setdefault(signal, {})[case] = name

    def act(
        self, signal: str, case: str, *visits: tuple[int, Pages], devices: tuple[int, ...] = ()
    ) -> Person | None:
        """Visits of a quiet person, with the device each of them is made on."""
        person = self.person()
        if person is None:
            return None
        self.note(signal, case, person)
        for position, (at, pages) in enumerate(visits):
            device = devices[position] if devices else 0
            self.diary.visit(person, at, pages, device=device)
        return person

    def change_last(self, count: int, change: Callable[[Hit], Hit]) -> None:
        """Rewrite one of the last requests, counted from the end."""
        self.diary.hits[-count] = change(self.diary.hits[-count])


def plant_web_cases(world: World, size: Size, journeys: list[Hit], boundary: int) -> WebCases:
    """All planted requests; ``boundary`` is a moment at which the web server rotated its log."""
    planter = _Planter(world, size, journeys, boundary)
    _plant_dwell(planter)
    _plant_documents(planter)
    _plant_service_visits(planter)
    _plant_returns(planter)
    _plant_quotes(planter)
    _plant_shared_browsers(planter)
    _plant_networks(planter)
    _plant_odd_sessions(planter)
    _plant_robots(planter)
    _plant_late_lines(planter)
    _plant_levels(planter)
    planter.cases.hits = planter.diary.hits
    return planter.cases


# --- signals -------------------------------------------------------------------------------------


def _plant_dwell(p: _Planter) -> None:
    signal, page, price = "competitor_comparison_dwell", COMPETITOR_PAGE, PRICING_PAGE
    midnight = NOON // DAY * DAY
    p.act(signal, "181_seconds", (NOON, [(page, 181), (price, 30)]))
    p.act(
        signal,
        "files_loaded_meanwhile",
        (NOON, [(page, 60), ("/static/app.js", 1), ("/img/logo.png", 139), (price, 30)]),
    )
    p.act(signal, "broken_link_meanwhile", (NOON, [(page, 100), (MISSING_PAGE, 100), (price, 30)]))
    p.change_last(2, lambda hit: replace(hit, status=404, size=512))
    p.act(signal, "across_midnight", (midnight - 120, [(page, 300), (price, 30)]))
    p.act(signal, "across_files", (p.boundary - 120, [(page, 240), (price, 30)]))
    p.act(signal, "lines_out_of_order", (NOON, [(page, 240), (price, 30)]))
    p.change_last(1, lambda hit: replace(hit, written=hit.at - 300))
    p.act(signal, "line_in_a_later_file", (p.boundary - 2 * DAY, [(page, 240), (price, 30)]))
    p.change_last(1, lambda hit: replace(hit, written=p.boundary + HOUR))
    # Near misses.
    p.act(signal, "near: 170_seconds", (NOON, [(page, 170), (price, 30)]))
    p.act(signal, "near: 180_seconds", (NOON, [(page, 180), (price, 30)]))
    p.act(signal, "near: last_page", (NOON, [(price, 30), (page, 0)]))
    p.act(signal, "near: session_over", (NOON, [(page, 1_860), (price, 30)]))
    p.act(signal, "near: two_short_looks", (NOON, [(page, 100), (page, 100), (price, 30)]))
    p.act(signal, "near: other_page", (NOON, [(SERVICE_PAGE, 300), (price, 30)]))
    p.act(signal, "near: page_not_found", (NOON, [(price, 30), (page, 300), (price, 30)]))
    p.change_last(2, lambda hit: replace(hit, status=404, size=512))


def _plant_documents(p: _Planter) -> None:
    signal = "technical_documents_downloaded"
    first, second = DOCUMENTS[:2]
    p.act(signal, "seven_days", (NOON, [(first, 20)]), (NOON + 7 * DAY, [(second, 20)]))
    p.act(
        signal,
        "two_devices",
        (NOON, [(first, 20)]),
        (NOON + 3 * DAY, [(second, 20)]),
        devices=(0, 1),
    )
    p.act(signal, "near: eight_days", (NOON, [(first, 20)]), (NOON + 8 * DAY, [(second, 20)]))
    p.act(signal, "near: same_twice", (NOON, [(first, 20)]), (NOON + 2 * DAY, [(first, 20)]))
    p.act(signal, "near: same_with_parameter", (NOON, [(first, 20), (f"{first}?v=2", 20)]))
    p.act(signal, "near: a_resource", (NOON, [(first, 20), ("/resources/001", 60)]))
    p.act(signal, "near: one_not_found", (NOON, [(first, 20), (second, 20)]))
    p.change_last(1, lambda hit: replace(hit, status=404, size=512))


def _plant_service_visits(p: _Planter) -> None:
    signal, page, other = "service_comparison_visits", SERVICE_PAGE, SERVICE_LEVELS_PAGE

    def visits(*days: int, pages: tuple[str, ...] = (page, page, page)) -> list[tuple[int, Pages]]:
        return [(NOON + day * DAY, [(url, 40)]) for day, url in zip(days, pages, strict=False)]

    p.act(signal, "fourteen_days", *visits(0, 5, 14))
    p.act(signal, "second_page", *visits(0, 3, 10, pages=(other, other, other)))
    p.act(signal, "near: two_visits", *visits(0, 5))
    p.act(signal, "near: fifteen_days", *visits(0, 8, 15))
    p.act(signal, "near: two_pages", *visits(0, 3, 6, pages=(page, other, page)))
    p.act(
        signal,
        "near: one_session",
        (NOON, [(page, 60), (PRICING_PAGE, 60), (page, 60), ("/", 30), (page, 30)]),
    )


def _plant_returns(p: _Planter) -> None:
    signal = "return_after_silence"
    start, page = END - 75 * DAY + 4 * HOUR, [("/", 20)]
    p.act(signal, "thirty_days", (start, page), (start + 30 * DAY + 60, page))
    p.act(signal, "near: twenty_nine_days", (start, page), (start + 29 * DAY, page))
    p.act(signal, "near: first_visit", (start, page))
    p.act(
        signal,
        "near: kept_reading_elsewhere",
        (start, page),
        (start + 15 * DAY, page),
        (start + 31 * DAY, page),
        devices=(0, 1, 0),
    )


def _plant_quotes(p: _Planter) -> None:
    """Colleagues of the one who got the quote look at the prices."""
    signal = "pricing_after_quote"
    quotes: dict[str, list[Quote]] = {}
    for quote in sorted(p.world.quotes, key=lambda quote: (quote.at, quote.no)):
        quotes.setdefault(quote.deal.account.no, []).append(quote)
    looks: dict[str, list[int]] = defaultdict(list)
    for hit in p.journeys:
        if hit.url.startswith(PRICING_PAGE):
            looks[p.browser_person[hit.browser].employer.no].append(hit.at)

    def plant(case: str, accepts: Callable[[list[Quote]], int | None]) -> None:
        """The first account of a quiet person for whose quotes there is a fitting moment."""
        moment: dict[str, int] = {}
        for account, given in quotes.items():
            at = accepts(given)
            if at is not None and LOG_START < at < END - HOUR:
                moment[account] = at
        person = p.person(lambda person: person.account.no in moment)
        if person is None:
            return
        p.note(signal, case, person)
        p.diary.visit(person, moment[person.account.no], [(PRICING_PAGE, 40)])

    def colleague(given: list[Quote]) -> int | None:
        last = given[-1]
        at = last.at + 2 * DAY
        looked = any(last.at < moment <= at for moment in looks[last.deal.account.no])
        return None if looked else at

    def too_early(given: list[Quote]) -> int | None:
        return given[0].at - HOUR

    def too_late(given: list[Quote]) -> int | None:
        return given[-1].at + 31 * DAY

    plant("colleague", colleague)
    plant("near: an_hour_before", too_early)
    plant("near: after_31_days", too_late)


def _plant_levels(p: _Planter) -> None:
    """Colleagues come for the first time: above, beside and below who came before.

    Those who are the first of their account, whatever their level, need not be planted.
    """
    signal = "higher_level_visitor"
    at = END - 10 * DAY + 5 * HOUR
    ranks = {level: len(LEVELS) - position for position, level in enumerate(LEVELS)}
    highest: dict[str, int] = {}
    for hit in p.journeys:
        if hit.at < at:
            person = p.browser_person[hit.browser]
            account = person.employer.no
            highest[account] = max(highest.get(account, 0), ranks[person.level])
    others = {person.account.no for person in p.used}

    def plant(case: str, accepts: Callable[[Person], bool]) -> None:
        person = p.person(accepts)
        if person is not None:
            others.add(person.account.no)
            p.note(signal, case, person)
            p.diary.visit(person, at, [("/", 30)])

    def gap(person: Person) -> int | None:
        top = highest.get(person.account.no)
        return None if top is None or person.account.no in others else ranks[person.level] - top

    plant("higher", lambda person: (gap(person) or 0) > 0)
    plant("near: same_level", lambda person: gap(person) == 0)
    plant("near: lower_level", lambda person: (gap(person) or 0) < 0)


# --- identities ----------------------------------------------------------------------------------


def _plant_shared_browsers(p: _Planter) -> None:
    """One browser of two people, two browsers behind one address, and a link passed on."""
    dwell: Pages = [(COMPETITOR_PAGE, 240), (PRICING_PAGE, 30)]
    kiosk = Browser("198.51.100.81", AGENTS[0])
    first = p.person(lambda person: person.login is not None)
    if first:
        home = first.account
        second = p.person(lambda person: person.login is not None and person.account is not home)
        if second:
            p.diary.pages(kiosk, NOON, [("/portal/home", 6), *dwell], str(first.login))
            p.diary.pages(kiosk, NOON + DAY, [("/portal/home", 6), ("/", 9)], str(second.login))
            p.note("competitor_comparison_dwell", "near: two_people_one_browser", kiosk)
    with_login = [person for person in p.quiet if person.login]
    pair = next(
        (
            (one, other)
            for one in with_login
            for other in with_login
            if one is not other and one.account is other.account
        ),
        (),
    )
    shared = Browser("198.51.100.82", AGENTS[1])
    for day, person in enumerate(pair):
        p.quiet.remove(person)
        p.used.append(person)
        at = NOON + day * DAY
        p.diary.pages(shared, at, [("/portal/home", 6), ("/", 9)], str(person.login))
    for agent in AGENTS[:2]:
        neighbour = p.person(lambda person: person.login is not None)
        if neighbour:
            browser = Browser("198.51.100.71", agent)
            p.diary.pages(browser, NOON, [("/portal/home", 6), ("/", 9)], str(neighbour.login))
    receiver = p.person(lambda person: evidence_kind(person) == "click_id")
    if receiver:
        reader = next(
            colleague for colleague in receiver.account.persons if colleague is not receiver
        )
        p.diary.visit(receiver, NOON, [("/", 30)])
        passed_on = Browser("198.51.100.91", AGENTS[2])
        url = f"{COMPETITOR_PAGE}?utm_source=mail&cid={click_id(receiver)}"
        p.diary.pages(passed_on, NOON + DAY, [(url, 240), (PRICING_PAGE, 30)])
        p.cases.wrong_links.append((passed_on, receiver, reader))


def _plant_networks(p: _Planter) -> None:
    """Visitors from the networks and the host names of customers, and from beside them."""
    dwell: Pages = [(COMPETITOR_PAGE, 200), (PRICING_PAGE, 30)]
    accounts = [account for account in p.world.accounts if len(account.persons) > 1]
    known: list[Account] = p.rng.sample(accounts, 7)

    def network(number: int, cidr: str, until: int | None = None) -> None:
        p.cases.networks.append(
            {
                "network_id": f"NW{number:03d}",
                "crm_account": known[number].no,
                "cidr": cidr,
                "from": zulu_text(LOG_START),
                "to": zulu_text(until) if until else None,
            }
        )

    def visit(case: str, address: str, pages: Pages, at: int = NOON, agent: int = 0) -> Browser:
        browser = Browser(address, AGENTS[agent])
        p.diary.pages(browser, at, pages)
        if case:
            p.note("competitor_comparison_dwell", case, browser)
        return browser

    network(0, "198.18.10.0/24")
    network(1, "198.18.11.16/28")
    network(2, "198.18.12.0/24", END - 200 * DAY)
    network(3, "198.18.13.0/24")
    visit("from_the_network_of_an_account", "198.18.10.15", dwell)
    visit("", "198.18.10.16", [("/", 20), (PRICING_PAGE, 30)])
    visit("first_address_of_a_network", "198.18.11.16", dwell)
    visit("near: beside_the_network", "198.18.11.32", dwell)
    visit("near: network_given_up", "198.18.12.15", dwell)
    # Who is named by more than the network: a guest from another firm.
    guest = p.person(lambda person: person.login is not None and person.account is not known[3])
    if guest:
        browser = Browser("198.18.13.20", AGENTS[3])
        p.diary.pages(browser, NOON, [("/portal/home", 6), *dwell], str(guest.login))
        p.note("competitor_comparison_dwell", "guest_in_the_network_of_another", browser)
    visit("from_a_host_of_an_account", f"gw1.{known[4].domain}", dwell)
    visit("near: host_of_a_namesake", f"gw1.not{known[5].domain}", dwell)
    visit("near: host_of_a_provider", f"{known[6].domain}.dsl.isp.example", dwell)
    visit("near: nobody_knows", "198.51.100.20", dwell)
    visit("near: own_staff", "203.0.113.7", dwell, agent=5)
    robot = visit("near: robot_in_the_network", "198.18.10.99", dwell, agent=2)
    p.diary.pages(robot, NOON - 30, [("/robots.txt", 30)])
    p.cases.bots[robot] = "reads_robots_txt"


# --- odd sessions and robots ---------------------------------------------------------------------


def _plant_odd_sessions(p: _Planter) -> None:
    """A screen that is never left alone, one that nearly is, and a night at the site."""
    start = END - 60 * DAY + 2 * HOUR
    screen = Browser("198.18.10.40", AGENTS[0])
    p.diary.pages(screen, start, [(COMPETITOR_PAGE, 1_200), (PRICING_PAGE, 1_200)] * 45)
    p.note("competitor_comparison_dwell", "near: screen_never_left_alone", screen)
    long_day = Browser("198.51.100.41", AGENTS[1])
    p.diary.pages(long_day, start, [("/products/factory", 1_200)] * 71)
    night = Browser("198.51.100.31", AGENTS[2])
    midnight = (NOON // DAY + 1) * DAY
    p.diary.pages(night, midnight - 600, [("/", 1_200), (PRICING_PAGE, 1_500), ("/careers", 60)])
    # Forty-one minutes apart: two sessions, neither of which crosses midnight.
    p.diary.pages(night, midnight + 5 * DAY - 2_400, [("/", 2_460), (PRICING_PAGE, 60)])


def _plant_robots(p: _Planter) -> None:
    """Robots behind the agent of an ordinary browser, and people who look like one."""
    cases, pages = p.cases, p.diary.pages
    at = END - 33 * DAY + 2 * HOUR
    rng = random.Random(p.world.seed)
    for number in range(600):
        pages(RATE_BOT, at + number * 3 // 10, [(rng.choice(NEWS_PAGES), 0)])
    for day in (0, 3):
        read = [(url, 9) for url in NEWS_PAGES * 5]
        pages(ROBOTS_BOT, at + day * DAY, [("/robots.txt", 9), *read])
    for number in range(80):
        pages(GUESSING_BOT, at + number * 20, [(f"/products/item-{number}", 20)])
        if number % 10:
            p.change_last(1, lambda hit: replace(hit, status=404, size=512))
    for number, url in enumerate(SCANNED):
        pages(SCANNER, at + number * 40, [(url, 20)])
        p.change_last(1, lambda hit: replace(hit, status=404, size=512))
        pages(SCANNER, at + number * 40 + 20, [(NEWS_PAGES[number], 20)])
    cases.bots |= {
        RATE_BOT: "requests_per_minute",
        ROBOTS_BOT: "reads_robots_txt",
        GUESSING_BOT: "error_share",
        SCANNER: "scanner",
    }
    quick = Browser("192.0.2.21", AGENTS[0])
    for number in range(90):
        pages(quick, at + number * 4 // 3, [("/" if number % 9 == 0 else "/static/app.js", 0)])
    reader = Browser("192.0.2.22", AGENTS[1])
    pages(reader, at, [("/resources/robots-in-hospitals", 60), ("/robots", 30), ("/", 30)])
    unlucky = Browser("192.0.2.23", AGENTS[2])
    pages(unlucky, at, [("/", 9), (PRICING_PAGE, 9), *[(MISSING_PAGE, 9)] * 3])
    for position in (1, 2, 3):
        p.change_last(position, lambda hit: replace(hit, status=404, size=512))
    curious = Browser("192.0.2.24", AGENTS[0])
    pages(curious, at, [("/resources/wp-login-protection", 60), ("/products/environment", 30)])
    cases.bot_look_alikes |= {
        quick: "45 requests a minute, a page with its files",
        reader: "reads about robots, not robots.txt",
        unlucky: "three errors in five requests are a broken bookmark",
        curious: "paths that resemble those of scanners",
    }


def _plant_late_lines(p: _Planter) -> None:
    """Lines that come with the second load only, and change what is known of days before."""
    evening = END - DAY + 5 * HOUR
    signal = "late_lines"
    late = p.cases.late_hits

    def hold_back(count: int) -> None:
        late.append(p.diary.hits.pop(-count))

    if p.act(signal, "dwell_appears", (evening, [(COMPETITOR_PAGE, 300), (PRICING_PAGE, 30)])):
        hold_back(1)
    pages: Pages = [(COMPETITOR_PAGE, 100), ("/", 140), (PRICING_PAGE, 30)]
    if p.act(signal, "dwell_vanishes", (evening - 2 * DAY, pages)):
        hold_back(2)
    first, second = DOCUMENTS[:2]
    start = evening - 5 * DAY
    if p.act(signal, "documents_appear", (start, [(first, 20)]), (start + DAY, [("/", 9)])):
        browser = p.diary.hits[-1].browser
        p.diary.pages(browser, start + DAY + 9, [(second, 20)])
        hold_back(1)
    person = p.person(lambda person: person.login is not None)
    if person:
        browser = Browser("198.51.100.95", AGENTS[3])
        p.diary.pages(browser, evening - 3 * DAY, [(COMPETITOR_PAGE, 240), (PRICING_PAGE, 30)])
        p.diary.pages(browser, evening - DAY, [("/portal/home", 9)], str(person.login))
        hold_back(1)
        p.cases.late_visitor = browser
        p.note(signal, "identity_appears", person)
