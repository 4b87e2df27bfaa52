"""Long-running servers: the Dagster UI and the dashboard, both on loopback by default."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from dagster_project.commands.instance import prepare_dagster_home
from dagster_project.commands.prepare import PreparationError, prepare
from dagster_project.settings import REPO_ROOT, Settings, process_environment, program

START_SECONDS = 60
PORTS_TRIED = 20


def serve_dagster(settings: Settings) -> int:
    """`dagster dev` with the prepared project; ends with Ctrl+C."""
    try:
        prepare(settings)
    except PreparationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    home = prepare_dagster_home(settings)
    print("Dagster: http://127.0.0.1:3000 (Ctrl+C ends it). Schedules and sensors: Automation.")
    return subprocess.call(
        [program("dagster"), "dev", "--host", "127.0.0.1"],
        cwd=REPO_ROOT,
        env={**process_environment(), "DAGSTER_HOME": str(home)},
    )


def serve_dashboard(settings: Settings) -> int:
    """Streamlit on ``dashboard_host:dashboard_port``; ends with Ctrl+C.

    Where nobody has chosen the port and it is taken, the next free one is used.
    """
    port = settings.dashboard_port
    if "dashboard_port" not in settings.model_fields_set:
        port = free_port(settings.dashboard_host, port)
        if port != settings.dashboard_port:
            print(f"Port {settings.dashboard_port} is taken; the dashboard uses {port}.")
    address = f"http://{settings.dashboard_host}:{port}"
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(REPO_ROOT / "streamlit_app" / "streamlit_app.py"),
            f"--server.address={settings.dashboard_host}",
            f"--server.port={port}",
            "--server.headless=true",
            "--browser.gatherUsageStats=false",
        ],
        cwd=REPO_ROOT,
        env={**process_environment(), "SMH_HOME": str(settings.home)},
        stdout=subprocess.DEVNULL,
    )
    try:
        if not wait_until_healthy(address, server):
            print(
                f"error: the dashboard did not start on {address}. Is the port taken? Choose "
                "another: SMH_DASHBOARD_PORT=8600 make dashboard",
                file=sys.stderr,
            )
            return 1
        print(
            f"\nDashboard: {address}   中文: {address}/?lang=zh   (Ctrl+C ends it)\n"
            "Next:  make dev        schedules, sensors and the asset graph\n"
            "       make plan ENV=dev   what an edit of a model or rule changes\n"
            "       README.md       add your own data, change a metric",
            flush=True,
        )
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def free_port(host: str, first: int) -> int:
    """The first port from ``first`` on that nobody listens on; ``first`` if there is none."""
    for port in range(first, min(first + PORTS_TRIED, 65_536)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    return first


def wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> bool:
    """True as soon as Streamlit answers; False when it ended or START_SECONDS passed."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return server.poll() is None
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    return False
