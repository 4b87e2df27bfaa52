"""Generic REST against json-server (pages, changes) and Prism (errors of a described interface)."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.unit.connectors.loading import Installation

pytestmark = pytest.mark.systems
START_SECONDS = 120
PACKAGES = ("json-server@0.17.4", "@stoplight/prism-cli@5")

OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "orders", "version": "1"},
    "paths": {
        "/orders": {
            "get": {
                "parameters": [
                    {"name": "since", "in": "query", "schema": {"type": "integer"}},
                ],
                "security": [{"token": []}],
                "responses": {
                    "200": {
                        "description": "orders",
                        "content": {"application/json": {"example": [{"id": 1}, {"id": 2}]}},
                    },
                    "401": {"description": "no token"},
                    "422": {"description": "bad"},
                    "429": {
                        "description": "too often",
                        "headers": {
                            "Retry-After": {"schema": {"type": "integer", "example": 99999}}
                        },
                        "content": {"application/json": {"example": {"error": "too often"}}},
                    },
                },
            }
        }
    },
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
}


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    """An empty installation."""
    return Installation(tmp_path)


@pytest.fixture(scope="session")
def node_modules(systems: Path) -> Path:
    folder = systems / "node"
    programs = folder / "node_modules" / ".bin"
    if not all((programs / name).exists() for name in ("json-server", "prism")):
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="utf-8")
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"npm could not install {', '.join(PACKAGES)}: {done.stderr[-300:]}")
    return programs


@contextlib.contextmanager
def running(command: list[str], path: str) -> Iterator[str]:
    """A server on a free port; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(requests.RequestException):
                requests.get(url + path, timeout=5)
                break
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer on {url}{path}"
            time.sleep(0.25)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_json_server_pages_and_changes(shop: Installation, node_modules: Path) -> None:
    database = shop.folder / "db.json"
    orders = [
        {"id": n, "updatedAt": f"2026-03-01T00:{n // 60:02}:{n % 60:02}.000Z", "amount": n}
        for n in range(1, 131)
    ]
    database.write_text(json.dumps({"orders": orders}), encoding="utf-8")
    command = [str(node_modules / "json-server"), "--quiet", "--host", "127.0.0.1", str(database)]
    with running(command, "/orders?_limit=1") as url:
        shop.sources(
            f'[[source]]\nsystem = "shop"\nkind = "rest"\nurl = "{url}"\n'
            'paging = { style = "link" }\n'
            '[[source.table]]\nname = "orders"\nload = "incremental"\nprimary_key = "id"\n'
            'cursor = "updatedAt"\ntotal = "header:X-Total-Count"\n'
            'params = { _limit = 25, _page = 1, _sort = "id", updatedAt_gte = "{since}" }\n'
        )
        first = shop.load()["orders"]
        assert (first.rows_loaded, first.rows_asked, first.rows_gap) == (130, 130, 0)
        changed = {"amount": 500, "updatedAt": "2026-03-01T00:05:00.000Z"}
        requests.patch(f"{url}/orders/7", json=changed, timeout=10).raise_for_status()
        requests.delete(f"{url}/orders/9", timeout=10).raise_for_status()
        second = shop.load()["orders"]
        assert (second.rows_loaded, second.rows_deleted) == (1, 1)
        held = {row["id"] for row in requests.get(f"{url}/orders", timeout=10).json()}
    assert {row[0] for row in shop.current("orders", "id", "id")} == held


@pytest.mark.parametrize(
    ("prefer", "status", "told"),
    [
        ("code=200", "loaded", ""),
        ("code=422", "failed", "422"),
        ("code=401", "failed", "401"),
        ("code=429", "failed", "429"),
        (None, "failed", "401"),
    ],
)
def test_prism_answers_as_described(
    shop: Installation,
    node_modules: Path,
    monkeypatch: pytest.MonkeyPatch,
    prefer: str | None,
    status: str,
    told: str,
) -> None:
    description = shop.folder / "openapi.json"
    description.write_text(json.dumps(OPENAPI), encoding="utf-8")
    monkeypatch.setenv("SHOP_TOKEN", "a-secret-token")
    command = [str(node_modules / "prism"), "mock", "--host", "127.0.0.1", str(description)]
    with running(command, "/orders") as url:
        headers = f'headers = {{ Prefer = "{prefer}" }}\n' if prefer else ""
        auth = '[source.auth]\ntype = "bearer"\ntoken_env = "SHOP_TOKEN"\n' if prefer else ""
        shop.sources(
            f'[[source]]\nsystem = "shop"\nkind = "rest"\nurl = "{url}"\n'
            f"{headers}max_wait_seconds = 5\n{auth}"
            '[[source.table]]\nname = "orders"\nprimary_key = "id"\n'
        )
        receipt = shop.load()["orders"]
    assert receipt.status == status
    assert told in receipt.message_en
    assert receipt.is_transient == (told == "429")
