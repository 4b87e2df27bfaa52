"""What the check of each REST preset says: all rights, a missing one, a wrong secret.

Servers answer in the shapes that Frappe, Fxiaoke, SAP and BottleCRM have; each checks the secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dagster_project.connectors.check import main
from dagster_project.connectors.rest_api import client
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.rest_server import Call, Reply, RestServer, rest_server

SECRET = "planted-secret-0815"
# The user's rights at the source: tables that it may not read.
HIDDEN: set[str] = set()

SOURCE = """
[[source]]
system = "crm"
kind = "{kind}"
url = "{url}"
tables = {tables}
{more}
"""
KEY = """[source.auth]
type = "api_key"
name = "Authorization"
prefix = "token "
key_env = "CRM_SECRET"
"""
LOGIN = """body = { currentOpenUserId = "FSUID_1" }
[source.auth]
type = "login"
url = "{url}/login"
body_env = { appSecret = "CRM_SECRET" }
put = { "body:corpAccessToken" = "corpAccessToken" }
"""
BASIC = '[source.auth]\ntype = "basic"\nuser = "reader"\npassword_env = "CRM_SECRET"\n'
BEARER = '[source.auth]\ntype = "bearer"\ntoken_env = "CRM_SECRET"\n'
TABLES = {
    "frappe": (["customer", "sales_order"], KEY),
    "frappe_crm": (["lead", "deal"], KEY),
    "fxiaoke": (["account", "contact"], LOGIN),
    "sap_odata": (["business_partner", "sales_order"], BASIC),
    "bottlecrm": (["contacts", "opportunities"], BEARER),
}
PAGE = "<!DOCTYPE html><html><body>Logon failed</body></html>"


def frappe(call: Call) -> Any:
    if call.headers.get("Authorization") != f"token {SECRET}":
        return Reply({"exc_type": "AuthenticationError"}, 401)
    doctype = call.path.rpartition("/")[2]
    if doctype in HIDDEN:
        said = "User reader@example.com does not have doctype access via role permission"
        return Reply({"exc_type": "PermissionError", "exception": said}, 403)
    return {"data": [{"name": "A-1", "modified": "2026-03-01 08:00:00.123456"}]}


def fxiaoke_login(call: Call) -> Any:
    if call.body != {"appSecret": SECRET}:
        return {"errorCode": 20011, "errorMessage": f"appSecret错误: {call.body['appSecret']}"}
    return {"errorCode": 0, "corpAccessToken": "planted-corp-token"}


def fxiaoke(call: Call) -> Any:
    if call.body["corpAccessToken"] != "planted-corp-token":
        return {"errorCode": 20016, "errorMessage": "corpAccessToken过期"}
    if call.body["data"]["dataObjectApiName"] in HIDDEN:
        return {"errorCode": 320002500, "errorMessage": "没有查看列表的功能权限"}
    row = {"_id": "1", "name": "n", "last_modified_time": 1_772_323_200_000}
    return {"errorCode": 0, "data": {"dataList": [row], "total": 1}}


def sap(call: Call) -> Any:
    if call.headers.get("Authorization") != "Basic cmVhZGVyOnBsYW50ZWQtc2VjcmV0LTA4MTU=":
        return Reply(status=401, text=PAGE)
    name = call.path.rpartition("/")[2]
    if name in HIDDEN:
        message = {"lang": "en", "value": f"No authorization to access Service {name}"}
        return Reply({"error": {"code": "/IWFND/MED/022", "message": message}}, 403)
    key = {"A_Customer": "Customer", "A_SalesOrder": "SalesOrder"}[name]
    return {"d": {"__count": "1", "results": [{key: "1"}]}}


def bottlecrm(call: Call) -> Any:
    if call.headers.get("Authorization") != f"Bearer {SECRET}":
        return Reply(
            {"detail": "Given token not valid for any token type", "code": "token_not_valid"}, 401
        )
    name = call.path.strip("/").rpartition("/")[2]
    if name in HIDDEN:
        said = "You do not have Permission to perform this action"
        return Reply({"error": True, "errors": said}, 403)
    list_name = {"contacts": "contact_obj_list", "opportunities": "opportunities"}[name]
    return {f"{name}_count": 1, list_name: [{"id": "1"}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("CRM_SECRET", SECRET)
    HIDDEN.clear()
    with rest_server() as running:
        for doctype in ("Customer", "Sales%20Order", "CRM%20Lead", "CRM%20Deal"):
            running.routes[f"/api/resource/{doctype}"] = frappe
        running.routes["/login"] = fxiaoke_login
        running.routes["/cgi/crm/v2/data/query"] = fxiaoke
        for path in ("API_BUSINESS_PARTNER/A_Customer", "API_SALES_ORDER_SRV/A_SalesOrder"):
            running.routes[f"/{path}"] = sap
        for name in ("contacts", "opportunities"):
            running.routes[f"/api/{name}/"] = bottlecrm
        yield running


@pytest.fixture(params=sorted(TABLES))
def kind(
    request: pytest.FixtureRequest,
    shop: Installation,
    server: RestServer,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A kind, with two of its tables in the sources file."""
    name: str = request.param
    tables, more = TABLES[name]
    text = SOURCE.replace("{more}", more).replace("{tables}", str(tables)).replace("'", '"')
    shop.sources(text.replace("{kind}", name).replace("{url}", server.url))
    shop.is_that_of_commands(monkeypatch)
    return name


def checked(kind: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and words of the check; no secret is among them."""
    code = main(kind, ["--check"])
    told = capsys.readouterr().out
    assert "planted" not in told
    return code, told


def test_enough_rights(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = checked(kind, capsys)
    assert code == 0
    for table in TABLES[kind][0]:
        assert f"ok: {table}: 1" in told
        assert f"正常: {table}：首页可读取 1 行" in told
    assert "missing" not in told and "limited" not in told


@pytest.mark.parametrize(
    ("kind", "hidden", "said", "remedy"),
    [
        ("frappe", "Sales%20Order", "does not have doctype access", "right to read this list"),
        ("frappe_crm", "CRM%20Deal", "does not have doctype access", "right to read this list"),
        ("fxiaoke", "ContactObj", "没有查看列表的功能权限", "or rights"),
        ("sap_odata", "A_SalesOrder", "No authorization to access", "right to read this list"),
        ("bottlecrm", "opportunities", "do not have Permission", "right to read this list"),
    ],
    indirect=["kind"],
)
def test_a_missing_right(
    kind: str, hidden: str, said: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    HIDDEN.add(hidden)
    code, told = checked(kind, capsys)
    assert code == 2
    shown, refused = TABLES[kind][0]
    assert f"ok: {shown}: 1" in told
    (line,) = [line for line in told.splitlines() if "missing: " in line]
    assert f"crm.{refused}" in line and said in line
    assert f"缺少: crm.{refused}" in told
    assert remedy in told and "权限" in told


def test_a_wrong_secret(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SECRET", "planted-and-wrong")
    code, told = checked(kind, capsys)
    assert code == 2
    assert "ok: " not in told
    assert "Correct the credentials that `auth` names" in told
    assert "请更正 auth 指定的凭据" in told
    for table in TABLES[kind][0]:
        assert f"missing: crm.{table}" in told and f"缺少: crm.{table}" in told


def test_a_list_that_shows_nothing_is_told(
    server: RestServer, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a user sees it whose rights let it call the interface and show no row."""
    empty = {
        "frappe": {"data": []},
        "frappe_crm": {"data": []},
        "fxiaoke": {"errorCode": 0, "data": {"dataList": [], "total": 0}},
        "sap_odata": {"d": {"__count": "0", "results": []}},
        "bottlecrm": {
            "contacts_count": 0,
            "contact_obj_list": [],
            "opportunities_count": 0,
            "opportunities": [],
        },
    }[kind]
    for path in server.routes:
        if path != "/login":
            server.routes[path] = lambda call: empty
    code, told = checked(kind, capsys)
    assert code == 1
    assert told.count("limited: ") == 2 and told.count("看不到任何行") == 2
