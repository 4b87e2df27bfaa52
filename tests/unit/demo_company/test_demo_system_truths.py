"""The truths about ERP, chat, projects and the platform, recomputed from what was written."""

from __future__ import annotations

import csv
import difflib
import io
import statistics
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from tests.unit.demo_company.company import Company


def table(company: Company, name: str, encoding: str = "utf-8", delimiter: str = ",") -> list[Any]:
    text = (company.folder / "projects" / name).read_bytes().decode(encoding)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if len(row) == len(rows[0])]


def sheet(company: Company, name: str) -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(company.folder / "projects" / name, read_only=True)
    header, *rows = book.worksheets[0].iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_totals_of_orders(small: Company) -> None:
    totals = small.key["totals"]["orders"]
    net = small.rows(
        "erp",
        "select fcur, round(sum(famount), 2) from t_sal_orderentry group by fcur order by fcur",
    )
    assert dict(net) == totals["net_amount_by_currency"]
    ((lines, cancelled),) = small.rows(
        "erp", "select count(*), sum(fqty < 0) from t_sal_orderentry"
    )
    assert (lines, cancelled) == (totals["lines"], totals["cancelled_lines"])
    ((orders, customers),) = small.rows(
        "erp", "select count(*), count(distinct fcustno) from t_sal_order"
    )
    assert (orders, customers) == (totals["count"], totals["customers"])


def test_orders_point_at_won_deals(small: Company) -> None:
    won = {
        number for (number,) in small.rows("crm", "select deal_no from crm_deal where stage='SIGN'")
    }
    ordered = [
        number
        for (number,) in small.rows(
            "erp", "select fsrcdealno from t_sal_order where fsrcdealno is not null"
        )
    ]
    assert set(ordered) <= won
    assert len(ordered) == len(set(ordered))
    assert len(ordered) > len(won) * 0.9


def test_customers_of_crm_and_erp_can_be_joined(small: Company) -> None:
    links = small.truth("crm_erp_links")["customers"]
    accounts = {
        row[0]: row[1:]
        for row in small.rows("crm", "select acc_no, uscc, tel, site, acc_name from crm_account")
    }
    different_names = 0
    for number, tax, phone, mail, name in small.rows(
        "erp", "select fcustno, ftaxregno, ftel, femail, fname from t_bd_customer"
    ):
        uscc, tel, site, crm_name = accounts[links[number]["account"]]
        different_names += name != crm_name
        evidence = links[number]["evidence"]
        if evidence == "tax_id":
            assert tax == uscc or (uscc is None and phone == tel)
        elif evidence == "phone":
            assert tax is None and phone == tel
        elif evidence == "domain":
            assert mail.split("@")[1] in site
        else:
            assert (tax, phone, mail) == (None, None, None)
    assert different_names > len(links) * 0.9
    assert set(links) == {n for (n,) in small.rows("erp", "select fcustno from t_bd_customer")}


def test_orders_of_deals_go_to_the_customer_of_the_deal(small: Company) -> None:
    links = small.truth("crm_erp_links")["customers"]
    account_of = dict(small.rows("crm", "select deal_no, acc_no from crm_deal"))
    for deal, customer in small.rows(
        "erp", "select fsrcdealno, fcustno from t_sal_order where fsrcdealno is not null"
    ):
        assert account_of[deal] == links[customer]["account"]


def test_near_expiry_batches(small: Company) -> None:
    truth = small.truth("near_expiry_batches")
    limit = (date(2026, 6, 30) + timedelta(days=truth["within_days"])).strftime("%Y%m%d")
    near = small.rows(
        "erp", "select fbatchno from t_stk_batch where fexpdate <= ? order by 1", limit
    )
    assert [number for (number,) in near] == truth["batches"]
    expiring = small.rows(
        "erp",
        "select count(*) from t_stk_batch join t_bd_material using (fitemno) "
        "where fshelflife is null",
    )
    assert expiring == [(0,)], "only what has a shelf life expires"


def test_delivery_risks(small: Company) -> None:
    risks = small.rows(
        "erp",
        """
        select fbillno from t_sal_order join t_prd_mo using (fbillno)
        where fplanfinish > freqdate
            and not exists (
                select 1 from t_sal_delivery
                where t_sal_delivery.fbillno = t_sal_order.fbillno and fsigndate is not null
            )
        order by 1
        """,
    )
    assert [number for (number,) in risks] == sorted(small.truth("delivery_risks")["orders"])
    assert len(risks) == small.truth("delivery_risks")["count"] >= 8


def test_islands_fade(small: Company) -> None:
    truth = small.truth("islands")
    typed = small.rows(
        "erp",
        "select fbillno from t_sal_order where fsrcdealno is not null and fsource = 'MANUAL' "
        "order by 1",
    )
    assert [number for (number,) in typed] == truth["orders"]
    by_year = dict(
        small.rows(
            "erp",
            "select substr(fdate, 1, 4), avg(fsource = 'MANUAL') from t_sal_order "
            "where fsrcdealno is not null group by 1",
        )
    )
    assert by_year["2025"] > 0.35
    assert by_year["2026"] < 0.2


def test_unknown_order_status(small: Company) -> None:
    found = small.rows("erp", "select fbillno from t_sal_order where fstatus = 'X7' order by 1")
    assert [number for (number,) in found] == small.fault("unknown_order_status")["orders"]


def test_chat_contacts_can_be_joined(small: Company) -> None:
    links = small.truth("crm_chat_links")["contacts"]
    persons = {
        row[0]: row[1:]
        for row in small.rows(
            "crm", "select person_no, wx_ext_id, mobile, full_name from crm_person"
        )
    }
    contacts = list(small.lines("chat/contacts.jsonl"))
    assert {row["ext_userid"] for row in contacts} == set(links)
    for row in contacts:
        link = links[row["ext_userid"]]
        chat_id, mobile, name = persons[link["person"]]
        if link["evidence"] == "chat_id":
            assert chat_id == row["ext_userid"]
        elif link["evidence"] == "mobile":
            assert chat_id is None and row["mobile"] == mobile
        else:
            assert chat_id is None and row["mobile"] is None and row["name"] == name


def test_planted_faults_of_chat_and_mail(small: Company) -> None:
    ids = Counter(row["msgid"] for row in small.lines("chat/messages-*.jsonl"))
    totals = small.key["totals"]["chat"]
    assert (sum(ids.values()), len(ids)) == (totals["lines"], totals["messages"])
    assert ids.total() - len(ids) == small.fault("redelivered_chat_messages")["count"]
    fault = small.fault("broken_mail_lines")
    path = small.folder / "mail" / fault["file"]
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(line in lines for line in fault["lines"])
    good = list(small.lines("mail/journal-*.jsonl"))
    assert len(good) == small.key["totals"]["mail"]["messages"]
    all_lines = sum(
        len(file.read_text(encoding="utf-8").splitlines())
        for file in (small.folder / "mail").glob("journal-*.jsonl")
    )
    assert all_lines == len(good) + fault["count"]


def test_texts_of_both_languages_name_budget_and_finance(small: Company) -> None:
    texts = [row["body"] or "" for row in small.lines("mail/journal-*.jsonl")]
    for words in (
        "预算",
        "需要和财务确认",
        "budget",
        "check with finance",
        "我周五之前",
        "by Friday",
    ):
        assert sum(words in text for text in texts) > 5


def test_influential_sharers(small: Company) -> None:
    truth = small.truth("influential_sharers")
    counts = Counter(row["crm_person"] for row in small.lines("community/shares.jsonl"))
    strong = sorted(person for person, count in counts.items() if count >= truth["shares_from"])
    assert strong == truth["persons"]
    assert len(counts) - len(strong) == truth["count_noise"] > len(strong)


def test_community_and_live_sessions(small: Company) -> None:
    posts = list(small.lines("community/posts.jsonl"))
    unanswered = [row["post_id"] for row in posts if row["kind"] == "Q" and not row["answered"]]
    assert unanswered == small.truth("open_community_questions")["posts"]
    attendance = list(small.lines("community/attendance.jsonl"))
    askers = [row["attendance_id"] for row in attendance if row["questions"] > 2]
    assert askers == small.truth("live_session_askers")["attendances"]
    without = sum("crm_person" not in row for row in attendance)
    assert without == small.fault("attendance_without_person")["count"]


def test_teams_form_and_answer_faster(small: Company) -> None:
    hours: dict[str, list[float]] = defaultdict(list)
    days: dict[str, list[float]] = defaultdict(list)
    needed = {}
    for row in table(small, "projects.csv"):
        needed[row["project_id"]] = datetime.fromisoformat(row["needed"])
        wait = datetime.fromisoformat(row["formed"]) - needed[row["project_id"]]
        hours[row["needed"][:7]].append(wait.total_seconds() / 3_600)
    for row in table(small, "milestones.csv"):
        if row["milestone"] == "first answer" and row["reached"]:
            wait = datetime.fromisoformat(row["reached"]) - needed[row["project"]]
            days[f"{needed[row['project']]:%Y-%m}"].append(wait.total_seconds() / 86_400)
    first, last = min(hours), max(hours)
    assert statistics.mean(hours[first]) / 24 == pytest.approx(7.2, abs=0.02)
    assert statistics.mean(hours[last]) == pytest.approx(4.2, abs=0.02)
    assert statistics.mean(days[first]) == pytest.approx(11.3, abs=0.02)
    assert statistics.mean(days[last]) == pytest.approx(4.2, abs=0.02)


def test_fast_and_vetoed_projects(small: Company) -> None:
    fast = {
        row["project_id"]
        for row in table(small, "projects.csv")
        if datetime.fromisoformat(row["formed"]) - datetime.fromisoformat(row["needed"])
        < timedelta(hours=2)
    }
    vetoed = {row["Project"] for row in sheet(small, "gates.xlsx") if row["Result"] == "VETO"}
    assert sorted(fast & vetoed) == small.truth("hasty_vetoed_projects")["projects"]
    assert len(vetoed - fast) > 3, "slow teams are vetoed as well"


def test_contributions_of_a_team_add_up_to_one(small: Company) -> None:
    shares: dict[str, float] = defaultdict(float)
    for row in table(small, "members.csv", delimiter=";"):
        shares[row["project"]] += float(row["share"])
    assert all(total == pytest.approx(1, abs=0.005) for total in shares.values())


def test_copied_practices(small: Company) -> None:
    cards = table(small, "knowledge.csv", "gb18030")
    practices = [row for row in cards if row["类别"] == "实践"]
    words = {row["编号"]: row["方案"].split() for row in practices}
    numbers = sorted(words)
    found = [
        [one, other]
        for position, one in enumerate(numbers)
        for other in numbers[position + 1 :]
        if sum(a == b for a, b in zip(words[one], words[other], strict=True)) >= 20
    ]
    truth = small.truth("copied_practices")
    assert sorted(found) == sorted(truth["pairs"])
    owner = {row["编号"]: row["作者工号"] for row in practices}
    for one, other in found:
        ratio = difflib.SequenceMatcher(None, words[one], words[other]).ratio()
        assert ratio == pytest.approx(truth["similarity"])
        assert owner[other] == truth["rep"]


def test_knowledge_reuse(small: Company) -> None:
    copies = {copy for _, copy in small.truth("copied_practices")["pairs"]}
    used = {row["card"] for row in table(small, "knowledge_uses.csv")}
    for track, name, reference in (("实践", "practice", 0.674), ("标准", "standard", 0.82)):
        cards = {
            row["编号"]
            for row in table(small, "knowledge.csv", "gb18030")
            if row["类别"] == track and row["编号"] not in copies
        }
        assert [len(cards & used), len(cards)] == small.truth("knowledge_reuse")[name]
        assert len(cards & used) / len(cards) == pytest.approx(reference, abs=0.005)


def test_points_ledger_balances(small: Company) -> None:
    truth = small.truth("points_ledger")
    balance: dict[str, int] = defaultdict(int)
    lowest = 0
    for row in sorted(table(small, "points.csv"), key=lambda row: row["booked_at"]):
        balance[row["employee"]] += int(row["points"])
        lowest = min(lowest, balance[row["employee"]])
    assert lowest == 0
    assert sum(balance.values()) == truth["sum"]
    assert {rep: points for rep, points in balance.items() if points} == truth["balance_by_rep"]


def test_broken_points_line(small: Company) -> None:
    fault = small.fault("broken_points_line")
    lines = (small.folder / "projects" / "points.csv").read_text(encoding="utf-8").splitlines()
    assert lines[fault["line_number"] - 1] == fault["line"]
    assert fault["line"].count(",") > lines[0].count(",")
    others = [line for line in lines if line.count(",") != lines[0].count(",")]
    assert others == [fault["line"]]


def test_price_cuts_with_one_reviewer(small: Company) -> None:
    truth = small.truth("price_cuts_with_one_reviewer")
    found = small.rows(
        "platform",
        """
        select sugg_id from ai_suggestion join ai_verdict using (sugg_id)
        where price_cut_pct > ? and verdict in ('Y', 'M')
        group by sugg_id
        having count(distinct user_no) < 2
        order by 1
        """,
        truth["above_percent"],
    )
    assert [number for (number,) in found] == truth["suggestions"]
    assert len(found) == 4


def test_adoption_and_triggers_rise(small: Company) -> None:
    adoption = small.rows(
        "platform",
        "select substr(created_utc, 1, 4), avg(verdict = 'Y') from ai_suggestion "
        "join ai_verdict using (sugg_id) where role = 'rep' group by 1 order by 1",
    )
    assert [year for year, _ in adoption] == ["2025", "2026"]
    assert adoption[1][1] > adoption[0][1] + 0.1
    fired: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, value in small.rows(
        "platform", "select substr(at_utc, 1, 7), fired from biz_event where seen_in <> 'crm'"
    ):
        fired[name][0] += value
        fired[name][1] += 1
    told = small.truth("event_trigger_success")["fired_and_all_by_month"]
    assert {month: counts[1] for month, counts in fired.items()} == {
        month: counts[1] for month, counts in told.items()
    }
    assert (
        fired["2026-05"][0] / fired["2026-05"][1]
        > 0.9
        > 0.75
        > (fired["2025-02"][0] / fired["2025-02"][1])
    )


def test_field_notes_and_policies(small: Company) -> None:
    notes = small.rows("platform", "select note_id from field_note where against_portrait = 1")
    assert [number for (number,) in notes] == small.truth("contradicted_portraits")["notes"]
    policies = list(small.lines("policy/policy-*.jsonl"))
    upcoming = [row["doc_no"] for row in policies if row["effective"] > "2026-07-01T00:00:00Z"]
    assert upcoming == small.truth("upcoming_policies")["policies"]
    fault = small.fault("unknown_code_policy_industry")
    assert sum(row["trade"] == fault["code"] for row in policies) == fault["count"]
