"""Salesforce: simple-salesforce against a loopback server shaped after its documentation.

The server keeps its rows in SQLite and runs the SOQL that it is sent, so that what a query leaves
out is left out here too: deleted rows, rows beyond a page, rows at a boundary.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dagster_project.connectors.check import check_source, exit_code
from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation

KEY, SECRET = "3MVG9planted.consumer.key", "planted-consumer-secret-8842"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIELDS = {
    "Opportunity": {
        "Id": "id",
        "IsDeleted": "boolean",
        "Name": "string",
        "StageName": "picklist",
        "Amount": "currency",
        "Score__c": "double",
        "CloseDate": "date",
        "SystemModstamp": "datetime",
    },
    "Task": {
        "Id": "id",
        "IsDeleted": "boolean",
        "IsArchived": "boolean",
        "Subject": "string",
        "SystemModstamp": "datetime",
    },
    "LeadHistory": {
        "Id": "id",
        "IsDeleted": "boolean",
        "LeadId": "reference",
        "Field": "picklist",
        "OldValue": "anyType",
        "NewValue": "anyType",
        "CreatedDate": "datetime",
    },
}


def stamp(moment: datetime) -> str:
    """Whole seconds, as Salesforce keeps its times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Org:
    """An org with few objects. Its pages hold 200 rows, the least that Salesforce sends."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        for name, fields in FIELDS.items():
            self.db.execute(f"create table {name} ({', '.join(fields)})")
        self.token = "00D-planted-session-0001"
        self.count_sign_ins = 0
        self.sees_all = True
        self.locators: dict[str, list[dict[str, Any]]] = {}
        self.before_page: list[Any] = []
        self.server = ApiServer()
        base = r"/services/data/v59\.0"
        self.server.route(r"POST /services/oauth2/token", self.sign_in)
        self.server.route(rf"GET {base}/(query|queryAll)/", self.authorised(self.query))
        self.server.route(rf"GET {base}/query/(\w+)-(\d+)", self.authorised(self.more))
        self.server.route(rf"GET {base}/sobjects/(\w+)/describe", self.authorised(self.describe))

    def put(self, name: str, **values: Any) -> None:
        self.db.execute(f"delete from {name} where Id = ?", [values["Id"]])
        row = {"IsDeleted": 0, **values}
        marks = ", ".join("?" * len(row))
        self.db.execute(
            f"insert into {name} ({', '.join(row)}) values ({marks})", list(row.values())
        )

    def sign_in(self, request: Request) -> Any:
        body = request.body
        if (body.get("client_id"), body.get("client_secret")) != (KEY, SECRET):
            return Answer(
                {"error": "invalid_client", "error_description": "invalid client credentials"}, 401
            )
        assert body["grant_type"] == "client_credentials"
        self.count_sign_ins += 1
        self.token = f"00D-planted-session-{self.count_sign_ins:04}"
        return {"access_token": self.token, "instance_url": self.server.url, "token_type": "Bearer"}

    def authorised(self, handler: Any) -> Any:
        def handle(request: Request) -> Any:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return Answer(
                    [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
                    401,
                )
            return Answer(handler(request), headers={"Sforce-Limit-Info": "api-usage=18/15000"})

        def unwrap(request: Request) -> Any:
            answer = handle(request)
            return answer.body if isinstance(answer.body, Answer) else answer

        return unwrap

    def query(self, request: Request) -> Any:
        soql = request.query["q"]
        if "UserPermissionAccess" in soql:
            return {
                "totalSize": 1,
                "done": True,
                "records": [{"PermissionsViewAllData": self.sees_all}],
            }
        match = re.fullmatch(r"SELECT (.+) FROM (\w+)(?: WHERE (.*?))?( ORDER BY .*)?", soql)
        assert match, soql
        fields, name, where, rest = match.groups()
        if name not in FIELDS:
            return Answer(
                [
                    {
                        "message": f"sObject type '{name}' is not supported.",
                        "errorCode": "INVALID_TYPE",
                    }
                ],
                400,
            )
        condition = re.sub(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z", r"'\1.000+0000'", where or "true")
        condition = condition.replace("!= NULL", "is not null").replace("= NULL", "is null")
        if request.match[0] == "query":
            condition = f"({condition}) and IsDeleted = 0"
            if "IsArchived" in FIELDS[name]:
                condition += " and not coalesce(IsArchived, 0)"
        if fields == "COUNT()":
            (count,) = self.db.execute(f"select count(*) from {name} where {condition}").fetchone()
            return {"totalSize": count, "done": True, "records": []}
        names = fields.split(", ")
        rows = self.db.execute(
            f"select {fields} from {name} where {condition} {rest or ''}"
        ).fetchall()
        records = [
            {"attributes": {"type": name}}
            | {
                field: bool(value) if FIELDS[name][field] == "boolean" else value
                for field, value in zip(names, row, strict=True)
            }
            for row in rows
        ]
        locator = f"01g{len(self.locators):04}"
        self.locators[locator] = records
        return self.page(locator, 0)

    def more(self, request: Request) -> Any:
        if self.before_page:
            self.before_page.pop(0)()
        locator, start = request.match[0], int(request.match[1])
        if locator not in self.locators:
            return Answer(
                [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}], 400
            )
        return self.page(locator, start)

    def page(self, locator: str, start: int) -> Any:
        records, end = self.locators[locator], start + 200
        answer: dict[str, Any] = {
            "totalSize": len(records),
            "done": end >= len(records),
            "records": records[start:end],
        }
        if end < len(records):
            answer["nextRecordsUrl"] = f"/services/data/v59.0/query/{locator}-{end}"
        return answer

    def describe(self, request: Request) -> Any:
        name = request.match[0]
        if name not in FIELDS:
            return Answer(
                [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}],
                404,
            )
        return {
            "name": name,
            "fields": [
                {
                    "name": field,
                    "type": kind,
                    "scale": 2 if kind == "currency" else 6,
                    "calculated": False,
                }
                for field, kind in FIELDS[name].items()
            ]
            + [{"name": "BillingAddress", "type": "address"}],
        }


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1: the client speaks TLS only."""
    from ipaddress import ip_address

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture()
def org(certificate: Path) -> Iterator[Org]:
    made = Org()
    with serve(made.server, certificate):
        yield made


@pytest.fixture()
def crm(
    tmp_path: Path, org: Org, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    monkeypatch.setenv("SF_KEY", KEY)
    monkeypatch.setenv("SF_SECRET", SECRET)
    made = Installation(tmp_path)
    made.sources(sources(org, certificate))
    return made


def sources(org: Org, certificate: Path, overlap: int = 300) -> str:
    return f"""
        [[source]]
        system = "shop"
        kind = "salesforce"
        instance_url = "{org.server.url}"
        consumer_key_env = "SF_KEY"
        consumer_secret_env = "SF_SECRET"
        ca_file = "{certificate}"
        tables = ["task", "lead_history"]
          [[source.table]]
          name = "opportunity"
          overlap_seconds = {overlap}
        """


def test_a_row_of_the_same_second_is_not_lost(
    org: Org, crm: Installation, certificate: Path
) -> None:
    crm.sources(sources(org, certificate, overlap=0))
    org.put("Opportunity", Id="006A", Name="a", SystemModstamp=stamp(NOON))
    crm.load(tables=["opportunity"])
    # Saved in the same second, after the load: a strict ">" would never see it.
    org.put("Opportunity", Id="006B", Name="b", SystemModstamp=stamp(NOON))
    receipt = crm.load(tables=["opportunity"])["opportunity"]
    assert (receipt.rows_received, receipt.rows_loaded) == (2, 1)
    assert crm.rows("opportunity", "Id") == [("006A",), ("006B",)]


def test_a_change_during_the_reading_is_not_lost(
    org: Org, crm: Installation, certificate: Path
) -> None:
    crm.sources(sources(org, certificate, overlap=0))
    for number in range(450):
        at = stamp(NOON + timedelta(seconds=number))
        org.put("Opportunity", Id=f"006{number:04}", Name="old", SystemModstamp=at)

    def change() -> None:
        # A row whose page has been sent, and a later one that carries the cursor far ahead.
        org.put("Opportunity", Id="0060001", Name="new", SystemModstamp=stamp(NOON + HOUR))
        late = stamp(NOON + 2 * HOUR)
        for records in org.locators.values():
            for record in records:
                if record["Id"] == "0060449":
                    record["SystemModstamp"] = late
        org.put("Opportunity", Id="0060449", Name="old", SystemModstamp=late)

    org.before_page = [change]
    crm.load(tables=["opportunity"])
    crm.load(tables=["opportunity"])
    assert crm.current("opportunity", "Id", "Name").count(("new",)) == 1


HOUR = timedelta(hours=1)


def test_deleted_rows_and_archived_tasks_come(org: Org, crm: Installation) -> None:
    org.put("Opportunity", Id="006A", Name="a", SystemModstamp=stamp(NOON))
    for name in ("00TA", "00TB"):
        org.put("Task", Id=name, Subject="old call", IsArchived=1, SystemModstamp=stamp(NOON))
    crm.load()
    org.put("Opportunity", Id="006A", Name="a", IsDeleted=1, SystemModstamp=stamp(NOON + HOUR))
    crm.load()
    assert crm.current("opportunity", "Id", "Id") == []
    assert crm.rows("task", "Subject, IsArchived") == [("old call", True)] * 2
    # A query without deleted rows leaves out archived ones as well; they are not gone.
    text = crm.settings.sources_file.read_text().rstrip()
    crm.sources(f'{text}\n[[source.table]]\nname = "task"\nsweep = "every_load"\n')
    assert crm.load(tables=["task"])["task"].rows_deleted == 0
    assert crm.current("task", "Id", "Id") == [("00TA",), ("00TB",)]
    org.db.execute("delete from Task where Id = '00TA'")
    assert crm.load(tables=["task"])["task"].rows_deleted == 1


def test_a_deleted_row_may_be_kept_as_it_was(org: Org, crm: Installation) -> None:
    text = crm.settings.sources_file.read_text().rstrip()
    crm.sources(f'{text}\n          deletes = "flag"\n          deleted_flag = "IsDeleted"\n')
    org.put("Opportunity", Id="006A", Name="a", SystemModstamp=stamp(NOON))
    crm.load(tables=["opportunity"])
    org.put("Opportunity", Id="006A", Name="b", IsDeleted=1, SystemModstamp=stamp(NOON + HOUR))
    crm.load(tables=["opportunity"])
    assert crm.rows("opportunity", "Name, _is_deleted") == [("a", False), ("b", True)]


def test_a_row_that_left_the_recycle_bin_is_found_by_its_absence(
    org: Org, crm: Installation
) -> None:
    for name in ("006A", "006B"):
        org.put("Opportunity", Id=name, Name="a", SystemModstamp=stamp(NOON))
    crm.load(tables=["opportunity"])
    org.db.execute("delete from Opportunity where Id = '006A'")
    text = crm.settings.sources_file.read_text().rstrip()
    crm.sources(f'{text}\n          sweep = "every_load"\n')
    assert crm.load(tables=["opportunity"])["opportunity"].rows_deleted == 1
    assert crm.current("opportunity", "Id", "Id") == [("006B",)]


def test_history_keeps_what_was_before(org: Org, crm: Installation) -> None:
    for number, (old, new) in enumerate([(None, "Open"), ("Open", "Qualified")]):
        org.put(
            "LeadHistory",
            Id=f"017{number}",
            LeadId="00QA",
            Field="Status",
            OldValue=old,
            NewValue=new,
            CreatedDate=stamp(NOON + number * HOUR),
        )
    crm.load(tables=["lead_history"])
    assert crm.rows("lead_history", "Id, OldValue, NewValue") == [
        ("0170", None, "Open"),
        ("0171", "Open", "Qualified"),
    ]
    # Salesforce drops it after 18 months; what has landed stays.
    org.db.execute("delete from LeadHistory where Id = '0170'")
    assert crm.load(tables=["lead_history"], full=True)["lead_history"].rows_deleted == 0
    assert crm.current("lead_history", "Id", "Id") == [("0170",), ("0171",)]


def test_values_come_exactly(org: Org, crm: Installation) -> None:
    org.put(
        "Opportunity",
        Id="006A",
        Name="东方泵业 🚰",
        Amount=1234.5,
        CloseDate="2026-04-30",
        SystemModstamp=stamp(NOON),
    )
    # As its JSON says it, beyond what a double can hold.
    org.server.routes.insert(
        0, (r"GET /services/data/v59\.0/queryAll/", lambda request: exact(org, request))
    )
    crm.load(tables=["opportunity"])
    assert crm.rows("opportunity", "Name, Amount, CloseDate, SystemModstamp") == [
        (
            "东方泵业 🚰",
            Decimal("9007199254740993.25"),
            NOON.date() + timedelta(days=60),
            NOON.replace(tzinfo=None),
        )
    ]


def exact(org: Org, request: Request) -> Any:
    answer = org.query(
        Request(request.method, request.path, request.query, {}, None, ("queryAll",))
    )
    return json.dumps(answer).replace("1234.5", "9007199254740993.25")


def test_the_session_ends_in_the_middle_and_a_query_is_forgotten(
    org: Org, crm: Installation
) -> None:
    for number in range(900):
        org.put("Opportunity", Id=f"006{number:04}", Name="a", SystemModstamp=stamp(NOON))
    org.before_page = [
        lambda: setattr(org, "token", "ended"),
        lambda: None,
        lambda: org.locators.clear(),
    ]
    receipt = crm.load(tables=["opportunity"])["opportunity"]
    assert (receipt.status, receipt.rows_asked, receipt.rows_loaded) == ("loaded", 900, 900)
    assert org.count_sign_ins == 2
    assert receipt.count_retries == 2
    assert (receipt.quota_used, receipt.quota_limit) == (18, 15_000)
    assert crm.query("select count(distinct Id) from {shop.opportunity}") == [(900,)]


def test_busy_and_broken_answers_are_asked_again(org: Org, crm: Installation) -> None:
    for number in range(450):
        org.put("Opportunity", Id=f"006{number:04}", Name="a", SystemModstamp=stamp(NOON))
    org.server.fail(r"GET .*/query/", Answer(is_half=True), Answer([], 503, {"Retry-After": "0"}))
    receipt = crm.load(tables=["opportunity"])["opportunity"]
    assert (receipt.status, receipt.rows_loaded, receipt.count_retries) == ("loaded", 450, 2)


@pytest.mark.parametrize("sees_all", [True, False])
def test_a_receipt_tells_whether_the_user_sees_all_rows(
    org: Org, crm: Installation, sees_all: bool
) -> None:
    org.sees_all = sees_all
    org.put("Opportunity", Id="006A", Name="a", SystemModstamp=stamp(NOON))
    for receipt in crm.load().values():
        assert (receipt.coverage_seen, receipt.coverage_all) == (None, None)
        assert ("cannot be known" in receipt.coverage_en) is not sees_all
        assert ("无法得知" in receipt.coverage_zh) is not sees_all
        assert ("lacks “View All Data”" in receipt.message_en) is not sees_all
    assert len([r for r in org.server.requests if "UserPermission" in str(r.query)]) == 1


def test_check_tells_hidden_fields_objects_and_rows(org: Org, crm: Installation) -> None:
    org.sees_all = False
    crm.sources(crm.settings.sources_file.read_text().replace('"task",', '"task", "quote",'))
    findings = check_source(load_sources(crm.settings).source("shop"))
    assert exit_code(findings) == 2
    texts = {f.message.en: f.level for f in findings}
    (quote,) = [f for f in findings if "shop.quote" in f.message.en]
    assert quote.level == "missing" and quote.remedy and "read access" in quote.remedy.en
    assert any("View All Data" in text and texts[text] == "limited" for text in texts)
    assert any("AccountId" in text and texts[text] == "limited" for text in texts)


def test_a_wrong_secret_is_told_and_never_shown(
    org: Org, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_SECRET", "wrong-planted-secret-77")
    receipt = crm.load(tables=["opportunity"])["opportunity"]
    assert receipt.status == "failed"
    assert "client credentials" in receipt.remedy_en
    assert "planted" not in receipt.model_dump_json()
