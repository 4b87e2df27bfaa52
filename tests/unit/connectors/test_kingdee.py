"""Kingdee K/3 Cloud: its own SDK against a loopback server shaped after its documentation.

The server caps each answer without a word, tells errors in the shape of rows, and deletes rows
while they are read.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.connectors.check import check_source, exit_code
from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation

APP_ID = "215429_plantedApp0815x"
SECRET = "0123456789abcdef0123456789abcdef"
# Eight in the evening in Shanghai is noon in UTC.
EVENING = datetime(2026, 3, 1, 20)  # noqa: DTZ001 - Kingdee's times are the server's
CAP = 2000


class DataCentre:
    """Forms as tables; a query is run as SQL, its fields as columns."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute(
            'create table SAL_SaleOrder (FID, FBillNo, "FCustId.FNumber", FBillAllAmount, '
            "FDate, FModifyDate)"
        )
        self.before_page: list[Any] = []
        self.server = ApiServer()
        self.server.route(r"POST /k3cloud/.*DynamicFormService\.ExecuteBillQuery.*", self.query)

    def put(self, number: int, at: datetime | None, amount: str = "100.0000000000") -> None:
        changed = at.isoformat() if at else None
        self.db.execute("delete from SAL_SaleOrder where FID = ?", [number])
        self.db.execute(
            "insert into SAL_SaleOrder values (?, ?, ?, ?, ?, ?)",
            [number, f"XSDD{number:06}", "CUST0001 ", amount, "2026-03-01T00:00:00", changed],
        )

    def error(self, message: str, code: int) -> Any:
        status = {
            "ErrorCode": 500,
            "IsSuccess": False,
            "Errors": [{"FieldName": None, "Message": message, "DIndex": 0}],
            "SuccessEntitys": [],
            "SuccessMessages": [],
            "MsgCode": code,
        }
        return [[{"Result": {"ResponseStatus": status}}]]

    def query(self, request: Request) -> Any:
        if request.headers.get("x-kd-appkey") != APP_ID or not request.headers.get(
            "x-kd-signature"
        ):
            return self.error("会话信息已丢失，请重新登录", 1)
        data = request.body["data"]
        if data["FormId"] != "SAL_SaleOrder":
            return self.error(f"业务对象不存在，标识：{data['FormId']}", 4)
        if self.before_page and data["Limit"] > 1:
            self.before_page.pop(0)()
        fields = data["FieldKeys"].split(",")
        columns = ", ".join(f'"{field}"' for field in fields)
        where = re.sub(r"'(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)'", r"'\1T\2'", data["FilterString"])
        rows = self.db.execute(
            f"select {columns} from SAL_SaleOrder where {where or 'true'} "
            f"order by {data['OrderString']} limit ? offset ?",
            [min(data["Limit"] or CAP, CAP), data["StartRow"]],
        ).fetchall()
        return amounts_as_numbers(json.dumps([list(row) for row in rows], ensure_ascii=False))


def amounts_as_numbers(text: str) -> str:
    """Amounts are kept as text here, so that JSON tells them with all their digits."""
    return re.sub(r'"(\d+\.\d{10})"', r"\1", text)


@pytest.fixture()
def centre() -> Iterator[DataCentre]:
    made = DataCentre()
    with serve(made.server):
        yield made


@pytest.fixture()
def erp(shop: Installation, centre: DataCentre, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("KD_APP_ID", APP_ID)
    monkeypatch.setenv("KD_APP_SECRET", SECRET)
    shop.sources(
        f"""
        [[source]]
        system = "shop"
        kind = "kingdee"
        server_url = "{centre.server.url}/k3cloud/"
        account_id = "5f8a"
        user = "reader"
        app_id_env = "KD_APP_ID"
        app_secret_env = "KD_APP_SECRET"
        page_rows = {CAP}
        tables = []
          [[source.table]]
          name = "orders"
          form_id = "SAL_SaleOrder"
          key = "FID"
          primary_key = "FID"
          fields = {{ FID = "integer", FBillNo = "text", "FCustId.FNumber" = "text",
                     FBillAllAmount = "decimal(10)", FDate = "date", FModifyDate = "timestamp" }}
        """.replace('"text",\n                     ', '"text", ')
    )
    return shop


def test_more_rows_than_one_answer_holds_come_all(centre: DataCentre, erp: Installation) -> None:
    for number in range(1, 2 * CAP + 1):
        centre.put(number, EVENING)
    receipt = erp.load()["orders"]
    assert (receipt.status, receipt.rows_received, receipt.rows_loaded) == ("loaded", 4000, 4000)
    assert (receipt.coverage_seen, receipt.coverage_all) == (None, None)
    assert "Kingdee does not tell" in receipt.coverage_en and "不提供" in receipt.coverage_zh
    assert erp.query("select count(distinct FID) from {shop.orders}") == [(2 * CAP,)]


def test_a_page_that_the_server_caps_is_not_the_last(centre: DataCentre, erp: Installation) -> None:
    text = erp.settings.sources_file.read_text()
    erp.sources(text.replace(f"page_rows = {CAP}", f"page_rows = {3 * CAP}"))
    for number in range(1, 2 * CAP + 11):
        centre.put(number, EVENING)
    assert erp.load()["orders"].rows_loaded == 2 * CAP + 10
    # Nor does a list of keys end there: what follows would count as deleted.
    receipt = erp.load(full=True)["orders"]
    assert (receipt.rows_deleted, receipt.rows_gap) == (0, 0)


def test_rows_deleted_during_the_reading_push_no_other_out(
    centre: DataCentre, erp: Installation
) -> None:
    for number in range(1, 2 * CAP + 101):
        centre.put(number, EVENING)

    def delete() -> None:
        centre.db.execute("delete from SAL_SaleOrder where FID <= 50")

    centre.before_page = [lambda: None, delete]
    erp.load()
    assert erp.query(f"select count(*) from {{shop.orders}} where FID > {CAP}") == [(CAP + 100,)]


def test_values_come_exactly_and_times_in_utc(centre: DataCentre, erp: Installation) -> None:
    centre.put(1, EVENING, amount="9007199254740993.1234567891")
    erp.load()
    assert erp.rows("orders", "FBillNo, FCustId_FNumber, FBillAllAmount, FDate, FModifyDate") == [
        (
            "XSDD000001",
            "CUST0001",
            Decimal("9007199254740993.1234567891"),
            EVENING.date(),
            EVENING - timedelta(hours=8),
        )
    ]


def test_changes_rows_without_a_time_and_deletes_are_found(
    centre: DataCentre, erp: Installation
) -> None:
    for number in (1, 2, 3):
        centre.put(number, EVENING)
    erp.load()
    centre.put(2, EVENING + timedelta(hours=1), amount="7.5000000000")
    centre.put(4, None)
    centre.put(5, EVENING)  # saved in the same second as the newest row of the last load
    centre.db.execute("delete from SAL_SaleOrder where FID = 1")
    receipt = erp.load()["orders"]
    assert (receipt.rows_loaded, receipt.rows_deleted) == (3, 1)
    assert erp.current("orders", "FID", "FID, FBillAllAmount") == [
        (2, Decimal("7.5")),
        (3, Decimal(100)),
        (4, Decimal(100)),
        (5, Decimal(100)),
    ]


def test_an_error_in_the_shape_of_a_row_is_no_row(
    centre: DataCentre, erp: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_APP_ID", "999999_wrongplanted77")
    receipt = erp.load()["orders"]
    assert (receipt.status, receipt.rows_loaded) == ("failed", 0)
    assert "会话信息已丢失" in receipt.message_zh
    assert "第三方系统登录授权" in receipt.remedy_zh
    assert "wrongplanted" not in receipt.model_dump_json() and SECRET not in str(receipt)


def test_an_error_in_the_middle_lands_nothing_half(centre: DataCentre, erp: Installation) -> None:
    for number in range(1, CAP + 11):
        centre.put(number, EVENING)
    erp.load()

    def break_session() -> None:
        centre.server.fail("POST", Answer(centre.error("会话信息已丢失，请重新登录", 1)))

    for number in range(1, CAP + 11):
        centre.put(number, EVENING + timedelta(hours=1), amount="1.0000000000")
    centre.before_page = [break_session]
    assert erp.load()["orders"].status == "failed"
    assert erp.load()["orders"].rows_loaded == CAP + 10


def test_busy_and_broken_answers_are_asked_again(centre: DataCentre, erp: Installation) -> None:
    for number in range(1, 101):
        centre.put(number, EVENING)
    centre.server.fail("POST", Answer("busy", 503, {"Retry-After": "0"}), Answer(is_half=True))
    receipt = erp.load()["orders"]
    assert (receipt.status, receipt.rows_loaded, receipt.count_retries) == ("loaded", 100, 2)


def test_a_key_that_is_not_that_of_the_row_is_refused(
    centre: DataCentre, erp: Installation
) -> None:
    # Two lines of one bill have the same FID: pages behind "the last FID" would drop the second.
    centre.put(1, EVENING)
    centre.db.execute("insert into SAL_SaleOrder select * from SAL_SaleOrder")
    receipt = erp.load()["orders"]
    assert receipt.status == "failed" and "finest entry" in receipt.remedy_en


def test_check_names_the_form_that_is_not_there(centre: DataCentre, erp: Installation) -> None:
    text = erp.settings.sources_file.read_text()
    centre.put(1, EVENING)
    assert exit_code(check_source(load_sources(erp.settings).source("shop"))) == 0
    erp.sources(text.replace("SAL_SaleOrder", "SAL_NoSuchForm"))
    (finding,) = check_source(load_sources(erp.settings).source("shop"))
    assert finding.level == "missing" and finding.remedy and "form_id" in finding.remedy.en
