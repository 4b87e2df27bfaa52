"""WeCom customer contact against a loopback server shaped after its documentation.

The server shows the members in its visible range only, leaves out those without a licence, knows
no unionid of newer customers, and tells errors with status 200.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from dagster_project.connectors.check import check_source, exit_code
from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation

SECRET, DIRECTORY = "planted-wecom-secret-3391", "planted-directory-secret-17"


class Company:
    def __init__(self) -> None:
        self.members = [f"member{number:03}" for number in range(1, 131)]
        self.visible = self.members[:120]
        self.unlicensed: set[str] = set()
        # follower → customers, each with what WeCom tells of it
        self.customers: dict[str, list[dict[str, Any]]] = {}
        self.has_right = True
        self.refuses_empty = False  # members without customers are an error
        self.count_tokens = 0
        self.tokens: dict[str, str] = {}
        self.server = ApiServer()
        route = self.server.route
        route(r"GET /cgi-bin/gettoken", self.gettoken)
        route(r"GET /cgi-bin/externalcontact/get_follow_user_list", self.follow_users)
        route(r"POST /cgi-bin/externalcontact/batch/get_by_user", self.by_user)
        route(r"POST /cgi-bin/user/list_id", self.list_id)

    def gettoken(self, request: Request) -> Any:
        secret = request.query["corpsecret"]
        if request.query["corpid"] != "ww01" or secret not in (SECRET, DIRECTORY):
            return {
                "errcode": 40001,
                "errmsg": "invalid credential, hint: [1698], from ip: 1.2.3.4",
            }
        self.count_tokens += 1
        token = f"planted-token-{self.count_tokens:04}"
        self.tokens[token] = secret
        return {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200}

    def refused(self, request: Request, secret: str) -> dict[str, Any] | None:
        owner = self.tokens.get(request.query["access_token"])
        if owner is None:
            return {"errcode": 42001, "errmsg": "access_token expired"}
        if owner != secret or not self.has_right:
            return {"errcode": 48002, "errmsg": "api forbidden"}
        return None

    def follow_users(self, request: Request) -> Any:
        return self.refused(request, SECRET) or {
            "errcode": 0,
            "errmsg": "ok",
            "follow_user": self.visible,
        }

    def by_user(self, request: Request) -> Any:
        if problem := self.refused(request, SECRET):
            return problem
        body = request.body
        assert len(body["userid_list"]) <= 100 and body["limit"] <= 100
        without = [m for m in body["userid_list"] if not self.customers.get(m)]
        if self.refuses_empty and without:
            return {"errcode": 84061, "errmsg": "not external contact"}
        found = [
            {"external_contact": customer["contact"], "follow_info": customer["follow"]}
            for member in body["userid_list"]
            if member not in self.unlicensed
            for customer in self.customers.get(member, [])
        ]
        start = int(body["cursor"] or 0)
        answer: dict[str, Any] = {
            "errcode": 0,
            "errmsg": "ok",
            "external_contact_list": found[start : start + body["limit"]],
            "next_cursor": "",
        }
        if len(found) > start + body["limit"]:
            answer["next_cursor"] = str(start + body["limit"])
        unlicensed = sorted(self.unlicensed & set(body["userid_list"]))
        if unlicensed:
            answer["fail_info"] = {"unlicensed_userid_list": unlicensed}
        return answer

    def list_id(self, request: Request) -> Any:
        return self.refused(request, DIRECTORY) or {
            "errcode": 0,
            "errmsg": "ok",
            "next_cursor": "",
            # Members of several departments come once for each.
            "dept_user": [{"userid": m, "department": d} for m in self.members for d in (1, 2)],
        }

    def add(self, member: str, customer: str, **more: Any) -> None:
        follow = {
            "userid": member,
            "remark": "",
            "description": "",
            "createtime": 1_772_366_400,
            "tag_id": ["etAJ"],
            "remark_mobiles": more.pop("mobiles", []),
            "add_way": 1,
        }
        contact = {"external_userid": customer, "name": f"客户 {customer}", "type": 1, **more}
        self.customers.setdefault(member, []).append({"contact": contact, "follow": follow})


@pytest.fixture()
def company() -> Iterator[Company]:
    made = Company()
    with serve(made.server):
        yield made


@pytest.fixture()
def chat(shop: Installation, company: Company, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("WECOM_SECRET", SECRET)
    monkeypatch.setenv("WECOM_DIRECTORY", DIRECTORY)
    shop.sources(
        f"""
        [[source]]
        system = "shop"
        kind = "wecom"
        base_url = "{company.server.url}"
        corp_id = "ww01"
        secret_env = "WECOM_SECRET"
        directory_secret_env = "WECOM_DIRECTORY"
        """
    )
    return shop


def test_customers_of_all_visible_members_come_and_the_coverage_is_told(
    company: Company, chat: Installation
) -> None:
    for index, member in enumerate(company.members):
        for number in range(3):
            company.add(member, f"wm{index:03}{number}")
    company.unlicensed = {"member007"}
    receipts = chat.load()
    assert {r.status for r in receipts.values()} == {"loaded"}
    assert receipts["customers"].rows_loaded == 119 * 3
    for receipt in receipts.values():
        assert (receipt.coverage_seen, receipt.coverage_all) == (119, 130)
        assert "1 members are left out" in receipt.message_en
        assert "1 名成员没有接口许可" in receipt.message_zh
    # One reading serves all tables.
    assert len(company.server.calls("batch/get_by_user")) == 4
    assert chat.query("select count(*), sum(has_licence::int) from {shop.members}") == [(120, 119)]


def test_missing_unionids_are_counted_and_bridged(company: Company, chat: Installation) -> None:
    company.add("member001", "wmOld", unionid="ozynqsulJFCZ", corp_name="东方泵业")
    company.add("member002", "wmOld", unionid="ozynqsulJFCZ")
    company.add("member002", "wmNew", mobiles=["13800000001", "13900000002"])
    company.add("member003", "wmNewer", unionid="")
    receipts = chat.load()
    assert "2 of 3 customers come without unionid" in receipts["customers"].message_en
    assert "3 个客户中有 2 个没有 unionid" in receipts["customers"].message_zh
    assert chat.query("select external_userid, unionid from {shop.customers} order by 1") == [
        ("wmNew", None),
        ("wmNewer", None),
        ("wmOld", "ozynqsulJFCZ"),
    ]
    assert chat.query(
        "select * exclude (_load_id, _loaded_at, _source_file, _source_row, "
        "_is_deleted) from {shop.ids} order by all"
    ) == [
        ("wmNew", "mobile", "13800000001"),
        ("wmNew", "mobile", "13900000002"),
        ("wmOld", "unionid", "ozynqsulJFCZ"),
    ]
    assert chat.query("select count(*), min(createtime) from {shop.follows}") == [
        (4, datetime(2026, 3, 1, 12))  # noqa: DTZ001
    ]


def test_a_member_without_customers_hides_those_of_no_other(
    company: Company, chat: Installation
) -> None:
    company.refuses_empty = True
    for member in company.members[1:]:
        company.add(member, f"wm{member}")
    assert chat.load(tables=["customers"])["customers"].rows_loaded == 119
    # The first 100 were refused together; after that each was asked alone.
    assert len(company.server.calls("batch/get_by_user")) == 1 + 100 + 1
    # The first member is the one that the check asks.
    assert exit_code(check_source(load_sources(chat.settings).source("shop"))) == 1


def test_an_end_of_customers_between_pages_lands_nothing(
    company: Company, chat: Installation
) -> None:
    for number in range(150):
        company.add("member001", f"wm{number}")
    company.server.routes.insert(
        0, (r"POST /cgi-bin/externalcontact/batch/get_by_user", partly(company))
    )
    receipt = chat.load(tables=["customers"])["customers"]
    assert (receipt.status, "84061" in receipt.message_en) == ("failed", True)


def partly(company: Company) -> Any:
    def handle(request: Request) -> Any:
        if request.body["cursor"]:
            return {"errcode": 84061, "errmsg": "not external contact"}
        return company.by_user(request)

    return handle


def test_a_customer_who_left_is_a_tombstone(company: Company, chat: Installation) -> None:
    for number in range(10):
        company.add("member001", f"wm{number}")
    chat.load()
    company.customers["member001"].pop()
    assert chat.load()["customers"].rows_deleted == 1
    assert len(chat.current("customers", "external_userid", "external_userid")) == 9


def test_a_range_that_was_narrowed_is_held_back(company: Company, chat: Installation) -> None:
    for member in company.members:
        company.add(member, f"wm{member}")
    chat.load()
    company.visible = company.members[:20]
    receipt = chat.load()["customers"]
    assert receipt.status == "held_back"
    assert len(chat.current("customers", "external_userid", "external_userid")) == 120


def test_the_token_ends_in_the_middle_and_the_server_is_busy(
    company: Company, chat: Installation
) -> None:
    for number in range(350):
        company.add("member001", f"wm{number}")
    pattern = "batch/get_by_user"
    company.server.fail(pattern, Answer({"errcode": -1, "errmsg": "system busy"}))
    company.server.fail(pattern, Answer({"errcode": 42001, "errmsg": "access_token expired"}))
    company.server.fail(pattern, Answer(is_half=True))
    receipt = chat.load(tables=["customers"])["customers"]
    assert (receipt.status, receipt.rows_loaded, receipt.count_retries) == ("loaded", 350, 3)
    assert company.count_tokens == 3  # of the directory one, of customer contact two


def test_a_limit_of_calls_by_the_minute_is_waited_for(
    company: Company, chat: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    company.add("member001", "wmA")
    refused = Answer({"errcode": 45009, "errmsg": "api freq out of limit"})
    company.server.fail("batch/get_by_user", refused, refused)
    receipt = chat.load(tables=["customers"])["customers"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 1)
    assert [pause for pause in pauses if pause >= 1] == [60, 60]
    company.server.fail("batch/get_by_user", *[refused] * 5)
    receipt = chat.load(tables=["customers"])["customers"]
    assert (receipt.status, receipt.is_transient) == ("failed", True)
    assert "in an hour" in receipt.remedy_en and "一小时后" in receipt.remedy_zh


def test_check_tells_secrets_without_the_right_and_what_is_not_seen(
    company: Company, chat: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load_sources(chat.settings).source("shop")
    findings = check_source(source)
    assert exit_code(findings) == 1
    assert "120 of 130 members" in findings[-1].message.en
    company.has_right = False
    (finding,) = check_source(source)
    assert finding.level == "missing" and finding.remedy
    assert "2023-12-01" in finding.remedy.en and "可调用接口的应用" in finding.remedy.zh
    monkeypatch.setenv("WECOM_SECRET", "wrong-planted-secret")
    (finding,) = check_source(source)
    assert "40001" in finding.message.en and "wrong-planted" not in finding.message.en
