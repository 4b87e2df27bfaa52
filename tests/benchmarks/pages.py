"""`make bench-pages`: how fast the first page answers its readers while versions are published.

Usage::

    python -m tests.benchmarks.pages                          # the published version of SMH_HOME
    python -m tests.benchmarks.pages --readers 20 --seconds 120 --publish-every 15

Readers speak Streamlit's own protocol over its websocket, each in a session of its own: every ten
seconds one click (a family, a metric's passport, a trap, back, a reload), timed from the message to
the end of the script run. Meanwhile new versions are published and old ones pruned. In version *n*
two marts say *n*; a page that shows two different numbers, or two version ids, is a mixed one.

The home itself is not touched: its published files are linked into a temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import duckdb
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from dagster_project.publishing import current_version, storage
from dagster_project.publishing.publisher import prune
from dagster_project.publishing.reader import open_version, view_statement
from dagster_project.settings import Settings, load_settings, utc_now
from streamlit_app.data import health
from streamlit_app.screenshots import serve

WARM_SECONDS = 0.5
ANSWER_SECONDS = 60.0
MARKED_FAMILY = "organisational"
MARKS = {
    health.FAMILY_MART: (
        "select * replace (case when family = 'organisational' then {number} "
        "else attainment_points end as attainment_points) from {mart}"
    ),
    health.TRAP_MART: "select * replace ({number} as count_cases) from {mart}",
}
"""In version n the family has n points and every trap has n cases."""

_VERSION = re.compile(rb"v\d{6}-\d{8}T\d{6}Z")
_FAMILY = re.compile(rb'title="(\d+)\.0000">')
_CASES = re.compile(
    "<small>(?:(\\d+) of [\\d,]+ examined|检查 [\\d,]+，发现 (\\d+))</small>".encode()
)


@dataclass
class Tally:
    """What readers have met; ``seconds`` per kind of click."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    versions: set[bytes] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, seconds: float, body: bytes) -> None:
        versions = set(_VERSION.findall(body))
        families = set(_FAMILY.findall(body))
        cases = {english or chinese for english, chinese in _CASES.findall(body)}
        numbers = {int(value) for value in families | cases}
        numbers |= {int(version[1:7]) % 97 for version in versions}
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)
            self.versions |= versions
            if len(versions) != 1 or len(numbers) != 1 or not (families and cases):
                self.mixed.append(f"{kind}: versions {versions}, numbers {numbers}")


class Reader:
    """One browser session, as far as the server can tell."""

    def __init__(self, socket: ClientConnection, tally: Tally) -> None:
        self.tally = tally
        self.socket = socket
        self.buttons: dict[str, str] = {}

    def run(self, kind: str | None, query: str = "", press: str | None = None) -> None:
        """Ask for a run of the first page and wait for its end.

        Args:
            kind: under which name its seconds count; None while warming up.
            query: of the page's address.
            press: key of the button that is pressed.
        """
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.context_info.timezone = "UTC"
        if press is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id = self.buttons[press]
            state.trigger_value = True
        started = time.perf_counter()
        self.socket.send(message.SerializeToString())
        parts = []
        while True:
            raw = self.socket.recv(timeout=ANSWER_SECONDS)
            assert isinstance(raw, bytes)
            answer = ForwardMsg.FromString(raw)
            kind_of = answer.WhichOneof("type")
            if kind_of == "delta":
                parts.append(raw)
                self._remember(answer)
            elif kind_of == "script_finished":
                if answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    break
                if answer.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise RuntimeError("the page could not be compiled")
                parts.clear()  # it runs again at once
        seconds = time.perf_counter() - started
        if kind is not None:
            self.tally.add(kind, seconds, b"".join(parts))

    def _remember(self, answer: ForwardMsg) -> None:
        element = answer.delta.new_element
        if element.HasField("exception"):
            with self.tally.lock:
                self.tally.errors.append(element.exception.message)
        if element.HasField("button"):
            # Ids end with the key that the page gives its button.
            for key in CLICKED:
                if element.button.id.endswith(key):
                    self.buttons[key] = element.button.id


@contextmanager
def reader_of(address: str, tally: Tally) -> Iterator[Reader]:
    """A session at the server, until it is left."""
    with connect(
        f"{address.replace('http', 'ws', 1)}/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
        open_timeout=ANSWER_SECONDS,
    ) as socket:
        yield Reader(socket, tally)


CLICKED = ("open_family_technical", "open_family_commercial", "open_trap_hasty_veto")
CLICKS: tuple[tuple[str, str, str | None], ...] = (
    ("open a family", "", "open_family_technical"),
    ("go back", "", None),
    ("open a passport", "passport=win_rate_of_closed", None),
    ("reload", "", None),
    ("open a trap", "", "open_trap_hasty_veto"),
    ("go back", "", None),
    ("in Chinese", "lang=zh", None),
    ("reload", "", None),
)


def read(address: str, tally: Tally, until: float, pause: float, seed: int) -> None:
    """One reader: a click each ``pause`` seconds, at moments of its own."""
    chance = random.Random(seed)
    try:
        with reader_of(address, tally) as reader:
            reader.run(None)
            time.sleep(chance.uniform(0, pause))
            step = chance.randrange(len(CLICKS))
            while time.monotonic() < until:
                began = time.monotonic()
                kind, query, press = CLICKS[step % len(CLICKS)]
                if press is None or press in reader.buttons:
                    reader.run(kind, query, press)
                step += 1
                time.sleep(max(0.0, pause - (time.monotonic() - began)))
    except Exception as error:  # every failure of a reader is a result of the measurement
        with tally.lock:
            tally.errors.append(f"{type(error).__name__}: {error}")


class Publisher:
    """Publishes versions whose marts say their number, as the pipeline does: one file each."""

    def __init__(self, source: Settings, home: Path) -> None:
        self.settings = Settings(home=home, keep_versions=3)
        self.places = storage.places(self.settings)
        self.places.create()
        info = current_version(source)
        if info is None:
            raise SystemExit(f"Nothing is published in {source.home}. Run: make demo SERVE=0")
        for mart in MARKS:
            if mart not in info.tables:
                raise SystemExit(f"The version in {source.home} has no {mart}. Run: make demo")
        self.base = storage.read_manifest(source, info.version_id)
        # Pruning removes what no version of the home names; the marts are read from the source.
        self.source_root = storage.places(source).root
        objects = storage.places(source).objects
        shutil.copytree(objects, self.places.objects, copy_function=os.link, dirs_exist_ok=True)
        self.number = 0

    def publish(self) -> None:
        """The next version; the pointer moves only when all of it is there."""
        self.number += 1
        tables = dict(self.base.tables)
        now = utc_now()
        version_id = f"v{self.number:06d}-{now:%Y%m%dT%H%M%SZ}"
        with duckdb.connect() as connection:
            for mart, sql in MARKS.items():
                table = self.base.tables[mart]
                connection.execute(view_statement(mart, table, self.source_root))
                target = self.places.objects / f"{mart}-bench-{self.number}.parquet"
                rows = sql.format(number=self.number % 97, mart=mart)
                connection.execute(f"copy ({rows}) to '{target}' (format parquet)")
                path = target.relative_to(self.places.root).as_posix()
                file = storage.PublishedFile(path, table.rows, target.stat().st_size)
                tables[mart] = replace(table, files=(file,))
        manifest = replace(self.base, version_id=version_id, published_at=now, tables=tables)
        folder = self.places.versions / version_id
        folder.mkdir()
        text = json.dumps(asdict(manifest), default=lambda value: value.isoformat())
        storage.write_json(folder / "manifest.json", json.loads(text))
        with storage.writer_lock(self.settings):
            previous = storage.read_current(self.settings)
            history = () if previous is None else (previous.version_id, *previous.history)
            storage.write_current(
                self.settings, storage.Current(version_id, now, history=history[:2])
            )
            prune(self.settings)


def publish_until(publisher: Publisher, until: float, every: float, tally: Tally) -> None:
    try:
        while time.monotonic() < until:
            time.sleep(every)
            publisher.publish()
    except Exception as error:
        with tally.lock:
            tally.errors.append(f"publishing: {type(error).__name__}: {error}")


QUESTIONS: tuple[Callable[[duckdb.DuckDBPyConnection], object], ...] = (
    health.scorecard,
    health.traps,
    health.lead_lag,
    health.roadmap,
    health.hit_rates,
)


def measure_sql(settings: Settings, version_id: str, times: int = 20) -> dict[str, list[float]]:
    """Seconds of every question of the first page, without any cache of the page."""
    found: dict[str, list[float]] = {"all questions": []}
    with open_version(settings, version_id) as connection:
        for _ in range(times):
            total = 0.0
            for question in QUESTIONS:
                started = time.perf_counter()
                question(connection)
                seconds = time.perf_counter() - started
                found.setdefault(question.__name__, []).append(seconds)
                total += seconds
            found["all questions"].append(total)
    return found


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; the highest of fewer than twenty."""
    if len(values) < 20:
        return max(values)
    return statistics.quantiles(values, n=20, method="inclusive")[18]


def print_table(title: str, found: dict[str, list[float]]) -> None:
    print(f"\n| {title} | n | p50 ms | p95 ms | max ms |\n| --- | --- | --- | --- | --- |")
    for name, values in found.items():
        cells = (statistics.median(values), p95(values), max(values))
        shown = " | ".join(f"{value * 1000:.0f}" for value in cells)
        print(f"| {name} | {len(values)} | {shown} |")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pause", type=float, default=10, help="seconds from click to click")
    parser.add_argument("--publish-every", type=float, default=15, help="seconds")
    options = parser.parse_args(arguments)
    tally = Tally()
    with tempfile.TemporaryDirectory(dir=load_settings().home) as folder:
        publisher = Publisher(load_settings(), Path(folder))
        publisher.publish()
        with serve(publisher.settings) as address:
            with reader_of(address, Tally()) as warm:
                for _kind, query, press in CLICKS:
                    warm.run(None, query, press if press in warm.buttons else None)
            until = time.monotonic() + options.seconds
            threads = [
                threading.Thread(target=read, args=(address, tally, until, options.pause, seed))
                for seed in range(options.readers)
            ]
            threads.append(
                threading.Thread(
                    target=publish_until, args=(publisher, until, options.publish_every, tally)
                )
            )
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        version = current_version(publisher.settings)
        assert version is not None  # it has just been published
        sql = measure_sql(publisher.settings, version.version_id)
    if not tally.seconds:
        print(f"No click was answered: {tally.errors[:3]}", file=sys.stderr)
        return 1
    everything = [value for values in tally.seconds.values() for value in values]
    print_table("first page, by click", {**tally.seconds, "all clicks": everything})
    print_table("SQL alone", sql)
    print(
        f"\n{options.readers} readers, {len(everything)} clicks, {publisher.number} versions "
        f"published, {len(tally.versions)} of them seen; errors: {len(tally.errors)}, "
        f"mixed pages: {len(tally.mixed)}"
    )
    for line in [*tally.errors[:5], *tally.mixed[:5]]:
        print(f"  {line}")
    slow = p95(everything)
    verdict = "under" if slow < WARM_SECONDS else "NOT under"
    print(f"p95 of all clicks: {slow * 1000:.0f} ms, {verdict} {WARM_SECONDS * 1000:.0f} ms")
    return 1 if tally.errors or tally.mixed else 0


if __name__ == "__main__":
    sys.exit(main())
