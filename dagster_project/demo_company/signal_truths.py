"""Which intent signals must be found: the definitions, evaluated over all that happened.

Slow and obvious on purpose. ``meaning`` is the definition that rule rows have to express; a hit
names its evidence. Signals that count in a window fire when the count is first reached, and again
only after it was not reached at a later piece of evidence.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .clock import zulu_text
from .records import Account, Deal, Person, Quote, Touch, World
from .sizes import COUNT_CHANGED, DAY
from .vocabulary import LEVELS
from .web_cases import WebCases
from .web_journeys import Browser, Hit
from .web_truths import Identity, View, identities_of, sessions_of, views_of

DWELL_SECONDS = 180
DECISION_MAKERS = ("executive", "director")
NEAR = "near: "
"""Begins the name of a planted case that must not be found."""
RANK = {level: len(LEVELS) - position for position, level in enumerate(LEVELS)}
NO_SIGNAL = re.compile("干预算法|security deposit", re.IGNORECASE)
KEYWORDS = {
    "budget": re.compile(r"预算|经费|拨款|\b(?:budgets?|funding|capex)\b", re.IGNORECASE),
    "finance_check": re.compile(
        r"[和跟与]财务确认|财务审批|\b(?:check with finance|confirm with finance|finance has to "
        r"approve)\b",
        re.IGNORECASE,
    ),
    "security": re.compile(
        r"数据安全|信息安全|等保|合规|\b(?:security|compliance|gdpr)\b", re.IGNORECASE
    ),
}
MEANINGS = {
    "competitor_comparison_dwell": "A view of a competitor comparison with more than 180 seconds "
    "until the next view of the same session; files loaded and errors in between do not end it, "
    "the last page of a session counts for nothing. Each such view is a hit.",
    "technical_documents_downloaded": "Two or more different documents within 7 days, by contact "
    "(all devices) or by visitor of an account.",
    "live_session_questions": "An attendance with more than two questions. Each is a hit.",
    "service_comparison_visits": "Three or more sessions with a view of one and the same service "
    "comparison page within 14 days, by contact or visitor of an account, and by page.",
    "pricing_after_quote": "The first view of the pricing page by anybody of the account within "
    "30 days after a quote; a view belongs to the latest quote of the account before it.",
    "return_after_silence": "A view 30 days or more after the previous one of the same contact, "
    "or visitor of an account. Only visits to the site count.",
    "budget_words": "An inbound text with a word of the group budget. Each is a hit.",
    "finance_check": "An inbound text with a word of the group finance_check. Each is a hit.",
    "security_asked_repeatedly": "Two or more inbound texts with a word of the group security "
    "within 30 days, by account.",
    "content_shared": "The third share of our content by one contact, however long it took.",
    "decision_maker_change": "An executive or director, contact of an opportunity that was open at "
    "that moment, changed title or employer. One hit per change, at the account of the "
    "opportunity, of which the youngest is named.",
    "higher_level_visitor": "The first visit of a contact whose decision level is above that of "
    "every contact of the account who visited before; there must have been one.",
}


class _Timed(Protocol):
    @property
    def at(self) -> int: ...


Item = TypeVar("Item", bound=_Timed)
Row = dict[str, Any]


def rising(
    items: Sequence[Item],
    count: int,
    window: int | None,
    distinct: Callable[[Item], object] | None = None,
) -> list[Item]:
    """Items at which the count within the window is reached and was not at the item before."""
    fired, was_reached = [], False
    for position, item in enumerate(items):
        inside = [
            other
            for other in items[: position + 1]
            if window is None or item.at - other.at <= window
        ]
        number = len({distinct(other) for other in inside}) if distinct else len(inside)
        if number >= count and not was_reached:
            fired.append(item)
        was_reached = number >= count
    return fired


@dataclass(frozen=True, slots=True)
class _Said:
    """An inbound text."""

    touch: Touch

    @property
    def at(self) -> int:
        return self.touch.at


@dataclass(frozen=True, slots=True)
class _Visit:
    """A session with a certain page: the first view of it."""

    view: View

    @property
    def at(self) -> int:
        return self.view.at


def activity_id(touch: Touch) -> str:
    """The number under which the system knows the touch."""
    number = {
        "crm": f"T{touch.no}",
        "mail": f"<{touch.no}@ourcompany.example>",
        "chat": f"msg{touch.no}",
    }[touch.medium]
    return f"demo_{touch.medium}:{number}"


def has_words(group: str, text: str | None) -> bool:
    return text is not None and KEYWORDS[group].search(NO_SIGNAL.sub(" ", text)) is not None


def web_signals(
    world: World,
    hits: list[Hit],
    cases: WebCases,
    identities: dict[Browser, Identity],
    quotes: list[Quote],
) -> dict[str, list[Row]]:
    """The signals that stand in the web log, with what they are made of."""
    views = [
        view
        for view in views_of(sessions_of(hits), set(cases.bots))
        if identities[view.browser].account is not None
    ]
    by_subject: dict[str, list[View]] = defaultdict(list)
    for view in views:
        by_subject[_subject(identities, view.browser)].append(view)
    found: dict[str, list[Row]] = {}

    def row(view: View, **more: Any) -> Row:
        identity = identities[view.browser]
        return {
            "at": zulu_text(view.at),
            "account": identity.account.no if identity.account else None,
            "person": identity.person.no if identity.person else None,
            "visitor": f"{view.browser.address} {view.browser.agent}",
            **more,
        }

    found["competitor_comparison_dwell"] = [
        row(view, seconds=view.seconds)
        for view in views
        if view.group == "competitor_comparison" and (view.seconds or 0) > DWELL_SECONDS
    ]
    found["technical_documents_downloaded"] = [
        row(view, path=view.path)
        for seen in by_subject.values()
        for view in rising(
            [view for view in seen if view.group == "document"],
            2,
            7 * DAY,
            lambda view: view.path,
        )
    ]
    found["service_comparison_visits"] = [
        row(visit.view, path=visit.view.path)
        for seen in by_subject.values()
        for visits in _visits(seen).values()
        for visit in rising(visits, 3, 14 * DAY)
    ]
    found["return_after_silence"] = [
        row(view, days=round((view.at - before.at) / DAY, 2))
        for seen in by_subject.values()
        for before, view in itertools.pairwise(seen)
        if view.at - before.at >= 30 * DAY
    ]
    found["pricing_after_quote"] = [
        row(view, quote=quote.no, opportunity=quote.deal.no)
        for quote, view in _pricing_after_quote(quotes, views, identities)
    ]
    found["higher_level_visitor"] = [
        row(view, level=level, above=above)
        for view, level, above in _higher_level(views, identities)
    ]
    return {signal: sorted(rows, key=_order) for signal, rows in found.items()}


def _order(row: Row) -> tuple[str, str]:
    return str(row["at"]), str(row)


def _subject(identities: dict[Browser, Identity], browser: Browser) -> str:
    person = identities[browser].person
    return person.no if person else f"{browser.address} {browser.agent}"


def _visits(seen: list[View]) -> dict[str, list[_Visit]]:
    visits: dict[str, dict[int, View]] = defaultdict(dict)
    for view in seen:
        if view.group == "service_comparison":
            visits[view.path].setdefault(view.session, view)
    return {path: [_Visit(view) for view in firsts.values()] for path, firsts in visits.items()}


def _pricing_after_quote(
    quotes: list[Quote], views: list[View], identities: dict[Browser, Identity]
) -> list[tuple[Quote, View]]:
    quotes_of: dict[str, list[Quote]] = defaultdict(list)
    for quote in sorted(quotes, key=lambda quote: (quote.at, quote.no)):
        quotes_of[quote.deal.account.no].append(quote)
    first: dict[str, tuple[Quote, View]] = {}
    for view in views:
        account = identities[view.browser].account
        if view.group != "pricing" or account is None:
            continue
        before = [quote for quote in quotes_of[account.no] if quote.at < view.at]
        if before and view.at - before[-1].at <= 30 * DAY:
            first.setdefault(before[-1].no, (before[-1], view))
    return list(first.values())


def _higher_level(
    views: list[View], identities: dict[Browser, Identity]
) -> list[tuple[View, str, str]]:
    first: dict[str, View] = {}
    for view in views:
        person = identities[view.browser].person
        if person:
            first.setdefault(person.no, view)
    by_account: dict[str, list[tuple[View, Person]]] = defaultdict(list)
    for view in first.values():
        identity = identities[view.browser]
        if identity.person and identity.account:
            by_account[identity.account.no].append((view, identity.person))
    found = []
    for visitors in by_account.values():
        for view, person in visitors:
            before = [other for seen, other in visitors if seen.at < view.at]
            top = max(before, key=lambda other: RANK[other.level], default=None)
            if top and RANK[person.level] > RANK[top.level]:
                found.append((view, person.level, top.level))
    return found


def other_signals(world: World) -> dict[str, list[Row]]:
    """The signals that stand in texts, shares, attendances and the history of contacts."""
    found: dict[str, list[Row]] = {}
    said = [_Said(touch) for touch in world.touches if touch.is_inbound and touch.text]

    def row(at: int, account: Account, person: Person, **more: Any) -> Row:
        return {"at": zulu_text(at), "account": account.no, "person": person.no, **more}

    def text_row(item: _Said) -> Row:
        person = item.touch.person
        return row(item.at, person.account, person, activity=activity_id(item.touch))

    for signal, group in (("budget_words", "budget"), ("finance_check", "finance_check")):
        found[signal] = [text_row(item) for item in said if has_words(group, item.touch.text)]
    by_account: dict[str, list[_Said]] = defaultdict(list)
    for item in said:
        if has_words("security", item.touch.text):
            by_account[item.touch.person.account.no].append(item)
    found["security_asked_repeatedly"] = [
        text_row(item) for items in by_account.values() for item in rising(items, 2, 30 * DAY)
    ]
    found["live_session_questions"] = [
        row(
            item.at,
            item.person.account,
            item.person,
            attendance=item.no,
            questions=item.questions,
        )
        for item in world.attendances
        if item.questions > 2
    ]
    shares = defaultdict(list)
    for share in sorted(world.shares, key=lambda share: (share.at, share.no)):
        shares[share.person.no].append(share)
    found["content_shared"] = [
        row(share.at, share.person.account, share.person, share=share.no)
        for items in shares.values()
        for share in rising(items, 3, None)
    ]
    found["decision_maker_change"] = [
        row(
            change.at,
            open_deals[-1].account,
            change.person,
            change=change.no,
            kind="title" if change.source is change.target else "employer",
            opportunity=open_deals[-1].no,
            opportunities=[deal.no for deal in open_deals],
        )
        for change in world.job_changes
        if change.person.level in DECISION_MAKERS
        and (open_deals := _open_deals(world, change.person, change.at))
    ]
    return {signal: sorted(rows, key=_order) for signal, rows in found.items()}


def _open_deals(world: World, person: Person, at: int) -> list[Deal]:
    """Deals of a contact that were open at a moment, the youngest last."""
    deals = [
        deal
        for deal in world.deals
        if deal.person is person
        and deal.created <= at
        and (deal.closed is None or deal.closed > at)
    ]
    return sorted(deals, key=lambda deal: (deal.created, deal.no))


def _look_alikes(world: World) -> dict[str, list[str]]:
    """Near misses outside the web log: what comes close and must not be found."""
    counts: dict[str, int] = defaultdict(int)
    for share in world.shares:
        counts[share.person.no] += 1
    stem = re.compile("预算|经费|budget|fund", re.IGNORECASE)
    money = re.compile("财务|finance", re.IGNORECASE)

    def texts(pattern: re.Pattern[str], group: str) -> list[str]:
        return [
            activity_id(touch)
            for touch in world.touches
            if touch.text
            and pattern.search(touch.text)
            and not (touch.is_inbound and has_words(group, touch.text))
        ]

    return {
        "live_session_questions": [row.no for row in world.attendances if row.questions == 2],
        "content_shared": sorted(no for no, count in counts.items() if count == 2),
        "budget_words": texts(stem, "budget"),
        "finance_check": texts(money, "finance_check"),
        "decision_maker_change": sorted(
            change.no
            for change in world.job_changes
            if change.person.level in DECISION_MAKERS
            and not _open_deals(world, change.person, change.at)
        )
        + sorted(
            change.no
            for change in world.job_changes
            if change.person.level not in DECISION_MAKERS
            and _open_deals(world, change.person, change.at)
        ),
    }


def tell_signals(
    world: World, hits: list[Hit], cases: WebCases, identities: dict[Browser, Identity]
) -> None:
    """Add to the answer key all signals, what was planted for each, and what must not be found."""
    found = web_signals(world, hits, cases, identities, world.quotes) | other_signals(world)
    similar = _look_alikes(world)
    planted = {**world.planted, **cases.planted}
    world.truths["intent_signals"] = {}
    for signal, meaning in MEANINGS.items():
        cases_of = planted.get(signal, {})
        world.truths["intent_signals"][signal] = {
            "hits": found[signal],
            "count": len(found[signal]),
            "planted": {c: who for c, who in cases_of.items() if not c.startswith(NEAR)},
            "near_misses": {
                **{c.removeprefix(NEAR): w for c, w in cases_of.items() if c.startswith(NEAR)},
                **({"evidence": similar[signal]} if signal in similar else {}),
            },
            "meaning": meaning,
        }
    world.truths["web_signals"] = {
        "three_minutes_on_competitor_page": _persons(found["competitor_comparison_dwell"]),
        "two_documents_in_7_days": _persons(found["technical_documents_downloaded"]),
        "three_service_page_visits_in_14_days": _persons(found["service_comparison_visits"]),
        "pricing_page_after_quote_deals": sorted(
            {str(row["opportunity"]) for row in found["pricing_after_quote"]}
        ),
        "meaning": "People who really did it; no other known person did. See intent_signals.",
    }
    _tell_late(world, hits, cases, identities, found)


def _persons(rows: Iterable[Row]) -> list[str]:
    return sorted({str(row["person"]) for row in rows if row["person"]})


def _tell_late(
    world: World,
    hits: list[Hit],
    cases: WebCases,
    identities: dict[Browser, Identity],
    found: dict[str, list[Row]],
) -> None:
    """What the first step of advance changes about the days before the as-of day.

    It writes lines that were held back, and deletes the first quotes of closed deals.
    """
    touched = {hit.browser for hit in cases.late_hits}
    every_hit = [*hits, *cases.late_hits]
    later_identities = identities | identities_of(
        world, [hit for hit in every_hit if hit.browser in touched], cases
    )
    # Nothing changes at the other accounts.
    gone = [quote for quote in world.quotes if quote.deal.closed][:COUNT_CHANGED]
    accounts = [later_identities[browser].account for browser in touched]
    accounts += [quote.deal.account for quote in gone]
    numbers = {account.no for account in accounts if account}
    near = [
        hit
        for hit in every_hit
        if (account := later_identities[hit.browser].account) and account.no in numbers
    ]
    appear, vanish = {}, {}
    for signal, rows in web_signals(
        world, near, cases, later_identities, [q for q in world.quotes if q not in gone]
    ).items():
        earlier = [row for row in found[signal] if row["account"] in numbers]
        before, now = {str(row) for row in earlier}, {str(row) for row in rows}
        appear[signal] = [row for row in rows if str(row) not in before]
        vanish[signal] = [row for row in earlier if str(row) not in now]
    world.truths["late_web_signals"] = {
        "count_lines": len(cases.late_hits),
        "planted": cases.planted.get("late_lines", {}),
        "appear": {signal: rows for signal, rows in appear.items() if rows},
        "vanish": {signal: rows for signal, rows in vanish.items() if rows},
        "visitor": None
        if cases.late_visitor is None
        else {
            "address": cases.late_visitor.address,
            "agent": cases.late_visitor.agent,
            "person": getattr(later_identities[cases.late_visitor].person, "no", None),
        },
        "quotes_gone": [quote.no for quote in gone],
        "meaning": "Signals before the end of the as-of day that the first step of advance brings "
        "and takes away: it writes lines held back until then, and deletes the first quotes. The "
        "visitor whom such a line names.",
    }
