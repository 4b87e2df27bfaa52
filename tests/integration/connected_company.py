"""One kind of business, kept in nine systems on loopback, each in its own words.

What a system holds is a :class:`Book`: leads, deals and orders with the word that the system uses
and the meaning that it has. The servers are those of the connectors' own tests.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dagster_project.connectors.kinds import as_source
from dagster_project.connectors.kingdee.settings import KingdeeSource
from tests.unit.connectors import test_odoo, test_salesforce
from tests.unit.connectors.api_server import Request, serve
from tests.unit.connectors.rest_server import Call, RestServer, rest_server
from tests.unit.connectors.test_hubspot import TOKEN as HUBSPOT_TOKEN
from tests.unit.connectors.test_hubspot import HubSpotAccount, iso
from tests.unit.connectors.test_kingdee import APP_ID, DataCentre, amounts_as_numbers
from tests.unit.connectors.test_kingdee import SECRET as KINGDEE_SECRET
from tests.unit.connectors.test_odoo import KEY as ODOO_KEY
from tests.unit.connectors.test_odoo import Odoo
from tests.unit.connectors.test_salesforce import KEY as SALESFORCE_KEY
from tests.unit.connectors.test_salesforce import SECRET as SALESFORCE_SECRET
from tests.unit.connectors.test_salesforce import Org, stamp
from tests.unit.connectors.test_wecom import DIRECTORY
from tests.unit.connectors.test_wecom import SECRET as WECOM_SECRET
from tests.unit.connectors.test_wecom import Company as WeCom

TODAY = date(2026, 3, 31)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAIN = NOON.replace(tzinfo=None)
DAY = NOON.date().isoformat()
FIRMS = 3
PRODUCTS = 2
STAGE_ORDER = ("prospecting", "engaging", "proposal", "negotiation", "won")
NO_ORDER = "no order"

LEAD_WORDS: dict[str, dict[str, str]] = {
    "hubspot": {
        "lead": "new",
        "marketingqualifiedlead": "qualified",
        "salesqualifiedlead": "qualified",
        "opportunity": "converted",
        "customer": "converted",
    },
    "salesforce": {
        "Open - Not Contacted": "new",
        "Working - Contacted": "contacted",
        "Closed - Converted": "converted",
        "Closed - Not Converted": "lost",
    },
    "odoo": {"active": "new", "archived": "lost"},
    "frappe": {
        "Lead": "new",
        "Open": "new",
        "Replied": "contacted",
        "Interested": "qualified",
        "Opportunity": "qualified",
        "Quotation": "qualified",
        "Converted": "converted",
        "Lost Quotation": "lost",
        "Do Not Contact": "lost",
    },
    "fxiaoke": {
        "un_assigned": "new",
        "un_processed": "new",
        "processed": "contacted",
        "transformed": "converted",
        "closed": "lost",
    },
    # Converted ones are in no list of BottleCRM.
    "bottlecrm": {
        "assigned": "new",
        "in process": "contacted",
        "recycled": "new",
        "closed": "lost",
    },
}
STAGE_WORDS: dict[str, dict[str, str]] = {
    "hubspot": {
        "appointmentscheduled": "prospecting",
        "qualifiedtobuy": "engaging",
        "presentationscheduled": "engaging",
        "decisionmakerboughtin": "proposal",
        "contractsent": "negotiation",
        "closedwon": "won",
        "closedlost": "lost",
    },
    "salesforce": {
        "Prospecting": "prospecting",
        "Qualification": "prospecting",
        "Needs Analysis": "engaging",
        "Value Proposition": "engaging",
        "Id. Decision Makers": "engaging",
        "Perception Analysis": "proposal",
        "Proposal/Price Quote": "proposal",
        "Negotiation/Review": "negotiation",
        "Closed Won": "won",
        "Closed Lost": "lost",
    },
    # Lost ones are archived in the stage that they had reached.
    "odoo": {
        "New": "prospecting",
        "Qualified": "engaging",
        "Proposition": "proposal",
        "Won": "won",
        "archived": "lost",
    },
    # Status and sales stage: while it is open the stage counts, then the status.
    "frappe": {
        "Open|Prospecting": "prospecting",
        "Open|Qualification": "engaging",
        "Open|Needs Analysis": "engaging",
        "Open|Value Proposition": "engaging",
        "Open|Identifying Decision Makers": "engaging",
        "Open|Perception Analysis": "engaging",
        "Quotation|Proposal/Price Quote": "proposal",
        "Quotation|": "proposal",
        "Replied|": "engaging",
        "Open|Negotiation/Review": "negotiation",
        "Converted|Prospecting": "won",
        "Lost|Qualification": "lost",
        "Closed|": "lost",
    },
    "fxiaoke": {
        "1": "prospecting",
        "2": "engaging",
        "3": "proposal",
        "4": "negotiation",
        "5": "won",
        "6": "lost",
    },
    "bottlecrm": {
        "PROSPECTING": "prospecting",
        "QUALIFICATION": "engaging",
        "PROPOSAL": "proposal",
        "NEGOTIATION": "negotiation",
        "CLOSED_WON": "won",
        "CLOSED_LOST": "lost",
    },
}
ORDER_WORDS: dict[str, dict[str, str]] = {
    "odoo": {
        "draft": NO_ORDER,
        "sent": NO_ORDER,
        "sale": "confirmed",
        "done": "done",
        "cancel": "cancelled",
    },
    # FDocumentStatus, FCloseStatus, FCancelStatus
    "kingdee": {
        "Z|A|A": "open",
        "A|A|A": "open",
        "B|A|A": "open",
        "C|A|A": "confirmed",
        "C|B|A": "done",
        "C|A|B": "cancelled",
        "D|A|A": "open",
    },
    "frappe": {
        "0|Draft": NO_ORDER,
        "1|To Deliver and Bill": "confirmed",
        "1|To Deliver": "confirmed",
        "1|To Pay": "confirmed",
        "1|On Hold": "confirmed",
        "1|To Bill": "shipped",
        "1|Completed": "done",
        "1|Closed": "done",
        "2|Cancelled": "cancelled",
    },
    "fxiaoke": {
        "under_review": "open",
        "ineffective": "open",
        "normal": "confirmed",
        "in_change": "confirmed",
        "invalid": "cancelled",
    },
    # OverallSDProcessStatus, OverallSDDocumentRejectionSts
    "sap_odata": {
        "A|A": "confirmed",
        "B|A": "confirmed",
        "B|B": "confirmed",
        "C|A": "done",
        "A|C": "cancelled",
    },
}
CURRENCIES = {
    "hubspot": "EUR",
    "salesforce": "USD",
    "odoo": "CNY",
    "kingdee": "CNY",
    "frappe": "EUR",
    "fxiaoke": "CNY",
    "sap_odata": "EUR",
    "bottlecrm": "USD",
}
KINDS = ("hubspot", "salesforce", "odoo", "kingdee", "wecom", "frappe", "fxiaoke", "sap_odata",
         "bottlecrm")  # fmt: skip


@dataclass(frozen=True)
class Lead:
    number: int
    word: str
    status: str


@dataclass(frozen=True)
class Deal:
    """``passed``: earlier stages that the system remembers."""

    number: int
    word: str
    stage: str
    amount: Decimal
    passed: tuple[str, ...] = ()

    @property
    def firm(self) -> int:
        return self.number % FIRMS + 1

    @property
    def is_closed(self) -> bool:
        return self.stage in ("won", "lost")


@dataclass(frozen=True)
class Line:
    number: int
    product: int
    quantity: int
    price: Decimal

    @property
    def net(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True)
class Order:
    number: int
    word: str
    status: str
    lines: tuple[Line, ...]

    @property
    def firm(self) -> int:
        return self.number % FIRMS + 1

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class Book:
    """What one system holds; the amounts tell systems apart."""

    kind: str
    leads: tuple[Lead, ...] = ()
    deals: tuple[Deal, ...] = ()
    orders: tuple[Order, ...] = field(default=())

    @property
    def leads_by_status(self) -> dict[str, int]:
        found = Counter(lead.status for lead in self.leads)
        if self.kind == "odoo":  # a lead becomes an opportunity and is both
            found["converted"] += len(self.deals)
        return dict(found)

    @property
    def deals_by_stage(self) -> dict[str, tuple[int, Decimal]]:
        return _counted((deal.stage, deal.amount) for deal in self.deals)

    @property
    def orders_by_status(self) -> dict[str, tuple[int, Decimal]]:
        return _counted(
            (order.status, Decimal(0) if order.status == "cancelled" else order.net)
            for order in self.orders
            if order.status != NO_ORDER
        )

    @property
    def count_reached(self) -> dict[str, int]:
        """Deals that reached each stage: recorded, or on the way to a later one."""
        reached: Counter[str] = Counter()
        for deal in self.deals:
            stages = {deal.stage, *deal.passed}
            open_or_won = [STAGE_ORDER.index(stage) for stage in stages if stage != "lost"]
            furthest = max(open_or_won, default=0)
            reached.update(stages | set(STAGE_ORDER[:furthest]))
        used = {stage for deal in self.deals for stage in (deal.stage, *deal.passed)}
        return {stage: count for stage, count in reached.items() if stage in used}


def _counted(pairs: Any) -> dict[str, tuple[int, Decimal]]:
    found: dict[str, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for name, amount in pairs:
        count, total = found[name]
        found[name] = (count + 1, total + amount)
    return dict(found)


def make_book(kind: str) -> Book:
    """Every word of a system at least twice."""
    own = KINDS.index(kind) + 1

    def words(table: Mapping[str, dict[str, str]]) -> list[tuple[str, str]]:
        found = list(table.get(kind, {}).items())
        return [*found, *found, *found[:own]]

    leads = tuple(Lead(n, *pair) for n, pair in enumerate(words(LEAD_WORDS), start=1))
    deals = tuple(
        Deal(n, word, stage, Decimal(1000 * own + 17 * n) + Decimal("0.25"))
        for n, (word, stage) in enumerate(words(STAGE_WORDS), start=1)
    )
    orders = tuple(
        Order(
            n,
            word,
            status,
            tuple(
                Line(10 * n + m, m % PRODUCTS + 1, n + m, Decimal(own) + Decimal("0.35") * m)
                for m in range(1 + n % 3)
            ),
        )
        for n, (word, status) in enumerate(words(ORDER_WORDS), start=1)
    )
    return Book(kind, leads, deals, orders)


# HubSpot -------------------------------------------------------------------------------------


def hubspot_account(book: Book) -> tuple[HubSpotAccount, Book]:
    """The account, and its book with what its history of stages tells."""
    made = HubSpotAccount()
    made.records |= {"calls": {}, "meetings": {}, "emails": {}}
    for n in range(1, FIRMS + 1):
        made.put(
            "companies", n, NOON, name=f"Firm {n}", domain=f"firm{n}.example",
            industry="MACHINERY", numberofemployees="50", annualrevenue="1000000",
            address="1 Road", city="Lyon", state="Rhône", country="France", phone="1",
            hubspot_owner_id="77", **({"hs_parent_company_id": "1"} if n > 1 else {}),
        )  # fmt: skip
    for lead in book.leads:
        since = {"hs_lifecyclestage_opportunity_date": iso(NOON)}
        made.put(
            "contacts", lead.number, NOON, firstname="Li", lastname=f"No {lead.number}",
            email=f"{lead.number}@firm.example", jobtitle="CEO", phone="1",
            lifecyclestage=lead.word, associatedcompanyid="1", hs_analytics_source="REFERRALS",
            hubspot_owner_id="77", **(since if lead.status == "converted" else {}),
        )  # fmt: skip
    made.put("contacts", 900, NOON, firstname="A", lastname="Reader", lifecyclestage="subscriber")
    deals = []
    primary = {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"}
    companies = made.pairs.setdefault(("deals", "companies"), {})
    for deal in book.deals:
        made.put(
            "deals", deal.number, NOON, dealname=f"Deal {deal.number}", amount=str(deal.amount),
            deal_currency_code="EUR", dealstage=deal.word, hubspot_owner_id="77",
            hs_is_closed=str(deal.is_closed).lower(), hs_analytics_source="PAID_SEARCH",
            closedate=iso(NOON + timedelta(days=3)),
        )  # fmt: skip
        companies[str(deal.number)] = [
            {"toObjectId": deal.firm, "associationTypes": [primary]},
        ]
        before = ["qualifiedtobuy"] if deal.stage == "lost" else []
        values = [*before, deal.word]
        made.history[str(deal.number)] = [
            {"value": value, "timestamp": iso(NOON + timedelta(days=age)), "sourceType": "CRM_UI"}
            for age, value in reversed(list(enumerate(values)))
        ]
        passed = tuple(STAGE_WORDS["hubspot"][word] for word in before)
        deals.append(Deal(deal.number, deal.word, deal.stage, deal.amount, passed))
    own = {"hubspot_owner_id": "77", "hs_timestamp": iso(NOON)}
    made.put("calls", 1, NOON, hs_call_direction="INBOUND", hs_call_duration="60000", **own)
    made.put("meetings", 1, NOON, **own)
    made.put("emails", 1, NOON, hs_email_direction="EMAIL", hs_email_text="Hello", **own)
    for kind in ("calls", "meetings", "emails"):
        for other in ("contacts", "companies"):
            made.pairs[kind, other] = {
                "1": [{"toObjectId": 1, "associationTypes": [{**primary, "label": None}]}]
            }
    return made, Book(book.kind, book.leads, tuple(deals), book.orders)


# Salesforce ----------------------------------------------------------------------------------

_ALWAYS = {"Id": "id", "IsDeleted": "boolean", "SystemModstamp": "datetime"}
_BY_NAME = {
    "Amount": "currency", "AnnualRevenue": "currency", "Subtotal": "currency",
    "TotalPrice": "currency", "Discount": "percent", "NumberOfEmployees": "int",
    "CallDurationInSeconds": "int", "DurationInMinutes": "int", "CloseDate": "date",
    "ConvertedDate": "date", "ExpirationDate": "date", "CreatedDate": "datetime",
    "LastModifiedDate": "datetime", "CompletedDateTime": "datetime", "StartDateTime": "datetime",
    "IsClosed": "boolean", "IsActive": "boolean",
}  # fmt: skip


def salesforce_org(book: Book, patch: pytest.MonkeyPatch) -> Org:
    """An org with the objects of the preset, each with the fields that a check expects."""
    source = as_source(
        {"system": "crm", "kind": "salesforce", "instance_url": "https://x.my.salesforce.com",
         "access_token_env": "T"}
    )  # fmt: skip
    for table in source.tables:
        names = {*getattr(table, "expects", ()), *_ALWAYS}
        if table.name in ("user", "opportunity_stage"):
            names.discard("IsDeleted")  # they cannot be deleted
        if table.name == "lead_history":
            continue  # as it stands in the server
        patch.setitem(
            test_salesforce.FIELDS,
            table.object,  # type: ignore[attr-defined]
            {n: _ALWAYS.get(n) or _BY_NAME.get(n, "string") for n in sorted(names)},
        )
    org = Org()
    at = stamp(NOON)

    def put(name: str, **values: Any) -> None:
        row = {"SystemModstamp": at, **values}
        if "CreatedDate" in test_salesforce.FIELDS[name]:
            row["CreatedDate"] = at
        if "IsDeleted" in test_salesforce.FIELDS[name]:
            row["IsDeleted"] = 0
        marks = ", ".join("?" * len(row))
        org.db.execute(f"insert into {name} ({', '.join(row)}) values ({marks})", [*row.values()])

    put("User", Id="005R", Name="Li Wei", Email="Li@x.example", State="Lyon", IsActive=1,
        UserType="Standard")  # fmt: skip
    put("OpportunityStage", Id="01J1")
    for n in range(1, FIRMS + 1):
        put("Account", Id=f"001{n}", Name=f"Firm {n}", Industry="Machinery", NumberOfEmployees=5,
            AnnualRevenue=1000, ParentId="0011" if n > 1 else None, Website="http://f.example/a",
            BillingStreet="1", BillingState="S", BillingCountry="FR", BillingCity="Lyon",
            Phone="1", OwnerId="005R")  # fmt: skip
    put("Contact", Id="003C", AccountId="0011", Name="A", Title="CEO", Email="A@x.example",
        Phone="1", LastModifiedDate=at)  # fmt: skip
    put("ContactHistory", Id="0171", ContactId="003C", Field="Title", OldValue="CTO",
        NewValue="CEO")  # fmt: skip
    for lead in book.leads:
        done = lead.status == "converted"
        put("Lead", Id=f"00Q{lead.number:03}", Name=f"Lead {lead.number}", Status=lead.word,
            LeadSource="Web", Industry="Machinery", OwnerId="005R",
            ConvertedAccountId="0011" if done else None, ConvertedDate=DAY if done else None,
            ConvertedContactId="003C" if done else None,
            ConvertedOpportunityId="006001" if done else None)  # fmt: skip
    for deal in book.deals:
        put("Opportunity", Id=f"006{deal.number:03}", Name=f"Deal {deal.number}",
            AccountId=f"001{deal.firm}", ContactId="003C", Amount=float(deal.amount),
            CurrencyIsoCode="USD", StageName=deal.word, OwnerId="005R", LeadSource="Web",
            CloseDate=DAY, IsClosed=int(deal.is_closed))  # fmt: skip
        put("OpportunityHistory", Id=f"008{deal.number:03}", OpportunityId=f"006{deal.number:03}",
            StageName=deal.word, CreatedById="005R")  # fmt: skip
    put("Quote", Id="0Q0", OpportunityId="006001", Subtotal=10.0, TotalPrice=9.0,
        Discount=10, CurrencyIsoCode="USD", ExpirationDate=DAY)  # fmt: skip
    touch = {"AccountId": "0011", "WhoId": "003C", "WhatId": "006001", "OwnerId": "005R"}
    put("Task", Id="00T1", TaskSubtype="Call", CompletedDateTime=at, CallDurationInSeconds=60,
        IsClosed=1, Description="Hello", **touch)  # fmt: skip
    put("Event", Id="00U1", StartDateTime=at, DurationInMinutes=30, **touch)
    put("Product2", Id="01t1", Name="Pump", Family="Pumps", IsActive=1)
    return org


# Odoo ----------------------------------------------------------------------------------------

_ODOO_FIELDS = {
    "res.users": "id:integer login:char name:char active:boolean email:char share:boolean "
    "create_date:datetime write_date:datetime company_ids:many2many",
    "crm.team": "id:integer name:char user_id:many2one write_date:datetime",
    "crm.stage": "id:integer name:char write_date:datetime",
    "res.partner": "id:integer name:char industry_id:many2one parent_id:many2one vat:char "
    "website:char street:char state_id:many2one country_id:many2one city:char phone:char "
    "user_id:many2one active:boolean create_date:datetime is_company:boolean "
    "commercial_partner_id:many2one function:char email:char write_date:datetime",
    "crm.lead": "id:integer partner_id:many2one name:char user_id:many2one create_date:datetime "
    "date_open:datetime date_closed:datetime expected_revenue:monetary type:selection "
    "active:boolean date_conversion:datetime stage_id:many2one date_deadline:date "
    "medium_id:many2one "
    "write_date:datetime",
    "sale.order": "id:integer opportunity_id:many2one amount_untaxed:monetary "
    "currency_id:many2one date_order:datetime validity_date:date state:selection "
    "partner_id:many2one commitment_date:datetime write_date:datetime",
    "sale.order.line": "id:integer order_id:many2one product_id:many2one product_uom_qty:float "
    "price_unit:float price_subtotal:monetary currency_id:many2one state:selection "
    "display_type:selection write_date:datetime",
    "product.product": "id:integer default_code:char name:char categ_id:many2one "
    "list_price:float active:boolean create_date:datetime write_date:datetime",
    "account.move": "id:integer commercial_partner_id:many2one amount_total:monetary "
    "currency_id:many2one invoice_date:date invoice_date_due:date move_type:selection "
    "state:selection write_date:datetime",
    "stock.picking": "id:integer sale_id:many2one state:selection date_done:datetime "
    "scheduled_date:datetime write_date:datetime",
    "mrp.production": "id:integer product_id:many2one product_qty:float state:selection "
    "date_start:datetime date_deadline:datetime date_finished:datetime write_date:datetime",
}


def odoo_server(book: Book, patch: pytest.MonkeyPatch) -> Odoo:
    for model, text in _ODOO_FIELDS.items():
        fields = dict(pair.split(":") for pair in text.split())
        patch.setitem(test_odoo.FIELDS, model, fields)
    made = Odoo()
    user, cny = [7, "Li Wei"], [6, "CNY"]

    def put(model: str, number: int, **values: Any) -> None:
        row = {"id": number, "write_date": PLAIN, "create_date": PLAIN, **values}
        made.rows.setdefault(model, {})[number] = row

    put("res.users", 7, login="reader", name="Li Wei", active=True, email="Li@x.example",
        share=False, company_ids=[1])  # fmt: skip
    put("crm.team", 1, name="North", user_id=user)
    for number, name in enumerate(("New", "Qualified", "Proposition", "Won"), start=1):
        put("crm.stage", number, name=name)
    for n in range(1, FIRMS + 1):
        put("res.partner", n, name=f"Firm {n}", industry_id=[1, "Manufacturing"],
            parent_id=[1, "Firm 1"] if n > 1 else False, vat="fr1", website="http://f.example/a",
            street="1", state_id=[1, "S"], country_id=[2, "France"], city="Lyon", phone="1",
            user_id=user, active=True, is_company=True,
            commercial_partner_id=[n, f"Firm {n}"])  # fmt: skip
    put("res.partner", 100, name="A", function="CEO", email="A@x.example", phone="1", active=True,
        is_company=False, commercial_partner_id=[1, "Firm 1"])  # fmt: skip
    when = {"date_open": PLAIN, "user_id": user, "partner_id": [1, "Firm 1"]}
    for lead in book.leads:
        put("crm.lead", 1000 + lead.number, name=f"Lead {lead.number}", type="lead",
            active=lead.word == "active", expected_revenue=5.0, **when)  # fmt: skip
    stages = {name: [n, name] for n, name in enumerate(STAGE_WORDS["odoo"], start=1)}
    for deal in book.deals:
        put("crm.lead", deal.number, name=f"Deal {deal.number}", type="opportunity",
            active=deal.stage != "lost", expected_revenue=float(deal.amount),
            stage_id=stages.get(deal.word if deal.stage != "lost" else "Qualified"),
            date_conversion=PLAIN, date_deadline=DAY,
            date_closed=PLAIN + timedelta(days=2) if deal.is_closed else False,
            **{**when, "partner_id": [deal.firm, "x"]})  # fmt: skip
    for n in range(1, PRODUCTS + 1):
        put("product.product", n, default_code=f"P{n}", name=f"Pump {n}", categ_id=[1, "Pumps"],
            list_price=9.0, active=True)  # fmt: skip
    for order in book.orders:
        put("sale.order", order.number, state=order.word, partner_id=[order.firm, "x"],
            opportunity_id=[1, "Deal 1"], amount_untaxed=float(order.net), currency_id=cny,
            date_order=PLAIN, validity_date=DAY, commitment_date=PLAIN)  # fmt: skip
        for line in order.lines:
            put("sale.order.line", line.number, order_id=[order.number, "S"],
                product_id=[line.product, "Pump"], product_uom_qty=float(line.quantity),
                price_unit=float(line.price), price_subtotal=float(line.net), currency_id=cny,
                state=order.word, display_type=False)  # fmt: skip
    put("account.move", 1, commercial_partner_id=[1, "Firm 1"], amount_total=9.0,
        currency_id=cny, invoice_date=DAY, invoice_date_due=DAY, move_type="out_invoice",
        state="posted")  # fmt: skip
    put("stock.picking", 1, sale_id=[3, "S"], state="done", date_done=PLAIN,
        scheduled_date=PLAIN)  # fmt: skip
    put("mrp.production", 1, product_id=[1, "Pump"], product_qty=5.0, state="done",
        date_start=PLAIN, date_deadline=PLAIN, date_finished=PLAIN)  # fmt: skip
    return made


# Kingdee -------------------------------------------------------------------------------------


class Forms(DataCentre):
    """A data centre with the forms of the preset; fields of lines make a bill several rows."""

    def __init__(self) -> None:
        super().__init__()
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        source = as_source(
            {"system": "erp", "kind": "kingdee", "server_url": "https://k.example/k3cloud",
             "account_id": "a", "user": "u", "app_id_env": "I", "app_secret_env": "S"}
        )  # fmt: skip
        assert isinstance(source, KingdeeSource)
        fields: dict[str, dict[str, None]] = {}
        for table in source.tables:
            fields.setdefault(table.form_id, {}).update(dict.fromkeys(table.fields))
        for form, names in fields.items():
            columns = ", ".join(f'"{name}"' for name in names)
            self.db.execute(f"create table {form} ({columns})")

    def add(self, form: str, **values: Any) -> None:
        """``__`` in a name stands for its dot."""
        names = ", ".join(f'"{name.replace("__", ".")}"' for name in values)
        marks = ", ".join("?" * len(values))
        self.db.execute(f"insert into {form} ({names}) values ({marks})", [*values.values()])

    def query(self, request: Request) -> Any:
        assert request.headers.get("x-kd-appkey") == APP_ID
        data = request.body["data"]
        columns = ", ".join(f'"{name}"' for name in data["FieldKeys"].split(","))
        where = data["FilterString"] or "true"
        rows = self.db.execute(
            f"select distinct {columns} from {data['FormId']} where {where} "
            f"order by {data['OrderString']} limit ?",
            [data["Limit"]],
        ).fetchall()
        return amounts_as_numbers(json.dumps([list(row) for row in rows]))


def kingdee_centre(book: Book) -> Forms:
    made = Forms()
    at = "2026-03-01T20:00:00"
    for n in range(1, FIRMS + 1):
        made.add("BD_Customer", FCUSTID=n, FNumber=f"C{n}", FName=f"Firm {n}", FTEL="1",
                 FADDRESS="1", FCOUNTRY__FDataValue="中国", FPROVINCIAL__FDataValue="江苏",
                 FTAXREGISTERCODE="cn1", FWEBSITE="http://f.example/a", FDocumentStatus="C",
                 FForbidStatus="A", FCreateDate=at, FModifyDate=at)  # fmt: skip
    for n in range(1, PRODUCTS + 1):
        made.add("BD_MATERIAL", FMATERIALID=n, FNumber=f"P{n}", FName=f"Pump {n}",
                 FMaterialGroup__FName="Pumps", FDocumentStatus="C", FForbidStatus="A",
                 FCreateDate=at, FModifyDate=at)  # fmt: skip
    for order in book.orders:
        document, closed, cancelled = order.word.split("|")
        for line in order.lines:
            made.add(
                "SAL_SaleOrder", FID=order.number, FBillNo=f"X{order.number}", FDate=at,
                FCustId=order.firm, FDocumentStatus=document, FCloseStatus=closed,
                FCancelStatus=cancelled, FSettleCurrId__FCode="CNY",
                FBillAllAmount=f"{order.net:.10f}", FApproveDate=at, FCreateDate=at,
                FModifyDate=at, FSaleOrderEntry_FEntryID=line.number, FMaterialId=line.product,
                FQty=f"{line.quantity:.10f}", FPrice=f"{line.price:.10f}",
                FAmount=f"{line.net:.10f}", FDeliveryDate=at, FMrpCloseStatus="A",
            )  # fmt: skip
    made.add("SAL_OUTSTOCK", FEntity_FENTRYID=1, FID=1, FBillNo="O1", FDate=at, FSOEntryId=40,
             FDocumentStatus="C", FCancelStatus="A", FRealQty="1.0000000000", FApproveDate=at,
             FModifyDate=at)  # fmt: skip
    made.add("AR_receivable", FID=1, FBillNo="A1", FDATE=at, FENDDATE_H=at, FCUSTOMERID=1,
             FALLAMOUNTFOR="9.0000000000", FCURRENCYID__FCode="CNY", FDOCUMENTSTATUS="C",
             FCancelStatus="A", FModifyDate=at)  # fmt: skip
    made.add("PRD_MO", FTreeEntity_FEntryId=1, FID=1, FBillNo="M1", FMaterialId=1,
             FQty="5.0000000000", FPlanStartDate=at, FPlanFinishDate=at, FStatus="4",
             FModifyDate=at)  # fmt: skip
    return made


# REST ----------------------------------------------------------------------------------------


def frappe_routes(book: Book) -> dict[str, Callable[[Call], Any]]:
    at = "2026-03-01 20:00:00.123456"

    def row(name: Any, **values: Any) -> dict[str, Any]:
        return {"name": str(name), "creation": at, "modified": at, "docstatus": 1, **values}

    rows: dict[str, list[dict[str, Any]]] = {
        "User": [row("li@x.example", full_name="Li", email="LI@x.example", enabled=1,
                     user_type="System User")],
        "Customer": [
            row(f"C{n}", customer_name=f"Firm {n}", industry="Manufacturing", territory="East",
                tax_id="a1", website="http://f.example/a", disabled=0)
            for n in range(1, FIRMS + 1)
        ],
        "Contact": [row("A", first_name="A", last_name="B", email_id="A@x.example", phone="1",
                        designation="CEO")],
        "Dynamic Link": [{"name": "l1", "parent": "A", "link_name": "C1", "idx": 1}],
        "Lead": [
            row(f"L{lead.number}", lead_name=f"Lead {lead.number}", status=lead.word,
                source="Exhibition", industry="Manufacturing", lead_owner="li@x.example",
                customer="C1")
            for lead in book.leads
        ],
        "Opportunity": [
            row(f"O{deal.number}", title=f"Deal {deal.number}",
                opportunity_from="Customer" if deal.number % 2 else "Lead",
                party_name=f"C{deal.firm}" if deal.number % 2 else "L1",
                status=deal.word.split("|")[0], sales_stage=deal.word.split("|")[1] or None,
                currency="EUR", opportunity_amount=float(deal.amount),
                opportunity_owner="li@x.example", expected_closing=DAY)
            for deal in book.deals
        ],
        "Quotation": [row("Q1", opportunity="O1", total=10.0, net_total=9.0, currency="EUR",
                          transaction_date=DAY, valid_till=DAY)],
        "Item": [
            row(f"P{n}", item_name=f"Pump {n}", item_group="Pumps", standard_rate=9.0,
                valuation_rate=4.0, disabled=0)
            for n in range(1, PRODUCTS + 1)
        ],
        "Sales Order": [
            row(f"SO{order.number}", docstatus=int(order.word.split("|")[0]),
                status=order.word.split("|")[1], customer=f"C{order.firm}", currency="EUR",
                transaction_date=DAY, delivery_date=DAY)
            for order in book.orders
        ],
        "Sales Order Item": [
            row(f"r{line.number}", docstatus=int(order.word.split("|")[0]),
                parent=f"SO{order.number}", item_code=f"P{line.product}", item_name="Pump",
                qty=float(line.quantity), rate=float(line.price), net_amount=float(line.net))
            for order in book.orders
            for line in order.lines
        ],
        "Sales Invoice": [row("SI1", customer="C1", grand_total=9.0, currency="EUR",
                              posting_date=DAY, due_date=DAY)],
        "Payment Entry": [row("PE1", party="C1", paid_from_account_currency="EUR",
                              posting_date=DAY)],
        "Payment Entry Reference": [row("pr1", parent="PE1", reference_name="SI1",
                                        reference_doctype="Sales Invoice",
                                        allocated_amount=9.0)],
        "Work Order": [row("W1", production_item="P1", sales_order="SO2", qty=5.0,
                           status="In Process", planned_start_date=at, planned_end_date=at,
                           actual_end_date=at)],
        "Delivery Note": [row("DN1", status="Completed", posting_date=DAY)],
        "Delivery Note Item": [row("dn1", parent="DN1", against_sales_order="SO2")],
        "Batch": [row("B1", item="P1", batch_qty=5.0, expiry_date=DAY, manufacturing_date=DAY)],
    }  # fmt: skip

    def resource(found: list[dict[str, Any]]) -> Callable[[Call], Any]:
        def answer(call: Call) -> Any:
            start = call.number("limit_start", 0)
            return {"data": found[start : start + call.number("limit_page_length", 20)]}

        return answer

    return {
        f"/api/resource/{name.replace(' ', '%20')}": resource(found) for name, found in rows.items()
    }


def fxiaoke_routes(book: Book) -> dict[str, Callable[[Call], Any]]:
    at = 1_772_366_400_000
    owner = ["1001"]

    def row(key: str, **values: Any) -> dict[str, Any]:
        return {"_id": key, "name": key, "owner": owner, "create_time": at,
                "last_modified_time": at, **values}  # fmt: skip

    rows = {
        "AccountObj": [row(f"a{n}") for n in range(1, FIRMS + 1)],
        "ContactObj": [row("c1", account_id="a1", email="A@x.example", mobile1="1",
                           job_title="CEO")],
        "LeadsObj": [row(f"l{lead.number}", biz_status=lead.word) for lead in book.leads],
        "NewOpportunityObj": [
            row(f"o{deal.number}", account_id=f"a{deal.firm}", amount=str(deal.amount),
                sales_stage=deal.word, close_date=at, stg_changed_time=at + 86_400_000)
            for deal in book.deals
        ],
        "SalesOrderObj": [
            row(f"s{order.number}", account_id=f"a{order.firm}", new_opportunity_id="o1",
                order_time=at, life_status=order.word)
            for order in book.orders
        ],
        "SalesOrderProductObj": [
            row(f"sp{line.number}", order_id=f"s{order.number}", product_id=f"p{line.product}",
                quantity=str(line.quantity), sales_price=str(line.price), subtotal=str(line.net))
            for order in book.orders
            for line in order.lines
        ],
        "ProductObj": [row(f"p{n}", category="Pumps", price="9.00", product_status="1")
                       for n in range(1, PRODUCTS + 1)],
        "PaymentObj": [row("pay1", account_id="a1", payment_amount="9.00", payment_time=at,
                           life_status="normal")],
        "PersonnelObj": [row("u1", user_id="1001", full_name="Li", email="LI@x.example",
                             status="0")],
    }  # fmt: skip

    def query(call: Call) -> Any:
        assert call.body["corpAccessToken"] == "corp-token"
        data = call.body["data"]
        info = data["search_query_info"]
        low, high = (int(item["field_values"][0]) for item in info["filters"])
        found = [
            one
            for one in rows[data["dataObjectApiName"]]
            if low <= one["last_modified_time"] <= high
        ]
        start, size = int(info["offset"]), int(info["limit"])
        page = {"dataList": found[start : start + size], "total": len(found)}
        return {"errorCode": 0, "data": page}

    token = {"errorCode": 0, "corpAccessToken": "corp-token", "corpId": "c", "expiresIn": 7200}
    return {
        "/cgi/corpAccessToken/get/V2": lambda call: token,
        "/cgi/crm/v2/data/query": query,
    }


def sap_routes(book: Book) -> dict[str, Callable[[Call], Any]]:
    at = f"/Date({int(NOON.timestamp()) * 1000})/"

    def rejected(order: Order) -> str:
        return "01" if order.word.endswith("|C") else ""

    rows: dict[str, list[dict[str, Any]]] = {
        "API_BUSINESS_PARTNER/A_Customer": [
            {"Customer": str(n), "CustomerName": f"Firm {n}", "VATRegistration": "de1",
             "DeletionIndicator": False, "CreationDate": at}
            for n in range(1, FIRMS + 1)
        ],
        "API_PRODUCT_SRV/A_Product": [
            {"Product": f"P{n}", "ProductGroup": "PUMP", "IsMarkedForDeletion": False}
            for n in range(1, PRODUCTS + 1)
        ],
        "API_PRODUCT_SRV/A_ProductDescription": [
            {"Product": "P1", "Language": "EN", "ProductDescription": "Pump"}
        ],
        "API_SALES_ORDER_SRV/A_SalesOrder": [
            {"SalesOrder": str(order.number), "SoldToParty": str(order.firm),
             "OverallSDProcessStatus": order.word[0],
             "OverallSDDocumentRejectionSts": order.word[2], "TransactionCurrency": "EUR",
             "SalesOrderDate": at, "RequestedDeliveryDate": at}
            for order in book.orders
        ],
        "API_SALES_ORDER_SRV/A_SalesOrderItem": [
            {"SalesOrder": str(order.number), "SalesOrderItem": str(line.number),
             "Material": f"P{line.product}", "SalesOrderItemText": "Pump",
             "RequestedQuantity": str(line.quantity), "NetAmount": str(line.net),
             "TransactionCurrency": "EUR", "SalesDocumentRjcnReason": rejected(order)}
            for order in book.orders
            for line in order.lines
        ],
        "API_BILLING_DOCUMENT_SRV/A_BillingDocument": [
            {"BillingDocument": "9", "SoldToParty": "1", "TotalGrossAmount": "11.90",
             "TransactionCurrency": "EUR", "BillingDocumentDate": at, "SDDocumentCategory": "M",
             "BillingDocumentIsCancelled": False}
        ],
    }  # fmt: skip

    def service(found: list[dict[str, Any]]) -> Callable[[Call], Any]:
        def answer(call: Call) -> Any:
            start = call.number("$skip", 0)
            page = found[start : start + call.number("$top", 10)]
            return {"d": {"results": page, "__count": str(len(found))}}

        return answer

    return {f"/sap/{path}": service(found) for path, found in rows.items()}


def bottlecrm_routes(book: Book) -> dict[str, Callable[[Call], Any]]:
    at = "2026-03-01T12:00:00.123456Z"
    user = {"id": "u", "email": "LI@x.example", "name": "Li", "is_active": True}
    profile = {"id": "pr1", "user_details": user, "role": "USER", "is_active": True}
    assigned = [profile]
    firms = [
        {"id": f"a{n}", "name": f"Firm {n}", "industry": "MANUFACTURING",
         "website": "http://f.example/a", "phone": "1", "city": "Lyon", "created_at": at,
         "is_active": True}
        for n in range(1, FIRMS + 1)
    ]  # fmt: skip
    contacts = [
        {"id": "c1", "account_detail": {"id": "a1", "name": "Firm 1"}, "first_name": "A",
         "last_name": "B", "title": "CEO", "email": "A@x.example", "phone": "1",
         "is_active": True, "created_at": at, "updated_at": at}
    ]  # fmt: skip
    deals = [
        {"id": f"o{deal.number}", "name": f"Deal {deal.number}",
         "account": {"id": f"a{deal.firm}", "name": "x"}, "amount": str(deal.amount),
         "currency": "USD", "stage": deal.word,
         "stage_kind": deal.stage if deal.is_closed else "open",
         "assigned_to": assigned if deal.number > 1 else [], "lead_source": "partner",
         "created_at": at, "closed_on": DAY, "stage_changed_at": at}
        for deal in book.deals
    ]  # fmt: skip
    leads = [
        {"id": f"l{lead.number}", "title": f"Lead {lead.number}", "company_name": "Firm",
         "source": "campaign", "status": lead.word, "created_at": at, "first_response_at": at,
         "opportunity_amount": "5.00", "currency": "USD", "assigned_to": assigned}
        for lead in book.leads
    ]  # fmt: skip

    def page(call: Call, rows: list[Any]) -> list[Any]:
        start = call.number("offset", 0)
        return rows[start : start + call.number("limit", 10)]

    closed = [lead for lead in leads if lead["status"] == "closed"]
    others = [lead for lead in leads if lead["status"] != "closed"]
    members = [{**profile, "date_of_joining": DAY}]
    return {
        "/api/users/get-teams-and-users/": lambda call: {"teams": [], "profiles": members},
        "/api/accounts/": lambda call: {
            "active_accounts": {"open_accounts": page(call, firms)},
            "closed_accounts": {"close_accounts": []},
        },
        "/api/contacts/": lambda call: {
            "contacts_count": len(contacts),
            "contact_obj_list": page(call, contacts),
        },
        "/api/opportunities/": lambda call: {
            "opportunities_count": len(deals),
            "opportunities": page(call, deals),
        },
        "/api/leads/": lambda call: {
            "open_leads": {"leads_count": len(others), "open_leads": page(call, others)},
            "close_leads": {"leads_count": len(closed), "close_leads": page(call, closed)},
        },
    }


# All of them ---------------------------------------------------------------------------------


def wecom_company() -> WeCom:
    made = WeCom()
    for n in range(1, FIRMS + 1):
        made.add(
            f"member00{n}", f"wm{n}", type=2, corp_name=f"Firm {n}", corp_full_name=f"Firm {n} Ltd",
            position="CEO",
        )  # fmt: skip
    made.add("member002", "wm1", type=2, corp_name="Firm 1", corp_full_name="Firm 1 Ltd")
    return made


@contextmanager
def connected_systems(folder: Path, certificate: Path) -> Iterator[dict[str, Book]]:
    """Serve the nine systems, and write ``sources.toml`` into ``folder``: kind, place and secret.

    Yields the book of each.
    """
    books = {kind: make_book(kind) for kind in KINDS}
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        hubspot, books["hubspot"] = hubspot_account(books["hubspot"])
        salesforce = salesforce_org(books["salesforce"], patch)
        odoo = odoo_server(books["odoo"], patch)
        kingdee = kingdee_centre(books["kingdee"])
        wecom = wecom_company()
        for api in (hubspot.server, odoo.server, kingdee.server, wecom.server):
            stack.enter_context(serve(api))
        stack.enter_context(serve(salesforce.server, certificate))
        rest: dict[str, RestServer] = {}
        for kind, routes in (
            ("frappe", frappe_routes),
            ("fxiaoke", fxiaoke_routes),
            ("sap_odata", sap_routes),
            ("bottlecrm", bottlecrm_routes),
        ):
            rest[kind] = stack.enter_context(rest_server())
            rest[kind].routes |= routes(books[kind])
        for name, value in {
            "HUBSPOT_TOKEN": HUBSPOT_TOKEN, "SF_KEY": SALESFORCE_KEY,
            "SF_SECRET": SALESFORCE_SECRET, "ODOO_KEY": ODOO_KEY, "KD_ID": APP_ID,
            "KD_SECRET": KINGDEE_SECRET, "WECOM_SECRET": WECOM_SECRET,
            "WECOM_DIRECTORY": DIRECTORY, "FX_APP": "a" * 8, "FX_SECRET": "s" * 8,
            "FX_CODE": "p" * 8, "FRAPPE_KEY": "key:secret-of-frappe",
            "BOTTLE_TOKEN": "token-of-bottle",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        (folder / "sources.toml").write_text(
            f"""
            as_of = {TODAY}
            [[source]]
            system = "hubspot"
            kind = "hubspot"
            base_url = "{hubspot.server.url}"
            access_token_env = "HUBSPOT_TOKEN"
            [[source]]
            system = "salesforce"
            kind = "salesforce"
            instance_url = "{salesforce.server.url}"
            consumer_key_env = "SF_KEY"
            consumer_secret_env = "SF_SECRET"
            ca_file = "{certificate}"
            [[source]]
            system = "odoo"
            kind = "odoo"
            url = "{odoo.server.url}"
            database = "acme"
            user = "reader"
            api_key_env = "ODOO_KEY"
            currency = "CNY"
            [[source]]
            system = "kingdee"
            kind = "kingdee"
            server_url = "{kingdee.server.url}/k3cloud/"
            account_id = "5f8a"
            user = "reader"
            app_id_env = "KD_ID"
            app_secret_env = "KD_SECRET"
            [[source]]
            system = "wecom"
            kind = "wecom"
            base_url = "{wecom.server.url}"
            corp_id = "ww01"
            secret_env = "WECOM_SECRET"
            directory_secret_env = "WECOM_DIRECTORY"
            [[source]]
            system = "frappe"
            kind = "frappe"
            url = "{rest["frappe"].url}"
            time_zone = "Asia/Shanghai"
              [source.auth]
              type = "api_key"
              name = "Authorization"
              prefix = "token "
              key_env = "FRAPPE_KEY"
            [[source]]
            system = "fxiaoke"
            kind = "fxiaoke"
            url = "{rest["fxiaoke"].url}"
            currency = "CNY"
              [source.auth]
              type = "login"
              url = "{rest["fxiaoke"].url}/cgi/corpAccessToken/get/V2"
              body_env = {{ appId = "FX_APP", appSecret = "FX_SECRET", permanentCode = "FX_CODE" }}
              put = {{ "body:corpAccessToken" = "corpAccessToken", "body:corpId" = "corpId" }}
            [[source]]
            system = "sap_odata"
            kind = "sap_odata"
            url = "{rest["sap_odata"].url}/sap"
            [[source]]
            system = "bottlecrm"
            kind = "bottlecrm"
            url = "{rest["bottlecrm"].url}"
              [source.auth]
              type = "bearer"
              token_env = "BOTTLE_TOKEN"
            """,
            encoding="utf-8",
        )
        yield books
