"""Frappe CRM over REST: its document types become firms, people, leads and opportunities."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.rest_server import Call, Reply, RestServer, rest_server
from tests.unit.mapping.conftest import Warehouse, built_warehouse

KEY = "planted-key:planted-secret"
MADE = "2026-03-01 08:00:00.123456"  # in Shanghai
CRM_SOURCE = """
[[source]]
system = "crm"
kind = "frappe_crm"
url = "{url}"
time_zone = "Asia/Shanghai"
currency = "CNY"
auth = { type = "api_key", name = "Authorization", prefix = "token ", key_env = "FRAPPE_KEY" }
"""


class Site:
    """Documents of a site by type; rows of child tables are shown to who names their parent."""

    def __init__(self) -> None:
        self.documents: dict[str, list[dict[str, Any]]] = {
            "User": [
                {"name": "li@crm.example", "full_name": "Li Wei", "email": "li@crm.example",
                 "enabled": 1, "user_type": "System User"},
                {"name": "guest@x.example", "full_name": "A customer", "user_type": "Website User"},
            ],
            "CRM Organization": [
                {"name": "东方泵业", "organization_name": "东方泵业", "industry": "Manufacturing",
                 "website": "https://www.pump.example/", "annual_revenue": 2500000.5},
            ],
            "Contact": [
                {"name": "Wang Fang-东方泵业", "first_name": "Wang", "last_name": "Fang",
                 "company_name": "东方泵业", "email_id": "WANG@pump.example",
                 "mobile_no": "13800000000", "designation": "CTO"},
            ],
            "CRM Product": [
                {"name": "PUMP-1", "product_name": "Pump 1", "standard_rate": 99.5, "disabled": 0},
            ],
            "CRM Lead": [
                self.lead(1, "New", source="Exhibition"),
                self.lead(2, "Nurture"),
                self.lead(3, "Junk"),
                self.lead(4, "Qualified", converted=1),
            ],
            "CRM Deal": [
                self.deal(1, "Proposal/Quotation", lead="CRM-LEAD-4", currency="EUR",
                          expected_closure_date="2026-06-30", source="Reference"),
                self.deal(2, "Won", closed_date="2026-04-02"),
                self.deal(3, "Lost", lost_reason="Pricing", closed_date="2026-04-03"),
            ],
            "CRM Contacts": [
                {"name": "row1", "parent": "CRM-DEAL-1", "parenttype": "CRM Deal", "idx": 1,
                 "contact": "Someone else", "is_primary": 0},
                {"name": "row2", "parent": "CRM-DEAL-1", "parenttype": "CRM Deal", "idx": 2,
                 "contact": "Wang Fang-东方泵业", "is_primary": 1},
                {"name": "row3", "parent": "CRM-LEAD-1", "parenttype": "CRM Lead", "idx": 1,
                 "contact": "Wang Fang-东方泵业", "is_primary": 1},
            ],
            "CRM Status Change Log": [
                self.change(1, "CRM Deal", "Qualification", "2026-03-01 08:00:00"),
                self.change(2, "CRM Deal", "Proposal/Quotation", "2026-03-05 08:00:00.5"),
                self.change(3, "CRM Lead", "New", "2026-03-01 08:00:00"),
            ],
        }  # fmt: skip

    def lead(self, number: int, status: str, **values: Any) -> dict[str, Any]:
        return {
            "name": f"CRM-LEAD-{number}", "lead_name": f"客户 {number}", "status": status,
            "organization": "东方泵业", "converted": 0, "lead_owner": "li@crm.example",
            "first_responded_on": None, **values,
        }  # fmt: skip

    def deal(self, number: int, status: str, **values: Any) -> dict[str, Any]:
        return {
            "name": f"CRM-DEAL-{number}", "organization": "东方泵业", "status": status,
            "deal_value": 1000.25 * number, "deal_owner": "li@crm.example", **values,
        }  # fmt: skip

    def change(self, number: int, kind: str, status: str, since: str) -> dict[str, Any]:
        parent = "CRM-DEAL-1" if kind == "CRM Deal" else "CRM-LEAD-1"
        return {
            "name": f"change{number}", "parent": parent, "parenttype": kind, "from": status,
            "from_date": since, "log_owner": "li@crm.example",
        }  # fmt: skip

    def answer(self, call: Call) -> Any:
        if call.headers.get("Authorization") != f"token {KEY}":
            return Reply({"exc_type": "AuthenticationError"}, 401)
        doctype = unquote(call.path.rpartition("/")[2])
        rows = [{"creation": MADE, "modified": MADE, **row} for row in self.documents[doctype]]
        if any("parenttype" in row for row in rows) != ("parent" in call.params):
            return Reply({"exc_type": "PermissionError"}, 403)
        for name, sign, value in json.loads(call.params.get("filters", "[]")):
            rows = [
                row for row in rows if (row[name] >= value if sign == ">=" else row[name] == value)
            ]
        fields = json.loads(call.params["fields"])
        if fields != ["*"]:
            rows = [{name: row.get(name) for name in fields} for row in rows]
        start = call.number("limit_start", 0)
        return {"data": rows[start : start + call.number("limit_page_length", 20)]}


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Site, RestServer]]:
    made = Site()
    with rest_server() as server:
        for doctype in made.documents:
            server.routes[f"/api/resource/{doctype.replace(' ', '%20')}"] = made.answer
        yield made, server


@pytest.fixture(scope="module")
def warehouse(site: tuple[Site, RestServer], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Loaded with nothing given but place and key, and built by the default rows."""
    shop = Installation(tmp_path_factory.mktemp("frappe"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAPPE_KEY", KEY)
        shop.sources(CRM_SOURCE.replace("{url}", site[1].url))
        for receipt in shop.load("crm").values():
            assert receipt.status == "loaded", (receipt.table_name, receipt.message_en)
            assert receipt.rows_rejected == 0
        assert {receipt.status for receipt in shop.load("crm").values()} == {"unchanged"}
    objects = ("accounts", "contacts", "leads", "opportunities", "opportunity_stage_events",
               "products", "reps")  # fmt: skip
    # Without the YAML: its tests belong to the whole project.
    seeds = shop.folder / "seeds"
    shutil.copytree(REPO_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("*.yml"))
    settings = Settings(home=shop.settings.home, sources=shop.settings.sources, seeds=seeds)
    return built_warehouse(settings, [f"int_canonical__{name}" for name in objects])


def test_deals_are_opportunities_with_stage_value_person_and_reason(warehouse: Warehouse) -> None:
    columns = (
        "opportunity_id, account_id, contact_id, lead_id, amount, currency, funnel_stage, "
        "channel, loss_reason, expected_close_at is not null, closed_at::date::varchar"
    )
    deal, firm = "crm:CRM-DEAL-", "crm:东方泵业"
    assert warehouse.rows(
        f"select {columns} from intermediate.int_canonical__opportunities order by 1"
    ) == [
        (f"{deal}1", firm, "crm:Wang Fang-东方泵业", "crm:CRM-LEAD-4", 1000.25, "EUR", "proposal",
         "referral", None, True, None),
        (f"{deal}2", firm, None, None, 2000.5, "CNY", "won", None, None, False, "2026-04-02"),
        (f"{deal}3", firm, None, None, 3000.75, "CNY", "lost", None, "price", False, "2026-04-03"),
    ]  # fmt: skip


def test_status_changes_of_deals_alone_are_stages(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select opportunity_id, funnel_stage, entered_at::varchar, changed_by_rep_id "
        "from intermediate.int_canonical__opportunity_stage_events order by entered_at"
    ) == [
        ("crm:CRM-DEAL-1", "engaging", "2026-03-01 00:00:00", "crm:li@crm.example"),
        ("crm:CRM-DEAL-1", "proposal", "2026-03-05 00:00:00.5", "crm:li@crm.example"),
    ]


def test_leads_have_their_status_or_are_converted(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select lead_id, lead_status, channel, account_id "
        "from intermediate.int_canonical__leads order by 1"
    ) == [
        ("crm:CRM-LEAD-1", "new", "event", None),
        ("crm:CRM-LEAD-2", "contacted", None, None),
        ("crm:CRM-LEAD-3", "lost", None, None),
        ("crm:CRM-LEAD-4", "converted", None, "crm:东方泵业"),
    ]


def test_firms_people_products_and_reps(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select account_name, industry, web_domain, annual_revenue "
        "from intermediate.int_canonical__accounts"
    ) == [("东方泵业", "manufacturing", "www.pump.example", 2500000.5)]
    assert warehouse.rows(
        "select contact_name, account_id, email, phone, title "
        "from intermediate.int_canonical__contacts"
    ) == [("Wang Fang", "crm:东方泵业", "wang@pump.example", "13800000000", "CTO")]
    assert warehouse.rows(
        "select product_id, list_price, is_active from intermediate.int_canonical__products"
    ) == [("crm:PUMP-1", 99.5, True)]
    assert warehouse.rows("select rep_name from intermediate.int_canonical__reps") == [("Li Wei",)]


def test_every_value_is_read(warehouse: Warehouse) -> None:
    assert warehouse.rows("select * from intermediate.int_canonical__unconverted_values") == []


def test_a_change_comes_alone_and_keys_of_users_never(
    site: tuple[Site, RestServer], shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, server = site
    monkeypatch.setenv("FRAPPE_KEY", KEY)
    shop.sources(CRM_SOURCE.replace("{url}", server.url) + 'tables = ["deal", "user"]\n')
    shop.load("crm")
    server.calls.clear()
    made.documents["CRM Deal"][0] |= {"status": "Won", "modified": "2026-03-09 08:00:00"}
    receipt = shop.load("crm")["deal"]
    assert (receipt.rows_loaded, receipt.rows_merged) == (1, 1)
    asked = [c.params for c in server.calls if c.path.endswith("Deal") and "filters" in c.params]
    assert json.loads(asked[0]["filters"]) == [["modified", ">=", "2026-03-01 07:58:00.123456"]]
    fields = json.loads(next(c.params["fields"] for c in server.calls if c.path.endswith("User")))
    assert set(fields) & {"*", "api_key", "api_secret", "reset_password_key"} == set()
