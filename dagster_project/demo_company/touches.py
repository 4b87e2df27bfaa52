"""Touches between us and customers, what was said, who opted out, and how it was captured."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

from .change import CAPTURE_FROM, CAPTURE_TO, capture_ratio
from .clock import month_of, zulu_text
from .random_source import pick, scalar_random, working_time
from .records import Deal, Lead, Optout, Person, Rep, Story, Touch, World
from .sizes import DAY, END, START, Size
from .stalled import TOUCHED_LATELY, people_of
from .vocabulary import CUSTOMER_TEXTS, REP_TEXTS

KINDS = ("mail", "chat", "call", "meeting", "visit", "demo")
KIND_WEIGHTS = (30, 24, 20, 12, 9, 5)
MINUTES = {"call": (3, 25), "meeting": (30, 90), "visit": (45, 180), "demo": (30, 75)}
OVER_CONTACT_PER_WEEK = 7
REACTION_SECONDS = 48 * 3_600
"""A lead without a reaction of the customer within this time is silent."""
JUST_IN_TIME = 100
"""The seventh of so many leads reacts a minute before that time is over."""
CUSTOMER_TOPICS = tuple(CUSTOMER_TEXTS)
CUSTOMER_TOPIC_WEIGHTS = (16, 10, 18, 12, 10, 18, 12, 4)
REP_TOPICS = tuple(REP_TEXTS)


class _Writer:
    """Makes touches with running numbers; the medium follows from the kind."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng

    def add(
        self,
        person: Person,
        rep: Rep,
        at: int,
        is_inbound: bool,
        kind: str | None = None,
        deal: Deal | None = None,
        lead: Lead | None = None,
        topic: str | None = None,
        way: int | None = None,
    ) -> None:
        """``way``: which of the ways to say the topic; by default they take turns."""
        rng = self.rng
        if at >= END:
            return
        kind = kind or pick(rng, KINDS, KIND_WEIGHTS)
        if kind == "chat" and person.chat_id is None:
            kind = "mail"
        # A touch of a lead is logged in the CRM, which alone knows leads.
        medium = kind if kind in ("mail", "chat") and lead is None else "crm"
        topic, text = self._words(person, is_inbound, kind, topic, way)
        self.world.touches.append(
            Touch(
                no=f"{len(self.world.touches) + 1:08d}",
                medium=medium,
                kind=kind,
                person=person,
                deal=deal,
                lead=lead,
                rep=rep,
                is_inbound=is_inbound,
                at=at,
                recorded=at,
                topic=topic,
                text=text,
                minutes=rng.randint(*MINUTES[kind]) if kind in MINUTES else None,
            )
        )

    def _words(
        self, person: Person, is_inbound: bool, kind: str, topic: str | None, way: int | None
    ) -> tuple[str | None, str | None]:
        rng = self.rng
        if kind in ("call", "visit", "demo") and topic is None and rng.random() < 0.7:
            return None, None
        if is_inbound:
            topic = topic or pick(rng, CUSTOMER_TOPICS, CUSTOMER_TOPIC_WEIGHTS)
            ways = CUSTOMER_TEXTS[topic]
        else:
            topic = topic or rng.choice(REP_TOPICS)
            ways = REP_TEXTS[topic]
        pair = ways[(len(self.world.touches) if way is None else way) % len(ways)]
        text = pair[0] if person.account.is_chinese else pair[1]
        return topic, text.format(amount=rng.randint(3, 80) * 5)


def add_touches(world: World, size: Size) -> None:
    rng = scalar_random(world.seed, "touches")
    writer = _Writer(world, rng)
    interested = _interested(world)
    for lead in world.leads:
        _touch_lead(rng, writer, lead, interested)
    for deal in world.deals:
        _touch_deal(rng, writer, deal)
    _plant_optouts(world, rng, writer)
    _plant_texts(world, writer)
    world.touches.sort(key=lambda touch: (touch.at, touch.no))
    _capture(world, rng)
    _text_truths(world)
    _reactivation_truths(world)


def _touch_lead(rng: random.Random, writer: _Writer, lead: Lead, interested: set[str]) -> None:
    person, rep = lead.person, lead.owner

    def outbound(at: int) -> None:
        writer.add(person, rep, at, False, rng.choice(("call", "mail")), lead=lead)

    def inbound(at: int, topic: str | None = None) -> None:
        writer.add(person, rep, at, True, rng.choice(("call", "mail")), lead=lead, topic=topic)

    if lead.responded is not None:
        outbound(lead.responded)
    if lead.is_silent:
        for attempt in range(rng.randint(0, 2)):
            at = lead.acknowledged + (attempt + 1) * 3 * DAY + rng.randint(0, DAY // 2)
            outbound(working_time(rng, at))
        is_back, back = rng.random() < 0.15, rng.randint(4 * DAY, 30 * DAY)
        if int(lead.no[1:]) % 40 == 0:
            # A minute too late, which is silent all the same.
            is_back, back = True, REACTION_SECONDS + 60
        if is_back:
            writer.add(
                person, rep, lead.acknowledged + back, True, "mail", lead=lead, topic="technical"
            )
        return
    reaction = lead.acknowledged + rng.randint(900, 44 * 3_600)
    if int(lead.no[1:]) % JUST_IN_TIME == 7:
        reaction = lead.acknowledged + REACTION_SECONDS - 60
    if lead.story:
        inbound(reaction, "positive")
        _act_out(writer, lead, lead.story)
        return
    inbound(reaction)
    if not lead.is_open or lead.created >= END - 2 * DAY:
        return
    if lead.label == "high" or person.no in interested:
        outbound(max(reaction, END - rng.randint(1, 12) * DAY))


def _act_out(writer: _Writer, lead: Lead, story: Story) -> None:
    """The last words with a lead that falls silent; what its deal brings comes with the deal."""
    topic = {"awaiting_finance": "finance_check", "security_review": "security"}.get(story.kind)
    deal = lead.deal
    number = None if deal else lead
    if not deal:
        writer.add(lead.person, lead.owner, story.quiet_from - DAY, False, "call", lead=number)
    if topic:
        kind = "meeting" if deal else "call"
        at = story.quiet_from - 3_600
        writer.add(lead.person, lead.owner, at, True, kind, deal=deal, lead=number, topic=topic)
    if story.kind == "touched_lately":
        writer.add(lead.person, lead.owner, TOUCHED_LATELY, False, "call", lead=number)


def _interested(world: World) -> set[str]:
    """People whom something else than one modest lead may have brought to the site lately."""
    since = END - 150 * DAY
    leads: Counter[str] = Counter(
        lead.person.no for lead in world.leads if lead.created > since and not lead.is_silent
    )
    people = {person for person, count in leads.items() if count > 1}
    people |= {lead.person.no for lead in world.leads if lead.intent == "high"}
    return people | {
        person.no
        for deal in world.deals
        if (deal.closed or END) > since
        for person in people_of(deal)
    }


def _touch_deal(rng: random.Random, writer: _Writer, deal: Deal) -> None:
    until = deal.closed or END
    if deal.lead and deal.lead.story:
        # Two hours before the quiet begins: the last words belong to the story.
        until = deal.lead.story.quiet_from - 2 * 3_600
    at = max(deal.created, START)
    people = people_of(deal)
    for _ in range(40):
        at = working_time(rng, at + int(rng.expovariate(1 / 3.2) * DAY) + DAY)
        if at >= until:
            return
        person = people[0] if rng.random() < 0.65 else rng.choice(people)
        topic = None
        is_inbound = rng.random() < 0.42
        if is_inbound and deal.stage in ("NEGO", "SIGN") and rng.random() < 0.15:
            topic = "finance_check"
        writer.add(person, deal.owner, at, is_inbound, deal=deal, topic=topic)


def _plant_texts(world: World, writer: _Writer) -> None:
    """Questions about security at accounts that never asked: just in time, and just too late."""
    asked = {
        touch.person.account.no
        for touch in world.touches
        if touch.is_inbound and touch.topic == "security"
    }
    told = {lead.account.no for lead in world.leads if lead.story}
    free = [
        account
        for account in world.accounts
        if account.no not in asked | told and account.persons[1].no not in told
    ]
    start = END - 100 * DAY + 4 * 3_600
    cases = {
        "within_30_days": ((0, 0, True), (30 * DAY, 0, True)),
        "by_two_people": ((0, 0, True), (9 * DAY, 1, True)),
        "near: after_31_days": ((0, 0, True), (31 * DAY, 0, True)),
        "near: answered_by_us": ((0, 0, True), (5 * DAY, 0, False)),
        "near: asked_once": ((0, 0, True),),
    }
    planted: dict[str, str] = {}
    for account, (case, said) in zip(free, cases.items(), strict=False):
        planted[case] = account.no
        for delay, speaker, is_inbound in said:
            topic = "security" if is_inbound else "value"
            person = account.persons[speaker]
            at = start + delay
            writer.add(person, account.owner, at, is_inbound, "meeting", topic=topic, way=1)
    world.planted["security_asked_repeatedly"] = planted


def _plant_optouts(world: World, rng: random.Random, writer: _Writer) -> None:
    """Some people got seven or more touches within six days and left; few others did."""
    told = {lead.person.no for lead in world.leads if lead.story}
    warm = [person for person in world.persons if not person.is_cold and person.no not in told]
    chosen = rng.sample(warm, max(6, len(warm) // 40))
    cut = len(chosen) * 3 // 4
    for position, person in enumerate(chosen):
        is_over = position < cut
        start = working_time(rng, END - rng.randint(20, 480) * DAY)
        if is_over:
            count = OVER_CONTACT_PER_WEEK + rng.randint(0, 2)
            for step in range(count):
                at = start + step * 6 * DAY // count + rng.randint(0, 3_600)
                writer.add(
                    person,
                    person.account.owner,
                    at,
                    False,
                    rng.choice(("call", "mail", "chat")),
                    topic="follow_up",
                )
        world.optouts.append(
            Optout(
                no=f"O{position + 1:05d}",
                person=person,
                kind=rng.choice(("mail", "chat", "call")),
                reason=rng.choice(("消息太多 too many messages", "已拉黑 blocked"))
                if is_over
                else rng.choice(("离职 left the company", "不再需要 no need")),
                at=start + 6 * DAY + rng.randint(3_600, DAY - 3_600),
                is_over_contact=is_over,
            )
        )
    over = sorted(optout.person.no for optout in world.optouts if optout.is_over_contact)
    world.truths["over_contact_optouts"] = {
        "contacts": over,
        "count": len(over),
        "count_all_optouts": len(world.optouts),
        "touches_from": OVER_CONTACT_PER_WEEK,
        "meaning": "These contacts got 7 or more outbound touches in the 7 days before opting out.",
    }


def _capture(world: World, rng: random.Random) -> None:
    """Decide which touches were captured by machine: an exact share in each month.

    What a person typed in was recorded hours or days later, a few only after ten days and more.
    """
    by_month: dict[str, list[Touch]] = defaultdict(list)
    for touch in world.touches:
        by_month[month_of(touch.at)].append(touch)
    measured: dict[str, list[int]] = {}
    months = sorted(by_month)
    for month in months:
        touches = by_month[month]
        ratio = sum(capture_ratio(touch.at) for touch in touches) / len(touches)
        if month == months[0]:
            ratio = CAPTURE_FROM
        elif month == months[-1]:
            ratio = CAPTURE_TO
        count = round(ratio * len(touches))
        for position in rng.sample(range(len(touches)), count):
            touches[position].is_automatic = True
        measured[month] = [count, len(touches)]
    count_late = 0
    for touch in world.touches:
        delay = rng.randint(2, 50)
        if not touch.is_automatic:
            is_late = rng.random() < 0.01
            count_late += is_late
            delay = rng.randint(11, 25) * DAY if is_late else int(rng.expovariate(1 / 30_000)) + 300
        touch.recorded = min(touch.at + delay, END - 1)
    world.truths["automatic_capture_ratio"] = {
        "first": CAPTURE_FROM,
        "last": CAPTURE_TO,
        "automatic_and_all_by_month": measured,
        "meaning": "Touches captured by machine and all touches, by UTC month, over CRM tasks, "
        "mail and chat together.",
    }
    world.totals["touches"] = {
        "count": len(world.touches),
        "by_medium": {
            medium: sum(touch.medium == medium for touch in world.touches)
            for medium in ("crm", "mail", "chat")
        },
    }


def _text_truths(world: World) -> None:
    topics: dict[str, dict[str, str]] = {"crm": {}, "mail": {}, "chat": {}}
    for touch in world.touches:
        if touch.topic:
            topics[touch.medium][touch.no] = touch.topic
    world.truths["text_topics"] = {
        "by_touch": topics,
        "meaning": "Topic of the words of each touch, by system and running number.",
    }


def _reactivation_truths(world: World) -> None:
    """When the silent leads came back, if they did."""
    silent = {lead.no: lead for lead in world.leads if lead.is_silent}
    back: dict[str, int] = {}
    for touch in world.touches:
        if touch.lead and touch.lead.no in silent and touch.is_inbound:
            back.setdefault(touch.lead.no, touch.at)
    due = [no for no, lead in silent.items() if lead.acknowledged + REACTION_SECONDS <= END]
    world.truths["silent_leads"] |= {
        "due": due,
        "reactivated_at": {no: zulu_text(at) for no, at in sorted(back.items())},
        "delay_hours": {
            no: round((at - silent[no].acknowledged) / 3_600, 4) for no, at in sorted(back.items())
        },
        "activation_ratio": round(len(back) / len(due), 6),
        "reacted_just_in_time": [
            lead.no
            for lead in world.leads
            if int(lead.no[1:]) % JUST_IN_TIME == 7
            and not lead.is_silent
            and lead.acknowledged + REACTION_SECONDS <= END
        ],
        "meaning": "No inbound touch within 48 h of first_touch. All other leads older than two "
        "days had one. due: those whose 48 hours are over; reactivated: the first inbound touch "
        "came later; activation_ratio: reactivated of due. Reacted just in time: a minute before "
        "the 48 hours were over.",
    }
