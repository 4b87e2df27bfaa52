"""Every format a server may write, from lines as that server writes them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dagster_project.connectors import duck
from dagster_project.connectors.access_log.formats import compile_format
from dagster_project.connectors.access_log.reader import AccessLogReader
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.sources_file import (
    AccessLogSource,
    SourcesFileError,
    load_sources,
)
from tests.unit.connectors.loading import Installation, log_line

AT = "2026-03-05 06:07:08"
COLUMNS = (
    "client_address, requested_at::varchar as at, method, url, protocol, status, count_bytes, "
    "referrer, user_agent, host, duration_seconds, visitor_key, user_name, request_line"
)


def configure(shop: Installation, form: str, more: str = "") -> None:
    shop.sources(
        '[[source]]\nsystem = "shop"\nkind = "access_log"\nlocation = "{here}/data"\nglob = "*"\n'
        f"format = {json.dumps(form)}\n{more}"
    )


def read(shop: Installation, form: str, content: str | bytes, more: str = "") -> Extract:
    """Read one log without landing it, which would take most of the time."""
    configure(shop, form, more)
    data = content if isinstance(content, bytes) else content.encode()
    (shop.data / "a.log").write_bytes(data)
    (source,) = load_sources(shop.settings).sources
    assert isinstance(source, AccessLogSource)
    reader = AccessLogReader(source, "load", datetime(2026, 6, 30), date(2026, 6, 30))  # noqa: DTZ001
    shop.settings.home.mkdir()
    return reader.extract(source.tables[0], {}, shop.settings.home, full=False)


def query(statement: str, files: list[Path]) -> list[tuple[Any, ...]]:
    return duckdb.sql(statement.format(files=duck.parquet(files))).fetchall()


def only_row(extract: Extract, columns: str = COLUMNS) -> dict[str, Any]:
    """The one read row without what is NULL."""
    (row,) = query(f"select to_json(r) from (select {columns} from {{files}}) r", extract.parquet)
    return {k: v for k, v in json.loads(row[0]).items() if v is not None}


def refused(extract: Extract) -> list[tuple[Any, ...]]:
    return query(
        "select reason_code, source_row from {files} order by source_row", extract.refused_parquet
    )


BASIC = {
    "client_address": "10.0.0.1",
    "at": AT,
    "method": "GET",
    "url": "/a?b=c",
    "protocol": "HTTP/1.1",
    "status": 200,
    "count_bytes": 5,
}
FULL = {**BASIC, "referrer": "http://r/", "user_agent": "Mozilla/5.0 (X)"}
CLOCK = "[05/Mar/2026:06:07:08 +0000]"
ENDING = '"GET /a?b=c HTTP/1.1" 200 5'
AGENT = '"http://r/" "Mozilla/5.0 (X)"'
NGINX_MAIN = """log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for" rt=$request_time';"""


@pytest.mark.parametrize(
    ("form", "line", "expected"),
    [
        ("common", f"10.0.0.1 - - {CLOCK} {ENDING}", BASIC),
        ("combined", f"10.0.0.1 - - {CLOCK} {ENDING} {AGENT}", FULL),
        (
            "vhost_combined",
            f"shop.example:443 10.0.0.1 - jo {CLOCK} {ENDING} {AGENT}",
            {**FULL, "host": "shop.example", "user_name": "jo"},
        ),
        # A pasted line of httpd.conf with a cookie, microseconds and two hosts.
        (
            r'LogFormat "%v %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" '
            r'%D \"%{sid}C\" %V" timed',
            f'shop.example 10.0.0.1 - - {CLOCK} {ENDING} {AGENT} 1500 "v-1" other',
            {**FULL, "host": "shop.example", "duration_seconds": 0.0015, "visitor_key": "v-1"},
        ),
        (
            '%a %{%Y-%m-%d %H:%M:%S}t.%{msec_frac}t %{%z}t "%m %U%q %H" %s %O %{ms}T',
            '10.0.0.1 2026-03-05 07:07:08.250 +0100 "GET /a?b=c HTTP/1.1" 200 5 70',
            {**BASIC, "at": AT + ".25", "duration_seconds": 0.07},
        ),
        ("%h|%{sec}t|%m|%U|%q|%H|%>s|%b", "10.0.0.1|1772690828|GET|/a|?b=c|HTTP/1.1|200|5", BASIC),
        (
            NGINX_MAIN,
            f'10.0.0.1 - - {CLOCK} {ENDING} {AGENT} "1.2.3.4, 5.6.7.8" rt=0.120',
            {**FULL, "duration_seconds": 0.12},
        ),
        (
            "$msec\t$remote_addr\t$host\t$request_method\t$uri\t$args\t$server_protocol\t$status\t"
            "$bytes_sent\t$http_user_agent",
            "1772690828.000\t10.0.0.1\tshop.example\tGET\t/a\tb=c\tHTTP/1.1\t200\t5\tM O",
            {**BASIC, "host": "shop.example", "user_agent": "M O"},
        ),
        (
            "elb",
            "2026-03-05T06:07:08.000000Z lb 10.0.0.1:2817 10.1.1.1:80 0.001 0.02 0.0003 200 200 "
            '0 5 "GET https://shop.example:443/a?b=c HTTP/1.1" "Mozilla/5.0 (X)" ECDHE TLSv1.2',
            {
                **BASIC,
                "user_agent": "Mozilla/5.0 (X)",
                "host": "shop.example",
                "duration_seconds": 0.0213,
            },
        ),
        (
            "alb",
            "h2 2026-03-05T06:07:08.000000Z app/lb/1 10.0.0.1:2817 - -1 -1 -1 200 - 34 5 "
            '"GET https://shop.example:443/a?b=c HTTP/1.1" "Mozilla/5.0 (X)" ECDHE TLSv1.2 arn:x '
            '"Root=1-5" "-" "arn:y" 0 2026-03-05T06:07:07.9Z "forward" "-" "-" "-" "-" "-" "-"',
            {**BASIC, "user_agent": "Mozilla/5.0 (X)", "host": "shop.example"},
        ),
        (
            "nginx_json",
            json.dumps(
                {
                    "time_iso8601": "2026-03-05T14:07:08+08:00",
                    "remote_addr": "10.0.0.1",
                    "request": "GET /a?b=c HTTP/1.1",
                    "status": 200,
                    "body_bytes_sent": "5",
                    "http_referer": "http://r/",
                    "http_user_agent": "Mozilla/5.0 (X)",
                    "request_time": 0.5,
                    "unknown": {"x": 1},
                }
            ),
            {**FULL, "duration_seconds": 0.5},
        ),
        (
            'log_format j escape=json \'{"t":"$msec","ip":"$remote_addr",\'\n'
            '\'"s":$status,"m":"$request_method","u":"$request_uri","c":"$cookie_sid"}\';',
            '{"t":"1772690828.000","ip":"10.0.0.1","s":200,"m":"GET","u":"/a?b=c","c":"v-1"}',
            {
                **{k: v for k, v in BASIC.items() if k not in ("protocol", "count_bytes")},
                "visitor_key": "v-1",
            },
        ),
        (
            "w3c",
            "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri cs-version sc-status sc-bytes "
            "time-taken\n2026-03-05 06:07:08 10.0.0.1 GET /a?b=c HTTP/1.1 200 5 0.25",
            {**BASIC, "duration_seconds": 0.25},
        ),
        (
            "iis",
            "#Software: Microsoft Internet Information Services 10.0\n"
            "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
            "cs-version cs(User-Agent) cs(Referer) cs-host sc-status sc-substatus sc-bytes "
            "time-taken\n"
            "2026-03-05 06:07:08 10.9.9.9 GET /a b=c 443 - 10.0.0.1 HTTP/1.1 Mozilla/5.0+(X) "
            "http://r/ shop.example 200 0 5 15",
            {**FULL, "host": "shop.example", "duration_seconds": 0.015},
        ),
        (
            "cloudfront",
            "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) "
            "cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query x-host-header "
            "time-taken cs-protocol-version\n"
            "2026-03-05\t06:07:08\tFRA2\t5\t10.0.0.1\tGET\td1.cloudfront.net\t/a\t200\thttp://r/\t"
            "Mozilla/5.0%2520(X)\tb=c\tshop.example\t0.001\tHTTP/1.1",
            {**FULL, "host": "shop.example", "duration_seconds": 0.001},
        ),
    ],
)
def test_line_of_each_format(
    shop: Installation, form: str, line: str, expected: dict[str, Any]
) -> None:
    extract = read(shop, form, line + "\nbroken\n")
    assert (extract.rows_read, extract.count_refused) == (2, 1)
    assert only_row(extract) == expected
    ((code, number),) = refused(extract)
    assert code.startswith("not_")
    assert number == line.count("\n") + 2


def test_other_values_become_text_columns_of_clear_names(shop: Installation) -> None:
    extract = read(
        shop,
        r"%h %{c}a %t \"%r\" %>s %s %b \"%{X-Forwarded-For}i\" %{Via}o",
        f'10.0.0.1 9.9.9.9 {CLOCK} "GET /a HTTP/1.1" 200 302 5 "1.2.3.4, 5.6.7.8" proxy\n',
    )
    columns = "status, status_2, peer_address, x_forwarded_for, response_via"
    assert only_row(extract, columns) == {
        "status": 200,
        "status_2": "302",
        "peer_address": "9.9.9.9",
        "x_forwarded_for": "1.2.3.4, 5.6.7.8",
        "response_via": "proxy",
    }
    assert set(columns.split(", ")) - {"status"} <= set(extract.columns)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("combinde", "unknown format"),
        ("%h %t %r %>s", "request may contain blanks"),
        ('%h%l %t \\"%r\\" %>s', "nothing stands between client_address and identity"),
        ('%h %t "%r" %>s %{x}Q', "unknown directive %{x}Q"),
        ('%h %t "%r" %b', "lacks the status"),
        ('$remote_adr [$time_local] "$request" $status', "lacks the client's address"),
        ('$remote_addr %t "$request" $status', "both %-directives and $variables"),
        ("LogFormat combined", "no quoted format"),
        ("log_format main $x;", "no quoted format"),
    ],
)
def test_format_that_cannot_be_used_is_told_with_place_and_remedy(
    shop: Installation, form: str, told: str
) -> None:
    configure(shop, form)
    with pytest.raises(SourcesFileError) as caught:
        load_sources(shop.settings)
    message = str(caught.value)
    assert told in message
    assert "sources.toml: 1 problem" in message
    assert 'source[1] "shop" > table[1]: `format`: ' in message
    with pytest.raises(SourceError) as direct:
        compile_format(form, "here")
    assert direct.value.remedy.en in message
    assert direct.value.remedy.zh in message


def test_keys_of_a_json_log_may_have_names_of_their_own(shop: Installation) -> None:
    line = {
        "ts": 1772690828123,
        "ip": "10.0.0.1",
        "path": "/中",
        "code": "404",
        "vid": "v-1",
        "team": "x",
    }
    texts = [json.dumps(line), json.dumps(line, ensure_ascii=False)]
    extract = read(
        shop,
        "nginx_json",
        "\n".join([*texts, "[1]", '{"a":1}', '{"a":', "}", ""]),
        '[source.fields]\nrequested_at = "ts"\nclient_address = "ip"\nurl = "path"\n'
        'status = "code"\nvisitor_key = "vid"\nteam = "team"\n',
    )
    columns = "requested_at::varchar, url, status, visitor_key, team, _source_row"
    row = (AT + ".123", "/中", 404, "v-1", "x")
    assert query(f"select {columns} from {{files}} order by all", extract.parquet) == [
        (*row, 1),
        (*row, 2),
    ]
    assert refused(extract) == [
        ("not_nginx_json_format", 3),
        ("no_address", 4),
        ("not_nginx_json_format", 5),
        ("not_nginx_json_format", 6),
    ]


FIELDS = "#Fields: date time c-ip cs-uri-stem sc-status"


def test_fields_of_a_w3c_log_may_change_at_any_line(shop: Installation) -> None:
    more = FIELDS + " x-team sc-bytes"
    text = (
        "2026-03-05 06:00:00 10.0.0.1 /0 200\n"
        f"{FIELDS}\n2026-03-05 06:00:00 10.0.0.1 /1 200\n#Date: 2026\n"
        f"2026-03-05 06:00:00 10.0.0.1 /2 200\n{more}\n2026-03-05 06:00:00 10.0.0.1 /3 200 red 7\n"
    )
    configure(shop, "w3c")
    (shop.data / "a.log").write_text(text)
    receipt = shop.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (4, 3, 1)
    assert "3 header lines" in receipt.message_en
    assert shop.quarantined() == [("no_fields_line", 1)]
    with (shop.data / "a.log").open("a") as log:  # goes on with the fields told before
        log.write("2026-03-05 06:00:00 10.0.0.1 /4 200 blue 8\n")
    assert shop.load()["requests"].rows_loaded == 1
    (shop.data / "b.log").write_text(f"{FIELDS}\n2026-03-05 06:00:00 10.0.0.1 /5 200\n")
    assert shop.load()["requests"].rows_loaded == 1
    assert shop.query(
        "select url, x_team, count_bytes, _source_file, _source_row from {shop.requests} "
        "order by all"
    ) == [
        ("/1", None, None, "a.log", 3),
        ("/2", None, None, "a.log", 5),
        ("/3", "red", 7, "a.log", 7),
        ("/4", "blue", 8, "a.log", 8),
        ("/5", None, None, "b.log", 2),
    ]


def test_w3c_log_without_what_every_log_needs_is_held_back(shop: Installation) -> None:
    fields = "#Fields: time c-ip cs-uri-stem sc-status"
    extract = read(shop, "w3c", f"{fields}\n06:00:00 1.1.1.1 / 200\n")
    assert (extract.rows_read, extract.parquet) == (0, [])
    (failure,) = extract.failures
    assert f"a.log: {fields} lacks the time" in failure.message.en


def test_times_without_a_zone_are_of_the_zone_of_the_source(shop: Installation) -> None:
    extract = read(
        shop,
        '%h %{%Y-%m-%dT%H:%M:%S}t "%r" %>s',
        '10.0.0.1 2026-03-05T14:07:08 "GET / HTTP/1.1" 200\n',
        'time_zone = "Asia/Shanghai"',
    )
    assert only_row(extract, "requested_at::varchar as at") == {"at": AT}


TEXT = log_line(request="GET /caf\u00e9 HTTP/1.1") + log_line(request="GET /b HTTP/1.1")
CHINESE = log_line(request="GET /搜索?q=价格 HTTP/1.1", agent='"浏览器"') + log_line()


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, _zstd])
@pytest.mark.parametrize(
    ("encoding", "text", "url"),
    [
        ("utf-8", CHINESE, "/搜索?q=价格"),
        ("latin-1", TEXT, "/café"),
        ("gb18030", CHINESE, "/搜索?q=价格"),
        ("utf-8-sig", CHINESE, "/搜索?q=价格"),
    ],
)
def test_encodings_and_archives(
    shop: Installation, pack: Any, encoding: str, text: str, url: str
) -> None:
    extract = read(shop, "combined", pack(text.encode(encoding)), f'encoding = "{encoding}"')
    statement = "select count(*), min(url) filter (where _source_row = 1) from {files}"
    assert query(statement, extract.parquet) == [(2, url)]


def test_reading_a_sources_file_does_not_need_the_readers() -> None:
    """Pages and Dagster read it often; Arrow and NumPy take their time to import."""
    code = (
        "import sys; from dagster_project.connectors.access_log.formats import compile_format; "
        "compile_format('combined', ''); sys.exit('pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
