"""Loads whose process is really killed, at any moment: what is landed in the end is the source."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import psycopg2
import pytest

from dagster_project.settings import process_environment
from tests.unit.connectors.loading import Installation

pytestmark = [pytest.mark.integration, pytest.mark.systems]

KILLS = 25
SOURCE = """
[[source]]
system = "shop"
kind = "sql"
url_env = "SHOP_URL"
""" + "".join(
    f'[[source.table]]\nname = "t{n}"\nprimary_key = "id"\n'
    'load = "incremental"\ncursor = "changed_at"\nshrink_ratio = 0\n'
    for n in range(4)
)
LOAD = """
import sys
from pathlib import Path
from dagster_project.connectors import load_source
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import Settings

home = Path(sys.argv[1])
settings = Settings(home=home / "home", sources=home / "sources.toml")
source = load_sources(settings).source("shop")
print("begin", flush=True)
while True:
    load_source(source, settings)
"""


def test_processes_killed_at_any_moment_lose_and_double_nothing(
    server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://owner:s3cret%2F%40word@{server}"
    monkeypatch.setenv("SHOP_URL", url)
    shop.sources(SOURCE)
    chance = random.Random(4)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()
    for n in range(4):
        cursor.execute(f"drop table if exists t{n}")
        cursor.execute(
            f"create table t{n} (id bigint primary key, name text, changed_at timestamp)"
        )
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", LOAD, str(shop.folder)],
            stdout=subprocess.PIPE,
            env=process_environment(),
        )
        assert process.stdout is not None
        process.stdout.readline()
        until = time.monotonic() + chance.uniform(0, 5)
        while time.monotonic() < until:
            table, key = f"t{chance.randrange(4)}", chance.randrange(300)
            cursor.execute(
                f"insert into {table} values (%s, %s, now()) on conflict (id) do update "
                "set name = excluded.name, changed_at = excluded.changed_at",
                [key, f"{kill} {key}"],
            )
            cursor.execute(f"delete from {table} where id = %s", [chance.randrange(300)])
        process.kill()
        process.wait()
        process.stdout.close()
    receipts = shop.load()
    assert all(receipt.is_good for receipt in receipts.values())
    for n in range(4):
        cursor.execute(f"select id, name, changed_at from t{n} order by id")
        assert shop.current(f"t{n}", "id", "id, name, changed_at") == cursor.fetchall()
        versions = shop.query(f"select _load_id, id from {{shop.t{n}}}")
        assert len(versions) == len(set(versions)), "a row was landed twice by one load"
    connection.close()
