"""Odoo: OdooRPC against a loopback server shaped after the documentation of its external API.

The server keeps microseconds but shows seconds, leaves archived records out unless it is told
otherwise, and shows the records of the companies that the context names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dagster_project.connectors.check import check_source, exit_code
from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation

KEY = "planted-odoo-api-key-5521"
NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - Odoo's times are UTC without a zone
FIELDS: dict[str, dict[str, str]] = {
    "crm.lead": {
        "id": "integer",
        "name": "char",
        "active": "boolean",
        "expected_revenue": "monetary",
        "stage_id": "many2one",
        "tag_ids": "many2many",
        "date_closed": "datetime",
        "write_date": "datetime",
    },
    "res.company": {"id": "integer", "name": "char", "active": "boolean"},
    "res.users": {"id": "integer", "login": "char", "company_ids": "many2many"},
}


class Refused(Exception):  # noqa: N818 - an answer of Odoo's
    """Name and message of an error."""


class Odoo:
    def __init__(self) -> None:
        self.rows: dict[str, dict[int, dict[str, Any]]] = {
            "crm.lead": {},
            "res.users": {7: {"id": 7, "login": "reader", "company_ids": [1, 2]}},
            "res.company": {number: {"id": number, "active": True} for number in (1, 2)},
        }
        self.hidden_models: set[str] = set()
        self.during: list[Any] = []
        self.largest_page = 10_000
        self.server = ApiServer()
        self.server.route(r"POST /web/webclient/version_info", lambda _: self.result(VERSION))
        self.server.route(r"POST /jsonrpc", self.call)

    def put(self, number: int, at: datetime, **values: Any) -> None:
        row = {"id": number, "active": True, "tag_ids": [], "company": 1, "name": "a"}
        self.rows["crm.lead"][number] = {**row, "write_date": at, **values}

    @staticmethod
    def result(value: Any) -> Any:
        return {"jsonrpc": "2.0", "id": 1, "result": value}

    @staticmethod
    def error(name: str, message: str) -> Any:
        data = {"name": name, "message": message, "debug": "Traceback", "arguments": [message]}
        error = {"code": 200, "message": "Odoo Server Error", "data": data}
        return {"jsonrpc": "2.0", "id": 1, "error": error}

    def call(self, request: Request) -> Any:
        params = request.body["params"]
        args = params["args"]
        if (params["service"], params["method"]) == ("common", "login"):
            return self.result(7 if args == ["acme", "reader", KEY] else False)
        if args[:3] != ["acme", 7, KEY]:
            return self.error("odoo.exceptions.AccessDenied", "Access Denied")
        if params["method"] == "execute":
            return self.result({"lang": "en_US", "tz": "Asia/Shanghai"})
        model, method, positional, named = args[3], args[4], args[5], args[6]
        if model not in FIELDS:
            return self.error("builtins.KeyError", f"'{model}'")
        if model in self.hidden_models:
            return self.error(
                "odoo.exceptions.AccessError", f"You are not allowed to access '{model}' records."
            )
        try:
            return self.result(getattr(self, method)(model, *positional, **named))
        except Refused as refused:
            return self.error(*refused.args)

    def read(self, model: str, ids: list[int], fields: list[str], context: Any = None) -> Any:
        return [{f: self.rows[model][one][f] for f in ["id", *fields]} for one in ids]

    def fields_get(self, model: str, attributes: Any = None, context: Any = None) -> Any:
        return {name: {"type": kind, "store": True} for name, kind in FIELDS[model].items()}

    def search_count(self, model: str, domain: list[Any], context: Any) -> Any:
        return len(self.found(model, domain, context))

    def search_read(
        self, model: str, domain: list[Any], fields: list[str], limit: int, order: str, context: Any
    ) -> Any:
        found = self.found(model, domain, context)
        column, _, direction = order.partition(" ")
        found.sort(key=lambda row: row[column], reverse=direction == "desc")
        page = [
            {name: self.shown(row.get(name, False)) for name in ["id", *fields]}
            for row in found[: min(limit, self.largest_page)]
        ]
        if limit > 1 and self.during:
            self.during.pop(0)()
        return page

    @staticmethod
    def shown(value: Any) -> Any:
        return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value

    def found(self, model: str, domain: list[Any], context: Any) -> list[dict[str, Any]]:
        companies = context.get("allowed_company_ids") or [1]
        return [
            row
            for row in self.rows[model].values()
            if row.get("company", 1) in companies
            and (row.get("active", True) or context.get("active_test") is False)
            and holds(row, domain)
        ]


SIGN_IN = 4
VERSION = {"server_version": "17.0", "server_version_info": [17, 0, 0, "final", 0, ""]}


def holds(row: dict[str, Any], domain: list[Any]) -> bool:
    """Odoo's prefix notation; terms without an operator before them are joined by "and"."""
    terms = list(domain)

    def take() -> bool:
        term = terms.pop(0)
        if term == "|":
            left, right = take(), take()
            return left or right
        name, operator, value = term
        own = row.get(name, False)
        if isinstance(own, datetime) and isinstance(value, str):
            value = datetime.fromisoformat(value)
        if operator in ("=", "!="):
            return bool((own == value) is (operator == "="))
        return bool(own) and {">": own > value, ">=": own >= value, "<": own < value}[operator]

    results = []
    while terms:
        results.append(take())
    return all(results)


@pytest.fixture()
def odoo() -> Iterator[Odoo]:
    made = Odoo()
    with serve(made.server):
        yield made


@pytest.fixture()
def crm(tmp_path: Path, odoo: Odoo, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("ODOO_KEY", KEY)
    made = Installation(tmp_path)
    made.sources(
        f"""
        [[source]]
        system = "shop"
        kind = "odoo"
        url = "{odoo.server.url}"
        database = "acme"
        user = "reader"
        api_key_env = "ODOO_KEY"
        page_rows = 100
        tables = ["crm_lead"]
        """
    )
    return made


def test_lost_opportunities_and_other_companies_come_too(odoo: Odoo, crm: Installation) -> None:
    odoo.put(1, NOON, name="open", stage_id=[3, "Won 赢单"], expected_revenue=1234.56)
    odoo.put(2, NOON, name="lost", active=False)
    odoo.put(3, NOON, name="of the other company", company=2)
    receipt = crm.load()["crm_lead"]
    assert (receipt.rows_asked, receipt.rows_loaded, receipt.rows_gap) == (3, 3, 0)
    columns = "id, active, stage_id, stage_id_name, expected_revenue, date_closed, write_date"
    assert crm.query(f"select {columns} from {{shop.crm_lead}} order by id") == [
        (1, True, 3, "Won 赢单", 1234.56, None, NOON),
        (2, False, None, None, None, None, NOON),
        (3, True, None, None, None, None, NOON),
    ]


def test_companies_that_are_read_are_told_of_all_that_are_shown(
    odoo: Odoo, crm: Installation
) -> None:
    odoo.put(1, NOON)
    # An ordinary user is shown its own companies only: of how many, nobody tells it.
    receipt = crm.load()["crm_lead"]
    assert (receipt.coverage_seen, receipt.coverage_all) == (2, None)
    assert "not shown to this user" in receipt.coverage_en and "无法看到" in receipt.coverage_zh
    # A manager of companies is shown all; an archived one has nothing to read.
    odoo.rows["res.company"] |= {3: {"id": 3, "active": True}, 4: {"id": 4, "active": False}}
    receipt = crm.load()["crm_lead"]
    assert (receipt.coverage_seen, receipt.coverage_all) == (2, 3)
    assert receipt.coverage_en == "companies whose records are read, of all companies"
    odoo.hidden_models = {"res.company"}
    receipt = crm.load()["crm_lead"]
    assert (receipt.status != "failed", receipt.coverage_all) == (True, None)


def test_rows_of_one_moment_are_neither_lost_nor_read_for_ever(
    odoo: Odoo, crm: Installation
) -> None:
    # Kept with microseconds, shown with seconds: a page that began behind "the last time" would
    # come again and again or skip rows.
    for number in range(1, 351):
        odoo.put(number, NOON + timedelta(microseconds=number))
    assert crm.load()["crm_lead"].rows_loaded == 350
    calls = len(odoo.server.requests)
    assert crm.load()["crm_lead"].rows_loaded == 0
    assert len(odoo.server.requests) < calls + 30


def test_a_page_that_the_server_caps_is_not_the_last(odoo: Odoo, crm: Installation) -> None:
    odoo.largest_page = 7
    for number in range(1, 31):
        odoo.put(number, NOON)
    assert crm.load()["crm_lead"].rows_loaded == 30
    assert crm.load(full=True)["crm_lead"].rows_deleted == 0


def test_a_late_commit_and_a_change_during_the_reading_are_found(
    odoo: Odoo, crm: Installation
) -> None:
    for number in range(1, 151):
        odoo.put(number, NOON)

    def change() -> None:
        odoo.put(1, NOON + timedelta(hours=1), name="changed behind the reader")
        odoo.put(150, NOON + timedelta(hours=9), name="changed before the reader")

    odoo.during = [change]
    crm.load()
    # Begun before the newest change that was seen, committed after it was read.
    odoo.put(151, NOON - timedelta(seconds=100), name="late")
    crm.load()
    names = {name for (name,) in crm.current("crm_lead", "id", "name")}
    assert names == {"a", "changed behind the reader", "changed before the reader", "late"}


def test_a_record_without_a_time_of_change_comes_with_each_load(
    odoo: Odoo, crm: Installation
) -> None:
    odoo.put(1, NOON)
    crm.load()
    # Written by SQL, as imports do: `write_date` is empty.
    odoo.put(2, NOON)
    odoo.rows["crm.lead"][2]["write_date"] = False
    receipt = crm.load()["crm_lead"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 1)
    assert crm.current("crm_lead", "id", "id, write_date") == [(1, NOON), (2, None)]
    odoo.rows["crm.lead"][2]["name"] = "b"
    assert crm.load()["crm_lead"].rows_loaded == 1
    assert crm.load()["crm_lead"].rows_loaded == 0


def test_a_copy_that_lacks_rows_is_not_landed(
    odoo: Odoo, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = crm.settings.sources_file.read_text().rstrip()
    crm.sources(f'{text}\n[[source.table]]\nname = "crm_lead"\nload = "snapshot"\n')
    for number in (1, 2):
        odoo.put(number, NOON)
    assert crm.load()["crm_lead"].rows_loaded == 2
    # It is counted, and not shown.
    with monkeypatch.context() as patch:
        patch.setattr(Odoo, "search_count", lambda *_, **__: 2)
        kept = odoo.rows["crm.lead"].pop(2)
        receipt = crm.load()["crm_lead"]
        assert (receipt.status, receipt.is_transient) == ("failed", True)
        assert "1 rows that the source announced did not come" in receipt.message_en
    odoo.rows["crm.lead"][2] = kept
    assert crm.load()["crm_lead"].status == "unchanged"
    assert crm.current("crm_lead", "id", "id") == [(1,), (2,)]


def test_a_deleted_record_is_missed_by_its_key(odoo: Odoo, crm: Installation) -> None:
    for number in (1, 2):
        odoo.put(number, NOON)
    crm.sources(
        crm.settings.sources_file.read_text().rstrip()
        + '\n[[source.table]]\nname = "crm_lead"\nsweep = "every_load"\n'
    )
    crm.load()
    del odoo.rows["crm.lead"][1]
    odoo.put(3, NOON)  # as many rows as before
    assert crm.load()["crm_lead"].rows_deleted == 1
    assert crm.current("crm_lead", "id", "id") == [(2,), (3,)]


def test_a_new_field_is_read_for_all_records_once(
    odoo: Odoo, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    odoo.put(1, NOON)
    odoo.put(2, NOON + timedelta(days=1))
    crm.load()
    # A computed field that is kept changes no `write_date`.
    monkeypatch.setitem(FIELDS, "crm.lead", {**FIELDS["crm.lead"], "priority": "char"})
    odoo.put(1, NOON, priority="2")
    calls = len(odoo.server.requests)
    receipt = crm.load()["crm_lead"]
    # All but those of the sign-in.
    assert 10 < receipt.count_calls == len(odoo.server.requests) - calls - SIGN_IN
    assert "priority: the table was read whole" in receipt.message_en
    assert crm.current("crm_lead", "id", "id, priority") == [(1, "2"), (2, None)]
    assert crm.load()["crm_lead"].rows_received == 1


def test_busy_and_broken_answers_are_asked_again(odoo: Odoo, crm: Installation) -> None:
    for number in range(1, 251):
        odoo.put(number, NOON)
    odoo.server.fail("POST /jsonrpc", Answer({}, 503), Answer(is_half=True))
    receipt = crm.load()["crm_lead"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 250)
    assert len(odoo.server.faults) == 0


def test_check_tells_models_that_are_hidden(odoo: Odoo, crm: Installation) -> None:
    odoo.put(1, NOON)
    text = crm.settings.sources_file.read_text()
    crm.sources(text.replace('["crm_lead"]', '["crm_lead", "sale_order"]'))
    findings = check_source(load_sources(crm.settings).source("shop"))
    assert exit_code(findings) == 2
    told = {f.level: f"{f.message.en} {f.remedy.en if f.remedy else ''}" for f in findings}
    assert "2 companies" in told["ok"]
    assert "partner_id" in told["limited"]
    assert "sale_order" in told["missing"] and "app is not installed" in told["missing"]
    odoo.hidden_models = {"crm.lead"}
    findings = check_source(load_sources(crm.settings).source("shop"))
    assert any(f.remedy and "into a group" in f.remedy.en for f in findings)


def test_a_wrong_key_is_told_and_never_shown(
    odoo: Odoo, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODOO_KEY", "wrong-planted-odoo-key")
    receipt = crm.load()["crm_lead"]
    assert receipt.status == "failed"
    assert "API key" in receipt.remedy_en
    assert "wrong-planted" not in receipt.model_dump_json()
