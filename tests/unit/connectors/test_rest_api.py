"""REST by configuration: nothing is lost, whatever the source does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from dagster_project.connectors import commands
from dagster_project.connectors.check import check_source
from dagster_project.connectors.kinds import Window
from dagster_project.connectors.rest_api import client, paging
from dagster_project.connectors.sources_file import SourcesFileError, load_sources
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.rest_server import Call, Orders, Reply, RestServer, order, rest_server

SOURCE = """
[[source]]
system = "shop"
kind = "rest"
url = "{url}/api"
{more}
  [[source.table]]
  name = "orders"
  rows = "data"
  primary_key = "id"
{table}
"""
PAGES = '  paging = { style = "page", size = 10, size_param = "size" }\n'
OFFSETS = '  paging = { style = "offset", size = 10, size_param = "size" }\n'
ALIGNED = OFFSETS.replace("size = 10,", "size = 10, aligned = true,")
LINKS = '  paging = { style = "next_url", next = "next" }\n'
INCREMENT = (
    '  load = "incremental"\n  cursor = "updated_at"\n  params = { since = "{since}" }\n'
    "  overlap_seconds = 5\n"
)


@pytest.fixture
def server() -> Iterator[RestServer]:
    with rest_server() as running:
        yield running


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that the client made, in seconds; no test waits for them."""
    made: list[float] = []
    monkeypatch.setattr(client.time, "sleep", made.append)
    return made


def configure(
    shop: Installation, server: RestServer, table: str = "", more: str = "", after: str = ""
) -> None:
    text = SOURCE.replace("{url}", server.url).replace("{more}", more).replace("{table}", table)
    shop.sources(text + after)


def ids(shop: Installation, table: str = "orders") -> list[int]:
    return [row[0] for row in shop.current(table, "id", "id")]


def last_since(server: RestServer) -> str:
    """What the last call for changes asked for; calls for all keys have no such parameter."""
    return [call.params["since"] for call in server.calls if "since" in call.params][-1]


@pytest.mark.parametrize("paging_line", [PAGES, OFFSETS, ALIGNED, LINKS])
@pytest.mark.parametrize("count", [0, 1, 10, 35])
def test_every_row_comes_once_with_its_values(
    shop: Installation, server: RestServer, paging_line: str, count: int
) -> None:
    shapes = {PAGES: "page", LINKS: "next_url"}
    shape = shapes.get(paging_line, "offset")
    server.routes["/api/orders"] = Orders(count, shape=shape)
    configure(shop, server, paging_line)
    receipt = shop.load()["orders"]
    assert receipt.status == "loaded"
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (count, count, 0)
    assert ids(shop) == list(range(1, count + 1))
    assert receipt.count_calls == server.count("/api/orders")
    if count:
        amount, customer = shop.current("orders", "id", "amount, customer")[0]
        assert (amount, customer) == (1.5, '{"name": "客户 1", "vip": false}')


def test_a_source_that_gives_less_than_asked_for_is_read_whole(
    shop: Installation, server: RestServer
) -> None:
    for number, (shape, line) in enumerate([("page", PAGES), ("offset", OFFSETS)]):
        orders = Orders(35, shape=shape)
        orders.largest_page = 7
        server.routes["/api/orders"] = orders
        configure(shop, server, line + f"  overlap_seconds = {number}\n")
        shop.load(full=True)
        assert ids(shop) == list(range(1, 36))


def test_offsets_by_the_size_keep_to_it_and_leave_nothing_between(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(35, shape="offset")
    server.routes["/api/orders"] = orders
    configure(shop, server, ALIGNED)
    shop.load()
    assert {call.number("offset", 0) % 10 for call in server.calls} == {0}
    orders.largest_page = 7
    receipt = shop.load(full=True)["orders"]
    assert receipt.status == "failed"
    assert "a page held 7 rows although 10 were asked for" in str(receipt.message_en)
    assert ids(shop) == list(range(1, 36))


@pytest.mark.parametrize(
    ("shape", "line"),
    [("page", PAGES), ("offset", OFFSETS), ("offset", ALIGNED), ("next_url", LINKS)],
)
@pytest.mark.parametrize("call", [2, 4, 5])
def test_rows_that_slip_to_a_page_read_before_are_found(
    shop: Installation, server: RestServer, shape: str, line: str, call: int
) -> None:
    orders = Orders(35, shape=shape)
    orders.changes[call] = lambda: orders.remove(3, 4)
    server.routes["/api/orders"] = orders
    configure(shop, server, line)
    assert shop.load()["orders"].status == "loaded"
    assert set(range(5, 36)) <= set(ids(shop))


@pytest.mark.parametrize(
    ("shape", "line"),
    [("page", PAGES), ("offset", OFFSETS), ("offset", ALIGNED), ("next_url", LINKS)],
)
def test_rows_that_go_and_come_in_equal_number_hide_nothing(
    shop: Installation, server: RestServer, shape: str, line: str
) -> None:
    orders = Orders(35, shape=shape)
    orders.tells_total = True

    def swap() -> None:
        orders.remove(1)
        orders.rows.append(order(99))

    orders.changes = {2: swap}
    server.routes["/api/orders"] = orders
    configure(shop, server, line + '  total = "total"\n')
    assert shop.load()["orders"].rows_gap == 0
    assert {*range(2, 36), 99} <= set(ids(shop))


@pytest.mark.parametrize(
    ("shape", "line"), [("page", PAGES), ("offset", OFFSETS), ("offset", ALIGNED)]
)
def test_updates_that_move_rows_to_the_end_skip_no_neighbour(
    shop: Installation, server: RestServer, shape: str, line: str
) -> None:
    """The list is in the order of changes, so that each change shifts all that follows."""
    orders = Orders(40, shape=shape)
    orders.order = lambda row: row["updated_at"]
    late = itertools.count(1)

    def change() -> None:
        number = next(late)
        orders.update(number, f"2026-03-01T01:00:{number:02}Z", amount=-number - 0.5)

    orders.changes = dict.fromkeys((2, 4, 5, 7, 9, 12), change)
    server.now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    server.routes["/api/orders"] = orders
    configure(shop, server, line + INCREMENT)
    shop.load()
    server.now = datetime(2026, 3, 1, 2, tzinfo=UTC)
    shop.load()
    assert ids(shop) == list(range(1, 41))
    changed = dict(shop.current("orders", "id", "id, amount"))
    assert [changed[number] for number in range(1, 7)] == [-n - 0.5 for n in range(1, 7)]


def test_without_the_seam_check_rows_are_lost(shop: Installation, server: RestServer) -> None:
    """Proves that the tests above test something."""
    orders = Orders(35)
    orders.changes[2] = lambda: orders.remove(3, 4)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES.replace("style", "stable = true, style"))
    shop.load()
    assert {11, 12}.isdisjoint(ids(shop))


def test_a_list_that_never_stands_still_fails_and_loses_nothing(
    shop: Installation, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_REPAIRS", 5)
    orders = Orders(500)
    first = itertools.count(1)
    orders.changes = {n: lambda: orders.remove(next(first)) for n in range(2, 400)}
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT)
    receipt = shop.load()["orders"]
    assert receipt.status == "failed"
    assert receipt.is_transient
    assert "changes faster than it can be read" in receipt.message_en
    assert "变化太快" in receipt.message_zh


def test_a_list_without_a_key_is_begun_anew_when_it_shifts(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(25)
    orders.rows = [{"name": f"n{n % 3}"} for n in range(25)]
    orders.order = lambda row: 0
    orders.changes[2] = lambda: orders.rows.__delitem__(0)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES)
    text = shop.settings.sources_file.read_text(encoding="utf-8")
    shop.sources(text.replace('  primary_key = "id"\n', ""))
    assert shop.load()["orders"].rows_loaded == 24
    assert shop.query("select count(*) from {shop.orders}") == [(24,)]


def test_an_unknown_page_parameter_is_refused(shop: Installation, server: RestServer) -> None:
    server.routes["/api/orders"] = lambda call: {"data": [order(n) for n in range(1, 11)]}
    configure(shop, server, PAGES)
    receipt = shop.load()["orders"]
    assert receipt.status == "failed"
    assert "second page is the same as the first" in receipt.message_en


def test_a_last_page_that_is_given_again_ends_the_list(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(35)

    def clamped(call: Call) -> Any:
        call.params["page"] = str(min(call.number("page", 1), 4))
        return orders(call)

    server.routes["/api/orders"] = clamped
    configure(shop, server, PAGES)
    assert shop.load()["orders"].rows_loaded == 35


def test_keyset_pages_and_cursors_of_the_source(shop: Installation, server: RestServer) -> None:
    server.routes["/api/orders"] = Orders(35, shape="keyset")
    keyset = 'paging = { style = "keyset", field = "id", param = "after" }\n'
    configure(shop, server, keyset)
    assert shop.load()["orders"].rows_loaded == 35
    server.routes["/api/orders"] = Orders(36, shape="cursor")
    configure(shop, server, 'paging = { style = "cursor", next = "next", param = "page" }\n')
    shop.load()
    assert ids(shop) == list(range(1, 37))


def test_links_in_a_header_and_circles(shop: Installation, server: RestServer) -> None:
    def linked(call: Call) -> Reply:
        page = call.number("page", 1)
        rows = [order(n) for n in range(page * 10 - 9, page * 10 + 1)]
        link = f'<{server.url}/api/orders?page={page + 1}>; rel="next"'
        return Reply({"data": rows}, headers={"Link": link} if page < 3 else {})

    server.routes["/api/orders"] = linked
    configure(shop, server, '  paging = { style = "link" }\n')
    assert shop.load()["orders"].rows_loaded == 30
    circle = {"data": [order(1)], "next": "/api/orders?page=1"}
    server.routes["/api/orders"] = lambda call: circle
    configure(shop, server, LINKS)
    receipt = shop.load()["orders"]
    assert (receipt.status, "read already" in receipt.message_en) == ("failed", True)


def test_credentials_never_go_to_another_host(shop: Installation, server: RestServer) -> None:
    with rest_server() as other:
        server.routes["/api/orders"] = lambda call: {
            "data": [order(1)],
            "next": other.url.replace("127.0.0.1", "localhost") + "/api/orders?page=2",
        }
        configure(shop, server, LINKS)
        receipt = shop.load()["orders"]
        assert "another host, localhost" in receipt.message_en
        assert other.calls == []


OAUTH = """
[source.auth]
type = "oauth2"
token_url = "{url}/token"
client_id = "reader"
client_secret_env = "SHOP_SECRET"
"""
LOGIN = """
[source.auth]
type = "login"
url = "{url}/token"
body_env = { secret = "SHOP_SECRET" }
put = { "header:Authorization" = "access_token" }
"""


@pytest.mark.parametrize("auth", [OAUTH, OAUTH + 'send = "basic"\n', LOGIN])
def test_secrets_for_a_token_never_go_to_another_host(
    shop: Installation, server: RestServer, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "planted-secret-1")
    server.routes["/api/orders"] = Orders(3)
    with rest_server() as other:
        other.routes["/token"] = lambda call: {"access_token": "planted-token"}
        elsewhere = other.url.replace("127.0.0.1", "localhost") + "/token"
        for status in (302, 307):
            reply = Reply(None, status, {"Location": elsewhere})
            server.routes["/token"] = lambda call, reply=reply: reply  # type: ignore[misc]
            configure(shop, server, PAGES, auth.replace("{url}", server.url))
            receipt = shop.load()["orders"]
            assert (receipt.status, receipt.is_transient) == ("failed", False)
            assert "another address, http://localhost" in receipt.message_en
            assert "localhost" in receipt.message_zh
            assert "Nothing secret was sent there" in receipt.message_en
            assert "sources file" in receipt.remedy_en and receipt.remedy_zh
        assert other.calls == []
    # A redirect within the same host is followed.
    server.routes["/token"] = lambda call: Reply(None, 307, {"Location": "/tokens"})
    server.routes["/tokens"] = lambda call: {"access_token": "planted-token"}
    assert shop.load()["orders"].status == "loaded"


EMPTY = Reply(status=204, text="")


@pytest.mark.parametrize(
    "line",
    [PAGES, OFFSETS, LINKS, '  paging = { style = "cursor", next = "next", param = "page" }\n'],
)
def test_an_answer_without_content_is_an_empty_page(
    shop: Installation, server: RestServer, pauses: list[float], line: str
) -> None:
    orders = Orders(0)
    server.routes["/api/orders"] = lambda call: (
        answer if (answer := orders(call))["data"] else EMPTY
    )
    configure(shop, server, line + INCREMENT + '  total = "total"\n')
    orders.tells_total = True
    first = shop.load()["orders"]
    assert (first.status, first.rows_asked, pauses) == ("loaded", 0, [])
    source = load_sources(shop.settings).source("shop")
    assert [finding.level for finding in check_source(source)] == ["limited"]
    orders.rows += [order(n) for n in range(1, 11)]
    assert shop.load()["orders"].rows_loaded == 10
    server.routes["/api/orders"] = lambda call: EMPTY if "since" in call.params else orders(call)
    assert shop.load()["orders"].status == "unchanged"


def test_a_list_may_end_with_an_answer_without_content(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(20)
    server.routes["/api/orders"] = lambda call: (
        answer if (answer := orders(call))["data"] else EMPTY
    )
    configure(shop, server, PAGES)
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_loaded, receipt.count_retries) == ("loaded", 20, 0)


# Increments


def test_increment_reads_again_behind_the_cursor_and_lands_once(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(35)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT)
    first = shop.load()["orders"]
    assert (first.rows_loaded, first.cursor_to) == (35, "2026-03-01 00:00:35")
    # Committed late: its time is behind the cursor, and equal to that of another row.
    orders.rows.append({**order(36), "updated_at": order(31)["updated_at"]})
    orders.rows.append({**order(37), "updated_at": order(35)["updated_at"]})
    second = shop.load()["orders"]
    assert last_since(server) == "2026-03-01T00:00:30Z"
    assert (second.rows_received, second.rows_loaded) == (8, 2)
    assert shop.load()["orders"].rows_loaded == 0
    assert ids(shop) == list(range(1, 38))


START = '  start = "2026-03-01T00:00:11Z"\n  sweep = "every_load"\n'


@pytest.mark.parametrize("form", ["object", "timestamp", "unix"])
def test_rows_before_the_start_are_not_buried_as_no_list_shows_them(
    shop: Installation, server: RestServer, form: str
) -> None:
    orders = Orders(60)
    table = PAGES + INCREMENT + START
    if form == "object":
        orders.rows = [{**row, "meta": {"at": row["updated_at"]}} for row in orders.rows]
        table = table.replace('cursor = "updated_at"', 'cursor = "meta.at"')
    if form == "timestamp":
        table += '  types = { updated_at = "timestamp" }\n'

    def listed(call: Call) -> Any:
        if form != "unix":
            return orders(call)
        if "since" in call.params:
            since = datetime.fromtimestamp(int(call.params["since"]), UTC)
            call.params["since"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = orders(call)
        moments = [datetime.fromisoformat(row["updated_at"]) for row in answer["data"]]
        answer["data"] = [
            {**row, "updated_at": moment.timestamp()}
            for row, moment in zip(answer["data"], moments, strict=True)
        ]
        return answer

    if form == "unix":
        table += '  cursor_format = "unix"\n'
    server.routes["/api/orders"] = listed
    configure(
        shop, server, table, 'time_zone = "Asia/Shanghai"', LINES + '  load = "incremental"\n'
    )
    shop.load()
    assert ids(shop) == list(range(11, 61))
    window = Window("2026-03-01T00:00:00Z", "2026-03-01T00:00:11Z")
    shop.load(window=window, tables=["orders"])
    shop.load(window=window, tables=["order_lines"])
    assert ids(shop) == list(range(1, 61))
    # One that the list would show is gone, and one that it would not.
    orders.remove(5, 20)
    for full in (False, True):
        receipts = shop.load(full=full)
        assert receipts["orders"].is_good and receipts["order_lines"].is_good
        assert ids(shop) == [n for n in range(1, 61) if n != 20]
        lines = shop.current("order_lines", "order_id, line", "order_id, line")
        assert lines == [(n, line) for n in range(1, 61) if n != 20 for line in (1, 2)]


def test_list_of_keys_that_shows_few_of_those_it_covers_is_held_back(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(60)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT + START)
    shop.load()
    shop.load(window=Window("2026-03-01T00:00:00Z", "2026-03-01T00:00:11Z"))
    orders.remove(*range(11, 40))
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_deleted) == ("held_back", 0)
    assert "21 keys where 50 rows have landed" in receipt.message_en


def test_cursor_never_passes_the_clock_of_the_source(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(20)
    orders.update(7, "2031-01-01T00:00:00Z")  # a clock that runs ahead
    server.routes["/api/orders"] = orders
    server.now = datetime(2026, 3, 1, 0, 0, 10, tzinfo=UTC)
    configure(shop, server, PAGES + INCREMENT)
    assert shop.load()["orders"].cursor_to == "2026-03-01 00:00:10"
    orders.update(2, "2026-03-01T00:00:12Z", amount=7.25)
    server.now += timedelta(hours=1)
    shop.load()
    assert dict(shop.current("orders", "id", "id, amount"))[2] == 7.25


def test_rows_without_a_cursor_are_landed_and_told(shop: Installation, server: RestServer) -> None:
    orders = Orders(5)
    orders.rows[2]["updated_at"] = None
    server.routes["/api/orders"] = lambda call: {"data": orders.rows}
    configure(shop, server, INCREMENT)
    receipt = shop.load()["orders"]
    assert receipt.rows_loaded == 5
    assert "1 rows have no time in updated_at" in receipt.message_en
    for row in orders.rows:
        row["updated_at"] = "yesterday"
    failed = shop.load()["orders"]
    assert (failed.status, "form iso" in failed.message_en) == ("failed", True)


@pytest.mark.parametrize(
    ("form", "value", "since"),
    [
        ("unix", 1772323200, "1772323195"),
        ("unix_ms", 1772323200500, "1772323195000"),
        ("odata", "/Date(1772323200000)/", "2026-02-28T23:59:55"),
        ("%d.%m.%Y %H:%M:%S", "01.03.2026 08:00:00", "01.03.2026 07:59:55"),
        ("number", 5000, "4000"),
    ],
)
def test_forms_of_cursors(
    shop: Installation, server: RestServer, form: str, value: Any, since: str
) -> None:
    server.routes["/api/orders"] = lambda call: {"data": [{"id": 1, "updated_at": value}]}
    table = INCREMENT + f'  cursor_format = "{form}"\n'
    configure(shop, server, table, 'time_zone = "Asia/Shanghai"')
    assert shop.load()["orders"].status == "loaded"
    assert "since" not in server.calls[-1].params
    shop.load()
    assert last_since(server) == since


def test_changes_of_the_hour_that_comes_twice_are_read(
    shop: Installation, server: RestServer
) -> None:
    """In New York clocks go back from 02:00 to 01:00 on 1 November 2026, at 06:00 UTC."""
    rows: list[dict[str, Any]] = [{"id": 1, "updated_at": "2026-11-01 01:58:00"}]
    server.routes["/api/orders"] = lambda call: {
        "data": [row for row in rows if row["updated_at"] >= call.params.get("since", "")]
    }
    server.now = datetime(2026, 11, 1, 5, 59, tzinfo=UTC)
    table = INCREMENT + '  since_format = "%Y-%m-%d %H:%M:%S"\n'
    configure(shop, server, table, 'time_zone = "America/New_York"')
    shop.load()
    server.now = datetime(2026, 11, 1, 6, 20, tzinfo=UTC)
    rows.append({"id": 2, "updated_at": "2026-11-01 01:10:00"})
    shop.load()
    assert last_since(server) == "2026-11-01 00:57:55"
    assert ids(shop) == [1, 2]


def test_gap_keeps_the_cursor_and_is_told(shop: Installation, server: RestServer) -> None:
    orders = Orders(20)
    server.routes["/api/orders"] = lambda call: {**orders(call), "total": 23}
    configure(shop, server, PAGES + INCREMENT + '  total = "total"\n')
    receipt = shop.load()["orders"]
    assert (receipt.rows_loaded, receipt.rows_asked, receipt.rows_gap) == (20, 23, 3)
    assert receipt.cursor_to is None
    assert "3 did not come" in receipt.message_en
    shop.load()
    assert "since" not in server.calls[-1].params


def test_snapshot_with_a_gap_is_not_landed(shop: Installation, server: RestServer) -> None:
    orders = Orders(20)
    orders.tells_total = True
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + '  total = "total"\n')
    assert shop.load()["orders"].rows_asked == 20
    shown = Orders(18)
    server.routes["/api/orders"] = lambda call: {**shown(call), "total": 20}
    receipt = shop.load()["orders"]
    assert (receipt.status, "2 of them did not come" in receipt.message_en) == ("failed", True)
    assert ids(shop) == list(range(1, 21))


def test_capped_search_is_cut_by_time(shop: Installation, server: RestServer) -> None:
    orders = Orders(400)

    def search(call: Call) -> Any:
        answer = orders(call)
        # Results beyond the cap are not shown, and nothing says so.
        end = call.number("page", 1) * 10
        return {"data": [] if end > 50 else answer["data"]}

    server.routes["/api/orders"] = search
    table = (
        PAGES + '  load = "incremental"\n  cursor = "updated_at"\n  cap = 50\n'
        '  params = { since = "{since}", until = "{until}" }\n'
    )
    configure(shop, server, table)
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 400)
    assert ids(shop) == list(range(1, 401))


def test_cap_within_one_second_is_refused(shop: Installation, server: RestServer) -> None:
    orders = Orders(60)
    for row in orders.rows:
        row["updated_at"] = "2026-03-01T00:00:07Z"
    server.routes["/api/orders"] = orders
    table = (
        PAGES + '  load = "incremental"\n  cursor = "updated_at"\n  cap = 50\n'
        '  params = { since = "{since}", until = "{until}" }\n'
    )
    configure(shop, server, table)
    receipt = shop.load()["orders"]
    assert receipt.status == "failed"
    assert "more than 50 rows have the time 2026-03-01 00:00:0" in receipt.message_en


def test_two_calls_make_one_table(shop: Installation, server: RestServer) -> None:
    """A list that leaves out what was converted, in two shapes."""
    orders = Orders(20)
    server.routes["/api/orders"] = lambda call: {"data": orders.rows[:15]}
    server.routes["/api/converted"] = lambda call: {"converted": {"list": orders.rows[14:]}}
    variants = (
        "[[source.table.variant]]\n[[source.table.variant]]\n"
        'path = "converted"\nrows = "converted.list"\nparams = { status = "converted" }\n'
    )
    configure(shop, server, variants)
    assert shop.load()["orders"].rows_loaded == 20
    assert server.calls[-1].params == {"status": "converted"}


# Nested lists

LINES = """
  [[source.table]]
  name = "order_lines"
  of = "orders"
  rows = "lines"
  primary_key = ["order_id", "line"]
  include = { order_id = "id" }
  position = "line"
"""


def test_nested_lists_become_a_table_without_more_calls(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(12)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES, after=LINES)
    receipts = shop.load()
    calls = len(server.calls)
    assert (receipts["order_lines"].rows_loaded, receipts["order_lines"].count_calls) == (24, 0)
    assert shop.query(
        "select order_id, line, sku, quantity from {shop.order_lines} where order_id = 7 order by 2"
    ) == [(7, 1, "A7", 1), (7, 2, "B", 7)]
    shop.load(tables=["order_lines"])
    assert len(server.calls) > calls


def test_removed_line_of_a_changed_order_becomes_a_tombstone(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(12)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT, after=LINES + '  load = "incremental"\n')
    shop.load()
    orders.update(3, "2026-03-01T00:05:00Z", lines=[{"sku": "A3", "quantity": 9}])
    receipt = shop.load()["order_lines"]
    assert (receipt.rows_loaded, receipt.rows_deleted) == (1, 1)
    lines = shop.current("order_lines", "order_id, line", "order_id, line, quantity")
    assert len(lines) == 23
    assert [row for row in lines if row[0] == 3] == [(3, 1, 9)]


def test_lists_behind_calls_of_their_own(shop: Installation, server: RestServer) -> None:
    server.routes["/api/orders"] = Orders(3)
    for number in (1, 2, 3):
        server.routes[f"/api/orders/{number}/notes"] = lambda call: {
            "data": [{"id": 1, "text": call.path}, {"id": 2, "text": "二"}]
        }
    notes = (
        '[[source.table]]\nname = "notes"\nof = "orders"\npath = "orders/{id}/notes"\n'
        'rows = "data"\nprimary_key = ["order_id", "id"]\ninclude = { order_id = "id" }\n'
        'paging = { style = "none" }\n'
    )
    configure(shop, server, PAGES, after=notes)
    assert shop.load()["notes"].rows_loaded == 6


# Answers that are wrong or late


def test_calls_are_made_again_as_late_as_the_source_wants(
    shop: Installation, server: RestServer, pauses: list[float]
) -> None:
    server.routes["/api/orders"] = Orders(15)
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    server.now = at
    date = "Sun, 01 Mar 2026 12:00:09 GMT"
    server.faults = [
        Reply({}, 429, {"Retry-After": "7"}),
        Reply({}, 503, {"Retry-After": date}),
        Reply({}, 502),
        None,
        Reply({}, 403, {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0"}),
    ]
    configure(shop, server, PAGES)
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_loaded, receipt.count_retries) == ("loaded", 15, 4)
    assert 7 <= pauses[0] <= 8
    assert 9 <= pauses[1] <= 10
    assert receipt.count_calls == len(server.calls)


@pytest.mark.parametrize(
    ("setting", "seconds", "pause"),
    [
        ("requests_per_minute = 30", 0.5, 1.5),  # 2 s from call to call
        ("requests_per_minute = 30", 2.5, None),  # the source is slow enough by itself
        ("", 0.5, None),
    ],
)
def test_calls_are_no_more_than_so_many_a_minute(
    shop: Installation,
    server: RestServer,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    seconds: float,
    pause: float | None,
) -> None:
    """By a clock that stands still but for pauses and calls."""
    now = 1000.0
    made: list[float] = []

    def sleep(duration: float) -> None:
        nonlocal now
        made.append(duration)
        now += duration

    orders = Orders(25)

    def slow(call: Call) -> Any:
        nonlocal now
        now += seconds
        return orders(call)

    monkeypatch.setattr(client, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: now))
    server.routes["/api/orders"] = slow
    configure(shop, server, PAGES, setting)
    receipt = shop.load()["orders"]
    assert receipt.rows_loaded == 25
    assert made == ([] if pause is None else [pause] * (receipt.count_calls - 1))


@pytest.mark.parametrize(
    "name", ["X-RateLimit-{}", "RateLimit-{}", "X-Rate-Limit-{}", "x-ratelimit-{}"]
)
def test_quota_that_the_source_tells_is_in_the_receipt_and_the_check(
    shop: Installation, server: RestServer, name: str
) -> None:
    orders = Orders(25)
    left = itertools.count(98, -1)

    def told(call: Call) -> Any:
        headers = {name.format("Limit"): "100", name.format("Remaining"): str(next(left))}
        return Reply(orders(call), headers=headers)

    server.routes["/api/orders"] = told
    configure(shop, server, PAGES)
    receipt = shop.load()["orders"]
    assert (receipt.quota_used, receipt.quota_limit) == (1 + receipt.count_calls, 100)
    found = check_source(load_sources(shop.settings).source("shop"))[-1]
    assert found.message.en == f"Calls: {2 + receipt.count_calls} of 100 are spent."
    # Of a source that does not tell it, nothing is known.
    server.routes["/api/orders"] = Orders(26)
    receipt = shop.load()["orders"]
    assert (receipt.quota_used, receipt.quota_limit) == (None, None)


def test_a_pause_that_is_too_long_ends_the_load(
    shop: Installation, server: RestServer, pauses: list[float]
) -> None:
    server.faults = [Reply({}, 429, {"Retry-After": "86400"})]
    configure(shop, server, PAGES)
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.is_transient, pauses) == ("failed", True, [])
    assert "can be asked again at" in receipt.remedy_en


@pytest.mark.parametrize(
    "fault",
    [
        Reply({"data": [order(n) for n in range(1, 11)]}, cut=300),  # the connection breaks off
        Reply(text='{"data": [{"id": 1, "upd'),  # a proxy passed half of it on
        Reply(text=""),
        Reply(text="<html>try again</html>"),
    ],
)
def test_half_an_answer_is_asked_for_again(
    shop: Installation, server: RestServer, fault: Reply
) -> None:
    server.routes["/api/orders"] = Orders(25)
    server.faults = [None, fault, fault]
    configure(shop, server, PAGES)
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 25)
    assert receipt.count_retries == 2


def test_answer_that_stays_half_fails_and_keeps_the_cursor(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(25)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT)
    shop.load()
    orders.rows += [order(n) for n in range(26, 50)]
    server.faults = [None, *[Reply(text='{"data": [')] * 6]
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.is_transient) == ("failed", True)
    assert "no complete JSON" in receipt.message_en
    assert shop.load()["orders"].rows_loaded == 24
    assert ids(shop) == list(range(1, 50))


@pytest.mark.parametrize(
    ("reply", "message", "remedy"),
    [
        (Reply({"detail": "no scope orders.read"}, 403), "no scope orders.read", "right to read"),
        (Reply({"e": "x"}, 404), "404", "Correct `url` or `path`"),
        (Reply({"e": "since is bad"}, 422), "since is bad", "Correct `path`, `params`"),
        (Reply(None, 302, {"Location": "/login"}), "302", "/login"),
        (Reply({"errors": []}), "no list of rows at `rows` = data; it has: errors", "`rows`"),
        (Reply({"data": "soon"}), "", ""),
    ],
)
def test_errors_name_place_and_remedy(
    shop: Installation, server: RestServer, reply: Reply, message: str, remedy: str
) -> None:
    server.routes["/api/orders"] = lambda call: reply
    configure(shop, server)
    receipt = shop.load()["orders"]
    if message:
        assert receipt.status == "failed"
        assert message in receipt.message_en
        assert remedy in receipt.remedy_en
        assert receipt.remedy_zh
    else:
        # A row that is no object is kept with its reason.
        assert shop.quarantined("reason_code, raw_text") == [("not_an_object", '"soon"')]


def test_error_code_in_an_answer_with_status_200(
    shop: Installation, server: RestServer, pauses: list[float]
) -> None:
    orders = Orders(5)
    server.routes["/api/orders"] = lambda call: {"code": 0, **orders(call)}
    server.faults = [Reply({"code": 45009, "msg": "too often"})]
    result = '[source.result]\npath = "code"\nmessage = "msg"\nbusy = [45009]\n'
    configure(shop, server, PAGES, result)
    assert shop.load()["orders"].rows_loaded == 5
    assert len(pauses) == 1
    server.faults = [Reply({"code": 48002, "msg": "api forbidden"})]
    assert "48002 (api forbidden)" in shop.load()["orders"].message_en


# Credentials


def test_token_that_expires_in_mid_load_is_renewed(
    shop: Installation, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Orders(35)
    issued = itertools.count(1)
    valid: list[str] = []

    def token(call: Call) -> Any:
        assert call.body == {
            "grant_type": "client_credentials",
            "client_id": "reader",
            "client_secret": "planted-secret-1",
            "scope": "orders.read",
        }
        valid[:] = [f"planted-token-{next(issued)}"]
        return {"access_token": valid[0], "expires_in": 3600}

    def guarded(call: Call) -> Any:
        if call.headers.get("Authorization") != f"Bearer {valid[0]}":
            return Reply({"error": "expired"}, 401)
        if orders.count_calls in (2, 4):
            orders.count_calls += 1
            valid[:] = ["revoked"]
            return Reply({"error": "expired"}, 401)
        return orders(call)

    server.routes |= {"/token": token, "/api/orders": guarded}
    monkeypatch.setenv("SHOP_SECRET", "planted-secret-1")
    auth = (
        f'[source.auth]\ntype = "oauth2"\ntoken_url = "{server.url}/token"\n'
        'client_id = "reader"\nclient_secret_env = "SHOP_SECRET"\nscope = "orders.read"\n'
    )
    configure(shop, server, PAGES, auth)
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 35)
    assert server.count("/token") == 3
    server.routes["/token"] = lambda call: Reply({"error": "bad planted-secret-1"}, 400)
    failed = shop.load()["orders"]
    assert "no access token was given: 400" in failed.message_en
    assert "Correct the credentials" in failed.remedy_en


def test_refresh_token_that_is_replaced_is_written_back(
    shop: Installation, server: RestServer
) -> None:
    server.routes["/api/orders"] = Orders(3)
    used: list[str] = []

    def token(call: Call) -> Any:
        used.append(call.body["refresh_token"])
        return {"access_token": "short-lived", "refresh_token": f"refresh-number-{len(used)}"}

    server.routes["/token"] = token
    (shop.folder / "refresh.txt").write_text("refresh-number-0\n", encoding="utf-8")
    auth = (
        '[source.auth]\ntype = "oauth2"\ngrant = "refresh_token"\n'
        f'token_url = "{server.url}/token"\n'
        'client_id = "reader"\nrefresh_token_file = "refresh.txt"\n'
    )
    configure(shop, server, PAGES, auth)
    assert shop.load()["orders"].status == "loaded"
    assert shop.load()["orders"].status == "unchanged"
    assert used == ["refresh-number-0", "refresh-number-1"]


@pytest.mark.parametrize(
    ("auth", "header", "expected"),
    [
        ('type = "bearer"\ntoken_env = "SHOP_SECRET"', "Authorization", "Bearer hunter-2-hunter"),
        (
            'type = "basic"\nuser = "reader"\npassword_env = "SHOP_SECRET"',
            "Authorization",
            "Basic cmVhZGVyOmh1bnRlci0yLWh1bnRlcg==",
        ),
        (
            'type = "api_key"\nname = "X-Key"\nprefix = "token "\nkey_env = "SHOP_SECRET"',
            "X-Key",
            "token hunter-2-hunter",
        ),
    ],
)
def test_credentials_in_each_request(
    shop: Installation,
    server: RestServer,
    monkeypatch: pytest.MonkeyPatch,
    auth: str,
    header: str,
    expected: str,
) -> None:
    server.routes["/api/orders"] = Orders(15)
    monkeypatch.setenv("SHOP_SECRET", "hunter-2-hunter")
    configure(shop, server, PAGES, f"[source.auth]\n{auth}\n")
    assert shop.load()["orders"].status == "loaded"
    assert {call.headers.get(header) for call in server.calls} == {expected}
    server.routes["/api/orders"] = lambda call: Reply({"said": call.headers[header]}, 401)
    failed = shop.load()["orders"]
    assert "401" in failed.message_en
    assert "hunter-2-hunter" not in failed.message_en + failed.message_zh


# Values


def test_no_value_changes_on_the_way(shop: Installation, server: RestServer) -> None:
    text = (
        '{"data": [{"id": 9007199254740993, "f": 0.1, "exact": 12345678901234567.89, '
        '"big": 18446744073709551616, "text": "😀 纷享\\u0000x", "nested": {"a": [1.10, null]}, '
        '"half": "\\ud83d", "flag": true, "none": null, "when": "2026-03-01T08:00:00+08:00"}]}'
    )
    server.routes["/api/orders"] = lambda call: Reply(text=text)
    configure(shop, server, '  types = { when = "timestamp", f = "decimal(3)" }\n')
    assert shop.load()["orders"].rows_loaded == 1
    (row,) = shop.rows(
        "orders", 'id, f::varchar, exact::varchar, big, "text", nested, half, flag, "when"'
    )
    assert row == (
        9007199254740993,
        "0.100",
        "12345678901234567.89",
        "18446744073709551616",
        "😀 纷享\x00x",
        '{"a": [1.10, null]}',
        "\\ud83d",
        True,
        datetime(2026, 3, 1),  # noqa: DTZ001 - as the lake stores times
    )


def test_times_finer_than_a_microsecond_are_set_apart_or_cut(
    shop: Installation, server: RestServer
) -> None:
    rows = [{"id": n, "when": f"2026-03-01T08:00:00.123456{9 * n}Z"} for n in range(2)]
    server.routes["/api/orders"] = lambda call: {"data": rows}
    declared = '  types = { when = "timestamp" }\n'
    configure(shop, server, declared)
    receipt = shop.load()["orders"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (1, 1)
    assert shop.query("select * from {ops.schema_changes}") == []
    configure(shop, server, declared + '  finer_times = "cut"\n')
    assert shop.load()["orders"].rows_rejected == 0
    cut = datetime(2026, 3, 1, 8, 0, 0, 123_456)  # noqa: DTZ001 - as the lake stores times
    assert set(shop.rows("orders", 'id, "when"')) >= {(0, cut), (1, cut)}


def test_fraction_in_a_column_of_whole_numbers_is_not_rounded(
    shop: Installation, server: RestServer
) -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "amount": 2**53 + 1}]
    server.routes["/api/orders"] = lambda call: {"data": rows}
    configure(shop, server)
    shop.load()
    rows.append({"id": 2, "amount": 1.5})
    receipt = shop.load()["orders"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (0, 1)
    ((raw,),) = shop.query("select raw_text from {ops.quarantined_rows}")
    assert "1.5" in raw
    # Whoever wants the fraction agrees to another type: what has landed is moved aside.
    source = load_sources(shop.settings).source("shop")
    commands.reset(source, shop.settings, table="orders", dry_run=False)
    configure(shop, server, '  types = { amount = "decimal(2)" }\n')
    assert shop.load()["orders"].rows_rejected == 0
    amounts = dict(shop.current("orders", "id", "id, amount"))
    assert amounts == {1: Decimal(2**53 + 1), 2: Decimal("1.5")}


def test_value_that_its_column_cannot_hold_is_set_apart(
    shop: Installation, server: RestServer
) -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "amount": 1.5}]
    server.routes["/api/orders"] = lambda call: {"data": rows}
    configure(shop, server)
    shop.load()
    rows.append({"id": 2, "amount": "free"})
    receipt = shop.load()["orders"]
    assert (receipt.rows_received, receipt.rows_rejected) == (2, 1)
    assert shop.quarantined("reason_code") == [("type_changed",)]
    assert ids(shop) == [1]


# Changed structures


def structure(shop: Installation) -> list[tuple[Any, ...]]:
    return shop.query(
        "select change, coalesce(column_name, type_before), type_after, policy, status "
        "from {ops.schema_changes} order by load_id, position"
    )


def test_changed_type_of_a_field_is_logged_once(shop: Installation, server: RestServer) -> None:
    orders = Orders(9)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES)
    shop.load()
    orders.update(1, "2026-03-01T00:01:00Z", amount=7)
    shop.load()
    assert structure(shop) == [], "a whole number is a number"
    orders.update(2, "2026-03-01T00:01:00Z", amount="2.50 EUR")
    receipt = shop.load()["orders"]
    assert (receipt.status, receipt.rows_rejected) == ("loaded", 1)
    assert "The columns have changed: type amount." in receipt.message_en
    shop.load()
    assert structure(shop) == [("type", "amount", "text", "evolve", "loaded")]
    orders.update(2, "2026-03-01T00:02:00Z", amount=2.5)
    assert shop.load()["orders"].rows_rejected == 0


def test_frozen_table_waits_for_a_changed_type_and_keeps_its_cursor(
    shop: Installation, server: RestServer
) -> None:
    orders = Orders(3)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT, 'drift = "freeze"')
    shop.load()
    orders.update(2, "2026-03-01T00:01:00Z", customer=None, amount="2.50 EUR")
    orders.update(3, "2026-03-01T00:01:00Z", amount=0.25)
    for _ in range(2):
        receipt = shop.load()["orders"]
        assert (receipt.status, receipt.rows_loaded) == ("failed", 0)
        assert "frozen and have changed (type amount)" in receipt.message_en
        assert "evolve" in receipt.remedy_en and "evolve" in receipt.remedy_zh
    assert structure(shop) == [("type", "amount", "text", "freeze", "failed")]
    assert shop.current("orders", "id", "id, amount") == [(1, 1.5), (2, 2.5), (3, 3.5)]
    # Nothing was skipped: when the type is the former again, both changes land.
    orders.update(2, "2026-03-01T00:01:00Z", amount=0.75)
    assert shop.load()["orders"].rows_loaded == 2
    assert shop.current("orders", "id", "id, amount") == [(1, 1.5), (2, 0.75), (3, 0.25)]


@pytest.mark.parametrize(
    ("declared", "changes"),
    [
        ("", [("type", "code", "integer", "evolve", "loaded")]),
        ('  types = { code = "text" }\n', []),
    ],
)
def test_text_that_becomes_a_number_is_told_unless_any_value_is_expected(
    shop: Installation, server: RestServer, declared: str, changes: list[Any]
) -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "code": "007"}]
    server.routes["/api/orders"] = lambda call: {"data": rows}
    configure(shop, server, declared)
    shop.load()
    rows[0] = {"id": 1, "code": 7}
    assert shop.load()["orders"].rows_loaded == 1
    assert structure(shop) == changes
    assert shop.current("orders", "id", "code") == [("7",)]


@pytest.mark.parametrize("status", [404, 410])
def test_list_that_is_gone_is_logged_and_so_is_its_return(
    shop: Installation, server: RestServer, status: int
) -> None:
    configure(shop, server, PAGES)
    server.routes["/api/orders"] = lambda call: Reply({}, status)
    assert shop.load()["orders"].status == "failed"
    assert structure(shop) == [], "it was never there"
    orders = Orders(25)
    server.routes["/api/orders"] = orders
    shop.load()
    server.routes["/api/orders"] = lambda call: Reply({}, status)
    for _ in range(2):
        receipt = shop.load()["orders"]
        assert (receipt.status, str(status) in receipt.message_en) == ("failed", True)
        assert "`url` or `path`" in receipt.remedy_en
    server.routes["/api/orders"] = orders
    # A page behind the first that is not there says nothing of the list.
    server.faults = [None, Reply({}, status)]
    assert shop.load()["orders"].status == "failed"
    shop.load()
    assert [row[:2] for row in structure(shop)] == [("table_gone", "orders"), ("table_back", None)]
    assert ids(shop) == list(range(1, 26))


def test_list_of_one_row_that_is_gone_is_no_table_that_is_gone(
    shop: Installation, server: RestServer
) -> None:
    server.routes["/api/orders"] = Orders(1)
    server.routes["/api/orders/1/lines"] = lambda call: {"data": [{"sku": "A"}]}
    lines = (
        '  [[source.table]]\n  name = "lines"\n  of = "orders"\n  path = "orders/{id}/lines"\n'
        '  rows = "data"\n  include = { order_id = "id" }\n'
    )
    configure(shop, server, PAGES, after=lines)
    assert shop.load()["lines"].rows_loaded == 1
    del server.routes["/api/orders/1/lines"]
    assert shop.load()["lines"].status == "failed"
    assert structure(shop) == []


# Settings


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('load = "incremental"', "needs `cursor` and `primary_key`"),
        ('load = "incremental"\ncursor = "t"', "needs a filter: write {since}"),
        ('paging = { style = "offset" }', "needs `size`"),
        ('paging = { style = "next_url" }', "needs `next`"),
        ("cap = 10", "`cap` cuts the search by time"),
        ('cursor = "updated_at"', "`cursor` needs load"),
        ('paging = { style = "page", aligned = true }', "`aligned` belongs to"),
        ('of = "nothing"', "name a table of this source"),
    ],
)
def test_settings_that_would_lose_rows_are_refused(
    shop: Installation, server: RestServer, table: str, message: str
) -> None:
    configure(shop, server, table)
    with pytest.raises(SourcesFileError) as caught:
        load_sources(shop.settings)
    assert message in str(caught.value)


def test_secrets_in_the_sources_file_are_refused(shop: Installation, server: RestServer) -> None:
    configure(shop, server, more='headers = { X-Api-Key = "hunter2" }')
    with pytest.raises(SourcesFileError) as caught:
        load_sources(shop.settings)
    assert "put secrets into `auth`" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_check_tells_what_is_missing(shop: Installation, server: RestServer) -> None:

    configure(shop, server, PAGES + INCREMENT)
    source = load_sources(shop.settings).source("shop")
    server.routes["/api/orders"] = Orders(3)
    assert [finding.level for finding in check_source(source)] == ["ok"]
    server.routes["/api/orders"] = Orders(0)
    (empty,) = check_source(source)
    assert (empty.level, "no rows are visible" in empty.message.en) == ("limited", True)
    server.routes["/api/orders"] = lambda call: {"data": [{"number": 1, "updated_at": "x"}]}
    assert "no field id; they have number, updated_at" in check_source(source)[0].message.en
    server.routes["/api/orders"] = lambda call: Reply({}, 401)
    assert [finding.level for finding in check_source(source)] == ["missing"]


def test_a_span_is_read_again(shop: Installation, server: RestServer) -> None:
    from dagster_project.connectors.kinds import Window

    orders = Orders(30)
    server.routes["/api/orders"] = orders
    configure(shop, server, PAGES + INCREMENT)
    shop.load()
    for number in (5, 12, 25):
        orders.update(number, order(number)["updated_at"], amount=0.25)
    span = Window("2026-03-01T00:00:10Z", "2026-03-01T00:00:20Z")
    receipt = shop.load(window=span)["orders"]
    assert (receipt.rows_received, receipt.rows_loaded) == (10, 1)
    amounts = dict(shop.current("orders", "id", "id, amount"))
    assert [amounts[n] for n in (5, 12, 25)] == [5.5, 0.25, 25.5]
