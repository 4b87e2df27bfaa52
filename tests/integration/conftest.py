"""A real PostgreSQL on loopback, from Debian's package, for the tests that need one."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _run(*command: str) -> None:
    """Run a server command as a user that is not root: PostgreSQL refuses root."""
    prefix = ["runuser", "-u", "postgres", "--"] if getpass.getuser() == "root" else []
    subprocess.run([*prefix, *command], check=True, capture_output=True, cwd="/")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of the server's empty database, without user."""
    if not BINARIES:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    is_root = os.getuid() == 0
    if is_root and not shutil.which("runuser"):
        pytest.skip("runuser is missing: PostgreSQL does not run as root")
    # Not pytest's folder: that one is closed to the user that runs the server.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if is_root:
            shutil.chown(folder, "postgres")
        yield from _serve(folder)


def _serve(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = folder / "password"
    password.write_text("s3cret/@word")
    password.chmod(0o644)
    data, tools = folder / "data", BINARIES[0]
    _run(
        str(tools / "initdb"), "-D", str(data), "-U", "owner", "-A", "scram-sha-256",
        f"--pwfile={password}", "-E", "UTF8", "--no-locale",
    )  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    log = str(folder / "log")
    _run(str(tools / "pg_ctl"), "-D", str(data), "-l", log, "-w", "-o", options, "start")
    try:
        yield f"127.0.0.1:{port}/postgres"
    finally:
        _run(str(tools / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
