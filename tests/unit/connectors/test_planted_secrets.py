"""Secrets stay where they are: planted ones turn up nowhere, whatever a source answers.

The server of these tests throws back at its caller what it was sent, as some gateways do in the
text of an error, after it has handed out an access token where one was asked for.
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common.versioned_state import decompress_state

from dagster_project.connectors import check, secrets
from dagster_project.connectors.check import check_source
from dagster_project.connectors.kinds import KINDS
from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.sources_file import SourcesFileError, load_sources
from dagster_project.settings import REPO_ROOT
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.test_hubspot import NOON, HubSpotAccount

# Each with characters that are written otherwise in URLs and in JSON.
PLANTED = {
    name: f"planted-{name.lower()}-7f/3a+9=c"
    for name in ("URL_PASSWORD", "TOKEN", "KEY", "SECRET", "USER_NAME", "DIRECTORY", "FILED")
}
HANDED_OUT = "planted-handed-out-5d/1b+7=e"
ALL = [*PLANTED.values(), HANDED_OUT]

TABLE = '\n  [[source.table]]\n  name = "orders"\n'
SOURCES = {
    "sql": 'url_env = "DATABASE_URL"' + TABLE,
    "tryton": 'url_env = "DATABASE_URL"',
    "odoo_database": 'url_env = "DATABASE_URL"',
    "erpnext_database": 'url_env = "MYSQL_URL"',
    "files": 'location = "ftp://127.0.0.1:1/out"\noptions_env = { password = "SECRET" }\n'
    + TABLE + '  glob = "*.csv"',
    "access_log": 'location = "ftp://127.0.0.1:1/out"\noptions_env = { password = "SECRET" }\n'
    'glob = "*.log"',
    "rest": 'url = "{url}/api"\ntries = 1\nauth = { type = "bearer", token_env = "TOKEN" }\n'
    'headers_env = { X-Key = "KEY" }' + TABLE + '  rows = "data"\n  primary_key = "id"',
    "hubspot": 'base_url = "{url}"\naccess_token_env = "TOKEN"',
    "salesforce": 'instance_url = "{url}"\nconsumer_key_env = "KEY"\n'
    'consumer_secret_env = "SECRET"\nca_file = "{certificate}"',
    "odoo": 'url = "{url}"\ndatabase = "acme"\nuser_env = "USER_NAME"\napi_key_env = "KEY"',
    "kingdee": 'server_url = "{url}/k3cloud/"\naccount_id = "5f8a"\nuser = "reader"\n'
    'app_id_env = "KEY"\napp_secret_env = "SECRET"',
    "wecom": 'base_url = "{url}"\ncorp_id = "ww01"\nsecret_env = "SECRET"\n'
    'directory_secret_env = "DIRECTORY"',
    "bottlecrm": 'url = "{url}"\ntries = 1\nheaders = { org = "1" }\ntables = ["contacts"]\n'
    'auth = { type = "oauth2", token_url = "{url}/token", client_id_env = "USER_NAME", '
    'client_secret_env = "SECRET" }',
    "frappe": 'url = "{url}"\ntries = 1\ntables = ["user"]\n'
    'auth = { type = "api_key", name = "key", place = "query", key_env = "KEY" }',
    "frappe_crm": 'url = "{url}"\ntries = 1\ntables = ["lead"]\n'
    'auth = { type = "api_key", name = "Authorization", prefix = "token ", key_env = "KEY" }',
    "fxiaoke": 'url = "{url}"\ntries = 1\ntables = ["account"]\n'
    'auth = { type = "login", url = "{url}/corpAccessToken", body_env = { appSecret = "SECRET" }, '
    'put = { "body:corpAccessToken" = "access_token" } }',
    "sap_odata": 'url = "{url}"\ntries = 1\ntables = ["product"]\n'
    'auth = { type = "basic", user_env = "USER_NAME", password_env = "KEY" }',
}  # fmt: skip
# These ask a server over HTTP; the others never reach one.
OVER_HTTP = set(SOURCES) - {
    "sql", "tryton", "odoo_database", "erpnext_database", "files", "access_log"
}  # fmt: skip


class Echo(ApiServer):
    """Hands out a token, and refuses everything else with what it was sent."""

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if "token" in request.path.lower() and "v3" not in request.path:
            return Answer(
                {"access_token": HANDED_OUT, "token_type": "Bearer", "instance_url": self.url,
                 "expires_in": 7200, "errcode": 0, "errmsg": "ok"}
            )  # fmt: skip
        if request.path.endswith("version_info"):
            return Answer({"jsonrpc": "2.0", "id": 1, "result": {"server_version": "17.0"}})
        sent = [str(request.headers), str(request.query), str(request.body), request.path]
        told = " | ".join([*sent, *(quote(part, safe="") for part in sent)])
        return Answer(
            {"message": told, "error": {"message": told, "data": {"message": told}},
             "errcode": 60011, "errmsg": told, "errorCode": told},
            status=403,
        )  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out",
         f"{path}.crt"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text(), encoding="ascii")
    return path


@pytest.fixture
def planted(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    password = quote(PLANTED["URL_PASSWORD"], safe="")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://reader:{password}@127.0.0.1:1/erp")
    monkeypatch.setenv("MYSQL_URL", f"mysql://reader:{password}@127.0.0.1:1/erp")
    monkeypatch.setenv("SMH_HOME", str(shop.settings.home))
    monkeypatch.setenv("SMH_SOURCES", str(shop.settings.sources_file))
    remembered = set(secrets._remembered)
    yield shop
    secrets._remembered.clear()
    secrets._remembered.update(remembered)


def forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    pair = base64.b64encode(f"{PLANTED['USER_NAME']}:{secret}".encode()).decode()
    return {secret, quote(secret), quote(secret, safe=""), encoded, pair}


def leaks(text: str) -> list[str]:
    return [form for secret in ALL for form in forms(secret) if form in text]


def everything_below(folder: Path) -> str:
    """All that the files of a folder say, those that are packed as well."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts.append(f"{path.name} {path.read_bytes().decode('utf-8', 'replace')}")
            if path.suffix == ".gz":
                parts.append(gzip.decompress(path.read_bytes()).decode("utf-8", "replace"))
            if path.parent.name == "_dlt_pipeline_state" and path.suffix == ".jsonl":
                states = (json.loads(line)["state"] for line in path.read_text().splitlines())
                parts += [str(decompress_state(state)) for state in states]
            if path.suffix == ".parquet":
                with duckdb.connect() as connection:
                    parts.append(str(connection.execute(f"from read_parquet('{path}')").fetchall()))
            if path.suffix == ".duckdb":
                with duckdb.connect(str(path), read_only=True) as connection:
                    for (name,) in connection.execute(
                        "select table_name from duckdb_tables()"
                    ).fetchall():
                        parts.append(str(connection.execute(f'from "{name}"').fetchall()))
    return "\n".join(parts)


def test_every_kind_of_source_is_tried() -> None:
    assert set(SOURCES) == set(KINDS)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_that_throws_secrets_back_finds_no_ear(
    kind: str,
    planted: Installation,
    certificate: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with serve(Echo(), certificate if kind == "salesforce" else None) as server:
        settings = SOURCES[kind].replace("{url}", server.url)
        settings = settings.replace("{certificate}", str(certificate))
        planted.sources(f'[[source]]\nsystem = "shop"\nkind = "{kind}"\n{settings}\n')
        receipts = planted.load()
        assert {receipt.status for receipt in receipts.values()} == {"failed"}
        assert check.main(kind, ["--check"]) == 2
        sent = f"{server.requests}"
    told = " ".join(f"{receipt}" for receipt in receipts.values())
    assert any(receipt.message_zh and receipt.remedy_zh for receipt in receipts.values())
    if kind in OVER_HTTP:
        assert server.requests, "the server was never asked"
        assert leaks(sent), "the server got no secret that it could have thrown back"
    output = capsys.readouterr()
    assert output.out.count("missing: ") >= 1
    assert leaks(told) == []
    assert leaks(output.out + output.err) == []
    assert leaks(caplog.text) == []
    assert leaks(everything_below(planted.folder / "home")) == []


def test_a_secret_may_be_a_file_and_is_masked_like_others(
    planted: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    (planted.folder / "token").write_text(PLANTED["FILED"] + "\n", encoding="utf-8")
    with serve(Echo()) as server:
        planted.sources(
            f'[[source]]\nsystem = "shop"\nkind = "hubspot"\nbase_url = "{server.url}"\n'
            'access_token_file = "token"\n'
        )
        planted.load()
        assert check.main("hubspot", ["--check"]) == 2
        assert leaks(f"{server.requests}"), "the file beside the sources file was not read"
    assert leaks(capsys.readouterr().out) == []
    assert leaks(everything_below(planted.folder / "home")) == []


REST = 'kind = "rest"\nurl = "{url}/api"\ntries = 1\n'
FILES = 'kind = "files"\nlocation = "{here}/data"\n'
ODOO = 'kind = "odoo"\nurl = "https://h"\ndatabase = "d"\nuser = "u"\napi_key_env = "KEY"\n'
KINGDEE = (
    'kind = "kingdee"\nserver_url = "https://h/k3cloud"\naccount_id = "1"\nuser = "u"\n'
    'app_id_env = "ID"\napp_secret_env = "KEY"\n'
)
LOGIN = (
    'auth = {{ type = "login", url = "{{url}}/corpAccessToken", {}, '
    'put = {{ "header:X-Token" = "access_token" }} }}\n'
)
OAUTH = (
    'auth = {{ type = "oauth2", token_url = "{{url}}/token", client_id = "reader", '
    'client_secret_env = "SECRET", {} }}\n'
)
POSTED = TABLE + '  method = "POST"\n  rows = "data"\n'
LISTED = TABLE + '  rows = "data"\n'


@pytest.mark.parametrize(
    ("settings", "field", "remedy"),
    [
        (FILES + 'options = { password = "plain-7f3a" }' + TABLE, "options", "options_file"),
        ('kind = "files"\nlocation = "ftp://me:plain-7f3a@host/out"' + TABLE, "location",
         "options_env"),
        ('kind = "access_log"\nglob = "*"\nlocation = "ftp://me:plain-7f3a@h/out"', "location",
         "options_env"),
        ('kind = "files"\nlocation = "http://host:80/out?sig=plain-7f3a"' + TABLE, "location",
         "options_env"),
        (ODOO.replace("//h", "//me:plain-7f3a@h"), "url", "api_key_env"),
        (KINGDEE.replace("//h", "//me:plain-7f3a@h"), "server_url", "app_secret_env"),
        (REST + 'headers = { X-Api-Key = "plain-7f3a" }' + LISTED, "headers", "headers_file"),
        (REST + 'params = { api_key = "plain-7f3a" }' + LISTED, "params", "params_env"),
        (REST + 'body = { login = { password = "plain-7f3a" } }' + POSTED, "body.login",
         "body_env"),
        (REST + LISTED + '  params = { api_key = "plain-7f3a" }', "params of orders", "params_env"),
        (REST + POSTED + '  body = { list = [{ token = "plain-7f3a" }] }', "body of orders.list.0",
         "body_file"),
        (REST + POSTED + '  [[source.table.variant]]\n  body = { token = "plain-7f3a" }',
         "body of orders", "body_file"),
        (REST + LISTED + '  path = "orders?access_token=plain-7f3a"', "path of orders",
         "params_env"),
        (REST.replace("/api", "/api?token=plain-7f3a") + LISTED, "url", "params_env"),
        (REST + LOGIN.format('body = {{ appSecret = "plain-7f3a" }}') + LISTED, "auth.body",
         "body_file"),
        (REST + OAUTH.format('extra = {{ password = "plain-7f3a" }}') + LISTED, "auth.extra",
         "extra_env"),
    ],
)  # fmt: skip
def test_plain_secrets_in_the_sources_file_are_refused_by_name(
    shop: Installation, settings: str, field: str, remedy: str
) -> None:
    settings = settings.replace("{{", "{").replace("}}", "}").replace("{url}", "http://h")
    if '"files"' in settings:
        settings += '  glob = "*.csv"'
    text = f'[[source]]\nsystem = "shop"\n{settings}\n'
    shop.sources(text)
    with pytest.raises(SourcesFileError) as caught:
        load_sources(shop.settings)
    told = str(caught.value)
    assert f"`{field}` holds" in told and remedy in told and "请按提示更正" in told
    assert "plain-7f3a" not in told
    # It is the secret that is refused: the same settings without one are taken.
    for name in ("password", "api_key", "X-Api-Key", "access_token", "token", "appSecret", "sig"):
        text = text.replace(f"{name} =", "size =").replace(f"{name}=", "size=")
    shop.sources(text.replace("me:plain-7f3a@", "me@"))
    assert load_sources(shop.settings).source("shop")


@pytest.mark.parametrize("way", ["env", "file"])
@pytest.mark.parametrize(
    "settings",
    [
        REST + "headers_WAY = { X-Key = PLACE }" + LISTED,
        REST + "params_WAY = { api_key = PLACE }" + LISTED,
        REST + 'body = { login = { user = "me" } }\nbody_WAY = { "login.password" = PLACE }'
        + POSTED + '  body = { page = 1 }',
        REST + LOGIN.format("body_WAY = {{ password = PLACE }}") + LISTED,
        REST + OAUTH.format('extra = {{ user = "me" }}, extra_WAY = {{ password = PLACE }}')
        + LISTED,
    ],
)  # fmt: skip
def test_every_secret_may_be_a_variable_or_a_file(
    settings: str,
    way: str,
    planted: Installation,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It reaches the server, which throws it back, and turns up nowhere."""
    caplog.set_level(logging.DEBUG)
    secret = PLANTED["KEY" if way == "env" else "FILED"]
    (planted.folder / "filed").write_text(secret + "\n", encoding="utf-8")
    with serve(Echo()) as server:
        settings = settings.replace("{{", "{").replace("}}", "}").replace("{url}", server.url)
        settings = settings.replace("WAY", way).replace(
            "PLACE", '"KEY"' if way == "env" else '"filed"'
        )
        planted.sources(f'[[source]]\nsystem = "shop"\n{settings}\n')
        receipt = planted.load()["orders"]
        assert receipt.status == "failed" and "403" in receipt.message_en
        assert check.main("rest", ["--check"]) == 2
        sent = [str(request) for request in server.requests]
    assert any(form in text for text in sent for form in forms(secret))
    if "POST" in settings:
        bodies = [request.body for request in server.requests]
        assert bodies[0] == {"login": {"user": "me", "password": secret}, "page": 1}
    output = capsys.readouterr()
    assert leaks(f"{receipt}{output.out}{output.err}{caplog.text}") == []
    assert leaks(everything_below(planted.folder / "home")) == []
    # Without it, the source says so and names the key.
    planted.settings.sources_file.write_text(
        planted.settings.sources_file.read_text()
        .replace('"KEY"', '"NO_KEY"')
        .replace("filed", "no")
    )
    receipt = planted.load()["orders"]
    assert f"_{way}" in receipt.message_en + receipt.remedy_en


@pytest.mark.parametrize("way", ["env", "file"])
def test_options_of_a_file_system_may_be_a_variable_or_a_file(
    planted: Installation, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (planted.folder / "filed").write_text(PLANTED["KEY"] + "\n", encoding="utf-8")
    given: list[dict[str, str]] = []

    def refused(url: str, **options: str) -> None:
        given.append(options)
        raise OSError(f"530 login incorrect: {options}")

    monkeypatch.setattr("fsspec.core.url_to_fs", refused)
    place = '"KEY"' if way == "env" else '"{here}/filed"'
    planted.sources(
        '[[source]]\nsystem = "shop"\nkind = "files"\nlocation = "ftp://host/out"\n'
        f'options = {{ username = "me" }}\noptions_{way} = {{ password = {place} }}\n'
        + TABLE + '  glob = "*.csv"\n'
    )  # fmt: skip
    receipt = planted.load()["orders"]
    assert given == [{"username": "me", "password": PLANTED["KEY"]}]
    assert "530 login incorrect" in receipt.message_en
    assert leaks(f"{receipt}") == []
    assert leaks(everything_below(planted.folder / "home")) == []


def test_the_url_of_a_database_may_be_in_a_file(
    planted: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    password = quote(PLANTED["FILED"], safe="")
    (planted.folder / "url").write_text(f"postgresql://reader:{password}@127.0.0.1:1/erp\n")
    planted.sources('[[source]]\nsystem = "shop"\nkind = "sql"\nurl_file = "url"' + TABLE)
    receipt = planted.load()["orders"]
    assert receipt.status == "failed" and "that the file url names host, port" in receipt.remedy_en
    assert check.main("sql", ["--check"]) == 2
    assert leaks(capsys.readouterr().out) == []
    assert leaks(everything_below(planted.folder / "home")) == []


def test_a_password_that_is_the_name_of_a_table_leaves_the_name(
    planted: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://reader:orders@127.0.0.1:1/erp")
    planted.sources('[[source]]\nsystem = "shop"\nkind = "sql"\nurl_env = "SHOP_URL"' + TABLE)
    receipt = planted.load()["orders"]  # state and assets are looked up by this name
    assert receipt.status == "failed" and "orders" not in receipt.message_en


def test_a_file_without_a_secret_is_told_with_its_place(planted: Installation) -> None:
    text = (
        '[[source]]\nsystem = "shop"\nkind = "hubspot"\nbase_url = "http://127.0.0.1:1"\n'
        'access_token_file = "token"\n'
    )
    planted.sources(text)
    source = load_sources(planted.settings).source("shop")
    (finding,) = check_source(source)
    assert finding.level == "missing"
    assert f"`access_token_file` names {planted.folder / 'token'}: there is no such file" in (
        finding.message.en
    )
    assert "文件不存在" in finding.message.zh
    (planted.folder / "token").write_text(" \n", encoding="utf-8")
    (finding,) = check_source(source)
    assert "it is empty" in finding.message.en
    (planted.folder / "token").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SourceError, match="cannot be read as text"):
        secrets.need_secret(source, "access_token")


def test_an_error_that_nobody_foresaw_is_masked_in_receipt_and_log(
    planted: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dagster_project.connectors.sql_database import reader

    def broken(self: reader.SqlReader, *_: object, **__: object) -> None:
        raise RuntimeError(f"cannot reach {PLANTED['TOKEN']}")

    monkeypatch.setattr(reader.SqlReader, "extract", broken)
    (planted.data / "shop.sqlite").touch()
    planted.sources(
        '[[source]]\nsystem = "shop"\nkind = "sql"\nurl = "sqlite:///{here}/data/shop.sqlite"'
        + TABLE
    )
    secrets.remember(PLANTED["TOKEN"])
    receipt = planted.load()["orders"]
    assert receipt.message_en == "shop.orders: an unexpected error: RuntimeError: cannot reach ***"
    assert "Traceback" in caplog.text and leaks(caplog.text) == []
    assert leaks(everything_below(planted.folder / "home")) == []


def hubspot_account(monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    monkeypatch.setattr("tests.unit.connectors.test_hubspot.TOKEN", PLANTED["TOKEN"])
    account = HubSpotAccount()
    account.put("contacts", 1, NOON, email="first@example.com")
    return account.server


def shop_with_tokens(_: pytest.MonkeyPatch) -> ApiServer:
    """Hands out a token of which every call is asked for, and a list of which one row is none."""
    shop = ApiServer()
    shop.route("POST /token", lambda _: {"access_token": HANDED_OUT, "expires_in": 60})

    def orders(request: Request) -> object:
        if request.headers["authorization"] != f"Bearer {HANDED_OUT}":
            return Answer({"message": "no"}, status=401)
        return {"data": [{"id": 1, "name": "first@example.com"}, "no object"]}

    shop.route("GET /api/orders", orders)
    return shop


def fxiaoke_enterprise(_: pytest.MonkeyPatch) -> ApiServer:
    enterprise = ApiServer()
    answer = {"errorCode": 0, "corpAccessToken": HANDED_OUT, "corpId": "corp", "expiresIn": 7200}
    enterprise.route("POST /cgi/corpAccessToken/get/V2", lambda _: answer)

    def query(request: Request) -> object:
        if request.body["corpAccessToken"] != HANDED_OUT:
            return {"errorCode": 20016, "errorMessage": "corpAccessToken过期"}
        row = {"_id": "1", "name": "first@example.com", "last_modified_time": 1_772_323_200_000}
        return {"errorCode": 0, "data": {"dataList": [row], "total": 1}}

    enterprise.route("POST /cgi/crm/v2/data/query", query)
    return enterprise


@pytest.mark.parametrize(
    ("system", "settings"),
    [
        (hubspot_account, 'kind = "hubspot"\nbase_url = "{url}"\naccess_token_env = "TOKEN"\n'
         'tables = ["contacts"]'),
        (shop_with_tokens, REST + OAUTH.format('extra_env = {{ password = "KEY" }}') + LISTED
         + '  primary_key = "id"'),
        (fxiaoke_enterprise, 'kind = "fxiaoke"\nurl = "{url}"\ntables = ["account"]\n'
         'body = { currentOpenUserId = "user" }\n'
         'auth = { type = "login", url = "{url}/cgi/corpAccessToken/get/V2", '
         'body_env = { appSecret = "SECRET", permanentCode = "KEY" }, '
         'put = { "body:corpAccessToken" = "corpAccessToken", "body:corpId" = "corpId" } }'),
    ],
)  # fmt: skip
def test_what_has_landed_holds_no_secret(
    system: Callable[[pytest.MonkeyPatch], ApiServer],
    settings: str,
    planted: Installation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with serve(system(monkeypatch)) as server:
        settings = settings.replace("{{", "{").replace("}}", "}").replace("{url}", server.url)
        planted.sources(f'[[source]]\nsystem = "shop"\n{settings}\n')
        (receipt,) = planted.load().values()
        planted.load(full=True)
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 1)
    assert leaks(f"{server.requests}"), "no secret was asked for"
    home = planted.folder / "home"
    # The row that was sent is found in the lake, and so would a secret in it be.
    assert "first@example.com" in everything_below(planted.settings.raw)
    assert leaks(everything_below(home)) == []
    assert leaks(f"{receipt} {caplog.text}") == []
    landed, *_ = (planted.settings.raw / "shop").glob("*/*.parquet")
    secret = next(value for value in ALL if value in f"{server.requests}")
    rows = pq.read_table(landed)
    pq.write_table(rows.append_column("planted", [[secret] * rows.num_rows]), landed)
    assert secret in leaks(everything_below(home))


def test_the_search_for_leaks_finds_one(planted: Installation, tmp_path: Path) -> None:
    """What is looked for would be found: in packed rows, in other spellings, in logs."""
    folder = tmp_path / "search"
    folder.mkdir()
    table = pa.table({"text": [f"Bearer {PLANTED['TOKEN']}"]})
    pq.write_table(table, folder / "rows.parquet", compression="gzip", write_statistics=False)
    assert PLANTED["TOKEN"].encode() not in (folder / "rows.parquet").read_bytes()
    assert leaks(everything_below(folder)) == [PLANTED["TOKEN"]]
    (folder / "state.json.gz").write_bytes(gzip.compress(PLANTED["KEY"].encode()))
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create table rows as select ? as value", [PLANTED["SECRET"]])
    assert set(leaks(everything_below(folder))) == {PLANTED[n] for n in ("TOKEN", "KEY", "SECRET")}
    assert leaks(f"?access_token={quote(HANDED_OUT, safe='')}")
    assert secrets.masked(f"a {PLANTED['KEY']} b") == f"a {PLANTED['KEY']} b"
    secrets.remember(PLANTED["KEY"])
    assert secrets.masked(f"a {PLANTED['KEY']} b") == "a *** b"


def test_a_client_that_logs_whole_addresses_is_masked(
    planted: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """In a process of its own: loggers are set up when the first secret is read."""
    script = (
        "import logging; from dagster_project.connectors import secrets\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        f"secrets.remember({HANDED_OUT!r})\n"
        f"logging.getLogger('client.http').debug('GET /x?t=%s', {HANDED_OUT!r})\n"
        "try: raise ValueError('sent %s' % "
        f"{HANDED_OUT!r})\n"
        "except ValueError: logging.exception('failed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO_ROOT, capture_output=True, text=True, check=True
    )
    assert "GET /x?t=***" in done.stderr
    assert "ValueError: sent ***" in done.stderr
    assert leaks(done.stderr) == []
