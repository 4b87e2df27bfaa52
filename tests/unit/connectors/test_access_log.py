"""Access logs: every line once, whatever happens to the file; every broken line with its reason."""

from __future__ import annotations

import gzip
import os
import random
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from dagster_project.connectors.access_log import blocks, formats, reader
from dagster_project.connectors.access_log.columns import Reading
from tests.unit.connectors.loading import Installation, log_line

SOURCE = """
[[source]]
system = "shop"
kind = "access_log"
location = "{here}/data"
glob = "access*.log*"
"""
OLD = 1_400_000_000


@pytest.fixture
def web(shop: Installation) -> Installation:
    shop.sources(SOURCE)
    return shop


def lines(first: int, count: int) -> str:
    return "".join(
        log_line(second=n, request=f"GET /{n} HTTP/1.1") for n in range(first, first + count)
    )


def urls(web: Installation) -> list[tuple[object, ...]]:
    return web.query("select url, count(*) from {shop.requests} group by all order by all")


def assert_each_once(web: Installation, count: int) -> None:
    assert web.query("select count(*), count(distinct url) from {shop.requests}") == [
        (count, count)
    ]


def test_fields(web: Installation) -> None:
    (web.data / "access.log").write_text(
        '2001:db8::1 - "a b" [17/May/2015:10:05:03 +0200] "GET /x?q=a b HTTP/1.1" 304 - '
        '"http://r/" "say \\"hi\\""\n'
        'host.example user-1 - [17/May/2015:08:05:03 +0000] "GET /old" 200 7 "-" "-"\n'
    )
    assert web.load()["requests"].rows_loaded == 2
    columns = (
        "client_address, identity, user_name, requested_at::varchar, method, url, protocol, "
        "status, count_bytes, referrer, user_agent, request_line, _source_file, _source_row"
    )
    at = "2015-05-17 08:05:03"
    assert web.rows("requests", columns) == [
        ("2001:db8::1", None, '"a b"', at, "GET", "/x?q=a b", "HTTP/1.1", 304, 0, "http://r/",
         'say \\"hi\\"', None, "access.log", 1),
        ("host.example", "user-1", None, at, "GET", "/old", None, 200, 7, None, None, None,
         "access.log", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "request_line"),
    [
        (log_line(request=r"\x16\x03\x01", status="400"), r"\x16\x03\x01"),
        (log_line(request="-", status="408"), None),
        (log_line(request="", status="400"), None),
        (log_line(request="GET ../../proc/ HTTP", status="400"), "GET ../../proc/ HTTP"),
    ],
)
def test_a_request_that_is_none_is_kept_with_its_text(
    web: Installation, line: str, request_line: str | None
) -> None:
    (web.data / "access.log").write_text(line)
    web.load()
    assert web.rows("requests", "method, url, request_line, client_address") == [
        (None, None, request_line, "10.0.0.1")
    ]


def test_last_quote_may_be_missing(web: Installation) -> None:
    (web.data / "access.log").write_text(log_line(agent='"Bot (+http://b') + log_line())
    web.load()
    assert web.rows("requests", "user_agent") == [("Bot (+http://b",), ("UA",)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Error line 1\n", "not_combined_format"),
        ("\n", "not_combined_format"),
        ("   \n", "not_combined_format"),
        (
            '10.0.0.1 - - [17/May/2015:08:00:00 +0000] "GET / HTTP/1.1" 200 5\n',
            "not_combined_format",
        ),
        (log_line(address="\x1f\x8bgarbage"), "bad_address"),
        (log_line().replace("17/May", "32/May"), "bad_timestamp"),
        (log_line().replace("+0000", "UTC"), "bad_timestamp"),
        (log_line(status="20x"), "bad_status"),
        (log_line(size="-5"), "bad_size"),
        (log_line(size="many"), "bad_size"),
    ],
)
def test_broken_line_is_quarantined_with_its_reason(
    web: Installation, line: str, reason: str
) -> None:
    (web.data / "access.log").write_text(log_line() + line + log_line(second=1))
    receipt = web.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (3, 2, 1)
    assert web.quarantined("reason_code, source_row, source_file") == [(reason, 2, "access.log")]
    assert web.rows("requests", "_source_row") == [(1,), (3,)]


def test_bytes_that_are_no_text_are_kept_escaped_and_binary_is_set_apart(
    web: Installation,
) -> None:
    caf = log_line(request="GET /caf\xe9 HTTP/1.1").encode("latin-1")
    content = caf + b"\x1f\x8b\x00\r\x1f\xff\n" + log_line(request="GET /中 HTTP/1.1").encode()
    (web.data / "access.log").write_bytes(content.replace(b"\n", b"\r\n"))
    receipt = web.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (3, 2, 1)
    assert web.rows("requests", "url, _source_row") == [(r"/caf\xe9", 1), ("/中", 3)]


def test_configured_encoding(web: Installation) -> None:
    web.sources(SOURCE + 'encoding = "latin-1"')
    (web.data / "access.log").write_bytes(
        log_line(request="GET /caf\xe9 HTTP/1.1").encode("latin-1")
    )
    web.load()
    assert web.rows("requests", "url") == [("/café",)]


@pytest.mark.parametrize("encoding", ["klingon", "utf-16"])
def test_encoding_that_cannot_be_used_is_told(web: Installation, encoding: str) -> None:
    web.sources(SOURCE + f'encoding = "{encoding}"')
    (web.data / "access.log").write_text(log_line())
    receipt = web.load()["requests"]
    assert receipt.status == "failed"
    assert encoding in receipt.message_en


@pytest.mark.parametrize("size", [3, 200])
def test_each_line_once_while_a_log_grows_rotates_and_is_compressed(
    web: Installation, size: int
) -> None:
    # 3 lines are fewer bytes than what a log is known by, 200 are more.
    current, rotated = web.data / "access.log", web.data / "access.log.1"
    current.write_text(lines(0, size))
    assert web.load()["requests"].rows_loaded == size
    assert web.load()["requests"].status == "unchanged"
    with current.open("a") as log:  # grows
        log.write(lines(size, 5))
    receipt = web.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded) == (5, 5)
    with current.open("a") as log:  # grows and is renamed before the next load
        log.write(lines(size + 5, 5))
    current.rename(rotated)
    current.write_text(lines(size + 10, 2))
    assert web.load()["requests"].rows_loaded == 7
    compressed = web.data / "access.log.2.gz"  # both are there while it is compressed
    compressed.write_bytes(gzip.compress(rotated.read_bytes()))
    assert web.load()["requests"].rows_loaded == 0
    rotated.unlink()
    with current.open("a") as log:
        log.write(lines(size + 12, 1))
    assert web.load()["requests"].rows_loaded == 1
    assert_each_once(web, size + 13)
    assert web.query("select max(_source_row) from {shop.requests}") == [(size + 10,)]
    assert web.load(full=True)["requests"].rows_loaded == 0


def test_log_that_was_truncated_and_filled_again_is_a_new_one(web: Installation) -> None:
    current = web.data / "access.log"
    current.write_text(lines(0, 10))
    web.load()
    current.write_text(lines(100, 30))  # longer than what was read before
    assert web.load()["requests"].rows_loaded == 30
    assert_each_once(web, 40)


def test_unfinished_copy_of_a_known_log_brings_nothing(web: Installation) -> None:
    current = web.data / "access.log"
    current.write_text(lines(0, 200))
    web.load()
    (web.data / "access-copy.log").write_text(lines(0, 100))
    assert web.load()["requests"].rows_loaded == 0
    assert_each_once(web, 200)


def test_half_written_line_waits_for_its_rest(web: Installation) -> None:
    current = web.data / "access.log"
    line = lines(1, 1)
    for cut in (20, len(line) - 3):
        current.write_text(lines(0, 1) + line[:cut])
        web.load()
        assert_each_once(web, 1)
    assert web.load()["requests"].status == "unchanged"
    current.write_text(lines(0, 3))
    web.load()
    assert_each_once(web, 3)


def test_complete_line_without_line_end_is_taken_once(web: Installation) -> None:
    current = web.data / "access.log"
    current.write_text(lines(0, 2).removesuffix("\n"))
    assert web.load()["requests"].rows_loaded == 2
    current.write_text(lines(0, 2))
    receipt = web.load()["requests"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (0, 0)
    current.write_text(lines(0, 4))
    receipt = web.load()["requests"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (2, 0)
    assert_each_once(web, 4)
    assert web.query("select max(_source_row) from {shop.requests}") == [(4,)]


@pytest.mark.parametrize("is_compressed", [True, False])
def test_last_line_of_a_finished_log_is_taken_as_it_is(
    web: Installation, is_compressed: bool
) -> None:
    text = (lines(0, 1) + lines(1, 1)[:-3]).encode()
    path = web.data / ("access.log.gz" if is_compressed else "access.log")
    path.write_bytes(gzip.compress(text) if is_compressed else text)
    os.utime(path, (OLD, OLD))  # long quiet
    assert web.load()["requests"].rows_loaded == 2


def test_waiting_line_is_taken_when_the_log_has_long_been_quiet(
    web: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (web.data / "access.log").write_text(lines(0, 1) + lines(1, 1)[:-3])
    web.load()
    now = reader.utc_now()
    monkeypatch.setattr(reader, "utc_now", lambda: now + timedelta(hours=2))
    assert web.load()["requests"].rows_loaded == 1
    assert_each_once(web, 2)


def test_truncated_archive_is_told_and_loaded_once_it_is_whole(web: Installation) -> None:
    whole = gzip.compress(os.urandom(1) + lines(0, 500).encode())
    (web.data / "access.1.log.gz").write_bytes(whole[: len(whole) // 2])
    (web.data / "access.2.log").write_text(lines(1000, 3))
    receipt = web.load()["requests"]
    assert (receipt.status, receipt.rows_loaded) == ("failed", 3)
    assert "access.1.log.gz: cannot be read" in receipt.message_en
    (web.data / "access.1.log.gz").write_bytes(whole)
    receipt = web.load()["requests"]
    assert receipt.status == "loaded"
    assert receipt.rows_loaded + receipt.rows_rejected == 500


def test_log_of_many_blocks_and_files_keeps_its_line_numbers(
    web: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(reader, "ROWS_PER_GROUP", 20)
    monkeypatch.setattr(reader, "ROWS_PER_FILE", 50)
    (web.data / "access.log").write_text(lines(0, 150) + "broken\n" + lines(151, 50))
    receipt = web.load()["requests"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (200, 1)
    assert web.query(
        "select count(*) from {shop.requests} where url <> '/' || (_source_row - 1)"
    ) == [(0,)]
    assert web.quarantined() == [("not_combined_format", 151)]
    with (web.data / "access.log").open("a") as log:
        log.write(lines(201, 60))
    web.load()
    assert web.query("select max(_source_row), count(*) from {shop.requests}") == [(261, 260)]


def test_binary_without_line_ends_is_told(
    web: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_GIANT_BYTES", 1000)
    (web.data / "access.log").write_bytes(b"x" * 5000)
    receipt = web.load()["requests"]
    assert receipt.status == "failed"
    assert "no line end" in receipt.message_en


def test_long_binary_line_is_quarantined_whole(web: Installation) -> None:
    garbage = b"\xff" * (reader.MAX_LINE_BYTES - 10)
    (web.data / "access.log").write_bytes(garbage + b"\n" + log_line().encode())
    receipt = web.load()["requests"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (1, 1)
    (whole,) = (web.settings.quarantine / "shop" / "requests").glob("*.parquet")
    assert web.query(f"select length(raw_text) from '{whole}'") == [(4 * len(garbage),)]


NOISE = [
    '"',
    '\\"',
    "\\",
    "\\x22",
    " ",
    "-",
    "[",
    "]",
    "GET",
    "/a",
    "HTTP/1.1",
    "é",
    "\t",
    "200",
    ":",
    "?",
]
FORMATS = {
    "combined": log_line(agent='"a b"'),
    "vhost_combined": "a.example:443 " + log_line(agent='"a b"'),
    "common": '10.0.0.1 - jo [17/May/2015:08:00:00 +0000] "GET /a HTTP/1.1" 200 5\n',
    "%h|%t|%m|%U%q|%>s|%b|%{User-Agent}i": (
        "10.0.0.1|[17/May/2015:08:00:00 +0000]|GET|/a?b|200|5|a b\n"
    ),
    '$remote_addr [$time_local] "$request_method $request_uri" $status rt=$request_time "$host"': (
        '10.0.0.1 [17/May/2015:08:00:00 +0000] "GET /a" 200 rt=0.1 "b"\n'
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_split_and_expression_read_every_line_alike(name: str) -> None:
    """The fast way may only be taken where it gives what the expression gives."""
    chance = random.Random(7)

    def noisy(text: str) -> str:
        place = chance.randrange(len(text))
        cut = place + chance.randrange(3)
        return text[:place] + chance.choice(NOISE) * chance.randrange(3) + text[cut:]

    texts = [FORMATS[name].rstrip("\n") for _ in range(4000)]
    for _ in range(3):
        texts = [noisy(text) if chance.random() < 0.4 else text for text in texts]
    # A quote that is not closed swallows line ends in a reader of CSV.
    texts[100::50] = [FORMATS[name].rstrip("\n").removesuffix('"') + ' "x' for _ in texts[100::50]]
    block = "".join(f"{text}\n" for text in texts).encode()
    log = formats.compile_format(name, "test")
    read = []
    for may_be_quick in (True, False):
        parser = blocks.LineParser(log, Reading(ZoneInfo("UTC")), may_be_quick=may_be_quick)
        parsed = parser.parse(block, 7)
        rows = {row["_source_row"]: row for table in parsed.tables for row in table.to_pylist()}
        refused = [(refused.number, refused.text) for refused in parsed.refused]
        assert len(rows) + len(refused) == len(texts)
        assert {n: texts[n - 8] for n, _ in refused} == dict(refused)
        read.append(rows)
        if may_be_quick:
            assert len(parsed.tables) == 2  # some lines each way
    fast, slow = read
    assert 1000 < len(fast) < 3900
    assert fast.keys() == slow.keys()
    for number, row in fast.items():
        assert row == slow[number], texts[number - 8]


@pytest.mark.parametrize("name", FORMATS)
def test_blocks_in_which_no_line_or_every_line_fits(name: str) -> None:
    log = formats.compile_format(name, "test")
    good = FORMATS[name]
    # As many marks as the format has, but not where it has them.
    marks = "".join(sign for sign in good if sign in ' "|') + "\n"
    for block, count in ((marks, 0), ("\n", 0), (good, 1), (marks + good + marks, 1)):
        parsed = blocks.LineParser(log, Reading(ZoneInfo("UTC"))).parse(block.encode() * 3, 0)
        assert sum(table.num_rows for table in parsed.tables) == 3 * count
        assert len(parsed.refused) == parsed.count_lines - 3 * count
