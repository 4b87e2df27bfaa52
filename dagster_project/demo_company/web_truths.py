"""Who visited, in which sessions, and what they looked at: worked out from the requests alone.

It is the plain reading of the rules, kept apart from the code that plants the requests, so that
the answer key is complete: it also holds what came about by chance.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .clock import zulu_text
from .records import Account, Person, World
from .sizes import DAY
from .web_cases import WebCases
from .web_journeys import Browser, Hit, click_id

SESSION_PAUSE = 1_800
LONGEST_SESSION = 86_400
STAFF_NETWORK = "203.0.113."
ASSETS = ("/static/", "/img/", "/favicon.ico", "/robots.txt")
PAGE_GROUPS = (
    ("/pricing", "pricing"),
    ("/compare/competitor", "competitor_comparison"),
    ("/compare/", "service_comparison"),
    ("/docs/", "document"),
)
"""The groups that signals ask for; all other pages are ``other`` here."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the evidence says about a browser."""

    level: str
    """contact, account, conflict or anonymous."""
    person: Person | None
    account: Account | None
    evidence: tuple[str, ...]
    persons: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A page that was shown, with the seconds until the next one of the session."""

    at: int
    browser: Browser
    path: str
    group: str
    session: int
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """One visit; an over-long one counts for nothing."""

    browser: Browser
    views: tuple[Hit, ...]

    @property
    def is_overlong(self) -> bool:
        return self.views[-1].at - self.views[0].at > LONGEST_SESSION


def path_of(hit: Hit) -> str:
    return hit.url.partition("?")[0]


def sessions_of(hits: Iterable[Hit]) -> list[Session]:
    """Pages shown, cut into sessions where a visitor paused for more than half an hour."""
    by_browser: dict[Browser, list[Hit]] = defaultdict(list)
    for hit in hits:
        if hit.status < 400 and not path_of(hit).startswith(ASSETS):
            by_browser[hit.browser].append(hit)
    sessions = []
    for browser, shown in by_browser.items():
        shown.sort(key=lambda hit: hit.at)
        start = 0
        for position in range(1, len(shown) + 1):
            if (
                position == len(shown)
                or shown[position].at - shown[position - 1].at > SESSION_PAUSE
            ):
                sessions.append(Session(browser, tuple(shown[start:position])))
                start = position
    return sessions


def page_group(path: str) -> str:
    return next((group for start, group in PAGE_GROUPS if path.startswith(start)), "other")


def views_of(sessions: list[Session], ignored: set[Browser]) -> list[View]:
    """Pages that count for signals, in order of time."""
    views = []
    for number, session in enumerate(sessions):
        if session.is_overlong or session.browser in ignored:
            continue
        if session.browser.address.startswith(STAFF_NETWORK):
            continue
        for position, hit in enumerate(session.views):
            path = path_of(hit)
            after = session.views[position + 1 : position + 2]
            seconds = after[0].at - hit.at if after else None
            views.append(View(hit.at, session.browser, path, page_group(path), number, seconds))
    views.sort(key=lambda view: view.at)
    return views


def identities_of(world: World, hits: list[Hit], cases: WebCases) -> dict[Browser, Identity]:
    """Browser → who it is by the evidence in its requests."""
    logins = {person.login: person for person in world.persons if person.login}
    clicks = {click_id(person): person for person in world.persons}
    mails = {person.mail.lower(): person for person in world.persons}
    numbers = {person.no: person for person in world.persons}
    leads = {lead.no: lead.person for lead in world.leads}
    known = {"cid": clicks, "email": mails, "contact_id": numbers, "lead": leads}
    kinds = {"cid": "click_id", "contact_id": "contact_key", "lead": "lead_key"}
    found: dict[Browser, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for hit in hits:
        evidence = found[hit.browser]
        if hit.user in logins:
            evidence["login"].add(logins[hit.user].no)
        if "?" not in hit.url:
            continue
        for name, values in parse_qs(hit.url.partition("?")[2]).items():
            person = known.get(name, {}).get(values[0].lower() if name == "email" else values[0])
            if person:
                evidence[kinds.get(name, name)].add(person.no)
    last_seen = {hit.browser: hit.at for hit in sorted(hits, key=lambda hit: hit.at)}
    return {
        browser: _identity(world, cases, numbers, browser, found[browser], last_seen[browser])
        for browser in found
    }


def _identity(
    world: World,
    cases: WebCases,
    numbers: dict[str, Person],
    browser: Browser,
    evidence: dict[str, set[str]],
    seen: int,
) -> Identity:
    if browser in cases.bots:
        return Identity("anonymous", None, None, ())
    kinds = tuple(sorted(evidence))
    persons = tuple(numbers[no] for no in sorted(set().union(*evidence.values())))
    if len(persons) == 1:
        return Identity("contact", persons[0], persons[0].employer, kinds, persons)
    if persons:
        firms = {person.employer.no: person.employer for person in persons}
        account = next(iter(firms.values())) if len(firms) == 1 else None
        return Identity("conflict", None, account, kinds, persons)
    for row in cases.networks:
        if row["to"] and row["to"] < zulu_text(seen):
            continue
        if _is_in(browser.address, row["cidr"]):
            account = next(a for a in world.accounts if a.no == row["crm_account"])
            return Identity("account", None, account, ("address_range",))
    if browser.address.endswith(".example"):
        for account in world.accounts:
            if browser.address.endswith(f".{account.domain}"):
                return Identity("account", None, account, ("domain",))
    return Identity("anonymous", None, None, ())


def _is_in(address: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
    except ValueError:
        return False


def tell_web_truths(
    world: World, hits: list[Hit], cases: WebCases, identities: dict[Browser, Identity]
) -> None:
    """Add to the answer key who the visitors are, and what is odd about their visits."""
    _tell_identities(world, cases, identities)
    sessions = sessions_of(hits)
    world.truths["overlong_sessions"] = {
        "sessions": [_told(session) for session in sessions if session.is_overlong],
        "near_misses": [
            _told(session)
            for session in sessions
            if LONGEST_SESSION * 0.9 < session.views[-1].at - session.views[0].at <= LONGEST_SESSION
        ],
        "meaning": "Longer than 24 hours without a pause of more than 30 minutes; kept apart.",
    }
    crossing = [
        session for session in sessions if session.views[0].at // DAY < session.views[-1].at // DAY
    ]
    world.truths["midnight_sessions"] = {
        "sessions": [_told(session) for session in crossing if not session.is_overlong],
        "count": sum(not session.is_overlong for session in crossing),
        "meaning": "Sessions of the visitors of visitor_identity (the anonymous traffic left "
        "out) that begin on one UTC day and end on another.",
    }
    world.truths["web_bots"] = {
        "bots": [_browser(browser) | {"reason": why} for browser, why in cases.bots.items()],
        "near_misses": [
            _browser(browser) | {"why": why} for browser, why in cases.bot_look_alikes.items()
        ],
        "count": len(cases.bots),
        "meaning": "Robots with the agent of an ordinary browser; those that give themselves away "
        "are in web_traffic.bot_agents. No other visitor is a robot.",
    }
    late = [hit for hit in hits if hit.written and abs(hit.written - hit.at) > 60]
    world.truths["late_web_lines"] = {
        "lines": [
            _browser(hit.browser)
            | {"at": zulu_text(hit.at), "written": zulu_text(hit.written), "url": hit.url}
            for hit in late
        ],
        "count": len(late),
        "meaning": "Lines that stand elsewhere in the log than their time says.",
    }


def _browser(browser: Browser) -> dict[str, Any]:
    return {"address": browser.address, "agent": browser.agent}


def _told(session: Session) -> dict[str, Any]:
    first, last = session.views[0].at, session.views[-1].at
    return _browser(session.browser) | {
        "started_at": zulu_text(first),
        "ended_at": zulu_text(last),
        "views": len(session.views),
    }


def identity_row(browser: Browser, identity: Identity) -> dict[str, Any]:
    return _browser(browser) | {
        "level": identity.level,
        "person": identity.person.no if identity.person else None,
        "account": identity.account.no if identity.account else None,
        "evidence": list(identity.evidence),
        **(
            {"candidates": [person.no for person in identity.persons]}
            if identity.level == "conflict"
            else {}
        ),
    }


def _tell_identities(world: World, cases: WebCases, identities: dict[Browser, Identity]) -> None:
    told = [identity_row(browser, identity) for browser, identity in identities.items()]
    told.sort(key=lambda row: (row["address"], row["agent"]))
    world.truths["visitor_identity"] = {
        "visitors": told,
        "count_by_level": {
            level: sum(row["level"] == level for row in told)
            for level in ("contact", "account", "conflict", "anonymous")
        },
        "wrong_links": [
            _browser(browser) | {"linked_to": named.no, "really": real.no}
            for browser, named, real in cases.wrong_links
        ],
        "meaning": "Who each visitor (address and agent) is by the evidence in the log. Visitors "
        "outside this list are anonymous. A contact's account is the employer the CRM shows now. "
        "Evidence that names a person counts more than network and host name; two persons on one "
        "browser are a conflict; robots are nobody. wrong_links: a letter passed on to a "
        "colleague, to be undone.",
    }
