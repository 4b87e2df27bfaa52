"""Leads and deals: the funnel, its trend, the referrals and the label gaming."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from datetime import UTC, datetime
from itertools import accumulate

from .change import (
    REFERRAL_SHARE_OF_HIGH_VALUE,
    RESPONSE_MINUTES_FROM,
    RESPONSE_MINUTES_TO,
    between,
    commerce,
    response_minutes,
    week_of,
    win_ratio,
)
from .clock import month_of
from .random_source import pick, scalar_random, working_time
from .records import Account, Deal, Lead, Person, Rep, World
from .sizes import COUNT_DAYS, DAY, END, START, Size
from .stalled import plant_stalled, stalled_truths
from .vocabulary import LINE_OF_INDUSTRY, PRODUCTS

CHANNELS = ("web", "event", "referral", "partner", "outbound", "ad", "social", "phone")
CHANNEL_WEIGHTS = (30, 14, 12, 10, 12, 10, 8, 4)
MONTH_WEIGHTS = (0.95, 0.62, 1.1, 1.0, 1.02, 1.15, 0.9, 0.92, 1.12, 1.0, 1.2, 1.3)
LOSS_REASONS = ("price", "product", "timing", "competitor", "no_decision")
HIGH_VALUE = {"CNY": 500_000, "USD": 70_000, "EUR": 65_000}
"""From this amount on a deal counts as of high value: the rows of seeds/thresholds.csv."""
HIGH_LEAD_VALUE_CNY = 600_000
CNY_PER = {"CNY": 1.0, "USD": 7.1, "EUR": 7.8}
GAMING_RULE_CHANGE = int(datetime(2025, 10, 15, 2, tzinfo=UTC).timestamp())
"""From here on leads labelled high must be answered within 30 minutes, so some reps say 'low'."""
COUNT_HUBS = 5


def _creation_times(rng: random.Random, count: int) -> list[int]:
    """Working times over the 18 months: seasonal, growing by 2 % a month."""
    days = [START // DAY + offset for offset in range(COUNT_DAYS - 1)]
    weights = []
    for offset, day in enumerate(days):
        month = datetime.fromtimestamp(day * DAY, UTC).month
        is_weekend = (day + 3) % 7 >= 5
        growth = 1.02 ** (offset / 30.4)
        weights.append(MONTH_WEIGHTS[month - 1] * growth * (0.0 if is_weekend else 1.0))
    chosen = rng.choices(days, weights, k=count)
    return sorted(working_time(rng, day * DAY) for day in chosen)


def _lead_amount(rng: random.Random, account: Account) -> int:
    factor = {"strategic": 4.0, "key": 1.8, "standard": 0.8}[account.tier]
    in_cny = min(rng.lognormvariate(12.1, 0.75) * factor, 8_000_000)
    return max(2_000, int(in_cny / CNY_PER[account.currency] / 100) * 100)


def _label(rng: random.Random, lead: Lead) -> str:
    """The rep's own label: mostly right, never 'low' for a lead of high value — but for gaming."""
    is_high_value = lead.amount * CNY_PER[lead.account.currency] >= HIGH_LEAD_VALUE_CNY
    if is_high_value and lead.owner.is_gaming and lead.created >= GAMING_RULE_CHANGE:
        return "low"
    if is_high_value and lead.intent == "low":
        return "medium"
    if rng.random() < 0.88:
        return lead.intent
    return "medium" if is_high_value else rng.choice(("high", "medium", "low"))


def add_leads(world: World, size: Size) -> None:
    """Leads with their outcome; silent ones belong to people who were reserved for that."""
    rng = scalar_random(world.seed, "leads")
    cold = [person for person in world.persons if person.is_cold]
    warm_of = {
        account.no: [person for person in account.persons if not person.is_cold]
        for account in world.accounts
    }
    times = _creation_times(rng, size.leads)
    silent_at = set(rng.sample(range(size.leads), len(cold)))
    chances = list(
        accumulate({"strategic": 4, "key": 2, "standard": 1}[a.tier] for a in world.accounts)
    )
    for number, created in enumerate(times, start=1):
        is_silent = number - 1 in silent_at
        if is_silent:
            person = cold.pop()
            account = person.account
        else:
            account = rng.choices(world.accounts, cum_weights=chances)[0]
            person = rng.choice(warm_of[account.no])
        owner = account.owner
        if rng.random() < 0.3:
            owner = rng.choice([rep for rep in world.reps if rep.team is owner.team])
        intent = "low" if is_silent else pick(rng, ("high", "medium", "low"), (28, 42, 30))
        lead = Lead(
            no=f"L{number:06d}",
            name=_lead_name(account, LINE_OF_INDUSTRY[account.industry]),
            account=account,
            person=person,
            channel=pick(rng, CHANNELS, CHANNEL_WEIGHTS),
            line=LINE_OF_INDUSTRY[account.industry],
            intent=intent,
            label=intent,
            status="new",
            owner=owner,
            created=created,
            acknowledged=created + rng.randint(2, 20),
            responded=None,
            closed=None,
            amount=_lead_amount(rng, account),
            is_silent=is_silent,
            has_account=is_silent or rng.random() > 0.08,
        )
        _answer(rng, lead)
        lead.label = _label(rng, lead)
        _decide(rng, lead)
        world.leads.append(lead)
    _pin_response_times(world)


def _lead_name(account: Account, line: str) -> str:
    return f"{account.name} – {line}"


def _answer(rng: random.Random, lead: Lead) -> None:
    done = commerce(week_of(lead.created))
    if rng.random() < between(0.11, 0.02, done):
        return
    minutes = response_minutes(lead.created) * rng.lognormvariate(0, 0.6)
    lead.responded = lead.created + max(30, int(minutes * 60))


def _decide(rng: random.Random, lead: Lead) -> None:
    """Converted or lost; young leads may still be open."""
    age_days = (END - lead.created) / DAY
    done = commerce(week_of(lead.created))
    chance = {"high": 0.58, "medium": 0.36, "low": 0.12}[lead.intent] * between(0.85, 1.2, done)
    chance *= 1.25 if lead.channel == "referral" else 1.0
    decided = lead.created + int(rng.uniform(2, 35) * DAY)
    if lead.is_silent or lead.responded is None or lead.intent == "low":
        chance *= 0.0 if lead.is_silent else 0.5
        decided = lead.created + int(rng.uniform(15, 55) * DAY)
    if decided >= END - DAY and age_days < 60:
        lead.status = pick(rng, ("new", "contacted", "qualified"), (2, 5, 3))
        if lead.responded is None:
            lead.status = "new"
        return
    lead.closed = min(working_time(rng, decided), END - DAY)
    lead.closed = max(lead.closed, lead.created + 3_600, (lead.responded or 0) + 1_800)
    lead.status = "converted" if rng.random() < chance and lead.has_account else "lost"


def _pin_response_times(world: World) -> None:
    """Scale the first and the last month so that their medians are the reference values."""
    by_month: dict[str, list[Lead]] = defaultdict(list)
    for lead in world.leads:
        if lead.responded is not None:
            by_month[month_of(lead.created)].append(lead)
    for month, target in (("2025-01", RESPONSE_MINUTES_FROM), ("2026-06", RESPONSE_MINUTES_TO)):
        waits = [(lead.responded or 0) - lead.created for lead in by_month[month]]
        factor = target * 60 / statistics.median(waits)
        for lead, wait in zip(by_month[month], waits, strict=True):
            lead.responded = lead.created + max(20, round(wait * factor))
    medians = {
        month: round(
            statistics.median((lead.responded or 0) - lead.created for lead in leads) / 60, 2
        )
        for month, leads in sorted(by_month.items())
    }
    world.truths["lead_response_minutes_median_by_month"] = {
        "first": RESPONSE_MINUTES_FROM,
        "last": RESPONSE_MINUTES_TO,
        "by_month": medians,
        "meaning": "Median minutes from the creation of a lead to the first answer by a rep, by "
        "UTC month of creation, leads without an answer left out.",
    }


def _lead_truths(world: World) -> None:
    gamed = [
        lead.no
        for lead in world.leads
        if lead.owner.is_gaming
        and lead.created >= GAMING_RULE_CHANGE
        and lead.amount * CNY_PER[lead.account.currency] >= HIGH_LEAD_VALUE_CNY
    ]
    world.truths["label_gaming"] = {
        "reps": [rep.no for rep in world.reps if rep.is_gaming],
        "leads": gamed,
        "count": len(gamed),
        "rule_change_at": datetime.fromtimestamp(GAMING_RULE_CHANGE, UTC).isoformat(),
        "high_value_cny": HIGH_LEAD_VALUE_CNY,
        "cny_per": CNY_PER,
        "meaning": "Leads worth high_value_cny and more that these reps label low after the rule "
        "change; nobody else labels such a lead low.",
    }
    silent = [lead.no for lead in world.leads if lead.is_silent]
    world.truths["silent_leads"] = {
        "leads": silent,
        "count": len(silent),
        "meaning": "No inbound touch within 48 h of first_touch. All other leads older than two "
        "days had one.",
    }


# --- deals ---------------------------------------------------------------------------------------


def add_deals(world: World, size: Size) -> None:
    """A deal per converted lead, and one without a lead per nine, brought by referral or rep."""
    rng = scalar_random(world.seed, "deals")
    hubs = [account for account in world.accounts if account.tier != "standard"][:COUNT_HUBS]
    warm = [person for person in world.persons if not person.is_cold]
    _open_pipeline(rng, world, warm)
    for lead in world.leads:
        if lead.status == "converted":
            deal = _deal(rng, world, lead.person, lead.owner, lead, lead.closed or lead.created)
            lead.deal = deal
        if len(world.deals) % 9 == 8:
            person = rng.choice(warm)
            at = working_time(rng, min(END - DAY, lead.created + rng.randint(0, 9) * DAY))
            _deal(rng, world, person, person.account.owner, None, at)
    _plant_referrals(world, rng, hubs)
    plant_stalled(world, size)
    _lead_truths(world)
    _deal_truths(world)
    stalled_truths(world)


def _open_pipeline(rng: random.Random, world: World, warm: list[Person]) -> None:
    """Deals of late 2024 that were still open on the first day; their leads are not on record."""
    for _ in range(len(world.leads) // 25):
        person = rng.choice(warm)
        at = working_time(rng, START - rng.randint(3, 75) * DAY)
        deal = _deal(rng, world, person, person.account.owner, None, at)
        if deal.closed is not None and deal.closed < START:
            world.deals.pop()


def _deal(
    rng: random.Random,
    world: World,
    person: Person,
    owner: Rep,
    lead: Lead | None,
    created: int,
) -> Deal:
    account = person.account
    line = LINE_OF_INDUSTRY[account.industry]
    if rng.random() < 0.12:
        line = rng.choice(list(PRODUCTS))
    amount = int(lead.amount * rng.uniform(0.7, 1.25)) if lead else _lead_amount(rng, account)
    done = commerce(week_of(created))
    length = rng.lognormvariate(0, 0.4) * between(52, 33, done)
    complexity = "high" if amount * CNY_PER[account.currency] > 900_000 else "medium"
    if amount * CNY_PER[account.currency] < 120_000:
        complexity = "low"
    number = len(world.deals) + 1
    deal = Deal(
        no=f"D{number:06d}",
        name=f"{account.name} {line} #{number}",
        account=account,
        person=person,
        owner=owner,
        lead=lead,
        line=line,
        product=rng.randrange(len(PRODUCTS[line])),
        amount=amount,
        channel=lead.channel if lead else "outbound",
        complexity=complexity,
        created=created,
        steps=[("QUAL", created)],
        expected=created + int(length * 1.1) * DAY,
    )
    _walk(rng, deal, length)
    world.deals.append(deal)
    return deal


def _walk(rng: random.Random, deal: Deal, length_days: float) -> None:
    """Let the deal reach its stages until it is closed or the as-of day comes."""
    end = deal.created + int(length_days * DAY)
    chance = win_ratio(end) * (1.2 if deal.channel == "referral" else 0.97)
    is_won = rng.random() < chance
    path = ["DEMO", "PROP", "NEGO"]
    if deal.complexity == "high" and rng.random() < 0.5:
        path.insert(2, "POC")
    if not is_won:
        path = path[: pick(rng, (0, 1, 2, len(path)), (12, 28, 36, 24))]
        end = deal.created + int(length_days * 0.8 * DAY)
    cuts = sorted(rng.uniform(0.08, 0.92) for _ in path)
    last = deal.created
    for stage, cut in zip(path, cuts, strict=True):
        at = max(working_time(rng, deal.created + int((end - deal.created) * cut)), last + 1_800)
        if at >= END - 3_600:
            return
        deal.steps.append((stage, at))
        last = at
    closed = max(working_time(rng, end), last + 3_600)
    if closed >= END - 3_600:
        return
    deal.closed = closed
    deal.is_won = is_won
    deal.steps.append(("SIGN" if is_won else "DEAD", closed))
    if not is_won:
        deal.loss_reason = pick(rng, LOSS_REASONS, (30, 14, 20, 22, 14))


def _plant_referrals(world: World, rng: random.Random, hubs: list[Account]) -> None:
    """73.8 % of the deals of high value come by referral, most of them from five hub accounts."""
    high = [d for d in world.deals if d.amount >= HIGH_VALUE[d.account.currency]]
    chosen = rng.sample(high, round(REFERRAL_SHARE_OF_HIGH_VALUE * len(high)))
    chosen_ids = {deal.no for deal in chosen}
    low = [d for d in world.deals if d.amount < HIGH_VALUE[d.account.currency]]
    others = [d for d in low if d.channel == "referral"]
    edges: dict[str, set[str]] = defaultdict(set)
    for deal in chosen + others:
        pool = hubs if rng.random() < 0.6 else world.accounts
        referrer = rng.choice(pool)
        if referrer is deal.account:
            referrer = hubs[0] if deal.account is not hubs[0] else hubs[1]
        deal.referrer = referrer
        deal.channel = "referral"
        edges[referrer.no].add(deal.account.no)
    for deal in high:
        if deal.no not in chosen_ids and deal.channel == "referral":
            deal.channel = "outbound"
    count_by_hub = {hub.no: sum(deal.referrer is hub for deal in world.deals) for hub in hubs}
    world.truths["referrals"] = {
        "high_value_from": HIGH_VALUE,
        "count_high_value": len(high),
        "count_high_value_referred": len(chosen),
        "ratio": round(len(chosen) / max(1, len(high)), 4),
        "count_referred_deals": len(chosen) + len(others),
        "hub_accounts": count_by_hub,
        "edges": {source: sorted(targets) for source, targets in sorted(edges.items())},
        "meaning": "Deals with a referring account; hub_accounts give the number of deals each "
        "hub referred.",
    }


def _deal_truths(world: World) -> None:
    won = [deal for deal in world.deals if deal.is_won]
    closed = [deal for deal in world.deals if deal.closed is not None]
    by_currency: dict[str, int] = defaultdict(int)
    for deal in won:
        by_currency[deal.account.currency] += deal.amount
    by_half: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for deal in closed:
        half = by_half[month_of(deal.closed or 0)]
        half[0] += deal.is_won
        half[1] += 1
    cycles = [
        ((deal.closed or 0) - deal.lead.created) / DAY for deal in won if deal.lead is not None
    ]
    world.totals["deals"] = {
        "count": len(world.deals),
        "won": len(won),
        "lost": len(closed) - len(won),
        "open": len(world.deals) - len(closed),
        "won_amount_by_currency": dict(sorted(by_currency.items())),
        "win_rate_of_closed": round(len(won) / len(closed), 4),
        "won_and_closed_by_month": {month: by_half[month] for month in sorted(by_half)},
        "lead_to_signature_days_median": round(statistics.median(cycles), 3),
    }
