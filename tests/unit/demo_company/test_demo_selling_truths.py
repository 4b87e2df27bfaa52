"""The truths about leads, deals and touches stand in the CRM, recomputed from its tables."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.unit.demo_company.company import Company

SHANGHAI = timezone(timedelta(hours=8))


def utc(text: str) -> datetime:
    """A naive CRM time."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def month(text: str) -> str:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return moment.astimezone(UTC).strftime("%Y-%m")


def test_totals_of_leads(small: Company) -> None:
    totals = small.key["totals"]["leads"]
    ((current, converted, answered, without),) = small.rows(
        "crm",
        "select count(*), sum(state = '40'), count(first_resp_at), sum(acc_no is null) "
        "from crm_lead where del_flag = 0",
    )
    assert (current, converted, answered, without) == (
        totals["current"],
        totals["converted"],
        totals["answered"],
        totals["without_account"],
    )


def test_silent_leads(small: Company) -> None:
    silent = small.rows(
        "crm",
        """
        select lead_no from crm_lead
        where del_flag = 0 and first_touch_at is not null
            and first_touch_at < '2026-06-28 23:59:59'
            and not exists (
                select 1 from crm_task
                where crm_task.lead_no = crm_lead.lead_no and in_out = 'I'
                    and julianday(done_at) - julianday(first_touch_at) between 0 and 2
            )
        """,
    )
    found = {number for (number,) in silent}
    planted = set(small.truth("silent_leads")["leads"])
    young = {
        number
        for (number,) in small.rows(
            "crm", "select lead_no from crm_lead where first_touch_at >= '2026-06-28 23:59:59'"
        )
    }
    assert found == planted - young
    assert 200 < len(planted) == small.truth("silent_leads")["count"] < 400


@pytest.mark.parametrize("norm_days", [15, 25, 38])
def test_stalled_high_intent_leads(small: Company, norm_days: int) -> None:
    found = small.rows(
        "crm",
        """
        select crm_lead.lead_no from crm_lead join crm_task using (lead_no)
        where crm_lead.del_flag = 0 and state in ('10', '20', '30') and hot_lvl = 'H'
        group by crm_lead.lead_no
        having julianday('2026-07-01') - julianday(max(done_at)) > ?
        """,
        norm_days,
    )
    assert {number for (number,) in found} == set(small.truth("stalled_high_intent_leads")["leads"])


def test_label_gaming(small: Company) -> None:
    truth = small.truth("label_gaming")
    per = truth["cny_per"]
    rows = small.rows(
        "crm", "select lead_no, owner_no, est_amt, cur, created_at, hot_lvl from crm_lead"
    )
    change = datetime.fromisoformat(truth["rule_change_at"])
    valuable = [row for row in rows if row[2] * per[row[3]] >= truth["high_value_cny"]]
    low = [row for row in valuable if row[5] == "L"]
    assert {row[1] for row in low} == set(truth["reps"])
    assert sorted(row[0] for row in low) == sorted(truth["leads"])
    assert min(utc(row[4]) for row in low) >= change
    before = [row for row in valuable if row[1] in truth["reps"] and utc(row[4]) < change]
    assert before, "the same reps had valuable leads before the rule change"


def test_response_time_falls_as_told(small: Company) -> None:
    waits: dict[str, list[float]] = defaultdict(list)
    for created, answered in small.rows(
        "crm",
        "select created_at, first_resp_at from crm_lead "
        "where del_flag = 0 and first_resp_at is not null",
    ):
        waits[month(created)].append((utc(answered) - utc(created)).total_seconds() / 60)
    assert statistics.median(waits["2025-01"]) == pytest.approx(47.0, abs=0.05)
    assert statistics.median(waits["2026-06"]) == pytest.approx(11.4, abs=0.05)


def test_totals_of_deals(small: Company) -> None:
    totals = small.key["totals"]["deals"]
    ((count, won, lost),) = small.rows(
        "crm", "select count(*), sum(stage = 'SIGN'), sum(stage = 'DEAD') from crm_deal"
    )
    assert (count, won, lost) == (totals["count"], totals["won"], totals["lost"])
    amounts = small.rows(
        "crm", "select cur, sum(amt) from crm_deal where stage = 'SIGN' group by cur order by cur"
    )
    assert dict(amounts) == totals["won_amount_by_currency"]
    assert 0.20 < won / (won + lost) < 0.35


def test_stage_log_ends_in_the_stage_of_the_deal(small: Company) -> None:
    last = dict(
        small.rows("crm", "select deal_no, to_stage from crm_deal_stage_log order by in_at")
    )
    stages = dict(small.rows("crm", "select deal_no, stage from crm_deal"))
    frozen = small.fault("unknown_stage")
    different = {number for number, stage in stages.items() if last[number] != stage}
    assert different == set(frozen["deals"])
    assert {stages[number] for number in different} == {frozen["stage"]}


def test_referral_share_of_high_value_deals(small: Company) -> None:
    truth = small.truth("referrals")
    high = [
        referrer
        for amount, currency, referrer in small.rows(
            "crm", "select amt, cur, ref_acc_no from crm_deal"
        )
        if amount >= truth["high_value_from"][currency]
    ]
    referred = sum(referrer is not None for referrer in high)
    assert (referred, len(high)) == (truth["count_high_value_referred"], truth["count_high_value"])
    assert referred / len(high) == pytest.approx(0.738, abs=0.5 / len(high) + 1e-9)


def test_referral_graph_has_hubs(small: Company) -> None:
    truth = small.truth("referrals")
    edges = small.rows(
        "crm",
        "select ref_acc_no, acc_no from crm_deal where ref_acc_no is not null group by 1, 2",
    )
    graph: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        assert source != target
        graph[source].append(target)
    assert {source: sorted(targets) for source, targets in graph.items()} == truth["edges"]
    counts = Counter(
        number
        for (number,) in small.rows(
            "crm", "select ref_acc_no from crm_deal where ref_acc_no is not null"
        )
    )
    assert {hub for hub, _ in counts.most_common(5)} == set(truth["hub_accounts"])


def test_automatic_capture_rises_as_told(small: Company) -> None:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    touches = [
        (month(at), source == "auto")
        for at, source in small.rows("crm", "select done_at, source from crm_task")
    ]
    messages = {row["msgid"]: row for row in small.lines("chat/messages-*.jsonl")}
    touches += [(month(row["msgtime"]), row["capture"] == "auto") for row in messages.values()]
    touches += [
        (month(row["sent"]), row["captured_by"] == "gateway")
        for row in small.lines("mail/journal-*.jsonl")
    ]
    for name, is_automatic in touches:
        counts[name][0] += is_automatic
        counts[name][1] += 1
    assert counts == small.truth("automatic_capture_ratio")["automatic_and_all_by_month"]
    assert counts["2025-01"][0] / counts["2025-01"][1] == pytest.approx(0.32, abs=0.001)
    assert counts["2026-06"][0] / counts["2026-06"][1] == pytest.approx(0.962, abs=0.001)


def test_commerce_follows_the_organisation(small: Company) -> None:
    """The lag that explains response time by capture best is near the planted eight weeks."""

    def week(text: str) -> int:
        return (utc(text) - datetime(2025, 1, 1, tzinfo=UTC)).days // 7

    capture: dict[int, list[int]] = defaultdict(list)
    for at, source in small.rows("crm", "select done_at, source from crm_task"):
        capture[week(at)].append(source == "auto")
    waits: dict[int, list[float]] = defaultdict(list)
    for created, answered in small.rows(
        "crm", "select created_at, first_resp_at from crm_lead where first_resp_at is not null"
    ):
        waits[week(created)].append((utc(answered) - utc(created)).total_seconds())
    organisation = [statistics.mean(capture[w]) for w in range(77)]
    speed = [-statistics.median(waits[w]) for w in range(77)]

    def fit(lag: int) -> float:
        pairs = [(organisation[w - lag], speed[w]) for w in range(16, 77 - 8) if 0 <= w - lag < 77]
        return statistics.correlation(*zip(*pairs, strict=True))

    best = max(range(-8, 17), key=fit)
    assert abs(best - small.key["story"]["lag_weeks"]) <= 3
    assert fit(8) > fit(0) + 0.02
    assert fit(8) > fit(-8) + 0.1


def test_job_changes_of_decision_makers(small: Company) -> None:
    found = small.rows(
        "crm",
        """
        select distinct crm_person_history.person_no
        from crm_person_history
        join crm_deal using (person_no)
        join crm_person using (person_no)
        where stage not in ('SIGN', 'DEAD') and dec_lvl in ('E', 'D')
            and chg_time >= '2026-05-01'
        order by 1
        """,
    )
    truth = small.truth("job_changes")
    assert [number for (number,) in found] == truth["decision_makers_on_open_deals"]
    moved = small.rows(
        "crm", "select person_no, new_acc_no from crm_person_history where old_acc_no <> new_acc_no"
    )
    assert sorted(number for number, _ in moved) == truth["changed_employer"]
    now = dict(small.rows("crm", "select person_no, acc_no from crm_person"))
    assert all(now[number] == account for number, account in moved), "the CRM overwrites"


def test_over_contact_before_optout(small: Company) -> None:
    optouts = dict(small.rows("crm", "select person_no, opt_at from crm_optout"))
    chat_ids = {
        row["ext_userid"]: person["person"]
        for row in small.lines("chat/contacts.jsonl")
        for person in [small.truth("crm_chat_links")["contacts"][row["ext_userid"]]]
    }
    person_of_mail = dict(small.rows("crm", "select email, person_no from crm_person"))
    touches: dict[str, list[datetime]] = defaultdict(list)
    for person, at in small.rows("crm", "select person_no, done_at from crm_task where in_out='O'"):
        touches[person].append(utc(at))
    for row in {r["msgid"]: r for r in small.lines("chat/messages-*.jsonl")}.values():
        if not row["from_ext"]:
            touches[chat_ids[row["ext_userid"]]].append(datetime.fromisoformat(row["msgtime"]))
    for row in small.lines("mail/journal-*.jsonl"):
        if row["direction"] == "out":
            touches[person_of_mail[row["to"]]].append(datetime.fromisoformat(row["sent"]))
    truth = small.truth("over_contact_optouts")
    found = [
        person
        for person, opted in optouts.items()
        if sum(timedelta(0) <= utc(opted) - at <= timedelta(days=7) for at in touches[person])
        >= truth["touches_from"]
    ]
    assert sorted(found) == truth["contacts"]
    assert len(found) < len(optouts) == truth["count_all_optouts"]


def test_promotion_approvals(small: Company) -> None:
    minutes: dict[str, list[float]] = defaultdict(list)
    for asked, decided in small.rows(
        "crm",
        "select applied_at, finished_at from crm_approval "
        "where appr_type = 'PROMO' and finished_at is not null",
    ):
        minutes[asked[:7]].append((utc(decided) - utc(asked)).total_seconds() / 60)
    assert statistics.median(minutes["2025-01"]) == pytest.approx(5.2 * 1440, rel=0.02)
    assert statistics.median(minutes["2026-06"]) == pytest.approx(47, rel=0.02)


def test_planted_faults_of_the_crm(small: Company) -> None:
    pairs = small.fault("duplicate_leads")["pairs"]
    same = "topic, acc_no, person_no, est_amt, created_at, state"
    for first, second in pairs:
        values = small.rows("crm", f"select {same} from crm_lead where lead_no = ?", first)
        assert values == small.rows("crm", f"select {same} from crm_lead where lead_no = ?", second)
    deleted = small.rows("crm", "select lead_no from crm_lead where del_flag = 1 order by 1")
    assert [number for (number,) in deleted] == small.fault("soft_deleted_leads")["leads"]
    unknown = small.rows("crm", "select lead_no from crm_lead where src = 'DOUYIN' order by 1")
    assert [n for (n,) in unknown] == small.fault("unknown_code_lead_source")["leads"]
    ((late,),) = small.rows(
        "crm",
        "select count(*) from crm_task where julianday(created_at) - julianday(done_at) > 10",
    )
    assert late == small.fault("late_crm_tasks")["count"] > 0
