"""Pictures of the dashboard for the README, taken with a headless Chromium on loopback.

```
make screenshots                              # of SMH_HOME, to docs/screenshots
python -m streamlit_app.screenshots --out folder --only overview_en_light_wide
```
Needs Debian's chromium (``apt-get install chromium``) and the development packages.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dagster_project.settings import REPO_ROOT, Settings, load_settings, process_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
)
START_SECONDS = 60.0
READY = "[data-testid='stApp'][data-test-script-state='notRunning']"


class ScreenshotError(RuntimeError):
    """The dashboard or the browser did not start; the message says what to do."""


@dataclass(frozen=True)
class Shot:
    """One picture: URL path and parameters, window, what to press, language-independent name."""

    name: str
    path: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    is_full_page: bool = False
    press: str | None = None


SHOTS = (
    Shot("health_en_light_wide", "/", 1280, 900),
    Shot("health_zh_dark_wide", "/?lang=zh", 1280, 900, "dark"),
    Shot("health_zh_light_phone", "/?lang=zh", 390, 844),
    Shot("relationships_en_light_wide", "/relationships", 1280, 900),
    Shot(
        "customer_en_light_wide",
        "/relationships?sort=gain",
        1280,
        900,
        press=".st-key-row_customer_0 a",
    ),
    Shot("over_contact_zh_light_wide", "/over-contact?lang=zh", 1280, 900),
    Shot("overview_en_light_wide", "/overview", 1280, 900),
    Shot("overview_zh_light_wide", "/overview?lang=zh", 1280, 900),
    Shot("overview_en_dark_wide", "/overview", 1280, 900, "dark"),
    Shot("overview_zh_light_phone", "/overview?lang=zh", 390, 844),
    Shot("passport_en_light_wide", "/overview?passport=win_rate_of_closed", 1280, 900),
    Shot("intent_en_light_wide", "/intent", 1280, 900),
    Shot("account_en_light_wide", "/intent", 1280, 900, press=".st-key-row_account_0 button"),
    Shot("worklist_zh_light_wide", "/worklists?lang=zh&list=stalled_lead", 1280, 900),
    Shot("sources_en_light_wide", "/sources", 1280, 900),
    Shot("data_trust_en_light_wide", "/data-trust", 1280, 900),
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(settings: Settings) -> Iterator[str]:
    """The dashboard on a free loopback port; its address.

    Raises:
        ScreenshotError: it did not answer in time.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(REPO_ROOT / "streamlit_app" / "streamlit_app.py"),
        f"--server.port={port}",
        "--server.address=127.0.0.1",
    ]
    server = subprocess.Popen(
        command,
        cwd=REPO_ROOT,
        env={**process_environment(), "SMH_HOME": str(settings.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                    break
            except (urllib.error.URLError, TimeoutError):
                if server.poll() is not None or time.monotonic() > deadline:
                    server.kill()
                    message = server.stderr.read() if server.stderr else ""
                    raise ScreenshotError(
                        f"The dashboard did not start on {address}: {message[-500:]} "
                        "Start it by hand to see why: make dashboard."
                    ) from None
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of the system.

    Raises:
        ScreenshotError: it is not installed.
    """
    if not CHROMIUM.exists():
        raise ScreenshotError(f"{CHROMIUM} does not exist. Run: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(CHROMIUM_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            browser.close()


def settle(page: Page) -> None:
    """Wait until the script has run and the charts are drawn."""
    page.wait_for_selector(READY, timeout=30_000)
    page.wait_for_selector(".brand", timeout=30_000)
    page.wait_for_timeout(400)
    page.wait_for_function(
        "[...document.querySelectorAll('[data-testid=stPlotlyChart]')]"
        ".every(e => e.querySelector('.main-svg'))",
        timeout=15_000,
    )
    page.wait_for_selector(READY, timeout=30_000)
    page.wait_for_timeout(300)


def take(browser: Browser, address: str, shot: Shot, folder: Path) -> Path:
    """Take one picture; its file."""
    page = browser.new_page(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    try:
        page.goto(address + shot.path)
        settle(page)
        if shot.press is not None:
            page.locator(shot.press).click()
            settle(page)
        if shot.is_full_page:
            # Streamlit scrolls inside the page, so the window must be as tall as its content.
            tall = page.evaluate(
                "document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
            )
            page.set_viewport_size({"width": shot.width, "height": int(tall) + 10})
            page.wait_for_timeout(800)
        target = folder / f"{shot.name}.png"
        page.screenshot(path=target)
    finally:
        page.close()
    return target


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=REPO_ROOT / "docs" / "screenshots")
    parser.add_argument("--only", nargs="*", help="names of the pictures to take")
    parser.add_argument("--full-page", action="store_true", help="the whole page, not the window")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        with serve(load_settings()) as address, chromium() as browser:
            for shot in SHOTS:
                if options.only and shot.name not in options.only:
                    continue
                if options.full_page:
                    shot = replace(shot, is_full_page=True)
                target = take(browser, address, shot, options.out)
                print(f"{target.name}: {target.stat().st_size // 1024} KB")
    except ScreenshotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
