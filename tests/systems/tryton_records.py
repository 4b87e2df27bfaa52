"""Makes records in a Tryton database, and tells what Tryton itself says of them.

Runs with the Python of Tryton's own virtual environment, not with that of the project:

    python tryton_records.py first|second|answers CONFIGURATION DATABASE

``first`` sets a company up and lets it work; ``second`` goes on some time later (updates, records
that come and go); ``answers`` prints JSON. Everything goes through Tryton's models.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
from collections import defaultdict
from decimal import Decimal
from typing import Any

from proteus import Model
from proteus import config as proteus_config
from trytond.modules.account.tests.tools import (
    create_chart,
    create_fiscalyear,
    create_tax,
    get_accounts,
)
from trytond.modules.account_invoice.tests.tools import (
    create_payment_term,
    set_fiscalyear_invoice_sequences,
)
from trytond.modules.company.tests.tools import create_company
from trytond.modules.currency.tests.tools import get_currency

CUSTOMERS, OPPORTUNITIES, SALES, PRODUCTIONS, LOTS = 12, 36, 24, 10, 3
TODAY = dt.date.today()  # noqa: DTZ011 - Tryton's own today


class Company:
    """The working company: what records are made of."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.customers = Model.get("party.party").find([("code", "like", "C-%")])
        self.employees = Model.get("company.employee").find([])
        self.products = Model.get("product.product").find([("code", "like", "P-%")])
        self.term = Model.get("account.invoice.payment_term").find([])[0]

    def lines(self, record: Any, *, with_comment: bool) -> None:
        for _ in range(self.chance.randint(1, 4)):
            line = record.lines.new()
            line.product = self.chance.choice(self.products)
            # Amounts that end on half a cent, and floating point numbers that are no decimals.
            line.quantity = self.chance.choice([0.5, 1.0, 1.5, 2.5, 3.0, 7.0, 0.1, 12.25])
            if hasattr(line, "unit_price"):
                line.unit_price = Decimal(self.chance.randint(1, 90_000)) / 1000
        if with_comment:
            comment = record.lines.new()
            comment.type = "comment"
            comment.description = "By the end of the week 😀"

    def opportunity(self, number: int) -> Any:
        record = Model.get("sale.opportunity")()
        record.description = f"Opportunity {number} 商机"
        record.start_date = TODAY - dt.timedelta(days=self.chance.randint(0, 90))
        record.party = self.chance.choice(self.customers)
        record.amount = Decimal(self.chance.randint(1_000, 90_000))
        record.employee = self.chance.choice(self.employees)
        record.save()
        return record

    def sale(self, number: int) -> Any:
        record = Model.get("sale.sale")()
        record.party = self.chance.choice(self.customers)
        record.payment_term = self.term
        record.invoice_method = "order"
        record.reference = f"PO-{number}"
        self.lines(record, with_comment=number % 5 == 0)
        record.save()
        return record


def set_up(config: Any) -> None:
    """A company with chart of accounts, employees, customers and products."""
    create_company(config=config)
    create_chart(config=config)
    fiscalyear = set_fiscalyear_invoice_sequences(create_fiscalyear())
    fiscalyear.click("create_period")
    accounts = get_accounts()
    tax = create_tax(Decimal(".19"))
    tax.save()
    create_payment_term().save()
    method = Model.get("account.invoice.payment.method")(name="Cash")
    (method.journal,) = Model.get("account.journal").find([("type", "=", "cash")])
    method.credit_account = method.debit_account = accounts["cash"]
    method.save()
    _people()
    _products(accounts, tax)
    inventory = Model.get("stock.inventory")()
    (inventory.location,) = Model.get("stock.location").find([("code", "=", "STO")])
    for product in Model.get("product.product").find([("code", "like", "P-%")]):
        line = inventory.lines.new(product=product)
        line.quantity, line.expected_quantity = 10_000.0, 0.0
    inventory.click("confirm")


def _people() -> None:
    party, employee = Model.get("party.party"), Model.get("company.employee")
    heads = []
    for number in range(4):
        person = party(name=f"Employee {number} 王")
        person.save()
        member = employee(party=person, start_date=dt.date(2020, 1, 1 + number))
        if number:
            member.supervisor = heads[0]
        member.save()
        heads.append(member)
    country = Model.get("country.country")(name="Germany", code="DE", code3="DEU")
    country.save()
    for number in range(CUSTOMERS):
        firm = party(name=f"Customer {number} 客户", code=f"C-{number:03}")
        (address,) = firm.addresses or [firm.addresses.new()]
        address.city, address.country = "Köln", country
        firm.save()
        mechanism = Model.get("party.contact_mechanism")
        mechanism(party=firm, type="email", value=f"info@customer{number}.example").save()
        mechanism(
            party=firm, type="email", name=f"Person {number}", value=f"p{number}@c.example"
        ).save()


def _products(accounts: dict[str, Any], tax: Any) -> None:
    category = Model.get("product.category")
    accounting = category(name="Accounting", accounting=True)
    accounting.account_expense, accounting.account_revenue = (
        accounts["expense"],
        accounts["revenue"],
    )
    accounting.customer_taxes.append(tax)
    accounting.save()
    lines = [category(name=name) for name in ("Pumps", "Valves")]
    for line in lines:
        line.save()
    (kilogram,) = Model.get("product.uom").find([("name", "=", "Kilogram")])
    for number in range(6):
        template = Model.get("product.template")()
        template.name, template.code = f"Product {number}", f"P-{number}"
        template.default_uom, template.type = kilogram, "goods"
        template.salable = template.producible = True
        template.list_price = Decimal("10.1234") + number
        template.account_category = accounting
        template.categories.append(category(lines[number % 2].id))
        (variant,) = template.products
        variant.cost_price = Decimal("4.5")
        template.save()


def first(config: Any) -> None:
    """The first weeks of the company."""
    set_up(config)
    company = Company(random.Random(20261122))
    _opportunities(company)
    _sales(company)
    _productions(company)
    _lots(company)


def _opportunities(company: Company) -> None:
    records = [company.opportunity(number) for number in range(OPPORTUNITIES)]
    fates = _fates(records, 9)
    _click(fates[1], "lost", "lead")  # a second try
    others = [record for fate in range(1, 9) for record in fates[fate]]
    _click(others, "opportunity")
    for record in others:
        record.description += " (checked)"
        if record in [one for fate in range(5, 9) for one in fates[fate]]:
            company.lines(record, with_comment=False)
        record.save()
    _click(fates[2], "lost")
    _click(fates[3], "cancel")
    converted = [record for fate in range(5, 9) for record in fates[fate]]
    _click(converted, "convert")
    for record in converted:
        (sale,) = record.sales
        sale.payment_term, sale.invoice_method = company.term, "order"
        for line in sale.lines:
            line.unit_price = Decimal(company.chance.randint(1, 90_000)) / 1000
        sale.save()
    _click([r.sales[0] for fate in (6, 7, 8) for r in fates[fate]], "quote")
    _click([r.sales[0] for fate in (7, 8) for r in fates[fate]], "confirm")
    _click([r.sales[0] for r in fates[6][::2]], "cancel")


def _sales(company: Company) -> None:
    fates = _fates([company.sale(number) for number in range(SALES)], 8)
    _click([sale for fate in range(1, 8) for sale in fates[fate]], "quote")
    _click(fates[2], "cancel")
    _click([sale for fate in range(3, 8) for sale in fates[fate]], "confirm")
    invoices = [i for fate in range(4, 8) for sale in fates[fate] for i in sale.invoices]
    for invoice in invoices:
        invoice.invoice_date = TODAY
        invoice.save()
    _click(invoices, "post")
    method = Model.get("account.invoice.payment.method").find([])[0]
    for sale in fates[5]:
        pay = sale.invoices[0].click("pay")
        pay.form.payment_method = method
        pay.execute("choice")
    _click(
        [s for fate in (6, 7) for sale in fates[fate] for s in sale.shipments],
        "assign_force",
        "pick",
        "pack",
    )
    _click([s for sale in fates[7] for s in sale.shipments], "do")


def _fates(records: list[Any], count: int) -> list[list[Any]]:
    return [records[fate::count] for fate in range(count)]


def _click(records: list[Any], *buttons: str) -> None:
    """All records at once: a call of its own for each would take minutes."""
    for button in buttons:
        if records:
            type(records[0]).click(records, button)
    for record in records:
        record.reload()


def _productions(company: Company) -> None:
    for number in range(PRODUCTIONS):
        production = Model.get("production")()
        production.product = company.products[number % len(company.products)]
        production.quantity = 10.0 + number
        production.planned_date = TODAY + dt.timedelta(days=number)
        output = production.outputs.new()
        output.product = production.product
        output.quantity = production.quantity
        (output.from_location,) = Model.get("stock.location").find(
            [("type", "=", "production")], limit=1
        )
        (output.to_location,) = Model.get("stock.location").find([("code", "=", "STO")])
        output.unit_price = Decimal(0)
        output.currency = get_currency()
        production.save()
        for click in ("wait", "assign_try", "run", "do")[: number % 5]:
            production.click(click)


def _lots(company: Company) -> None:
    move, location = Model.get("stock.move"), Model.get("stock.location")
    (supplier,) = location.find([("code", "=", "SUP")])
    (storage,) = location.find([("code", "=", "STO")])
    for number in range(LOTS):
        lot = Model.get("stock.lot")(number=f"L-{number}", product=company.products[0])
        lot.save()
        arrival = move(product=company.products[0], quantity=5.0 + number, lot=lot)
        arrival.from_location, arrival.to_location = supplier, storage
        arrival.unit_price, arrival.currency = Decimal("4.5"), get_currency()
        arrival.save()
        arrival.click("do")


def second(config: Any) -> None:
    """Later: some records change, some are made, some are deleted."""
    company = Company(random.Random(7))
    opportunity, sale = Model.get("sale.opportunity"), Model.get("sale.sale")
    for record in opportunity.find([("state", "=", "lead")], limit=3):
        record.click("opportunity")
    for record in opportunity.find([("state", "=", "opportunity")], limit=2):
        record.click("lost")
    gone = company.opportunity(900)
    gone.click("cancel")
    gone.delete()
    for record in opportunity.find([("state", "=", "cancelled")], limit=2):
        record.delete()
    for record in sale.find([("state", "=", "quotation")], limit=3):
        record.click("confirm")
    for record in sale.find([("state", "=", "draft")], limit=2):
        record.click("cancel")
        record.delete()
    for number in range(2):
        company.sale(950 + number).click("quote")


def answers() -> dict[str, Any]:
    """What Tryton says of its records; amounts as text."""
    told: dict[str, Any] = {}
    opportunities = Model.get("sale.opportunity").find([])
    told["opportunities"] = _by_state((o.state, o.amount) for o in opportunities)
    told["stages"] = _stages()
    sales = Model.get("sale.sale").find([])
    told["sales"] = _by_state((s.state, s.untaxed_amount) for s in sales)
    told["untaxed_amounts"] = {s.id: str(s.untaxed_amount) for s in sales}
    told["lines"] = {
        line.id: [line.sale.id, line.sale.state, str(line.amount)]
        for line in Model.get("sale.line").find([("type", "=", "line")])
    }
    invoices = Model.get("account.invoice").find([("type", "=", "out")])
    told["invoices"] = _by_state((i.state, i.total_amount) for i in invoices)
    told["paid"] = str(
        sum((line.credit - line.debit for i in invoices for line in i.payment_lines), Decimal(0))
    )
    told["productions"] = _by_state(
        (p.state, Decimal(str(p.quantity))) for p in Model.get("production").find([])
    )
    told["shipments"] = _by_state(
        (s.state, Decimal(1)) for s in Model.get("stock.shipment.out").find([])
    )
    (storage,) = Model.get("stock.location").find([("code", "=", "STO")])
    with_stock = {"locations": [storage.id], "stock_date_end": TODAY}
    with proteus_config.get_config().set_context(with_stock):
        lots = Model.get("stock.lot").find([])
        told["lots"] = {lot.number: lot.quantity for lot in lots}
    told["parties"] = len(Model.get("party.party").find([("code", "like", "C-%")]))
    told["employees"] = len(Model.get("company.employee").find([]))
    return told


def _by_state(records: Any) -> dict[str, list[Any]]:
    counts: dict[str, int] = defaultdict(int)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for state, amount in records:
        counts[state] += 1
        sums[state] += amount or 0
    return {state: [counts[state], str(sums[state])] for state in counts}


def _stages() -> dict[int, list[str]]:
    """Stages that each opportunity went through, as it reads whenever it was changed."""
    model = Model.get("sale.opportunity")
    config = proteus_config.get_config()
    stages: dict[int, list[str]] = {}
    for record in model.find([]):
        moments = sorted({moment for moment, *_ in _revisions(config, record.id)})
        passed = stages.setdefault(record.id, [])
        for moment in moments:
            with config.set_context({"_datetime": moment}):
                state = model(record.id).state
            if passed[-1:] != [state]:
                passed.append(state)
    return stages


def _revisions(config: Any, record: int) -> list[Any]:
    return config.get_proxy("sale.opportunity").history_revisions([record], config.context)


def main() -> None:
    command, configuration, database = sys.argv[1:]
    config = proteus_config.set_trytond(database, config_file=configuration)
    config.skip_warning = True  # nobody is there to answer
    if command != "first":
        config._context = Model.get("res.user").get_preferences(True, {})
    if command == "answers":
        print(json.dumps(answers()))
    else:
        {"first": first, "second": second}[command](config)


if __name__ == "__main__":
    main()
