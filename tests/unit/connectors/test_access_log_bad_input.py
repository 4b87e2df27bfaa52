"""Whatever a log holds or does: told by name, quarantined or held back, and no line lost."""

from __future__ import annotations

import gzip
import random
import signal
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem

from dagster_project.connectors.access_log import reader
from tests.unit.connectors.loading import Installation, log_line

SOURCE = """
as_of = 2016-01-01
[[source]]
system = "shop"
kind = "access_log"
location = "{here}/data"
glob = "*.log*"
"""


@pytest.fixture
def web(shop: Installation) -> Installation:
    shop.sources(SOURCE)
    return shop


def lines(first: int, count: int) -> str:
    return "".join(
        log_line(second=n % 3600, request=f"GET /{n} HTTP/1.1") for n in range(first, first + count)
    )


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue().to_pybytes())


def assert_each_once(web: Installation, count: int) -> None:
    assert web.query("select count(*), count(distinct url) from {shop.requests}") == [
        (count, count)
    ]


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (zstd, "zst")])
def test_truncated_archive_is_held_back_with_what_could_be_read(
    web: Installation, pack: Any, ending: str
) -> None:
    # Texts that hardly compress, so that there is something to read before the cut.
    chance = random.Random(1)
    text = "".join(
        log_line(second=n % 3600, request=f"GET /{n}/{chance.randbytes(40).hex()} HTTP/1.1")
        for n in range(6000)
    )
    archive = web.data / f"a.log.{ending}"
    whole = pack(text.encode())
    archive.write_bytes(whole[: len(whole) * 2 // 3])
    (web.data / "b.log").write_text(lines(0, 3))
    receipt = web.load()["requests"]
    assert (receipt.status, receipt.is_transient, receipt.rows_loaded) == ("failed", True, 3)
    assert f"a.log.{ending}: cannot be read" in receipt.message_en
    told = int(receipt.message_en.split(" new lines could be read")[0].rsplit(" ", 1)[1])
    assert 2000 < told < 4500
    archive.write_bytes(whole)
    assert web.load()["requests"].rows_loaded == 6000
    assert_each_once(web, 6003)


def test_log_that_grows_is_rotated_renamed_and_packed_brings_each_line_once(
    web: Installation,
) -> None:
    current = web.data / "a.log"
    current.write_text(lines(0, 300))
    web.load()
    with current.open("a") as log:
        log.write(lines(300, 10))
    (web.data / "a.log.1.zst").write_bytes(zstd(current.read_bytes()))
    current.write_text(lines(310, 5))
    assert web.load()["requests"].rows_loaded == 15
    (web.data / "a.log.1.zst").rename(web.data / "a.log.2.zst")
    (web.data / "twice.log.gz").write_bytes(gzip.compress(lines(0, 310).encode()))
    assert web.load()["requests"].rows_loaded == 0
    assert_each_once(web, 315)


def test_long_line_is_quarantined_and_the_others_are_loaded(web: Installation) -> None:
    long = log_line(request="GET /" + "x" * 10_000_000 + " HTTP/1.1")
    (web.data / "a.log").write_text(lines(0, 2) + long + lines(2, 2) + "broken\n" + lines(4, 1))
    receipt = web.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (7, 5, 2)
    assert web.rows("requests", "_source_row") == [(1,), (2,), (4,), (5,), (7,)]
    assert web.quarantined("source_row, reason_code, source_file") == [
        (3, "line_too_long", "a.log"),
        (6, "not_combined_format", "a.log"),
    ]
    (whole,) = (web.settings.quarantine / "shop" / "requests").glob("*.parquet")
    assert web.query(f"select max(length(raw_text)) from '{whole}'") == [(len(long) - 1,)]


def test_clock_that_was_never_set_or_is_wrong_is_quarantined(web: Installation) -> None:
    content = "".join(
        log_line(request=f"GET /{year} HTTP/1.1").replace("2015", year)
        for year in ("1970", "1985", "1987", "2015", "2016", "2018", "2099")
    )
    (web.data / "a.log").write_text(content)
    web.load()
    assert web.rows("requests", "url") == [("/1987",), ("/2015",), ("/2016",)]
    assert web.quarantined("source_row, reason_code") == [
        (1, "time_too_old"),
        (2, "time_too_old"),
        (6, "time_too_new"),
        (7, "time_too_new"),
    ]
    web.sources(SOURCE + "oldest_days = 0\nnewest_days = 1000\n")
    (web.data / "c.log").write_text("".join(reversed(content.splitlines(keepends=True))))
    web.load()
    assert web.query(
        "select url from {shop.requests} where _source_file = 'c.log' order by _source_row"
    ) == [("/2018",), ("/2016",), ("/2015",), ("/1987",), ("/1985",), ("/1970",)]


def test_formats_mixed_in_one_file_reconcile(web: Installation) -> None:
    common = log_line().replace(' "-" "UA"', "")
    json_line = '{"remote_addr": "10.0.0.1", "status": 200}\n'
    error = "2026/01/01 00:00:00 [error] 1#1: *1 open() failed\n"
    (web.data / "a.log").write_text(lines(0, 2) + common + json_line + error + lines(2, 2))
    receipt = web.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (7, 4, 3)
    assert web.quarantined() == [("not_combined_format", n) for n in (3, 4, 5)]


@pytest.mark.parametrize("content", ["lines of another format", "binary"])
def test_file_of_which_most_lines_do_not_fit_is_held_back_until_it_is_decided(
    web: Installation, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(reader, "MIN_UNFIT_LINES", 20)
    common = "".join(log_line(second=n).replace(' "-" "UA"', "") for n in range(100))
    binary = b"\n".join(random.Random(n).randbytes(300).replace(b"\n", b"") for n in range(100))
    (web.data / "a.log").write_bytes(binary + b"\n" if content == "binary" else common.encode())
    (web.data / "b.log").write_text(lines(0, 50) + "broken\n" * 20)
    receipt = web.load()["requests"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_rejected) == ("failed", 50, 20)
    assert "a.log: 100 of its first 100 new lines are not" in receipt.message_en
    assert "max_unfit_share = 1" in receipt.remedy_en
    if content == "binary":
        web.sources(SOURCE + "max_unfit_share = 1\n")
        receipt = web.load()["requests"]
        assert (receipt.rows_loaded, receipt.rows_rejected) == (0, 100)
    else:
        web.sources(SOURCE + 'format = "common"\n')
        assert web.load()["requests"].rows_loaded == 100
    assert web.query("select count(*) from {shop.requests} where _source_file = 'b.log'") == [(50,)]


def test_empty_files_bring_nothing_and_may_grow(web: Installation) -> None:
    (web.data / "a.log").write_bytes(b"")
    (web.data / "b.log.gz").write_bytes(gzip.compress(b""))
    receipt = web.load()["requests"]
    assert (receipt.status, receipt.rows_received, receipt.rows_loaded) == ("loaded", 0, 0)
    (web.data / "a.log").write_text(lines(0, 2))
    assert web.load()["requests"].rows_loaded == 2


def test_file_that_may_not_be_read_is_told_and_the_others_are_loaded(
    web: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (web.data / "a.log").write_text(lines(0, 2))
    (web.data / "b.log").write_text(lines(2, 2))
    original = LocalFileSystem.open

    def refuse(self: Any, path: str, *more: Any, **options: Any) -> Any:
        if path.endswith("a.log"):
            raise PermissionError(13, "Permission denied", path)
        return original(self, path, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "open", refuse)
        receipt = web.load()["requests"]
    assert (receipt.status, receipt.rows_loaded) == ("failed", 2)
    assert "a.log: cannot be read: [Errno 13] Permission denied" in receipt.message_en
    assert web.load()["requests"].rows_loaded == 2
    assert_each_once(web, 4)


LIMITED = """
import resource, sys
from pathlib import Path
from dagster_project.connectors import load_source
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import Settings
folder = Path(sys.argv[1])
settings = Settings(home=folder / "home", sources=folder / "sources.toml")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
(receipt,) = load_source(load_sources(settings).source("shop"), settings)
print(receipt.status, receipt.is_transient, receipt.message_en, receipt.remedy_en)
"""


@pytest.mark.parametrize("limit", [200, 60_000])
def test_full_disk_is_told_and_the_next_load_brings_everything(
    web: Installation, limit: int
) -> None:
    """A limit on the size of files stands for the disk: the same error at the same calls."""
    chance = random.Random(2)
    (web.data / "a.log").write_text(
        "".join(
            log_line(second=n % 3600, request=f"GET /{n}/{chance.randbytes(30).hex()} HTTP/1.1")
            for n in range(3000)
        )
    )
    process = subprocess.run(
        [sys.executable, "-c", LIMITED, str(web.folder), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("failed True ")
    assert "cannot be written" in process.stdout
    assert "Make room on that disk" in process.stdout
    assert web.load()["requests"].rows_loaded == 3000
    assert_each_once(web, 3000)


KILLED = """
import os, signal, sys
from pathlib import Path
from dagster_project.connectors import lake, load_source
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import Settings
lake._dlt()
folder = Path(sys.argv[1])
settings = Settings(home=folder / "home", sources=folder / "sources.toml")
source = load_sources(settings).source("shop")
seen = 0


def count(event, arguments):
    # Files of the workspace that are opened, renamed, made or removed, one after the other.
    global seen
    if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.link"):
        if str(arguments[0]).startswith(str(settings.home)):
            seen += 1
            if seen == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(count)
load_source(source, settings)
print(seen)
"""


def test_process_killed_at_any_place_loses_and_doubles_nothing(web: Installation) -> None:
    count = count_broken = 0
    for place in (4, 18, 32, 50, 10_000):
        with (web.data / "a.log").open("a") as log:
            log.write(lines(count, 5) + "broken\n")
        count, count_broken = count + 5, count_broken + 1
        process = subprocess.run(
            [sys.executable, "-c", KILLED, str(web.folder), str(place)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert process.returncode == (0 if place == 10_000 else -signal.SIGKILL), process.stderr
    assert_each_once(web, count)
    broken = web.query("select count(*), count(distinct source_row) from {ops.quarantined_rows}")
    assert broken == [(count_broken, count_broken)]
    assert web.query(
        "select sum(rows_received), sum(rows_loaded), sum(rows_rejected) from {ops.receipts}"
    ) == [(count + count_broken, count, count_broken)]
    assert web.load()["requests"].status == "unchanged"
    assert not list((web.settings.home / "lake").rglob("pending"))
