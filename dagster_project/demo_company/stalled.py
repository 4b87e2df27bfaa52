"""Leads that look stalled: of high intent and quiet for weeks, each for a reason; and near misses.

A story says what really became of the lead; :mod:`touches` and :mod:`web_journeys` act it out.
"""

from __future__ import annotations

import random
from collections import defaultdict

from .random_source import scalar_random, working_time
from .records import Deal, Lead, Person, Story, World
from .sizes import DAY, END, Size

STALLED_PER_1000_LEADS = 8
LEAD_REASONS = ("no_owner_touch", "awaiting_finance", "security_review", "decision_maker_left")
DEAL_REASONS = ("quote_unanswered", *LEAD_REASONS[1:])
QUIET_SINCE = END - 85 * DAY
"""People of a stalled lead have no other business with us from here on."""
TOUCHED_LATELY, STAGE_MOVED_LATELY = END - 5 * DAY, END - 6 * DAY


def people_of(deal: Deal) -> list[Person]:
    """Whom we talk to about a deal."""
    return [deal.person, *[p for p in deal.account.persons if not p.is_cold][:3]]


def plant_stalled(world: World, size: Size) -> None:
    """Reopen lost leads and deals, and let them fall silent."""
    rng = scalar_random(world.seed, "stalled")
    wanted = max(4, size.leads * STALLED_PER_1000_LEADS // 1000)
    few = max(1, wanted // 8)
    busy = _busy(world)
    taken: set[str] = set()

    def is_free(lead: Lead, deal: Deal | None) -> bool:
        since = min(QUIET_SINCE, (deal or lead).created)
        others = [
            name
            for name, until in busy[lead.person.no].items()
            if until > since and name not in (lead.no, deal.no if deal else "")
        ]
        return lead.account.no not in taken and not lead.owner.is_gaming and not others

    def lead_stories() -> list[tuple[str, bool, str]]:
        """(kind, really stalled, label) for leads without a deal."""
        planned = [(LEAD_REASONS[n % 4], True, "high") for n in range(wanted)]
        planned += [("no_owner_touch", True, "medium")] * few
        planned += [("touched_lately", False, "high"), ("closed", False, "high")] * few
        return planned

    candidates = [
        lead
        for lead in world.leads
        if END - 130 * DAY < lead.created < END - 80 * DAY
        and not lead.is_silent
        and lead.responded is not None
        and lead.status == "lost"
        and lead.has_account
    ]
    for kind, is_stalled, label in lead_stories():
        lead = next((lead for lead in candidates if is_free(lead, None)), None)
        if lead is None:
            break
        taken.add(lead.account.no)
        lead.intent, lead.label = "high", label
        if kind != "closed":
            lead.status, lead.closed = rng.choice(("contacted", "qualified")), None
        lead.story = Story(kind, is_stalled, END - rng.randint(42, 75) * DAY)
    planned_deals = [(DEAL_REASONS[n % 4], True) for n in range(max(4, wanted // 3))]
    planned_deals += [("stage_moved_lately", False), ("weak_interest", False)] * few
    deals = [
        deal
        for deal in world.deals
        if deal.lead is not None
        and END - 190 * DAY < deal.created < QUIET_SINCE
        and deal.closed is not None
        and not deal.is_won
    ]
    for kind, is_stalled in planned_deals:
        deal = next((d for d in deals if d.lead and is_free(d.lead, d)), None)
        if deal is None or deal.lead is None:
            break
        taken.add(deal.account.no)
        _reopen(deal, rng)
        deal.lead.intent = deal.lead.label = "high"
        proposed = dict(deal.steps)["PROP"]
        # Quotes are sent within a week of the proposal: nobody answers, or both sides talk on.
        quiet = proposed + (-1 if kind == "quote_unanswered" else 17) * DAY
        deal.lead.story = Story(kind, is_stalled, quiet)
        if kind == "stage_moved_lately":
            deal.steps.append(("NEGO", STAGE_MOVED_LATELY))


def _reopen(deal: Deal, rng: random.Random) -> None:
    """Back to the proposal, which is where it has stayed."""
    demo, proposal = (working_time(rng, deal.created + days * DAY) for days in (6, 13))
    deal.steps = [("QUAL", deal.created), ("DEMO", demo), ("PROP", proposal)]
    deal.closed = deal.loss_reason = None


def _busy(world: World) -> dict[str, dict[str, int]]:
    """Person → leads and deals, and until when they bring touches."""
    busy: dict[str, dict[str, int]] = defaultdict(dict)
    for lead in world.leads:
        until = END if lead.closed is None else lead.created + 50 * DAY
        busy[lead.person.no][lead.no] = until
    for deal in world.deals:
        for person in people_of(deal):
            busy[person.no][deal.no] = deal.closed or END
    return busy


def stalled_truths(world: World) -> None:
    told = [lead for lead in world.leads if lead.story]
    labelled = [
        lead.no
        for lead in told
        if lead.story and lead.story.is_stalled and lead.is_open and lead.label == "high"
    ]
    world.truths["stalled_high_intent_leads"] = {
        "leads": labelled,
        "count": len(labelled),
        "meaning": "Open, labelled high, last touch 40 to 75 days before the as-of day. Other "
        "open leads labelled high were touched within the last 14 days.",
    }
    stalled = {lead.no: lead for lead in told if lead.story and lead.story.is_stalled}
    world.truths["stalled_leads"] = {
        "reason_by_lead": {no: lead.story.kind for no, lead in stalled.items() if lead.story},
        "opportunity_by_lead": {no: lead.deal.no for no, lead in stalled.items() if lead.deal},
        "near_misses": {
            lead.no: lead.story.kind for lead in told if lead.story and not lead.story.is_stalled
        },
        "count": len(stalled),
        "norm_days_between": [16, 38],
        "meaning": "Leads that are open, or converted to an opportunity that is open; whose "
        "contact showed strong interest on the site in the last 25 days (three or more signals); "
        "and where neither a touch of the lead, its opportunity or its contact nor a change of "
        "stage happened for 40 days and more. The rep's label plays no part. Near misses were "
        "touched five days ago, moved stage six days ago, are lost, or show no interest.",
    }
