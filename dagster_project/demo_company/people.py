"""Teams, reps, customer firms and the people who work there."""

from __future__ import annotations

import random

from .clock import local_text
from .random_source import pick, scalar_random, working_time
from .records import Account, JobChange, Person, Rep, Team, World
from .sizes import COUNT_DAYS, DAY, END, NIGHT_JOB, START, Size
from .vocabulary import (
    ABROAD,
    CITIES,
    FAMILY,
    FIRM_KIND_EN,
    FIRM_KIND_ZH,
    FIRM_MARKS_ZH,
    FIRM_ROOTS_EN,
    FIRM_ROOTS_ZH,
    FIRST_NAMES,
    GIVEN,
    INDUSTRIES,
    LAST_NAMES,
    LEVELS,
    SKILLS,
    TEAMS,
    TITLES_EN,
    TITLES_ZH,
)

COUNT_GAMING_REPS = 3
DECISION_MAKERS = ("executive", "director")
LEAVING = END - 5 * DAY - 20 * 3_600
"""When the contacts of some stalled leads left: after all that they read."""


def person_name(rng: random.Random, is_chinese: bool) -> str:
    if is_chinese:
        return rng.choice(FAMILY) + rng.choice(GIVEN)
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def add_staff(world: World, size: Size) -> None:
    """Teams and reps. The gaming reps are the second rep of the first three teams."""
    rng = scalar_random(world.seed, "staff")
    for number in range(size.teams):
        _, name, region = TEAMS[number % len(TEAMS)]
        group = number // len(TEAMS)
        is_chinese = region not in ABROAD
        world.teams.append(
            Team(
                f"G{number + 1:02d}",
                f"{name}{group + 1}组" if group else name,
                region,
                person_name(rng, is_chinese),
            )
        )
    for number in range(size.teams * size.reps_per_team):
        team = world.teams[number % size.teams]
        skills = [(skill, rng.randint(1, 5)) for skill in rng.sample(SKILLS, 3)]
        world.reps.append(
            Rep(
                f"U{number + 1:04d}",
                person_name(rng, team.region not in ABROAD),
                team,
                f"u{number + 1:04d}@ourcompany.example",
                START - rng.randint(60, 2_400) * DAY,
                skills,
                is_gaming=number // size.teams == 1 and number % size.teams < COUNT_GAMING_REPS,
            )
        )


def _firm_names(rng: random.Random, industry: str, city: str, number: int) -> tuple[str, str, str]:
    """(CRM name, ERP name, domain stem) of a Chinese firm; each system spells it in its way."""
    root = FIRM_ROOTS_ZH[number % len(FIRM_ROOTS_ZH)]
    mark = number // len(FIRM_ROOTS_ZH)
    tail = FIRM_MARKS_ZH[mark % len(FIRM_MARKS_ZH)] if mark else ""
    tail += FIRM_MARKS_ZH[mark // len(FIRM_MARKS_ZH)] if mark >= len(FIRM_MARKS_ZH) else ""
    kind = rng.choice(FIRM_KIND_ZH[industry])
    short = city.removesuffix("市")
    crm_name = f"{short}{root}{tail}{kind}有限公司"
    erp_name = rng.choice(
        (
            f"{root}{tail}{kind}（{short}）有限公司",
            f"{short}{root}{tail}{kind}有限责任公司",
            f"{short}市{root}{tail}{kind}有限公司 ",
        )
    )
    return crm_name, erp_name, f"firm{number:05d}"


def _firm_names_abroad(rng: random.Random, industry: str, number: int) -> tuple[str, str, str]:
    root = FIRM_ROOTS_EN[number % len(FIRM_ROOTS_EN)]
    kind = rng.choice(FIRM_KIND_EN[industry])
    mark = number // len(FIRM_ROOTS_EN)
    name = f"{root} {kind}" + (f" {mark + 1}" if mark else "")
    erp_name = rng.choice((f"{name.upper()} INC", f"{name}, Inc.", f"{root[:3]}. {kind} Intl"))
    return f"{name} Inc.", erp_name, f"{root.lower()}{number}"


def add_accounts(world: World, size: Size) -> None:
    rng = scalar_random(world.seed, "accounts")
    for number in range(1, size.accounts + 1):
        team = pick(rng, world.teams, [3 if t.region not in ABROAD else 2 for t in world.teams])
        owner = rng.choice([rep for rep in world.reps if rep.team is team])
        industry = pick(rng, INDUSTRIES, (32, 30, 22, 16))
        province, city = rng.choice(CITIES[team.region])
        is_chinese = team.region not in ABROAD
        country, currency = ABROAD.get(team.region, ("China", "CNY"))
        if is_chinese:
            name, erp_name, stem = _firm_names(rng, industry, city, number)
        else:
            name, erp_name, stem = _firm_names_abroad(rng, industry, number)
        tier = pick(rng, ("strategic", "key", "standard"), (8, 27, 65))
        employees = int(rng.lognormvariate(5.4, 0.9) * {"strategic": 8, "key": 3}.get(tier, 1)) + 5
        tax_id = f"91{310000 + number % 9000}MA{number:06d}K{number % 10}"
        if not is_chinese:
            tax_id = f"{country[:2].upper()}{100000000 + number * 37}"
        world.accounts.append(
            Account(
                no=f"A{number:05d}",
                name=name,
                erp_no=f"C{(number * 7919) % 1_000_003:07d}",
                erp_name=erp_name,
                industry=industry,
                region=team.region,
                province=province,
                city=city,
                country=country,
                currency=currency,
                employees=employees,
                revenue=employees * rng.randint(250, 900) * 1_000,
                tier=tier,
                tax_id=tax_id,
                domain=f"{stem}.example",
                phone=f"0{rng.randint(10, 99)}-{60000000 + number * 13}",
                owner=owner,
                created=working_time(rng, START - rng.randint(20, 900) * DAY),
                is_chinese=is_chinese,
            )
        )
    _add_parents(world, rng)


def _add_parents(world: World, rng: random.Random) -> None:
    """About one firm in twelve belongs to a group whose head has a smaller number: no cycles."""
    for position, account in enumerate(world.accounts):
        if position > 10 and rng.random() < 0.08:
            account.parent = world.accounts[rng.randrange(position // 2)].no
    world.truths["subsidiaries"] = {
        "count": sum(account.parent is not None for account in world.accounts),
        "sql": "CRM account with a parent account",
    }


def add_persons(world: World, count_cold: int) -> None:
    """Four or five people per account, and ``count_cold`` more who never answer."""
    rng = scalar_random(world.seed, "persons")

    def add(account: Account, is_cold: bool) -> None:
        number = len(world.persons) + 1
        level = pick(rng, LEVELS, (12, 20, 30, 38))
        titles = TITLES_ZH if account.is_chinese else TITLES_EN
        person = Person(
            no=f"P{number:06d}",
            account=account,
            name=person_name(rng, account.is_chinese),
            title=rng.choice(titles[level]),
            level=level,
            mail=f"p{number}@{account.domain}",
            mobile=f"13{800000000 + number * 7:09d}",
            chat_id=f"wm{number * 104_729 % 10_000_019:08x}" if account.is_chinese else None,
            login=None if is_cold or rng.random() > 0.3 else f"user{number}",
            created=account.created + rng.randint(0, 15) * DAY,
            is_cold=is_cold,
        )
        account.persons.append(person)
        world.persons.append(person)

    for account in world.accounts:
        for _ in range(rng.randint(3, 6)):
            add(account, False)
    for _ in range(count_cold):
        add(rng.choice(world.accounts), True)


def _managers_of_open_deals(world: World, taken: set[str]) -> list[Person]:
    """Three people below the level of decision makers, whose deals have been open for weeks."""
    found: dict[str, Person] = {}
    for deal in world.deals:
        person = deal.person
        is_free = person.no not in taken and not (deal.lead and deal.lead.story)
        is_old = deal.closed is None and deal.created < END - 20 * DAY
        if is_old and is_free and person.level == "manager":
            found.setdefault(person.no, person)
    return [found[no] for no in sorted(found)[:3]]


def plan_job_changes(world: World) -> list[dict[str, object]]:
    """People who changed title or employer; written over in the CRM, kept in its history table.

    Must run after the deals are known: ten of the changes hit a decision maker of an open deal
    within the last 60 days.
    """
    rng = scalar_random(world.seed, "job changes")
    told = {lead.person.no: lead for lead in world.leads if lead.story}
    open_deciders: dict[str, Person] = {}
    oldest: dict[str, int] = {}
    for deal in world.deals:
        if deal.closed is None and deal.person.level in DECISION_MAKERS:
            open_deciders.setdefault(deal.person.no, deal.person)
            oldest[deal.person.no] = min(deal.created, oldest.get(deal.person.no, END))
    long_open = [no for no in sorted(open_deciders) if oldest[no] < END - 8 * DAY]
    urgent = [open_deciders[no] for no in long_open if no not in told][:10]
    others = [
        person
        for person in world.persons
        if not person.is_cold and person.no not in open_deciders and person.no not in told
    ]
    leaving = [
        lead.person
        for lead in world.leads
        if lead.story and lead.story.kind == "decision_maker_left"
    ]
    usual = rng.sample(others, min(len(others), max(10, len(world.accounts) // 8)))
    rows: list[dict[str, object]] = []
    managers = _managers_of_open_deals(world, {person.no for person in usual + leaving})
    for person in urgent + usual + leaving + managers:
        days_ago = rng.randint(70, COUNT_DAYS - 40)
        if person in urgent:
            # The oldest of the open deals was there before; weekends move a change by two days.
            days_ago = rng.randint(3, min(55, (END - oldest[person.no]) // DAY - 3))
        elif person in managers:
            days_ago = rng.randint(3, 12)
        at = working_time(rng, END - days_ago * DAY)
        titles = TITLES_ZH if person.account.is_chinese else TITLES_EN
        moves = person not in managers and rng.random() < 0.4
        target = rng.choice(world.accounts) if moves else person.account
        if person in leaving:
            at = LEAVING
            target = next(account for account in world.accounts if account is not person.account)
        moves = target is not person.account
        level = rng.choice(("executive", "director"))
        old_title = person.title
        new_title = f"{rng.choice(titles[level])}{'（新任）' if person.account.is_chinese else ''}"
        rows.append(
            {
                "hist_no": f"H{len(rows) + 1:05d}",
                "person_no": person.no,
                "old_acc_no": person.account.no,
                "new_acc_no": target.no,
                "old_title": old_title,
                "new_title": new_title,
                "chg_time": local_text(at),
                "updated_at": local_text(at if rows else NIGHT_JOB),
            }
        )
        person.title = new_title
        person.updated = at
        person.moved_to = target if moves else None
        world.job_changes.append(
            JobChange(str(rows[-1]["hist_no"]), person, at, person.account, target)
        )
    world.truths["job_changes"] = {
        "count": len(rows),
        "decision_makers_on_open_deals": sorted(
            {person.no for person in urgent + leaving if person.no in open_deciders}
        ),
        "changed_employer": sorted(
            str(row["person_no"]) for row in rows if row["old_acc_no"] != row["new_acc_no"]
        ),
        "meaning": "Contacts of open deals at executive or director level whose title or employer "
        "changed in the 60 days before the as-of day; others are below that level or changed "
        "earlier. intent_signals.decision_maker_change has every change with its opportunities.",
    }
    return rows
