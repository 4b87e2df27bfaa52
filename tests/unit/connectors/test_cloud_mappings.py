"""Accounts of five clouds become canonical objects by the default mapping: figures for a page."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dagster_project.connectors.hubspot.reader import RECORD_COLUMNS
from dagster_project.connectors.kinds import KINDS, as_source
from dagster_project.connectors.presets import preset_tables
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.connectors import test_salesforce
from tests.unit.connectors.api_server import serve
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.test_hubspot import NOON, TOKEN, HubSpotAccount, iso
from tests.unit.connectors.test_odoo import FIELDS, KEY, Odoo
from tests.unit.connectors.test_salesforce import Org, certificate, stamp
from tests.unit.connectors.test_wecom import DIRECTORY, SECRET, Company
from tests.unit.mapping.conftest import Warehouse, built_warehouse

__all__ = ["certificate"]

CLOUDS: dict[str, dict[str, Any]] = {
    "hubspot": {"access_token_env": "TOKEN"},
    "salesforce": {"instance_url": "https://acme.my.salesforce.com", "access_token_env": "TOKEN"},
    "odoo": {"url": "https://acme.odoo.com", "database": "a", "user": "u", "api_key_env": "KEY"},
    "kingdee": {
        "server_url": "https://acme.ik3cloud.com/k3cloud",
        "account_id": "a",
        "user": "u",
        "app_id_env": "ID",
        "app_secret_env": "SECRET",
    },
    "wecom": {"corp_id": "ww01", "secret_env": "SECRET"},
}


@pytest.mark.parametrize("kind", CLOUDS)
def test_naming_the_system_is_enough(kind: str) -> None:
    source = as_source({"system": "crm", "kind": kind, **CLOUDS[kind]})
    assert source.mapping_set == kind
    assert tuple(table.name for table in source.tables) == preset_tables(KINDS[kind].place)
    assert all(table.primary_key for table in source.tables)
    with (REPO_ROOT / "seeds" / "field_mapping.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mapping_set"] == kind]
    assert {row["source_table"] for row in rows} <= set(preset_tables(KINDS[kind].place))
    for table in source.tables:
        if expected := getattr(table, "expects", ()):
            assert set(expected) == set(_read_by(kind, table.name, rows)), table.name


def _read_by(kind: str, table: str, rows: list[dict[str, str]]) -> Iterator[str]:
    """Fields that the mapping reads of a table: those that a check has to miss."""
    for row in rows:
        for name in row["source_field"].split(" + ") if row["source_table"] == table else ():
            field = re.sub(r"\w+\[(\w+)\]\..+", r"\1", name)
            if kind == "odoo":
                field = field.removesuffix("_name")
            if field and not (kind == "hubspot" and field in RECORD_COLUMNS):
                yield field


def hubspot_account() -> HubSpotAccount:
    made = HubSpotAccount()
    made.put("companies", 9, NOON, name="东方泵业", domain="pump.example", industry="MACHINERY")
    made.put(
        "contacts", 5, NOON, firstname="Li", lastname="Wei", email="LI@pump.example",
        lifecyclestage="opportunity", associatedcompanyid="9", hs_analytics_source="REFERRALS",
    )  # fmt: skip
    deal = {"dealname": "pumps", "amount": "1250.50", "hubspot_owner_id": "77"}
    closing = {"closedate": iso(NOON + timedelta(days=30)), "deal_currency_code": "EUR"}
    made.put("deals", 1, NOON, dealstage="closedwon", hs_is_closed="true", **deal, **closing)
    made.put("deals", 2, NOON, dealstage="contractsent", hs_is_closed="false", **deal, **closing)
    made.history["1"] = [
        {"value": "closedwon", "timestamp": iso(NOON), "sourceType": "CRM_UI"},
        {"value": "qualifiedtobuy", "timestamp": iso(NOON - timedelta(days=9)), "sourceType": "X"},
    ]
    primary = {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"}
    made.pairs["deals", "companies"] = {
        "1": [{"toObjectId": 9, "associationTypes": [primary]}],
        "2": [{"toObjectId": 9, "associationTypes": [primary]}],
    }
    return made


def odoo_server() -> Odoo:
    made = Odoo()
    at = datetime(2026, 3, 1, 12)  # noqa: DTZ001
    shared = {"type": "opportunity", "create_date": at, "expected_revenue": 100.0}
    made.put(1, at, name="won", stage_id=[4, "Won"], date_closed=at, **shared)
    made.put(2, at, name="lost", stage_id=[2, "Qualified"], active=False, **shared)
    made.put(3, at, name="enquiry", type="lead", create_date=at, medium_id=[5, "Website"])
    return made


def salesforce_org(patch: pytest.MonkeyPatch) -> Org:
    """A contact that was promoted and changed firms, and history that is no change of job."""
    every = {"Id": "id", "IsDeleted": "boolean"}
    changing = every | {"Name": "string", "SystemModstamp": "datetime"}
    of_contact = {"ContactId": "reference", "Field": "picklist", "CreatedDate": "datetime"}
    values = {"OldValue": "anyType", "NewValue": "anyType"}
    for name, fields in {
        "Account": changing,
        "Contact": changing | {"AccountId": "reference", "Title": "string"},
        "ContactHistory": every | of_contact | values,
    }.items():
        patch.setitem(test_salesforce.FIELDS, name, fields)
    made, at = Org(), stamp(NOON)
    for firm in ("001A", "001B"):
        made.put("Account", Id=firm, Name=f"Firm {firm}", SystemModstamp=at)
    made.put("Contact", Id="003C", Name="Anna Berg", AccountId="001B", SystemModstamp=at)
    for number, (contact, changed, old, new) in enumerate(
        [
            ("003C", "created", None, None),
            ("003C", "Title", None, "Buyer"),  # entered for the first time
            ("003C", "Title", "Buyer", "Head of Purchasing"),
            # A reference leaves two rows: names as the page shows them, and ids.
            ("003C", "Account", "Firm 001A", "Firm 001B"),
            ("003C", "Account", "001A", "001B"),
            ("003C", "Email", "a@x.example", "b@x.example"),
            ("003C", "DoNotCall", False, True),
            ("003D", "Title", "Buyer", "CEO"),  # a contact that was deleted
        ]
    ):
        made.put(
            "ContactHistory", Id=f"017{number}", ContactId=contact, Field=changed,
            OldValue=old, NewValue=new, CreatedDate=stamp(NOON + timedelta(days=number)),
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def warehouse(
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Path,
) -> Warehouse:
    """HubSpot, Salesforce, Odoo and WeCom, loaded through their clients and built with dbt."""
    shop = Installation(tmp_path_factory.mktemp("clouds"))
    hubspot, odoo, wecom = hubspot_account(), odoo_server(), Company()
    wecom.add("member001", "wmA", type=2, corp_name="西湖", corp_full_name="西湖泵业有限公司")
    wecom.add("member002", "wmB", type=1)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for server in (hubspot.server, odoo.server, wecom.server):
            stack.enter_context(serve(server))
        salesforce = salesforce_org(patch)
        stack.enter_context(serve(salesforce.server, certificate))
        more = {"type": "selection", "create_date": "datetime", "medium_id": "many2one"}
        patch.setitem(FIELDS, "crm.lead", FIELDS["crm.lead"] | more)
        for name, value in {
            "HUBSPOT": TOKEN, "ODOO": KEY, "WECOM": SECRET, "DIRECTORY": DIRECTORY,
            "SF_KEY": test_salesforce.KEY, "SF_SECRET": test_salesforce.SECRET,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        shop.sources(
            f"""
            [[source]]
            system = "hubspot"
            kind = "hubspot"
            base_url = "{hubspot.server.url}"
            access_token_env = "HUBSPOT"
            tables = ["owners", "companies", "contacts", "deals", "deal_company",
                      "deal_stage_history"]
            [[source]]
            system = "salesforce"
            kind = "salesforce"
            instance_url = "{salesforce.server.url}"
            consumer_key_env = "SF_KEY"
            consumer_secret_env = "SF_SECRET"
            ca_file = "{certificate}"
            tables = ["account", "contact", "contact_history"]
            [[source]]
            system = "odoo"
            kind = "odoo"
            url = "{odoo.server.url}"
            database = "acme"
            user = "reader"
            api_key_env = "ODOO"
            currency = "CNY"
            tables = ["crm_lead"]
            [[source]]
            system = "wecom"
            kind = "wecom"
            base_url = "{wecom.server.url}"
            corp_id = "ww01"
            secret_env = "WECOM"
            directory_secret_env = "DIRECTORY"
            """
        )
        for system in ("hubspot", "salesforce", "odoo", "wecom"):
            for receipt in shop.load(system).values():
                assert receipt.status == "loaded", (receipt.table_name, receipt.message_en)
    objects = (
        "accounts", "contacts", "contact_job_changes", "leads", "opportunities",
        "opportunity_stage_events", "reps",
    )  # fmt: skip
    # Without the YAML: its tests belong to the whole project.
    seeds = shop.folder / "seeds"
    shutil.copytree(REPO_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("*.yml"))
    settings = Settings(home=shop.settings.home, sources=shop.settings.sources, seeds=seeds)
    return built_warehouse(settings, [f"int_canonical__{name}" for name in objects])


def test_opportunities_have_stage_amount_and_firm(warehouse: Warehouse) -> None:
    columns = "opportunity_id, account_id, funnel_stage, amount, currency, closed_at is not null"
    assert warehouse.rows(
        f"select {columns} from intermediate.int_canonical__opportunities order by 1"
    ) == [
        ("hubspot:1", "hubspot:9", "won", 1250.5, "EUR", True),
        ("hubspot:2", "hubspot:9", "negotiation", 1250.5, "EUR", False),
        ("odoo:1", None, "won", 100.0, "CNY", True),
        ("odoo:2", None, "lost", 100.0, "CNY", False),
    ]


def test_leads_have_status_and_channel(warehouse: Warehouse) -> None:
    columns = "lead_id, lead_status, channel, opportunity_id"
    assert warehouse.rows(
        f"select {columns} from intermediate.int_canonical__leads order by 1"
    ) == [
        ("hubspot:5", "converted", "referral", None),
        ("odoo:1", "converted", None, "odoo:1"),
        ("odoo:2", "converted", None, "odoo:2"),
        ("odoo:3", "new", "web", None),
    ]


def test_people_and_firms_come_from_all_of_them(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select account_id, account_name, industry from intermediate.int_canonical__accounts "
        "order by 1"
    ) == [
        ("hubspot:9", "东方泵业", "manufacturing"),
        ("salesforce:001A", "Firm 001A", None),
        ("salesforce:001B", "Firm 001B", None),
        ("wecom:西湖", "西湖泵业有限公司", None),
    ]
    assert warehouse.rows(
        "select contact_id, contact_name, account_id, external_chat_id "
        "from intermediate.int_canonical__contacts order by 1"
    ) == [
        ("hubspot:5", "Li Wei", "hubspot:9", None),
        ("salesforce:003C", "Anna Berg", "salesforce:001B", None),
        ("wecom:wmA", "客户 wmA", "wecom:西湖", "wmA"),
        ("wecom:wmB", "客户 wmB", None, "wmB"),
    ]
    assert warehouse.rows(
        "select count(*) from intermediate.int_canonical__reps where rep_id like 'wecom:%'"
    ) == [(120,)]
    assert warehouse.rows(
        "select funnel_stage from intermediate.int_canonical__opportunity_stage_events "
        "order by entered_at"
    ) == [("engaging",), ("won",)]


def test_changes_of_title_and_firm_come_from_the_history_of_contacts(warehouse: Warehouse) -> None:
    columns = "contact_id, from_title, to_title, from_account_id, to_account_id, changed_at"
    noon = NOON.replace(tzinfo=None)
    assert warehouse.rows(
        f"select {columns} from intermediate.int_canonical__contact_job_changes order by changed_at"
    ) == [
        ("salesforce:003C", "Buyer", "Head of Purchasing", None, None, noon + timedelta(days=2)),
        (
            "salesforce:003C", None, None, "salesforce:001A", "salesforce:001B",
            noon + timedelta(days=4),
        ),
    ]  # fmt: skip
