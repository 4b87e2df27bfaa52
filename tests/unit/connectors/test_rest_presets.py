"""Systems read over REST by their presets, each against a server in the shape of its answers."""

from __future__ import annotations

import csv
import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from dagster_project.connectors.check import check_source
from dagster_project.connectors.kinds import KINDS, as_source
from dagster_project.connectors.rest_api import client
from dagster_project.connectors.sources_file import load_sources
from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.rest_server import Call, Reply, RestServer, rest_server

PRESETS = ("bottlecrm", "frappe", "frappe_crm", "fxiaoke", "sap_odata")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    with rest_server() as running:
        yield running


def test_frappe_asks_for_what_was_modified(
    shop: Installation, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [
        {"name": f"SO-{n:03}", "modified": f"2026-03-01 08:00:{n % 60:02}.123456", "grand_total": n}
        for n in range(1, 21)
    ]

    def resource(call: Call) -> Any:
        assert call.headers["Authorization"] == "token key-and-secret"
        filters = json.loads(call.params.get("filters", "[]"))
        assert json.loads(call.params["fields"]) == ["*"]
        found = [d for d in documents if all(str(d[f]) >= v for f, _, v in filters)]
        start = call.number("limit_start", 0)
        return {"data": found[start : start + call.number("limit_page_length", 20)]}

    server.routes["/api/resource/Sales%20Order"] = resource
    monkeypatch.setenv("SHOP_SECRET", "key-and-secret")
    shop.sources(
        f'[[source]]\nsystem = "shop"\nkind = "frappe"\nurl = "{server.url}"\n'
        'time_zone = "Asia/Shanghai"\ntables = ["sales_order"]\n'
        "paging = { style = 'offset', size = 7, param = 'limit_start', "
        "size_param = 'limit_page_length' }\n"
        '[source.auth]\ntype = "api_key"\nname = "Authorization"\nprefix = "token "\n'
        'key_env = "SHOP_SECRET"\n'
    )
    assert shop.load()["sales_order"].rows_loaded == 20
    documents[4] = {**documents[4], "modified": "2026-03-01 09:00:00.000001", "grand_total": 99}
    receipt = shop.load()["sales_order"]
    assert (receipt.rows_loaded, receipt.rows_merged) == (1, 1)
    assert receipt.cursor_from == "2026-02-28 23:58:20"
    assert dict(shop.current("sales_order", "name", "name, grand_total"))["SO-005"] == 99


def test_fxiaoke_logs_in_again_and_cuts_long_searches(
    shop: Installation, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = itertools.count(1)
    valid = [""]
    begin = 1_772_323_200_000
    people = [
        {"_id": f"id{n:04}", "name": f"客户{n}", "last_modified_time": begin + n * 1000}
        for n in range(300)
    ]
    answered = itertools.count(1)

    def token(call: Call) -> Any:
        assert call.body == {"appId": "a" * 8, "appSecret": "s" * 8, "permanentCode": "p" * 8}
        valid[0] = f"corp-token-{next(tokens)}"
        return {"errorCode": 0, "corpAccessToken": valid[0], "corpId": "corp", "expiresIn": 7200}

    def query(call: Call) -> Any:
        if call.body["corpAccessToken"] != valid[0] or next(answered) == 5:
            valid[0] = "expired"
            return {"errorCode": 20016, "errorMessage": "corpAccessToken过期"}
        assert call.body["currentOpenUserId"] == "user"
        info = call.body["data"]["search_query_info"]
        low, high = (int(f["field_values"][0]) for f in info["filters"])
        found = [p for p in people if low <= p["last_modified_time"] <= high]
        shown = found[:200]  # no more of one search
        start, size = int(info["offset"]), int(info["limit"])
        if start % size:
            return {"errorCode": 10005, "errorMessage": "offset必须为limit的整数倍"}
        data = {"dataList": shown[start : start + size], "total": len(found)}
        return {"errorCode": 0, "data": data}

    server.routes["/cgi/corpAccessToken/get/V2"] = token
    server.routes["/cgi/crm/v2/data/query"] = query
    for name, value in (("FX_APP", "a"), ("FX_SECRET", "s"), ("FX_CODE", "p")):
        monkeypatch.setenv(name, value * 8)
    shop.sources(
        f'[[source]]\nsystem = "shop"\nkind = "fxiaoke"\nurl = "{server.url}"\n'
        'tables = ["account"]\nbody = { currentOpenUserId = "user" }\n'
        '[[source.table]]\nname = "account"\ncap = 200\n'
        f'[source.auth]\ntype = "login"\nurl = "{server.url}/cgi/corpAccessToken/get/V2"\n'
        'body_env = { appId = "FX_APP", appSecret = "FX_SECRET", permanentCode = "FX_CODE" }\n'
        'put = { "body:corpAccessToken" = "corpAccessToken", "body:corpId" = "corpId" }\n'
    )
    receipt = shop.load()["account"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_gap) == ("loaded", 300, 0)
    assert server.count("/cgi/corpAccessToken/get/V2") == 2


def test_sap_changes_and_decimals(shop: Installation, server: RestServer) -> None:
    orders = [
        {
            "SalesOrder": str(n),
            "LastChangeDateTime": f"/Date({1_772_323_200_000 + n * 1000}+0000)/",
            "TotalNetAmount": "12345678901234567.89",
        }
        for n in range(1, 26)
    ]

    def service(call: Call) -> Any:
        assert call.params["$inlinecount"] == "allpages"
        start = call.number("$skip", 0)
        page = orders[start : start + call.number("$top", 10)]
        return {"d": {"results": page, "__count": str(len(orders))}}

    server.routes["/API_SALES_ORDER_SRV/A_SalesOrder"] = service
    shop.sources(
        f'[[source]]\nsystem = "shop"\nkind = "sap_odata"\nurl = "{server.url}"\n'
        'tables = ["sales_order"]\n'
        'paging = { style = "offset", size = 10, param = "$skip", size_param = "$top" }\n'
        '[[source.table]]\nname = "sales_order"\nload = "incremental"\n'
        'cursor = "LastChangeDateTime"\ncursor_format = "odata"\n[source.table.params]\n'
        '"$inlinecount" = "allpages"\n'
        '"$filter" = "LastChangeDateTime ge datetimeoffset\'{since}Z\'"\n'
    )
    receipt = shop.load()["sales_order"]
    assert (receipt.rows_loaded, receipt.rows_asked, receipt.rows_gap) == (25, 25, 0)
    assert receipt.cursor_to == "2026-03-01 00:00:25"
    assert shop.current("sales_order", "SalesOrder", "distinct TotalNetAmount") == [
        ("12345678901234567.89",)
    ]
    shop.load()
    expected = "LastChangeDateTime ge datetimeoffset'2026-02-28T23:58:25Z'"
    assert [c.params["$filter"] for c in server.calls if "$filter" in c.params][-1] == expected


def test_sap_states_that_change_without_a_time_are_read(
    shop: Installation, server: RestServer
) -> None:
    changed = "/Date(1772323200000+0000)/"
    rows = [
        {"SalesOrder": str(n), "LastChangeDateTime": changed, "OverallSDProcessStatus": "A"}
        for n in range(1, 6)
    ]
    server.routes["/API_SALES_ORDER_SRV/A_SalesOrder"] = lambda call: {
        "d": {"results": rows[call.number("$skip", 0) :], "__count": str(len(rows))}
    }
    server.routes["/API_PRODUCT_SRV/A_ProductDescription"] = lambda call: {
        "d": {
            "results": [{"Product": "P", "Language": call.params["$filter"]}],
            "__count": "1",
        }
    }
    shop.sources(
        f'[[source]]\nsystem = "shop"\nkind = "sap_odata"\nurl = "{server.url}"\n'
        'tables = ["sales_order", "product_description"]\n'
    )
    shop.load()
    assert shop.rows("product_description", "Product, Language") == [("P", "Language eq 'EN'")]
    rows[2] = {**rows[2], "OverallSDProcessStatus": "C"}
    shop.load()
    states = shop.current("sales_order", "SalesOrder", "SalesOrder, OverallSDProcessStatus")
    assert [state for _, state in states] == ["A", "A", "C", "A", "A"]


def test_bottlecrm_lists_in_their_shapes(shop: Installation, server: RestServer) -> None:
    def page(call: Call, count: int, prefix: str) -> list[dict[str, str]]:
        start = call.number("offset", 0)
        return [{"id": f"{prefix}{n}"} for n in range(count)][start : start + 10]

    server.routes |= {
        "/api/users/get-teams-and-users/": lambda call: {"teams": [], "profiles": [{"id": "u"}]},
        "/api/leads/": lambda call: {
            "open_leads": {"leads_count": 23, "open_leads": page(call, 23, "open")},
            "close_leads": {"leads_count": 12, "close_leads": page(call, 12, "close")},
        },
        "/api/accounts/": lambda call: {
            "active_accounts": {"open_accounts": page(call, 15, "open")},
            "closed_accounts": {"close_accounts": page(call, 0, "close")},
        },
        "/api/contacts/": lambda call: {
            "contacts_count": 11,
            "contact_obj_list": page(call, 11, "c"),
        },
        "/api/opportunities/": lambda call: {
            "opportunities_count": 10,
            "opportunities": page(call, 10, "o"),
        },
    }
    shop.sources(f'[[source]]\nsystem = "shop"\nkind = "bottlecrm"\nurl = "{server.url}"\n')
    receipts = shop.load()
    assert {name: r.rows_loaded for name, r in receipts.items()} == {
        "users": 1,
        "accounts": 15,
        "contacts": 11,
        "opportunities": 10,
        "leads": 35,
    }
    findings = check_source(load_sources(shop.settings).source("shop"))
    assert [finding.level for finding in findings].count("ok") == 6
    (limit,) = [finding for finding in findings if "converted" in finding.message.en]
    assert limit.level == "limited"
    assert limit.remedy and "count opportunities" in limit.remedy.en
    refusal = "Organization context is required. Please login again."
    server.routes["/api/contacts/"] = lambda call: Reply({"detail": refusal}, 403)
    receipt = shop.load()["contacts"]
    assert receipt.status == "failed"
    assert refusal in str(receipt.message_en)
    assert ("missing", True) in [
        (finding.level, refusal in finding.message.en)
        for finding in check_source(load_sources(shop.settings).source("shop"))
    ]


def test_frappe_reads_lines_as_children_and_no_keys_of_users(
    shop: Installation, server: RestServer
) -> None:
    """A time without a fraction is written without one; who reads a child names its parent."""
    rows: dict[str, list[dict[str, Any]]] = {
        "User": [{"name": "li@example.com", "modified": "2026-03-01 08:00:00"}],
        "Sales%20Order%20Item": [
            {"name": f"row{n}", "parent": "SO-1", "modified": "2026-03-01 08:00:00.5"}
            for n in range(3)
        ],
        "Dynamic%20Link": [
            {"name": f"link{n}", "parent": "Li Wei", "link_name": f"C-{n}", "idx": n}
            for n in (2, 1)
        ],
    }

    def resource(call: Call) -> Any:
        name = call.path.rpartition("/")[2]
        start = call.number("limit_start", 0)
        assert (name == "User") != ("parent" in call.params)
        return {"data": rows[name][start : start + call.number("limit_page_length", 20)]}

    server.routes |= {f"/api/resource/{name}": resource for name in rows}
    shop.sources(
        f'[[source]]\nsystem = "shop"\nkind = "frappe"\nurl = "{server.url}"\n'
        'time_zone = "Asia/Shanghai"\ntables = ["user", "sales_order_item", "contact_customer"]\n'
    )
    receipts = shop.load()
    assert receipts["user"].cursor_to == "2026-03-01 00:00:00"
    assert receipts["sales_order_item"].rows_loaded == 3
    assert shop.rows("contact_customer", "parent, link_name") == [("Li Wei", "C-1")]
    (asked,) = {call.params["fields"] for call in server.calls if call.path.endswith("/User")}
    assert set(json.loads(asked)) & {"*", "api_key", "api_secret", "reset_password_key"} == set()


@pytest.mark.parametrize("kind", PRESETS)
def test_every_mapped_table_and_lookup_is_in_the_preset(kind: str) -> None:
    tables = {
        table.name: table
        for table in as_source(
            {"system": "crm", "kind": kind, "url": "https://crm.example.com"}
        ).tables
    }
    with (REPO_ROOT / "seeds" / "field_mapping.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mapping_set"] == kind]
    looked_up = {
        found[1] for row in rows for found in re.finditer(r"(\w+)\[\w+\]\.", row["source_field"])
    }
    assert {row["source_table"] for row in rows} | looked_up == set(tables)
    assert all(len(tables[name].primary_key) == 1 for name in looked_up)


READMES = [KINDS[kind].place / "README.md" for kind in ("rest", "files")]
EXAMPLES = {
    found["source"][0]["system"]: text
    for readme in READMES
    for text in re.findall(r"```toml\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    if "source" in (found := tomllib.loads(text))
}


@pytest.mark.parametrize("system", EXAMPLES)
def test_examples_of_the_readmes_are_valid(shop: Installation, system: str) -> None:
    shop.sources(EXAMPLES[system])
    assert load_sources(shop.settings).source(system)


@pytest.mark.parametrize("kind", PRESETS)
def test_the_mapping_of_a_preset_compiles(kind: str, shop: Installation) -> None:
    shop.sources(f'[[source]]\nsystem = "crm"\nkind = "{kind}"\nurl = "https://crm.example.com"\n')
    source = load_sources(shop.settings).source("crm")
    report = compile_mapping(shop.settings)
    mapped = {table for _, table in report.tables_without_data}
    assert mapped <= {table.name for table in source.tables}
    assert {"accounts", "customer", "organization", "account", "business_partner"} & mapped
