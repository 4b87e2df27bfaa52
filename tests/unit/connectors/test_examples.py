"""The worked examples of the README: loaded as they stand there, and found in the objects."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from dagster_project.connectors.receipts import Receipt
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.connectors.loading import Installation, execute
from tests.unit.connectors.rest_server import Call, RestServer, rest_server
from tests.unit.mapping.conftest import Warehouse, built_warehouse

README = REPO_ROOT / "dagster_project" / "connectors" / "README.md"
SYSTEMS = ("mes", "webshop", "carrier", "policies", "weather")
EXAMPLES = {
    found["source"][0]["system"]: text
    for text in re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    if "source" in (found := tomllib.loads(text))
}
MARCH = 1_772_323_200_000  # 2026-03-01 in ms
OBJECTS = ("accounts", "orders", "order_lines", "production_orders", "shipments", "policy_events")


def listed(name: str, rows: list[dict[str, Any]]) -> Any:
    """A list whose pages are those behind an id."""
    return lambda call: {name: [row for row in rows if row["id"] > call.number("since_id", 0)]}


def notices(call: Call) -> Any:
    assert call.method == "POST"
    row = {"id": 7, "title": "设备更新补贴", "region": "浙江", "industry": "制造业"}
    times = {"effective": "2026-05-01", "published": "2026-04-10T02:00:00Z", "changed": MARCH}
    other = {"id": 8, "title": "Tariffs", "region": "EU", "changed": MARCH + 1}
    if call.body.get("cursor"):
        return {"notices": [other], "cursor": None}
    return {"notices": [{**row, **times}], "cursor": "second"}


def answer(server: RestServer) -> None:
    line = {"id": 1, "sku": "PUMP", "title": "泵", "quantity": 3, "price": 19.99}
    seal = {"id": 2, "sku": "SEAL", "title": "Seal", "quantity": 10, "price": 2}
    order = {"id": 501, "customer": {"id": 9}, "currency": "EUR", "status": "paid",
             "created_at": "2026-03-01T08:00:00+08:00", "updated_at": "2026-03-02T00:00:00Z",
             "line_items": [line, seal]}  # fmt: skip
    firm = {"id": 9, "company": "东方泵业", "country": "CN", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    server.routes |= {
        "/admin/customers": listed("customers", [firm]),
        "/admin/orders": listed("orders", [order, {**order, "id": 502, "status": "cancelled",
                                                   "line_items": []}]),
        "/v2/notices/search": notices,
        "/v1/forecast": lambda call: {"daily": [{"date": "2026-03-01", "rain_mm": 12.5}]},
    }  # fmt: skip


def parcel(shop: Installation, day: str, row: str) -> None:
    text = f"tracking,order_number,status,shipped,promised,delivered\nT1,501,{row}\n"
    (shop.folder / "carrier" / f"parcels_202603{day}.csv").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The five sources with the text of the README; only hosts are those of this test."""
    made = Installation(tmp_path_factory.mktemp("examples"))
    execute(
        made.database,
        "create table work_orders (number text primary key, product_code text, sales_order text, "
        "quantity integer, status text, planned_start timestamp, planned_end timestamp, "
        "finished_at timestamp, changed_at timestamp)",
        "insert into work_orders values ('W1', 'PUMP', '501', 3, 'done', '2026-03-02 08:00:00', "
        "'2026-03-05 18:00:00', '2026-03-04 17:30:00', '2026-03-04 17:30:00'), "
        "('W2', 'SEAL', null, 10, 'started', '2026-03-03 08:00:00', null, null, "
        "'2026-03-03 08:00:00')",
    )
    (made.folder / "carrier").mkdir()
    parcel(made, "05", "in transit,2026-03-05 09:00:00,2026-03-07,")
    with rest_server() as server, pytest.MonkeyPatch.context() as patch:
        answer(server)
        patch.setenv("MES_URL", f"sqlite:///{made.database}")
        patch.setenv("WEBSHOP_TOKEN", "a-secret-value")
        patch.setenv("POLICY_PASSWORD", "a-secret-value")
        made.sources(
            "\n".join(
                re.sub(r"https://\w+\.example\.com", server.url, EXAMPLES[s]) for s in SYSTEMS
            )
        )
        yield made


@pytest.fixture(scope="module")
def receipts(shop: Installation) -> dict[str, dict[str, Receipt]]:
    made = {system: shop.load(system) for system in SYSTEMS}
    parcel(shop, "06", "delivered,2026-03-05 09:00:00,2026-03-07,2026-03-06 15:00:00")
    assert shop.load("carrier")["parcels"].rows_merged == 1
    return made


@pytest.fixture(scope="module")
def warehouse(shop: Installation, receipts: object) -> Warehouse:
    # Without the YAML: its tests belong to the whole project.
    seeds = shop.folder / "seeds"
    shutil.copytree(REPO_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("*.yml"))
    settings = Settings(home=shop.settings.home, sources=shop.settings.sources, seeds=seeds)
    return built_warehouse(settings, [f"int_canonical__{name}" for name in OBJECTS])


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_is_loaded_once(
    shop: Installation, receipts: dict[str, dict[str, Receipt]], system: str
) -> None:
    for receipt in receipts[system].values():
        assert (receipt.status, receipt.rows_rejected) == ("loaded", 0), receipt.message_en
        assert receipt.rows_loaded > 0
    for receipt in shop.load(system).values():
        assert (receipt.status, receipt.rows_loaded) == ("unchanged", 0)


def test_orders_of_the_shop(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select order_id, account_id, order_status, currency, ordered_at::varchar "
        "from intermediate.int_canonical__orders order by 1"
    ) == [
        ("webshop:501", "webshop:9", "confirmed", "EUR", "2026-03-01 00:00:00"),
        ("webshop:502", "webshop:9", "cancelled", "EUR", "2026-03-01 00:00:00"),
    ]
    assert warehouse.rows(
        "select order_id, product_id, quantity, unit_price, net_amount, currency "
        "from intermediate.int_canonical__order_lines order by 2"
    ) == [
        ("webshop:501", "webshop:PUMP", 3, 19.99, pytest.approx(59.97), "EUR"),
        ("webshop:501", "webshop:SEAL", 10, 2, 20, "EUR"),
    ]
    assert warehouse.rows(
        "select account_id, account_name from intermediate.int_canonical__accounts"
    ) == [("webshop:9", "东方泵业")]


def test_work_orders_of_the_mes_are_of_an_order_of_the_shop(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select production_order_id, order_id, quantity, production_status, "
        "planned_start_at::varchar, finished_at::varchar "
        "from intermediate.int_canonical__production_orders order by 1"
    ) == [
        ("mes:W1", "webshop:501", 3, "finished", "2026-03-02 00:00:00", "2026-03-04 09:30:00"),
        ("mes:W2", None, 10, "running", "2026-03-03 00:00:00", None),
    ]


def test_parcels_of_the_carrier_are_shipments_in_their_newest_state(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select shipment_id, order_id, shipment_status, shipped_at::varchar, "
        "delivered_at::varchar, promised_at > shipped_at "
        "from intermediate.int_canonical__shipments"
    ) == [
        ("carrier:T1", "webshop:501", "delivered", "2026-03-05 01:00:00", "2026-03-06 07:00:00",
         True)
    ]  # fmt: skip


def test_notices_are_policy_events(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select policy_event_id, title, region, industry, published_at::varchar "
        "from intermediate.int_canonical__policy_events order by 1"
    ) == [
        ("policies:7", "设备更新补贴", "浙江", "manufacturing", "2026-04-10 02:00:00"),
        ("policies:8", "Tariffs", "EU", None, None),
    ]


def test_weather_is_in_the_lake_and_every_other_value_is_read(
    shop: Installation, warehouse: Warehouse
) -> None:
    rows = shop.rows("days", '"date", rain_mm', system="weather")
    assert rows == [("2026-03-01", 12.5)]
    assert warehouse.rows("select * from intermediate.int_canonical__unconverted_values") == []
