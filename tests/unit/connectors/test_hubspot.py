"""HubSpot: its own client against a loopback server shaped after HubSpot's documentation.

The server has HubSpot's traps: a search that refuses to go beyond 10,000 results and shows what a
copy held, archived records that nothing but their own list shows, and associations apart.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.objects import PublicObjectSearchRequest

from dagster_project.connectors.check import check_source, exit_code
from dagster_project.connectors.hubspot.reader import HubSpotReader
from dagster_project.connectors.kinds import Window
from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors.api_server import Answer, ApiServer, Request, serve
from tests.unit.connectors.loading import Installation

TOKEN = "pat-eu1-planted-secret-0815"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class HubSpotAccount:
    """Records of an account as HubSpot keeps them: every property is a text."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, dict[str, Any]]] = {
            "companies": {},
            "contacts": {},
            "deals": {},
        }
        self.pairs: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.hidden_from_search: set[str] = set()
        self.left_out: set[str] = set()  # of the next batch
        self.server = ApiServer()
        route = self.server.route
        route(r"POST /crm/v3/objects/(\w+)/search", self.authorised(self.search))
        route(r"POST /crm/v3/objects/(\w+)/batch/read", self.authorised(self.batch_read))
        route(r"GET /crm/v3/objects/(\w+)", self.authorised(self.list))
        route(r"GET /crm/v3/properties/(\w+)", self.authorised(self.properties))
        route(r"GET /crm/v3/owners/?", self.authorised(self.owners))
        route(r"GET /crm/v3/pipelines/deals", self.authorised(self.pipelines))
        route(r"POST /crm/v4/associations/(\w+)/(\w+)/batch/read", self.authorised(self.associated))

    def put(self, kind: str, number: int, at: datetime, **properties: str) -> None:
        name = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        old = self.records[kind].get(str(number), {"properties": {}, "createdAt": iso(at)})
        self.records[kind][str(number)] = {
            "id": str(number),
            "createdAt": old["createdAt"],
            "updatedAt": iso(at),
            "archived": False,
            "properties": {
                **old["properties"],
                **properties,
                "hs_object_id": str(number),
                "createdate": old["createdAt"],
                name: iso(at),
            },
        }

    def archive(self, kind: str, number: int, at: datetime) -> None:
        self.records[kind][str(number)].update(archived=True, archivedAt=iso(at))

    def authorised(self, handler: Any) -> Any:
        def handle(request: Request) -> Any:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return Answer(
                    {"status": "error", "message": "Authentication credentials not found."}, 401
                )
            return handler(request)

        return handle

    def search(self, request: Request) -> Any:
        kind, body = request.match[0], request.body
        assert body["limit"] <= 200
        found = [
            record
            for record in self.records[kind].values()
            if not record["archived"]
            and record["id"] not in self.hidden_from_search
            and all(fits(record, f) for g in body.get("filterGroups", []) for f in g["filters"])
        ]
        for sort in reversed(body.get("sorts", [])):
            found.sort(
                key=lambda r: value_of(r, sort["propertyName"]),
                reverse=sort.get("direction") == "DESCENDING",
            )
        after = int(body.get("after") or 0)
        if after + body["limit"] > 10_000:
            return Answer(
                {
                    "status": "error",
                    "message": "The total number of results requested exceeds 10000.",
                    "category": "VALIDATION_ERROR",
                },
                400,
            )
        page = found[after : after + body["limit"]]
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [shown(record, body.get("properties", [])) for record in page],
        }
        if after + body["limit"] < len(found):
            answer["paging"] = {"next": {"after": str(after + body["limit"])}}
        return answer

    def list(self, request: Request) -> Any:
        limit = int(request.query.get("limit", 10))
        assert limit <= 100
        archived = request.query.get("archived", "").lower() == "true"
        after = int(request.query.get("after") or 0)
        found = [
            r
            for _, r in sorted(self.records[request.match[0]].items(), key=lambda i: int(i[0]))
            if r["archived"] is archived and int(r["id"]) > after
        ]
        page = found[:limit]
        answer: dict[str, Any] = {"results": [shown(r, ["hs_object_id"]) for r in page]}
        if len(found) > limit:
            answer["paging"] = {"next": {"after": page[-1]["id"], "link": "?after="}}
        return answer

    def batch_read(self, request: Request) -> Any:
        archived = request.query.get("archived", "").lower() == "true"
        body = request.body
        assert len(body["inputs"]) <= (50 if body.get("propertiesWithHistory") else 100)
        results = []
        left_out, self.left_out = self.left_out, set()
        for one in body["inputs"]:
            record = self.records[request.match[0]].get(one["id"])
            if one["id"] in left_out:
                continue
            if record and record["archived"] is archived:
                result = shown(record, body["properties"])
                if body.get("propertiesWithHistory"):
                    (name,) = body["propertiesWithHistory"]
                    result["propertiesWithHistory"] = {name: self.history.get(one["id"], [])}
                results.append(result)
        answer: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results[::-1],  # in no particular order
            "startedAt": iso(NOON),
            "completedAt": iso(NOON),
        }
        if left_out:
            error = {
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": "Could not get some objects, they may be deleted or not exist.",
                "context": {"ids": sorted(left_out)},
            }
            answer |= {"numErrors": 1, "errors": [error]}
        return Answer(
            answer,
            status=207 if left_out else 200,
            headers={
                "X-HubSpot-RateLimit-Daily": "250000",
                "X-HubSpot-RateLimit-Daily-Remaining": "249000",
            },
        )

    def properties(self, request: Request) -> Any:
        names = {"hs_object_id", "createdate", "hs_merged_object_ids"}
        names.add("lastmodifieddate" if request.match[0] == "contacts" else "hs_lastmodifieddate")
        for record in self.records[request.match[0]].values():
            names |= set(record["properties"])
        return {
            "results": [
                {
                    "name": name,
                    "label": name,
                    "type": "string",
                    "fieldType": "text",
                    "groupName": "g",
                    "description": "",
                    "options": [],
                }
                for name in sorted(names)
            ]
        }

    def owners(self, request: Request) -> Any:
        if request.query.get("archived", "").lower() == "true":
            return {"results": []}
        return {
            "results": [
                {
                    "id": "77",
                    "email": "li@example.com",
                    "firstName": "丽",
                    "lastName": "李",
                    "type": "PERSON",
                    "userId": 9,
                    "createdAt": iso(NOON),
                    "updatedAt": iso(NOON),
                    "archived": False,
                }
            ]
        }

    def pipelines(self, request: Request) -> Any:
        stage = {
            "id": "closedwon",
            "label": "Closed Won",
            "displayOrder": 5,
            "metadata": {"isClosed": "true", "probability": "1.0"},
            "createdAt": iso(NOON),
            "updatedAt": iso(NOON),
            "archived": False,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }
        return {
            "results": [
                {
                    "id": "default",
                    "label": "Sales Pipeline",
                    "displayOrder": 0,
                    "stages": [stage],
                    "createdAt": iso(NOON),
                    "updatedAt": iso(NOON),
                    "archived": False,
                }
            ]
        }

    def associated(self, request: Request) -> Any:
        known = self.pairs.get((request.match[0], request.match[1]), {})
        results = []
        for one in request.body["inputs"]:
            others, after = known.get(one["id"], []), int(one.get("after") or 0)
            if not others:
                continue
            result: dict[str, Any] = {
                "from": {"id": one["id"]},
                "to": others[after : after + 500],
            }
            if len(others) > after + 500:
                result["paging"] = {"next": {"after": str(after + 500), "link": "?"}}
            results.append(result)
        return {
            "status": "COMPLETE",
            "results": results,
            "startedAt": iso(NOON),
            "completedAt": iso(NOON),
        }


def value_of(record: dict[str, Any], name: str) -> Any:
    value = record["properties"].get(name)
    return int(value) if name == "hs_object_id" else value


@functools.cache
def milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def fits(record: dict[str, Any], condition: dict[str, str]) -> bool:
    value = value_of(record, condition["propertyName"])
    if condition["propertyName"] == "hs_object_id":
        assert condition["operator"] == "GT"
        return int(value) > int(condition["value"])
    at, limit = milliseconds(value), int(condition["value"])
    return {"GTE": at >= limit, "LT": at < limit}[condition["operator"]]


def shown(record: dict[str, Any], names: list[str]) -> dict[str, Any]:
    kept = {"id", "createdAt", "updatedAt", "archived", "archivedAt"}
    return {
        **{k: v for k, v in record.items() if k in kept},
        "properties": {name: record["properties"].get(name) for name in names},
    }


@pytest.fixture()
def account() -> Iterator[HubSpotAccount]:
    made = HubSpotAccount()
    with serve(made.server):
        yield made


@pytest.fixture()
def crm(tmp_path: Path, account: HubSpotAccount, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    made = Installation(tmp_path)
    made.sources(
        f"""
        [[source]]
        system = "shop"
        kind = "hubspot"
        base_url = "{account.server.url}"
        access_token_env = "HUBSPOT_TOKEN"
        tables = ["companies", "contacts", "deals", "owners", "deal_stages", "deal_company",
                  "deal_companies", "deal_stage_history"]
        """
    )
    return made


def test_the_search_goes_no_further_than_ten_thousand_but_the_load_does(
    account: HubSpotAccount, crm: Installation
) -> None:
    account.put("contacts", 1, NOON - timedelta(days=9), email="first@example.com")
    crm.load(tables=["contacts"])
    for number in range(2, 10_252):
        # All in one second, as an import makes them: no window of time could part them.
        account.put("contacts", number, NOON, email=f"{number}@example.com")
    client = HubSpot(access_token=TOKEN, host=account.server.url)
    with pytest.raises(Exception, match="exceeds 10000"):
        client.crm.objects.search_api.do_search(
            "contacts", PublicObjectSearchRequest(limit=200, after="10000")
        )
    receipt = crm.load(tables=["contacts"])["contacts"]
    # With the first one, which lies in the overlap.
    assert (receipt.status, receipt.rows_asked, receipt.rows_received) == ("loaded", 10_251, 10_251)
    assert receipt.rows_gap == 0
    assert crm.query("select count(distinct id) from {shop.contacts}") == [(10_251,)]


def test_values_are_those_of_the_record_not_of_the_searched_copy(
    account: HubSpotAccount, crm: Installation
) -> None:
    account.put("deals", 1, NOON, dealname="泵站 🚰", amount="1234567890.12", dealstage="a")
    receipts = crm.load()
    assert {r.status for r in receipts.values()} == {"loaded"}, receipts
    assert crm.rows("deals", "id, dealname, amount, createdAt") == [
        ("1", "泵站 🚰", "1234567890.12", NOON.replace(tzinfo=None))
    ]
    assert crm.rows("owners", "id, firstName") == [("77", "丽")]
    assert crm.rows("deal_stages", "id, label, isClosed") == [("closedwon", "Closed Won", "true")]
    assert (receipts["deals"].quota_used, receipts["deals"].quota_limit) == (1000, 250_000)


def test_what_the_search_shows_late_comes_with_the_next_load(
    account: HubSpotAccount, crm: Installation
) -> None:
    account.put("deals", 1, NOON, dealname="a")
    crm.load(tables=["deals"])
    account.put("deals", 2, NOON + timedelta(minutes=1), dealname="late")
    account.put("deals", 3, NOON + timedelta(minutes=5), dealname="seen")
    account.hidden_from_search = {"2"}
    crm.load(tables=["deals"])
    assert crm.rows("deals", "id") == [("1",), ("3",)]
    account.hidden_from_search = set()
    receipt = crm.load(tables=["deals"])["deals"]
    assert receipt.rows_loaded == 1
    assert sorted(crm.rows("deals", "id")) == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize("table", ["deals", "deal_stage_history"])
def test_a_record_that_a_batch_leaves_out_comes_with_the_next_load(
    account: HubSpotAccount, crm: Installation, table: str
) -> None:
    def put(number: int, at: datetime) -> None:
        account.put("deals", number, at, dealstage="open")
        account.history[str(number)] = [{"value": "open", "timestamp": iso(at)}]

    put(1, NOON)
    cursor = crm.load(tables=[table])[table].cursor_to
    put(2, NOON + timedelta(hours=1))
    put(3, NOON + timedelta(days=1))  # puts 2 out of reach of the overlap
    account.left_out = {"2"}
    receipt = crm.load(tables=[table])[table]
    assert (receipt.status, receipt.rows_gap, receipt.cursor_to) == ("loaded", 1, cursor)
    assert "1 rows that the source announced did not come" in receipt.message_en
    assert "有 1 行没有返回" in receipt.message_zh
    receipt = crm.load(tables=[table])[table]
    assert (receipt.rows_loaded, receipt.rows_gap, receipt.message_en) == (1, 0, "")
    assert sorted(crm.rows(table, "id")) == [("1",), ("2",), ("3",)]
    assert receipt.cursor_to == str(NOON.replace(tzinfo=None) + timedelta(days=1))


def test_what_a_first_load_lacks_is_asked_for_again(
    account: HubSpotAccount, crm: Installation
) -> None:
    for number in (1, 2):
        account.put("deals", number, NOON + timedelta(days=number), dealname="a")
    account.left_out = {"1"}
    receipt = crm.load(tables=["deals"])["deals"]
    assert (receipt.rows_asked, receipt.rows_gap, receipt.cursor_to) == (2, 1, None)
    assert crm.load(tables=["deals"])["deals"].rows_loaded == 1


def test_a_record_archived_while_the_search_still_shows_it_is_no_gap(
    account: HubSpotAccount, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        account.put("deals", number, NOON, dealname="a")
    crm.load(tables=["deals"])
    read = HubSpotReader._read

    def archived_first(self: HubSpotReader, *args: Any, **options: Any) -> Any:
        kind, ids, *rest = args
        found = list(ids)
        account.archive("deals", 2, NOON + timedelta(hours=1))
        return read(self, kind, found, *rest, **options)

    monkeypatch.setattr(HubSpotReader, "_read", archived_first)
    receipt = crm.load(tables=["deals"])["deals"]
    assert (receipt.rows_gap, receipt.rows_deleted) == (0, 1)


def test_a_search_out_of_order_is_refused(
    account: HubSpotAccount, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        account.put("deals", number, NOON, dealname="a")
    crm.load(tables=["deals"])
    searched = HubSpotReader._search

    def shuffled(self: HubSpotReader, *args: Any, **options: Any) -> Any:
        found = searched(self, *args, **options)
        return {**found, "results": found["results"][::-1]}

    monkeypatch.setattr(HubSpotReader, "_search", shuffled)
    receipt = crm.load(tables=["deals"])["deals"]
    assert receipt.status == "failed"
    assert "did not keep to ascending ids" in str(receipt.message_en)


def test_archived_and_merged_records_are_told(account: HubSpotAccount, crm: Installation) -> None:
    # Without a comparison of keys, which would find them too, but only once a day.
    text = crm.settings.sources_file.read_text().rstrip()
    crm.sources(f'{text}\n[[source.table]]\nname = "companies"\ndeletes = "archived"\n')
    for number in (1, 2, 3, 4):
        account.put("companies", number, NOON, name=f"company {number}")
    crm.load(tables=["companies"])
    account.archive("companies", 2, NOON + timedelta(hours=1))
    # Merged into 1: HubSpot drops the record from every list and names it in the survivor.
    del account.records["companies"]["3"]
    account.put("companies", 1, NOON + timedelta(hours=1), hs_merged_object_ids="3")
    crm.load(tables=["companies"])
    assert crm.current("companies", "id", "id") == [("1",), ("4",)]


def test_what_two_ways_tell_as_deleted_is_deleted_once(
    account: HubSpotAccount, crm: Installation
) -> None:
    for number in (1, 2):
        account.put("companies", number, NOON, name=f"company {number}")
    crm.load(tables=["companies"])
    account.archive("companies", 2, NOON + timedelta(hours=1))
    # It is in the list of archived records, and its key is gone.
    assert crm.load(tables=["companies"])["companies"].rows_deleted == 1
    assert crm.query("select id from {shop.companies} where _is_deleted") == [("2",)]


def test_a_span_is_read_again_and_nothing_beside_it(
    account: HubSpotAccount, crm: Installation
) -> None:
    for day in range(1, 6):
        account.put("deals", day, NOON + timedelta(days=day), dealname="a")
    crm.load(tables=["deals"])
    receipt = crm.load(tables=["deals"], window=Window("2026-03-03", "2026-03-05"))["deals"]
    assert receipt.rows_received == 2


def test_associations_come_whole_page_by_page(account: HubSpotAccount, crm: Installation) -> None:
    def other(number: int, *kinds: tuple[int, str | None]) -> dict[str, Any]:
        return {
            "toObjectId": number,
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": kind, "label": label}
                for kind, label in kinds
            ],
        }

    account.put("deals", 1, NOON, dealname="a")
    account.put("deals", 2, NOON, dealname="b")
    account.pairs["deals", "companies"] = {
        "1": [other(9, (5, "Primary"), (341, None))]
        + [other(1000 + n, (341, None)) for n in range(1, 700)],
        "2": [other(8, (341, None))],
    }
    receipts = crm.load(tables=["deal_companies", "deal_company"])
    assert receipts["deal_companies"].rows_received == 702
    assert crm.rows("deal_company", "fromObjectId, toObjectId") == [("1", "9")]
    # A pair that is gone at the source is gone here.
    account.pairs["deals", "companies"]["2"] = []
    assert crm.load(tables=["deal_companies"])["deal_companies"].rows_deleted == 1


def test_the_history_of_a_stage_is_kept(account: HubSpotAccount, crm: Installation) -> None:
    account.put("deals", 1, NOON, dealstage="won")
    account.history["1"] = [
        {"value": "won", "timestamp": iso(NOON), "sourceType": "CRM_UI", "updatedByUserId": 9},
        {"value": "open", "timestamp": iso(NOON - timedelta(days=3)), "sourceType": "IMPORT"},
    ]
    crm.load(tables=["deal_stage_history"])
    assert sorted(crm.rows("deal_stage_history", "value, updatedByUserId")) == [
        ("open", None),
        ("won", 9),
    ]


def test_busy_and_broken_answers_are_asked_again(
    account: HubSpotAccount, crm: Installation
) -> None:
    for number in range(1, 151):
        account.put("deals", number, NOON, dealname="x" * 50)
    busy = Answer({"message": "ten_secondly"}, 429, {"Retry-After": "0"})
    account.server.fail("batch/read", busy, Answer(is_half=True))
    account.server.fail("GET /crm/v3/objects/deals", Answer({"message": "oops"}, 502))
    receipt = crm.load(tables=["deals"])["deals"]
    assert (receipt.status, receipt.rows_loaded, receipt.count_retries) == ("loaded", 150, 3)


def test_a_load_that_breaks_off_lands_nothing_and_comes_whole_the_next_time(
    account: HubSpotAccount, crm: Installation
) -> None:
    for number in range(1, 251):
        account.put("deals", number, NOON, dealname="x")
    account.server.fail("batch/read", Answer({"results": [], "status": "COMPLETE"}, 403))
    receipt = crm.load(tables=["deals"])["deals"]
    assert receipt.status == "failed"
    assert crm.load(tables=["deals"])["deals"].rows_loaded == 250


def test_check_names_missing_scopes_and_hidden_properties(
    account: HubSpotAccount, crm: Installation
) -> None:
    account.put(
        "deals", 1, NOON, dealname="a", amount="1", dealstage="s", closedate="", hubspot_owner_id=""
    )
    account.server.fail(
        "GET /crm/v3/properties/companies",
        Answer(
            {
                "status": "error",
                "category": "MISSING_SCOPES",
                "message": "This app hasn't been granted all required scopes.",
                "errors": [
                    {
                        "message": "One or more of the following scopes are required.",
                        "context": {"requiredGranularScopes": ["crm.objects.companies.read"]},
                    }
                ],
            },
            403,
        ),
    )
    findings = check_source(load_sources(crm.settings).source("shop"))
    assert exit_code(findings) == 2
    by_level: dict[str, list[str]] = {}
    for finding in findings:
        text = finding.message.en + (finding.remedy.en if finding.remedy else "")
        by_level.setdefault(finding.level, []).append(text)
    assert any("crm.objects.companies.read" in text for text in by_level["missing"])
    assert any("jobtitle" in text for text in by_level["limited"])
    assert any("shop.owners: owners can be read" in text for text in by_level["ok"])


def test_a_wrong_token_is_told_and_never_shown(
    account: HubSpotAccount, crm: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-eu1-expired-secret-4711")
    receipt = crm.load(tables=["deals"])["deals"]
    assert receipt.status == "failed"
    assert "token" in receipt.remedy_en and "令牌" in receipt.remedy_zh
    assert "4711" not in receipt.model_dump_json()
