"""Addresses are shortened before anything lands, in rows, quarantine and what landed before."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.connectors.privacy import shorten_address, shorten_in_text
from tests.unit.connectors.loading import Installation, execute, log_line

SOURCE = """
[[source]]
system = "shop"
kind = "files"
location = "{here}/data"
  [[source.table]]
  name = "hits"
  glob = "*.csv"
  load = "append"
"""
LOG = """
[[source]]
system = "shop"
kind = "access_log"
location = "{here}/data"
glob = "*.log"
"""
ON = '  anonymise_addresses = ["ip", "seen_by"]\n'


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.0"),
        ("203.0.113.7:51234", "203.0.113.0"),
        ("203.0.113.0", "203.0.113.0"),
        ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::"),
        ("2001:DB8::1", "2001:db8::"),
        ("2001:db8:85a3::", "2001:db8:85a3::"),
        ("[2001:db8:85a3::1]:443", "2001:db8:85a3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.0"),
        ("10.1.2.3, 203.0.113.7", "10.1.2.0, 203.0.113.0"),
        ("p5b0a1.dialup.example.de", "example.de"),
        ("P5B0A1.Dialup.Example.co.uk.", "example.co.uk"),
        ("gw1.example.com.cn:8080", "example.com.cn"),
        ("example.de", "example.de"),
        ("localhost", "localhost"),
        ("unknown", "unknown"),
        ("-", "-"),
        ("cb007107", "cb007100"),
        ("20010db885a308d313198a2e03707348", "20010db885a3" + "0" * 20),
        ("0" * 20 + "ffffcb007107", "0" * 20 + "ffffcb007100"),
        ("1.2.3.4.5", "0.0.0.0"),
        ("12:34:zz", "::"),
    ],
)
def test_network_is_kept_and_the_rest_goes(address: str, expected: str) -> None:
    assert shorten_address(address) == expected
    assert shorten_address(expected) == expected, "once more changes nothing"


@given(st.ip_addresses())
def test_every_address_becomes_its_network(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    bits = 24 if address.version == 4 else 48
    short = shorten_address(str(address))
    if address.version == 6 and address.ipv4_mapped:
        short, address, bits = short.removeprefix("::ffff:"), address.ipv4_mapped, 24
    assert short == str(ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '203.0.113.7 - - [17/May/2015:08:05:03 +0000] "GET /?ip=198.51.100.9 HTTP/1.1" 2',
            '203.0.113.0 - - [17/May/2015:08:05:03 +0000] "GET /?ip=198.51.100.0 HTTP/1.1" 2',
        ),
        ("p5b0a1.dialup.example.de - ada [broken", "example.de - ada [broken"),
        ('{"remote_addr": "2001:db8:85a3:8d3::1", "t": "08:05:03"', None),
        ("2001:db8:1:2:3:4:5:6 - - [", "2001:db8:1:: - - ["),
        ("::1 - -", ":: - -"),
        ("Mozilla/5.0 Chrome/128.0.6613.120 rv:128.0", None),
    ],
)
def test_addresses_in_a_text_are_found(line: str, expected: str | None) -> None:
    kept = expected or line.replace("2001:db8:85a3:8d3::1", "2001:db8:85a3::")
    assert shorten_in_text(line) == kept


def test_no_address_lands_or_is_quarantined(shop: Installation) -> None:
    shop.sources(SOURCE + ON)
    (shop.data / "a.csv").write_text(
        'ip,seen_by,url\n203.0.113.7,"203.0.113.8, 198.51.100.9",/a\n'
        "2001:db8:85a3:8d3::1,,/b\n203.0.113.99,broken\n"
    )
    assert shop.load()["hits"].rows_loaded == 2
    assert shop.rows("hits", "ip, seen_by, url") == [
        ("203.0.113.0", "203.0.113.0, 198.51.100.0", "/a"),
        ("2001:db8:85a3::", None, "/b"),
    ]
    assert shop.quarantined("raw_text") == [("203.0.113.0,broken",)]
    full = shop.settings.quarantine / "shop" / "hits"
    assert b"203.0.113.99" not in b"".join(path.read_bytes() for path in full.glob("*.parquet"))


def test_switched_on_later_it_is_done_to_what_has_landed(shop: Installation) -> None:
    shop.sources(SOURCE)
    (shop.data / "a.csv").write_text("ip,seen_by\n203.0.113.7,x\n203.0.113.8,x\n1.2.3.4\n")
    shop.load()
    shop.sources(SOURCE + ON)
    with (shop.data / "a.csv").open("a") as file:
        file.write("203.0.113.9,y\n")
    receipt = shop.load()["hits"]
    assert receipt.rows_loaded == 1, "rows that have landed are known again"
    assert receipt.message_en.startswith("Addresses in 1 files of earlier loads were shortened.")
    assert shop.rows("hits", "ip, seen_by") == [
        ("203.0.113.0", "x"),
        ("203.0.113.0", "x"),
        ("203.0.113.0", "y"),
    ]
    assert set(shop.quarantined("raw_text")) == {("1.2.3.0",)}
    assert shop.load()["hits"].status == "unchanged"


def test_column_that_is_not_there_stops_the_load(shop: Installation) -> None:
    shop.sources(SOURCE + ON)
    (shop.data / "a.csv").write_text("address,seen_by\n203.0.113.7,x\n")
    receipt = shop.load()["hits"]
    assert receipt.status == "failed"
    assert 'names "ip", which is no column there' in receipt.message_en
    assert "address, seen_by" in receipt.remedy_en


def test_addresses_kept_as_bytes(shop: Installation, tmp_path: Path) -> None:
    database = tmp_path / "matomo.db"
    execute(
        database,
        "create table visits (id integer primary key, location_ip blob, at timestamp)",
        "insert into visits values (1, x'cb007107', '2026-03-01'), (2, null, '2026-03-01'), "
        "(3, x'20010db885a308d313198a2e03707348', '2026-03-01')",
    )
    shop.sources(
        f'[[source]]\nsystem = "shop"\nkind = "sql"\nurl = "sqlite:///{database}"\n'
        '[[source.table]]\nname = "visits"\nload = "incremental"\ncursor = "at"\n'
        'primary_key = "id"\nanonymise_addresses = "location_ip"\n'
    )
    assert shop.load()["visits"].rows_loaded == 3
    assert shop.rows("visits", "id, hex(location_ip)") == [
        (1, "CB007100"),
        (2, None),
        (3, "20010DB885A3" + "0" * 20),
    ]
    assert shop.load()["visits"].rows_loaded == 0


def test_switched_on_later_in_a_log(shop: Installation) -> None:
    shop.sources(LOG)
    (shop.data / "a.log").write_text(log_line("203.0.113.7") + "203.0.113.8 broken\n")
    shop.load()
    shop.sources(LOG + "anonymise_addresses = true\n")
    with (shop.data / "a.log").open("a") as file:
        file.write(log_line("203.0.113.9"))
    assert shop.load()["requests"].rows_loaded == 1
    assert shop.rows("requests", "client_address") == [("203.0.113.0",), ("203.0.113.0",)]
    assert shop.quarantined("raw_text") == [("203.0.113.0 broken",)]


COMBINED = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" "%{X-Forwarded-For}i"'


@pytest.mark.parametrize(
    ("form", "lines", "columns", "expected"),
    [
        (
            COMBINED,
            [
                log_line("203.0.113.7").rstrip() + ' "198.51.100.9, 203.0.113.7"\n',
                log_line("p5b0.dialup.example.de").rstrip() + ' "-"\n',
                log_line("2001:db8:85a3:8d3::1").rstrip() + ' "unknown"\n',
            ],
            "client_address, x_forwarded_for",
            [
                ("203.0.113.0", "198.51.100.0, 203.0.113.0"),
                ("example.de", None),
                ("2001:db8:85a3::", "unknown"),
            ],
        ),
        (
            "nginx_json",
            [
                '{"remote_addr": "203.0.113.7", "time_iso8601": "2015-05-17T08:00:00+00:00", '
                '"request": "GET /a HTTP/1.1", "status": 200, "body_bytes_sent": 5}\n'
            ],
            "client_address",
            [("203.0.113.0",)],
        ),
        (
            "w3c",
            [
                "#Fields: date time c-ip cs-method cs-uri-stem sc-status X-Forwarded-For\n",
                "2015-05-17 08:00:00 203.0.113.7 GET /a 200 198.51.100.9\n",
            ],
            "client_address, url",
            [("203.0.113.0", "/a")],
        ),
    ],
)
def test_no_address_of_a_log_lands(
    shop: Installation,
    form: str,
    lines: list[str],
    columns: str,
    expected: list[tuple[object, ...]],
) -> None:
    shop.sources(LOG + f"format = '{form}'\nanonymise_addresses = true\n")
    (shop.data / "a.log").write_text("".join(lines) + "203.0.113.99 is no line 2001:db8:1:2::3\n")
    receipt = shop.load()["requests"]
    assert receipt.rows_rejected == 1, receipt.message_en
    assert shop.rows("requests", columns) == expected
    assert shop.quarantined("raw_text") == [("203.0.113.0 is no line 2001:db8:1::",)]
    landed = [path for path in shop.settings.home.rglob("*.parquet") if path.is_file()]
    content = "".join(str(pq.read_table(path).to_pylist()) for path in landed)
    for address in ("203.0.113.7", "203.0.113.99", "198.51.100.9", "8d3::1", "p5b0"):
        assert address not in content
