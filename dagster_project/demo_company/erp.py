"""The ERP: a SQLite database in the style of Chinese ERP suites.

Business days are text (``20250131``), ``fmodifydate`` is naive UTC, firms are spelled differently
from the CRM, and only the tax number, the telephone or the mail domain tells who is who. An order
knows its CRM deal (``fsrcdealno``); a repeat order knows none.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from .change import organisation, week_of
from .clock import compact_date, utc_text
from .crm import item_number
from .database import Row, create_database
from .random_source import pick, scalar_random, working_time
from .records import Account, Deal, World
from .sizes import DAY, END, NIGHT_JOB, START
from .vocabulary import PRODUCTS

SCHEMA = """
create table t_bd_customer (
    fcustno text primary key, fname text, ftaxregno text, fcountry text, faddress text, ftel text,
    femail text, fsettlecur text, fstatus text, fcreatedate text, fmodifydate datetime
);
create table t_bd_material (
    fitemno text primary key, fitemname text, fcategory text, fsaleprice numeric(18, 2), fcur text,
    fstdcost numeric(18, 4), fforbid text, fshelflife integer, fmodifydate datetime
);
create table t_sal_order (
    fbillno text primary key, fcustno text, fsrcdealno text, fbilltype text, fcur text,
    fcountry text, fdate text, freqdate text, fsource text, fstatus text, fmaker text,
    fmodifydate datetime
);
create table t_sal_orderentry (
    fentryid integer primary key, fbillno text, fseq integer, fitemno text, fitemname text,
    fqty numeric(18, 3), fprice numeric(18, 4), famount numeric(18, 2), fcur text, fcancel text,
    fmodifydate datetime
);
create table t_ar_invoice (
    finvno text primary key, fbillno text, fcustno text, famount numeric(18, 2), fcur text,
    fdate text, fduedate text, fmodifydate datetime
);
create table t_ar_receipt (
    frecno text primary key, finvno text, fcustno text, famount numeric(18, 2), fcur text,
    fdate text, fmodifydate datetime
);
create table t_stk_batch (
    fbatchno text primary key, fitemno text, fqty numeric(18, 3), fstock text, finduedate text,
    fexpdate text, fmodifydate datetime
);
create table t_prd_mo (
    fmono text primary key, fitemno text, fbillno text, fqty numeric(18, 3), fstatus text,
    fplanstart text, fplanfinish text, ffinish text, fmodifydate datetime
);
create table t_sal_delivery (
    fdelno text primary key, fbillno text, fstatus text, foutdate text, freqdate text,
    fsigndate text, fcarrier text, fmodifydate datetime
);
"""
CATEGORY = {
    "Patient monitoring": "医疗监护",
    "Factory automation": "工厂自动化",
    "Retail terminals": "零售终端",
    "Cloud platform": "云平台",
}
COUNT_NEAR_EXPIRY = 8
COUNT_DELIVERY_RISKS = 12
NEAR_EXPIRY_DAYS = 60
COUNT_UNKNOWN_STATUS = 6
CNY_PER = {"CNY": 1.0, "USD": 7.0, "EUR": 7.5}


@dataclass
class _Books:
    """Rows per table while the orders are written."""

    orders: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    invoices: list[Row] = field(default_factory=list)
    receipts: list[Row] = field(default_factory=list)
    productions: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    net_by_currency: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    islands: list[str] = field(default_factory=list)
    at_risk: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    signed_by_month: dict[str, list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )


def write_erp(world: World, folder: Path) -> dict[str, int]:
    rng = scalar_random(world.seed, "erp")
    books = _Books()
    customers = _sell(world, rng, books)
    tables: dict[str, list[Row]] = {
        "t_bd_customer": _customers(world, rng, customers),
        "t_bd_material": _materials(),
        "t_sal_order": books.orders,
        "t_sal_orderentry": books.entries,
        "t_ar_invoice": books.invoices,
        "t_ar_receipt": books.receipts,
        "t_stk_batch": _batches(world, rng),
        "t_prd_mo": books.productions,
        "t_sal_delivery": books.deliveries,
    }
    _truths(world, books)
    return create_database(folder / "erp.sqlite", SCHEMA, tables)


def _customers(world: World, rng: random.Random, customers: dict[str, Account]) -> list[Row]:
    """The ERP's own list of customers, and the key to who they are in the CRM."""
    rows: list[Row] = []
    links: dict[str, dict[str, str]] = {}
    for number in sorted(customers):
        account = customers[number]
        # What joins the customer to its account: tax number, else telephone, else mail, else name.
        evidence = pick(rng, ("tax_id", "phone", "domain", "name"), (72, 12, 10, 6))
        has = {
            "tax_id": (account.tax_id, account.phone, None),
            "phone": (None, account.phone, None),
            "domain": (None, None, f"finance@{account.domain}"),
            "name": (None, None, None),
        }[evidence]
        links[number] = {"account": account.no, "evidence": evidence}
        rows.append(
            (
                number,
                account.erp_name,
                has[0],
                account.country,
                f"{account.province} {account.city} {rng.randint(1, 999)}",
                has[1],
                has[2],
                account.currency,
                "B",
                compact_date(account.created),
                utc_text(max(account.created, START) if rows else NIGHT_JOB),
            )
        )
    world.truths["crm_erp_links"] = {
        "count": len(links),
        "customers": links,
        "meaning": "ERP customer number → CRM account number; evidence is the strongest field "
        "the two systems share (a CRM account may lack its tax id: then the telephone joins).",
    }
    return rows


def _materials() -> list[Row]:
    return [
        (
            item_number(line, position),
            name,
            CATEGORY[line],
            price,
            "CNY",
            round(price * cost, 4),
            "A",
            720 if expires else None,
            utc_text(START),
        )
        for line, products in PRODUCTS.items()
        for position, (name, expires, price, cost) in enumerate(products)
    ]


def _sell(world: World, rng: random.Random, books: _Books) -> dict[str, Account]:
    """Orders of won deals and the repeat orders that follow; returns the customers by number."""
    customers: dict[str, Account] = {}
    plan: list[tuple[int, Account, Deal | None]] = []
    for deal in world.deals:
        if not deal.is_won or deal.closed is None:
            continue
        share = organisation(week_of(deal.closed))
        at = deal.closed + int(rng.uniform(0.5, 6 - 4 * share) * DAY)
        plan.append((working_time(rng, at), deal.account, deal))
        repeat = at
        for _ in range(4):
            repeat = working_time(rng, repeat + rng.randint(60, 150) * DAY)
            if rng.random() < 0.5:
                break
            plan.append((repeat, deal.account, None))
    # Customers of old: they order now and then without any deal of these 18 months.
    for account in rng.sample(world.accounts, max(8, len(world.accounts) // 5)):
        for _ in range(rng.randint(1, 4)):
            plan.append((working_time(rng, rng.randint(START, END - DAY)), account, None))
    plan = sorted((row for row in plan if row[0] < END), key=lambda row: (row[0], row[1].no))
    recent = [index for index, row in enumerate(plan) if row[0] > END - 30 * DAY]
    risky = set(recent[:: max(1, len(recent) // COUNT_DELIVERY_RISKS)][:COUNT_DELIVERY_RISKS])
    unknown = set(rng.sample(range(len(plan) // 2), min(COUNT_UNKNOWN_STATUS, len(plan) // 2)))
    for index, (at, account, source) in enumerate(plan):
        customers[account.erp_no] = account
        world.orders.append((order_number(index + 1), account, at))
        _order(rng, books, index + 1, at, account, source, index in risky, index in unknown)
    return customers


def order_number(number: int) -> str:
    return f"XSDD{number:06d}"


def _order(
    rng: random.Random,
    books: _Books,
    number: int,
    at: int,
    account: Account,
    deal: Deal | None,
    is_risky: bool,
    is_unknown: bool,
) -> None:
    bill = order_number(number)
    promised = at + rng.randint(35, 60) * DAY
    is_done = promised < END
    share = organisation(week_of(at))
    is_manual = rng.random() < 0.72 - 0.62 * share
    status = "3" if is_done else pick(rng, ("1", "2"), (3, 7))
    if is_unknown:
        status = "X7"
        books.unknown.append(bill)
    if deal is not None:
        tally = books.signed_by_month[utc_text(at)[:7]]
        tally[0] += is_manual
        tally[1] += 1
        if is_manual:
            books.islands.append(bill)
    net = _entries(rng, books, bill, at, account, deal)
    books.orders.append(
        (
            bill,
            account.erp_no,
            deal.no if deal else None,
            "NEW" if deal else "RPT",
            account.currency,
            account.country,
            compact_date(at),
            compact_date(promised),
            "MANUAL" if is_manual else "API",
            status,
            f"maker{rng.randint(1, 9)}",
            utc_text(min(promised, END) if is_done else at),
        )
    )
    _invoice(rng, books, number, bill, at, account, net)
    _produce_and_ship(rng, books, number, bill, at, promised, is_done, is_risky)


def _entries(
    rng: random.Random,
    books: _Books,
    bill: str,
    at: int,
    account: Account,
    deal: Deal | None,
) -> float:
    """Lines whose sum is near the deal's amount; a few are cancelled again by a negative line."""
    per = CNY_PER[account.currency]
    line = deal.line if deal else rng.choice(list(PRODUCTS))
    products = list(enumerate(PRODUCTS[line]))
    chosen = rng.sample(products, rng.randint(1, min(3, len(products))))
    target = deal.amount if deal else int(rng.lognormvariate(10.6, 0.8) / per)
    net = 0.0

    def add(position: int, name: str, quantity: float, price: float, is_cancelled: bool) -> None:
        nonlocal net
        amount = round(quantity * price, 2)
        net += amount
        books.entries.append(
            (
                len(books.entries) + 1,
                bill,
                len(books.entries) % 9 + 1,
                item_number(line, position),
                name,
                quantity,
                price,
                amount,
                account.currency,
                "Y" if is_cancelled else "N",
                utc_text(at),
            )
        )

    for position, (name, _, list_price, _) in chosen:
        price = round(list_price / per * rng.uniform(0.85, 1.0), 2)
        quantity = float(max(1, round(target / len(chosen) / price)))
        add(position, name, quantity, price, False)
        if rng.random() < 0.03:
            add(position, name, -quantity, price, True)
    books.net_by_currency[account.currency] += net
    return net


def _invoice(
    rng: random.Random,
    books: _Books,
    number: int,
    bill: str,
    at: int,
    account: Account,
    net: float,
) -> None:
    invoiced = at + rng.randint(3, 20) * DAY
    if invoiced >= END or net <= 0:
        return
    due = invoiced + 45 * DAY
    invoice = f"FP{number:06d}"
    books.invoices.append(
        (
            invoice,
            bill,
            account.erp_no,
            round(net, 2),
            account.currency,
            compact_date(invoiced),
            compact_date(due),
            utc_text(invoiced),
        )
    )
    left = round(net, 2)
    for part in (0.3, 0.7):
        paid = invoiced + int(rng.uniform(5, 70) * DAY)
        amount = round(net * part, 2) if part == 0.3 else round(left, 2)
        if paid >= END or rng.random() < 0.05:
            continue
        left -= amount
        books.receipts.append(
            (
                f"SK{len(books.receipts) + 1:06d}",
                invoice,
                account.erp_no,
                amount,
                account.currency,
                compact_date(paid),
                utc_text(paid),
            )
        )


def _produce_and_ship(
    rng: random.Random,
    books: _Books,
    number: int,
    bill: str,
    at: int,
    promised: int,
    is_done: bool,
    is_risky: bool,
) -> None:
    """Production ends at least five days before the promised day — but for the risky orders."""
    item = str(books.entries[-1][3])
    finish = promised - rng.randint(5, 15) * DAY
    if is_risky:
        finish = promised + rng.randint(6, 20) * DAY
        books.at_risk.append(bill)
    state = "FIN" if finish < END else ("RUN" if at + 5 * DAY < END else "PLAN")
    books.productions.append(
        (
            f"MO{number:06d}",
            item,
            bill,
            books.entries[-1][5] if float(books.entries[-1][5]) > 0 else 1.0,
            state,
            compact_date(at + 4 * DAY),
            compact_date(finish),
            compact_date(finish) if state == "FIN" else None,
            utc_text(min(finish, END) if state == "FIN" else at),
        )
    )
    shipped = max(finish + DAY, promised - 4 * DAY)
    if shipped >= END:
        return
    is_late = rng.random() < 0.08
    signed = shipped + rng.randint(1, 3) * DAY + (6 * DAY if is_late else 0)
    is_signed = is_done and signed < END
    books.deliveries.append(
        (
            f"CK{number:06d}",
            bill,
            ("L" if is_late else "D") if is_signed else "S",
            compact_date(shipped),
            compact_date(promised),
            compact_date(signed) if is_signed else None,
            rng.choice(("SF 顺丰", "DHL", "德邦")),
            utc_text(min(signed, END) if is_signed else shipped),
        )
    )


def _batches(world: World, rng: random.Random) -> list[Row]:
    """Stock of what expires: a few batches within 60 days of the as-of day, all others later."""
    items = [
        item_number(line, position)
        for line, products in PRODUCTS.items()
        for position, (_, expires, _, _) in enumerate(products)
        if expires
    ]
    rows: list[Row] = []
    near: list[str] = []
    for number in range(1, 61):
        batch = f"B{number:05d}"
        is_near = number % 7 == 3
        days = rng.randint(12, NEAR_EXPIRY_DAYS - 5) if is_near else rng.randint(150, 620)
        received = END - rng.randint(20, 400) * DAY
        if is_near:
            near.append(batch)
        rows.append(
            (
                batch,
                items[number % len(items)],
                float(rng.randint(40, 900)),
                rng.choice(("SH01", "SZ02", "MUC1")),
                compact_date(received),
                compact_date(END + days * DAY),
                utc_text(received),
            )
        )
    world.truths["near_expiry_batches"] = {
        "batches": near,
        "count": len(near),
        "within_days": NEAR_EXPIRY_DAYS,
        "meaning": "Batches that expire within 60 days after the as-of day; the next one expires "
        "150 days after it or later.",
    }
    return rows


def _truths(world: World, books: _Books) -> None:
    world.truths["delivery_risks"] = {
        "orders": books.at_risk,
        "count": len(books.at_risk),
        "meaning": "Undelivered orders whose production is planned to end after the promised day.",
    }
    world.truths["islands"] = {
        "orders": books.islands,
        "count": len(books.islands),
        "typed_and_all_by_month": dict(sorted(books.signed_by_month.items())),
        "meaning": "Orders of signed deals that were typed into the ERP by hand (fsource MANUAL).",
    }
    world.faults["unknown_order_status"] = {
        "code": "X7",
        "count": len(books.unknown),
        "orders": books.unknown,
    }
    world.totals["orders"] = {
        "count": len(books.orders),
        "lines": len(books.entries),
        "cancelled_lines": sum(row[9] == "Y" for row in books.entries),
        "customers": len({row[1] for row in books.orders}),
        "net_amount_by_currency": {
            currency: round(net, 2) for currency, net in sorted(books.net_by_currency.items())
        },
        "invoices": len(books.invoices),
        "payments": len(books.receipts),
    }
