"""A real MySQL-like server (MariaDB): types, zone, late rows, deletes, credentials."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.unit.connectors.loading import Installation

pytestmark = pytest.mark.integration

PASSWORD = "s3cret/@word"
START_SECONDS = 60
SOURCE = """
[[source]]
system = "shop"
kind = "sql"
url_env = "SHOP_URL"
time_zone = "Asia/Shanghai"
  [[source.table]]
  name = "deals"
  load = "incremental"
  cursor = ["changed_at"]
  primary_key = "id"
  [[source.table]]
  name = "things"
  table = "Thing"
"""


def _as_server_user() -> tuple[list[str], str]:
    """How to run as a user that is not root, and that user's name: the server refuses root."""
    user = getpass.getuser()
    if user != "root":
        return [], user
    if not shutil.which("runuser"):
        pytest.skip("runuser is missing: MariaDB does not run as root")
    return ["runuser", "-u", "mysql", "--"], "mysql"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Host, port and empty database of the server, with the user ``owner``."""
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        pytest.skip("MariaDB is not installed (Debian: apt-get install mariadb-server)")
    prefix, user = _as_server_user()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir()
        if prefix:
            shutil.chown(data, user)
        subprocess.run(
            [
                *(*prefix, "mariadb-install-db", "--no-defaults", f"--datadir={data}"),
                *("--skip-test-db", "--auth-root-authentication-method=normal"),
            ],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                *(*prefix, "mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}"),
                *("--bind-address=127.0.0.1", f"--socket={data}/socket"),
                "--innodb-flush-log-at-trx-commit=0",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        try:
            _make_owner(port)
            yield f"127.0.0.1:{port}/shop"
        finally:
            process.terminate()
            process.wait(timeout=60)


def _make_owner(port: int) -> None:
    engine = sa.create_engine(f"mysql+pymysql://root@127.0.0.1:{port}")
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(sa.text("create database shop character set utf8mb4"))
                connection.execute(
                    sa.text("create user owner@'127.0.0.1' identified by :password"),
                    {"password": PASSWORD},
                )
                connection.execute(sa.text("grant all on shop.* to owner@'127.0.0.1'"))
            return
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture
def database(
    server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Connection]:
    """A connection to fresh tables; the source's variable names the same database."""
    url = f"mysql://owner:s3cret%2F%40word@{server}"
    monkeypatch.setenv("SHOP_URL", url)
    engine = sa.create_engine(url.replace("://", "+pymysql://"), poolclass=sa.pool.NullPool)
    shop.sources(SOURCE)
    with engine.connect() as connection:
        for statement in (
            "drop table if exists deals",
            "drop table if exists `Thing`",
            "create table deals (id bigint primary key, name text, changed_at datetime(6))",
            "create table `Thing` (`Key` bigint unsigned, price decimal(12, 2), ratio double, "
            "seen datetime, stamp timestamp null, day date, at time, data json, raw blob, "
            "kind enum('甲', 'b'), is_open boolean, words text)",
        ):
            connection.execute(sa.text(statement))
        connection.commit()
        yield connection


def test_types_keep_their_values(database: sa.Connection, shop: Installation) -> None:
    """A `timestamp` is a moment, here of a server in UTC; a `datetime` is meant in the zone."""
    database.execute(sa.text("set time_zone = '+00:00'"))
    database.execute(
        sa.text(
            "insert into `Thing` values (9007199254740993, 1234567890.12, 1.5, "
            "'2025-01-31 09:30:00', '2025-01-31 09:30:00', '2025-01-31', '08:30:00', "
            "'{\"k\": [1, null]}', x'00ff', '甲', true, '😀 客户'), "
            "(null, null, null, null, null, null, null, null, null, null, null, null)"
        )
    )
    database.commit()
    receipt = shop.load(tables=["things"])["things"]
    assert receipt.message_en == ""
    assert receipt.rows_loaded == 2
    columns = (
        '"Key", price::varchar, ratio, seen::varchar, stamp::varchar, day::varchar, '
        '"at"::varchar, data, raw, kind, is_open, words'
    )
    rows = sorted(shop.rows("things", columns), key=lambda row: row[0] is None)
    assert rows[0] == (
        9007199254740993, "1234567890.12", 1.5, "2025-01-31 01:30:00", "2025-01-31 09:30:00",
        "2025-01-31", "08:30:00", '{"k": [1, null]}', b"\x00\xff", "甲", True, "😀 客户",
    )  # fmt: skip
    assert rows[1] == (None,) * 12


def test_increments_late_rows_and_deletes(database: sa.Connection, shop: Installation) -> None:
    def add(number: int, changed: str | None) -> None:
        database.execute(
            sa.text("insert into deals values (:id, '甲', :changed)"),
            {"id": number, "changed": changed},
        )
        database.commit()

    add(1, "2025-01-01 10:00:00.5")
    add(2, None)
    first = shop.load(tables=["deals"])["deals"]
    assert first.rows_loaded == 2
    add(3, "2025-01-01 09:59:00")  # behind the cursor, within the overlap
    add(4, "2025-01-01 10:00:00.5")  # the cursor's own time
    second = shop.load(tables=["deals"])["deals"]
    assert second.rows_loaded == 2
    database.execute(sa.text("delete from deals where id = 1"))
    database.commit()
    third = shop.load(tables=["deals"])["deals"]
    assert (third.rows_loaded, third.rows_deleted) == (0, 1)
    assert [row[0] for row in shop.current("deals", "id", "id")] == [2, 3, 4]


def test_wrong_password_is_told_without_it(
    database: sa.Connection, server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", f"mysql://owner:hunter2@{server}")
    for receipt in shop.load().values():
        assert receipt.status == "failed"
        assert "Access denied" in receipt.message_en
        assert "SHOP_URL" in receipt.remedy_en and "SHOP_URL" in receipt.remedy_zh
        assert not receipt.is_transient
        assert "hunter2" not in receipt.model_dump_json()
