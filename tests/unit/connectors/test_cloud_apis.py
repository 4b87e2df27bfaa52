"""What the readers of web interfaces owe alike, each against its own server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dagster_project.connectors.check import check_source
from dagster_project.connectors.kinds import Window
from dagster_project.connectors.lake import Lake
from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors import test_hubspot, test_kingdee, test_odoo, test_salesforce
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.test_salesforce import certificate

__all__ = ["certificate"]

NOON = test_hubspot.NOON
SHANGHAI = ZoneInfo("Asia/Shanghai")
Route = tuple[str, Callable[[Request], Any]]
# Server, table, its key, how a record is saved, and the settings.
Made = tuple[ApiServer, str, str, Callable[[int, datetime], None], str]


@dataclass
class Cloud:
    """A system with one table: ``put`` saves a record as changed at a time."""

    shop: Installation
    server: ApiServer
    table: str
    key: str
    put: Callable[[int, datetime], None]
    call: str

    def load(self, **options: Any) -> Any:
        return self.shop.load(tables=[self.table], **options)[self.table]

    def state(self) -> dict[str, Any]:
        with Lake(self.shop.settings, "shop").locked() as state:
            return state.tables[self.table]

    def ids(self) -> list[Any]:
        return [key for (key,) in self.shop.query(f"select {self.key} from {{shop.{self.table}}}")]


def hubspot() -> Made:
    account = test_hubspot.HubSpotAccount()

    def put(number: int, at: datetime) -> None:
        account.put("deals", number, at, dealname="a")

    settings = """
        base_url = "{url}"
        access_token_env = "TOKEN"
        tables = ["deals"]
        """
    return account.server, "deals", "id", put, settings


def salesforce() -> Made:
    org = test_salesforce.Org()

    def put(number: int, at: datetime) -> None:
        at_second = test_salesforce.stamp(at)
        org.put("Opportunity", Id=f"006{number}", Name="a", SystemModstamp=at_second)

    settings = """
        instance_url = "{url}"
        consumer_key_env = "SF_KEY"
        consumer_secret_env = "SF_SECRET"
        ca_file = "{certificate}"
        tables = ["opportunity"]
        """
    return org.server, "opportunity", "Id", put, settings


def odoo() -> Made:
    database = test_odoo.Odoo()

    def put(number: int, at: datetime) -> None:
        database.put(number, at.replace(tzinfo=None))

    settings = """
        url = "{url}"
        database = "acme"
        user = "reader"
        api_key_env = "ODOO_KEY"
        tables = ["crm_lead"]
        """
    return database.server, "crm_lead", "id", put, settings


def kingdee() -> Made:
    centre = test_kingdee.DataCentre()

    def put(number: int, at: datetime) -> None:
        centre.put(number, at.astimezone(SHANGHAI).replace(tzinfo=None, microsecond=0))

    settings = """
        server_url = "{url}/k3cloud/"
        account_id = "5f8a"
        user = "reader"
        app_id_env = "KD_APP_ID"
        app_secret_env = "KD_APP_SECRET"
        tables = []
          [[source.table]]
          name = "orders"
          form_id = "SAL_SaleOrder"
          key = "FID"
          primary_key = "FID"
          fields = {{ FID = "integer", FBillNo = "text", FModifyDate = "timestamp" }}
        """
    return centre.server, "orders", "FID", put, settings


KINDS = (hubspot, salesforce, odoo, kingdee)
# A call that brings rows.
CALLS = {
    "hubspot": "batch/read",
    "salesforce": "GET .*/queryAll/",
    "odoo": "POST /jsonrpc",
    "kingdee": "ExecuteBillQuery",
}
# What its check names where no rows are seen.
VISIBILITY = {
    "hubspot": ("crm.objects.deals.read", "本团队"),
    "salesforce": ("View All Data", "查看所有数据"),
    "odoo": ("Allowed Companies", "允许的公司"),
    "kingdee": ("every organisation", "每个组织"),
}
# A table that is still there and cannot be read.
REFUSALS: dict[str, tuple[str, Any]] = {
    "hubspot": (r"POST .*/search", Answer({"message": "missing scopes"}, 403)),
    "salesforce": (
        r"GET .*/describe",
        Answer([{"message": "insufficient access", "errorCode": "INSUFFICIENT_ACCESS"}], 403),
    ),
    "odoo": ("", None),
    "kingdee": (
        r"POST .*",
        test_kingdee.DataCentre().error("标识为SAL_SaleOrder的表单，字段FBillNo不存在", 4),
    ),
}
SECRETS = {
    "TOKEN": test_hubspot.TOKEN,
    "SF_KEY": test_salesforce.KEY,
    "SF_SECRET": test_salesforce.SECRET,
    "ODOO_KEY": test_odoo.KEY,
    "KD_APP_ID": test_kingdee.APP_ID,
    "KD_APP_SECRET": test_kingdee.SECRET,
}


def set_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=KINDS, ids=[kind.__name__ for kind in KINDS])
def cloud(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cloud]:
    set_secrets(monkeypatch)
    server, table, key, put, settings = request.param()
    shop = Installation(tmp_path)
    # Salesforce's client speaks TLS only.
    with serve(server, certificate if request.param is salesforce else None):
        kind = request.param.__name__
        written = settings.format(url=server.url, certificate=certificate)
        shop.sources(f'[[source]]\nsystem = "shop"\nkind = "{kind}"\n{written}')
        yield Cloud(shop, server, table, key, put, CALLS[kind])


def test_a_time_in_the_future_hides_no_later_change(cloud: Cloud) -> None:
    cloud.put(1, NOON)
    cloud.put(2, datetime.now(UTC) + timedelta(days=5 * 365))
    receipt = cloud.load()
    assert "A cursor lies in the future" in receipt.message_en
    assert "有游标值位于未来" in receipt.message_zh
    assert receipt.newest_at <= receipt.finished_at.replace(tzinfo=None)
    cloud.put(1, datetime.now(UTC))
    assert cloud.load().rows_loaded == 1
    assert len(cloud.ids()) == 3


@pytest.mark.parametrize("count", [0, 1])
def test_check_tells_a_table_without_rows_as_limited(cloud: Cloud, count: int) -> None:
    for number in range(count):
        cloud.put(number, NOON)
    source = load_sources(cloud.shop.settings).source("shop")
    told = {
        finding.message.en: (finding.level, finding.remedy)
        for finding in check_source(source)
        if f"shop.{cloud.table}" in finding.message.en
    }
    level, remedy = told.get(f"shop.{cloud.table}: no rows can be seen.", ("", None))
    if count:
        assert not level
    else:
        assert level == "limited"
        assert remedy is not None
        en, zh = VISIBILITY[source.kind]
        assert en in remedy.en and zh in remedy.zh


def test_a_table_that_is_gone_is_logged_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    source = load_sources(cloud.shop.settings).source("shop")
    name = drop(cloud, source.kind, monkeypatch)
    assert cloud.load().status == "failed"
    monkeypatch.undo()
    set_secrets(monkeypatch)
    cloud.put(1, NOON)
    assert cloud.load().status == "loaded"
    drop(cloud, source.kind, monkeypatch)
    for _ in range(2):
        receipt = cloud.load()
        assert (receipt.status, receipt.is_transient) == ("failed", False)
    # The first load failed too, but then nothing had landed that could be gone.
    assert cloud.shop.query("select change, type_before from {ops.schema_changes}") == [
        ("table_gone", name)
    ]
    assert len(cloud.ids()) == 1, "what has landed stays"


def test_another_refusal_is_no_change_of_the_structure(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put(1, NOON)
    assert cloud.load().status == "loaded"
    pattern, answer = REFUSALS[load_sources(cloud.shop.settings).source("shop").kind]
    if pattern:
        monkeypatch.setattr(
            cloud.server, "routes", [(pattern, lambda _: answer), *cloud.server.routes]
        )
    else:
        monkeypatch.setattr(test_odoo.Odoo, "fields_get", denied)
    assert cloud.load().status == "failed"
    assert cloud.shop.query("select count(*) from {ops.schema_changes}") == [(0,)]


def denied(*_: Any, **__: Any) -> Any:
    raise test_odoo.Refused("odoo.exceptions.MissingError", "Record does not exist (crm.lead(1,))")


def drop(cloud: Cloud, kind: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the table away from its system; the system's own name of it."""
    if kind == "salesforce":
        monkeypatch.delitem(test_salesforce.FIELDS, "Opportunity")
        return "Opportunity"
    if kind == "odoo":
        monkeypatch.delitem(test_odoo.FIELDS, "crm.lead")
        return "crm.lead"
    if kind == "hubspot":
        said = {"status": "error", "message": "Unable to infer object type from: deals"}
        route: Route = (r"POST /crm/v3/objects/deals/search", lambda _: Answer(said, 400))
        monkeypatch.setattr(cloud.server, "routes", [route, *cloud.server.routes])
        return "deals"
    error = test_kingdee.DataCentre().error("业务对象不存在，标识：SAL_SaleOrder", 4)
    monkeypatch.setattr(cloud.server, "routes", [(r"POST .*", lambda _: error)])
    return "SAL_SaleOrder"


def wanting(pause: str) -> Answer:
    return Answer("busy", 503, {"Retry-After": pause})


def test_a_pause_that_the_source_wants_is_made(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put(1, NOON)
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    cloud.server.fail(cloud.call, wanting("7"), wanting("soon"))
    assert cloud.load().status == "loaded"
    assert cloud.server.faults == []
    assert [pause for pause in pauses if pause > 5] == [7]


def test_a_pause_that_is_too_long_ends_the_load(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.put(1, NOON)
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    cloud.server.fail(cloud.call, wanting("86400"))
    receipt = cloud.load()
    assert (receipt.status, receipt.is_transient) == ("failed", True)
    tomorrow = receipt.started_at + timedelta(days=1)
    assert f"pause until {tomorrow:%Y-%m-%d}" in receipt.message_en
    assert f"暂停至 {tomorrow:%Y-%m-%d}" in receipt.message_zh
    assert max(pauses, default=0) < 5
    assert cloud.load().status == "loaded"


def test_a_span_is_read_again_and_nothing_beside_it(cloud: Cloud) -> None:
    # A span is written in the source's own clock.
    kind = load_sources(cloud.shop.settings).source("shop").kind
    first = datetime(2026, 3, 3, tzinfo=SHANGHAI if kind == "kingdee" else UTC)
    second = timedelta(seconds=1)
    end = first + timedelta(days=2)
    for number, at in enumerate([first - second, first, end - second, end, end + second], 1):
        cloud.put(number, at)
    cloud.load()
    cursor = cloud.state()["cursor"]
    assert cursor
    receipt = cloud.load(window=Window("2026-03-03", "2026-03-05"))
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_deleted) == (2, 0, 0)
    assert cloud.state()["cursor"] == cursor
    # A change behind the cursor comes by the span, and another one does not.
    cloud.put(1, first + second)
    cloud.put(4, end)
    receipt = cloud.load(window=Window("2026-03-03", "2026-03-05"))
    assert (receipt.rows_received, receipt.rows_loaded) == (3, 1)
    assert cloud.state()["cursor"] == cursor


def test_times_up_to_the_present_are_told_as_nothing(cloud: Cloud) -> None:
    cloud.put(1, NOON)
    receipt = cloud.load()
    assert (receipt.status, receipt.message_en) == ("loaded", "")
    assert receipt.cursor_to == str(NOON.replace(tzinfo=None))
