"""Page views and sessions day by day: what many builds replace is what one full build makes, and
both are what a slow and obvious reading of the log counts.

Every case is a log of a few visitors in a fortnight of its own, so one build serves many of them;
its lines land in random order over several builds.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st

from dagster_project.mapping import compile_mapping
from dagster_project.publishing.dbt_artifacts import read_project
from dagster_project.publishing.publisher import open_warehouse
from dagster_project.publishing.written_months import month_of, written_months
from dagster_project.settings import Settings
from tests.unit.mapping.conftest import write_rules

SYSTEM = "site"
FIELDS = """
site,hits,web_event,main,web_event_id,_row,key,
site,hits,web_event,main,visitor_address,address,text,
site,hits,web_event,main,visitor_key,visitor,text,
site,hits,web_event,main,session_key,session,text,
site,hits,web_event,main,user_agent,agent,text,
site,hits,web_event,main,method,method,text,
site,hits,web_event,main,url,url,text,
site,hits,web_event,main,status,status,integer,
site,hits,web_event,main,engaged_seconds,engaged,number,
site,hits,web_event,main,occurred_at,at,timestamp,
"""
SOURCES = """
as_of = 2026-06-30

[[source]]
system = "site"
kind = "files"
location = "."
mapping_set = "site"
  [[source.table]]
  name = "hits"
  glob = "hits*.csv"
  load = "append"
"""
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("address", "visitor", "session", "agent", "method")),
        ("url", pa.string()),
        ("status", pa.int64()),
        ("engaged", pa.float64()),
        ("at", pa.timestamp("us")),
        ("_load_id", pa.string()),
        ("_loaded_at", pa.timestamp("us")),
        ("_source_file", pa.string()),
        ("_source_row", pa.int64()),
        ("_is_deleted", pa.bool_()),
    ]
)
GAP = timedelta(minutes=30)
KEY_GAP = timedelta(minutes=240)
LONGEST = timedelta(hours=24)
MOST_SECONDS = 900.0
FIRST_DAY = datetime.fromisoformat("2020-01-01")
FIRST_LOAD = datetime.fromisoformat("2026-06-30 08:00")
CASE_DAYS = 14
COUNT_LOADS = 4
BEFORE = ("int_web__landed_days", "int_web__rule_version", "int_web__changed_days")
DAYS = ("int_web__visitor_days", "int_web__visitor_day_flags", "fct_web_page_view")
KEYS = (
    "int_web__changed_visitors",
    "int_web__visitors",
    "int_web__changed_addresses",
    "mart_web_address",
)
ALL = (*BEFORE, "tag:web_days", *KEYS, "int_web__built_days")


# By model and first day of the month: a build, and a number for the rows.
Months = dict[tuple[str, str | None], tuple[str, int]]


@dataclass(frozen=True)
class Hit:
    """One line of the log; ``load`` is the build before which it lands."""

    at: datetime
    address: str
    url: str
    load: int
    visitor: str | None = None
    session: str | None = None
    method: str = "GET"
    status: int = 200
    engaged: float | None = None


@dataclass(frozen=True)
class Line:
    """A hit where it landed."""

    hit: Hit
    file: str
    number: int

    @property
    def event_id(self) -> str:
        return f"{SYSTEM}:{self.hit.load}/{self.file}#{self.number}"


# ---- the slow and obvious reading ----

View = tuple[str, date, str | None, int | None, float | None]
Session = tuple[str, date, datetime, datetime, int, int, int, float | None, str, str]


def is_view(hit: Hit) -> bool:
    return hit.status == 200 and hit.method == "GET" and not hit.url.endswith(".css")


def read_slowly(
    lines: Iterable[Line], pause: timedelta
) -> tuple[set[View], set[Session], Counter[tuple[str, date]]]:
    """Views, sessions, and views of overlong visits by visitor and day, one line after another."""
    chains: dict[tuple[str, str], list[list[Line]]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: (line.hit.at, line.file, line.number)):
        hit = line.hit
        if not is_view(hit):
            continue
        known = chains[(hit.visitor or hit.address, hit.session or "")]
        gap = KEY_GAP if hit.session else pause
        if known and hit.at - known[-1][-1].hit.at <= gap:
            known[-1].append(line)
        else:
            known.append([line])

    views: set[View] = set()
    sessions: set[Session] = set()
    overlong: Counter[tuple[str, date]] = Counter()
    for (visitor, session), known in chains.items():
        for chain in known:
            first, last = chain[0].hit.at, chain[-1].hit.at
            if last - first > LONGEST:
                for line in chain:
                    views.add((line.event_id, line.hit.at.date(), None, None, line.hit.engaged))
                    overlong[(visitor, line.hit.at.date())] += 1
                continue
            seconds = []
            for number, line in enumerate(chain, start=1):
                following = chain[number].hit.at if number < len(chain) else None
                engaged = line.hit.engaged
                if engaged is None and following is not None:
                    engaged = min((following - line.hit.at).total_seconds(), MOST_SECONDS)
                seconds.append(engaged)
                name = f"{first.isoformat()}{session and '/' + session}"
                views.add((line.event_id, first.date(), name, number, engaged))
            known_seconds = [value for value in seconds if value is not None]
            sessions.add(
                (
                    visitor,
                    first.date(),
                    first,
                    last,
                    len(chain),
                    len({line.hit.url for line in chain}),
                    sum(line.hit.url.endswith(".pdf") for line in chain),
                    sum(known_seconds) if known_seconds else None,
                    chain[0].hit.url,
                    chain[-1].hit.url,
                )
            )
    return views, sessions, overlong


# ---- the warehouse ----


class Warehouse:
    """A home with nothing but the web log, and dbt parsed once."""

    def __init__(self, folder: Path) -> None:
        from dbt.cli.main import dbtRunner

        home = folder / "home"
        home.mkdir(parents=True)
        (home / "sources.toml").write_text(SOURCES, encoding="utf-8")
        self.settings = Settings(home=home, seeds=write_rules(folder, FIELDS, ""))
        self.folder = self.settings.raw / SYSTEM / "hits"
        self.land([], 0)
        compile_mapping(self.settings)
        self.settings.warehouse.parent.mkdir(parents=True)
        parsed = dbtRunner().invoke(["--quiet", "parse", "--project-dir", self.project])
        assert parsed.success, parsed.exception
        self.runner = dbtRunner(manifest=parsed.result)

    @property
    def project(self) -> str:
        return str(self.settings.dbt_project)

    def environment(self) -> dict[str, str]:
        return self.settings.dbt_environment(date(2026, 6, 30))

    def land(self, hits: Sequence[Hit], load: int) -> list[Line]:
        """Two files of one load, line by line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            Line(hit, f"hits{load}{'ab'[index % 2]}", index // 2 + 1)
            for index, hit in enumerate(hits)
        ]
        loaded_at = FIRST_LOAD + timedelta(minutes=load)
        rows = [
            {
                "address": line.hit.address,
                "visitor": line.hit.visitor,
                "session": line.hit.session,
                "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
                "method": line.hit.method,
                "url": line.hit.url,
                "status": line.hit.status,
                "engaged": line.hit.engaged,
                "at": line.hit.at,
                "_load_id": str(load),
                "_loaded_at": loaded_at,
                "_source_file": line.file,
                "_source_row": line.number,
                "_is_deleted": False,
            }
            for line in lines
        ]
        for file in ("a", "b"):
            part = [row for row in rows if row["_source_file"].endswith(file)]
            table = pa.Table.from_pylist(part, schema=SCHEMA)
            pq.write_table(table, self.folder / f"{load}{file}.parquet")
        return lines

    def build(self, *arguments: str, models: Sequence[str] = ALL) -> None:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        result = self.runner.invoke(
            ["--quiet", "run", "--project-dir", self.project, *arguments, "--select", *models]
        )
        # dbt keeps the file open for as long as the process lives.
        DuckDBConnectionManager.close_all_connections()
        assert result.success, result.exception or [
            f"{entry.node.name}: {entry.message}"
            for entry in result.result  # type: ignore[union-attr]
            if str(entry.status) not in {"success", "pass"}
        ]

    def seed(self, *seeds: str, gap_minutes: int = 30) -> None:
        """Load rule tables; the thresholds with another pause between sessions."""
        file = self.settings.seeds / "thresholds.csv"
        text = file.read_text(encoding="utf-8")
        changed = re.sub(
            r"^session_gap_minutes,\d+", f"session_gap_minutes,{gap_minutes}", text, flags=re.M
        )
        file.write_text(changed, encoding="utf-8")
        result = self.runner.invoke(
            ["--quiet", "seed", "--project-dir", self.project, "--select", *seeds]
        )
        assert result.success, result.exception

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def months(self) -> Months:
        """Of every month of every model by day the build that wrote it last, and its rows."""
        found: Months = {}
        project = read_project(self.settings)
        with open_warehouse(self.settings, project) as connection:
            for node in project.nodes.values():
                written = written_months(connection, node)
                if written is None:
                    continue
                table = ".".join(node.relation)
                contents = connection.execute(
                    f"select {month_of(written.column)}, count(*), sum(hash(rows)) "
                    f"from {table} as rows group by 1"
                ).fetchall()
                counts = {month: rows for month, rows, _ in contents}
                assert counts == {m: of.rows for m, of in written.months.items()}, table
                for month, _, content in contents:
                    found[(node.name, month)] = (written.months[month].build, content)
        return found

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every model by day, and of the visitors."""
        return {
            name: self.query(f"select * from {schema}.{name} order by all")
            for schema, name in (
                ("intermediate", "int_web__visitor_days"),
                ("intermediate", "int_web__visitor_day_flags"),
                ("intermediate", "int_web__overlong_sessions"),
                ("intermediate", "int_web__visitor_views"),
                ("intermediate", "int_web__visitors"),
                ("core", "fct_web_page_view"),
                ("core", "fct_web_session"),
                ("marts", "mart_web_day"),
                ("marts", "mart_web_visitor_day"),
                ("marts", "mart_web_address_day"),
                ("marts", "mart_web_address"),
                ("marts", "mart_bot_day"),
            )
        }


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("web_days")
        home = Settings(home=folder / "home", seeds=folder / "seeds")
        for name, value in home.dbt_environment(date(2026, 6, 30)).items():
            patch.setenv(name, value)
        built = Warehouse(folder)
        built.seed("thresholds", "web_bot_rule")
        yield built


# ---- random logs ----

# Seconds from midnight of the second day of a case: around midnights, at the edges of a pause, and
# anywhere in the days between.
NEAR_MIDNIGHT = st.builds(
    lambda day, minutes: day * 86_400 + minutes * 60,
    st.integers(0, 4),
    st.integers(-70, 70),
)
ANYWHERE = st.integers(0, 4 * 86_400)
PAUSES = st.sampled_from([0, 1, 60, 900, 901, 1_799, 1_800, 1_801, 5_000, 14_400, 14_401])
URLS = st.sampled_from(["/", "/pricing", "/docs/paper.pdf", "/products/a", "/products/b"])
LOADS = st.integers(0, COUNT_LOADS - 1)


@st.composite
def walks(draw: st.DrawFn) -> list[Hit]:
    """One visitor's lines one after the other, from some second on."""
    at = draw(st.one_of(NEAR_MIDNIGHT, ANYWHERE))
    address = draw(st.sampled_from(["192.0.2.1", "192.0.2.2"]))
    visitor = draw(st.sampled_from([None, None, "key-1"]))
    session = draw(st.sampled_from(["tool-1", "tool-2"])) if visitor else None
    # Now and then a visit that goes on for about as long as a session may, or longer.
    if draw(st.integers(0, 9)) == 0:
        steps = draw(st.sampled_from([[1_800] * 48, [1_800] * 49, [1_750] * 70]))
    else:
        steps = draw(st.lists(PAUSES, max_size=6))
    one_load = draw(st.booleans())
    load = draw(LOADS)
    hits = []
    for step in [0, *steps]:
        at += step
        hits.append(
            Hit(
                FIRST_DAY + timedelta(days=1, seconds=at),
                address,
                draw(URLS),
                load if one_load else draw(LOADS),
                visitor,
                session,
                engaged=draw(st.sampled_from([None, None, None, 12.5])) if visitor else None,
            )
        )
    return hits


NOISE = st.builds(
    Hit,
    at=st.builds(lambda s: FIRST_DAY + timedelta(days=1, seconds=s), ANYWHERE),
    address=st.sampled_from(["192.0.2.1", "192.0.2.2"]),
    url=st.sampled_from(["/", "/static/app.css"]),
    load=LOADS,
    method=st.sampled_from(["GET", "HEAD"]),
    status=st.sampled_from([200, 301, 404, 500]),
)
CASES = st.lists(
    st.builds(
        lambda walked, noise: [*(hit for walk in walked for hit in walk), *noise],
        st.lists(walks(), min_size=1, max_size=4),
        st.lists(NOISE, max_size=3),
    ),
    min_size=40,
    max_size=60,
)


def placed(cases: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The cases side by side: each in days of its own, with visitors of its own."""
    hits = []
    for index, case in enumerate(cases):
        moved = timedelta(days=index * CASE_DAYS)
        for hit in case:
            values = {**hit.__dict__, "at": hit.at + moved}
            values["address"] = hit.address.replace("192.0.2", f"198.51.{index}")
            values["visitor"] = hit.visitor and f"{hit.visitor}-{index}"
            hits.append(Hit(**values))
    return hits


def check(warehouse: Warehouse, lines: Sequence[Line], pause: timedelta = GAP) -> None:
    """The warehouse against the slow reading."""
    views, sessions, overlong = read_slowly(lines, pause)
    visitors = (
        "(select distinct visitor_id, nullif(visitor_key, '') as visitor_key, "
        "nullif(visitor_address, '') as visitor_address "
        "from intermediate.int_web__visitor_day_flags)"
    )
    visitor_of = {
        visitor_id: key or address
        for visitor_id, key, address in warehouse.query(f"from {visitors}")
    }

    def session_name(session_id: str | None) -> str | None:
        if session_id is None:
            return None
        _, micros, *key = session_id.split("/")
        started = datetime.fromtimestamp(int(micros) / 1e6, UTC).replace(tzinfo=None)
        return "/".join([started.isoformat(), *key])

    found_views = {
        (event, day, session_name(session), number, engaged)
        for event, day, session, number, engaged in warehouse.query(
            "select web_event_id, session_date, session_id, view_number, engaged_seconds "
            "from core.fct_web_page_view"
        )
    }
    assert found_views == views
    found_sessions = {
        (visitor_of[visitor], *rest)
        for visitor, *rest in warehouse.query(
            "select visitor_id, session_date, started_at, ended_at, count_page_views, count_paths, "
            "count_documents, engaged_seconds, entry_path, exit_path from core.fct_web_session"
        )
    }
    assert found_sessions == sessions
    found_overlong = {
        (visitor_of[visitor], day): count
        for visitor, day, count in warehouse.query(
            "select visitor_id, session_date, count_views "
            "from intermediate.int_web__overlong_sessions"
        )
    }
    assert found_overlong == dict(overlong)
    landed = Counter((line.hit.at.date(), line.hit.status) for line in lines)
    found = warehouse.query(
        "select event_date, status, sum(count_requests)::bigint "
        "from intermediate.int_web__visitor_days group by all"
    )
    assert {(day, status): count for day, status, count in found} == dict(landed)


def rewritten(before: Months, after: Months) -> set[tuple[str, str | None]]:
    """What another build has written since; other rows without another build would be a lie."""
    same = {place for place in before.keys() & after.keys() if before[place][0] == after[place][0]}
    assert [place for place in sorted(same, key=str) if before[place] != after[place]] == []
    return after.keys() - same


@pytest.mark.integration
@settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    database=None,
    # The assertion names the rows; shrinking would build for many minutes.
    phases=[Phase.generate],
    verbosity=Verbosity.quiet,
    suppress_health_check=list(HealthCheck),
)
@given(cases=CASES)
def test_replaced_days_are_the_full_build_and_the_slow_reading(
    warehouse: Warehouse, cases: list[list[Hit]]
) -> None:
    hits = placed(cases)
    lines: dict[int, list[Line]] = {}

    def land(load: int) -> None:
        lines[load] = warehouse.land([hit for hit in hits if hit.load == load], load)

    def landed() -> list[Line]:
        return [line for some in lines.values() for line in some]

    land(0)
    warehouse.build(models=["+tag:web_days", *KEYS, "int_web__built_days"])
    check(warehouse, landed())
    months = warehouse.months()
    assert {name for name, _ in months} >= {*DAYS, "fct_web_session", "mart_web_visitor_day"}
    land(1)
    warehouse.build()
    check(warehouse, landed())
    assert rewritten(months, warehouse.months())
    months = warehouse.months()
    land(2)
    # A build that breaks off: the next one makes up for it.
    warehouse.build(models=[*BEFORE, *DAYS])
    land(3)
    warehouse.build()
    check(warehouse, landed())
    assert warehouse.query("select count(*) from core.fct_web_session")[0][0] > 100
    assert warehouse.query("select count(*) from intermediate.int_web__overlong_sessions")[0][0] > 0

    rewritten(months, warehouse.months())
    months = warehouse.months()
    warehouse.build()
    assert rewritten(months, warehouse.months()) == set(), "nothing has landed"

    replaced = warehouse.state()
    warehouse.build("--full-refresh")
    assert warehouse.state() == replaced
    assert rewritten(months, warehouse.months()) == months.keys()

    # Lines that go again leave no empty shells, nor visitors who were never there.
    lines[3] = warehouse.land([], 3)
    count_all = warehouse.query("select count(*) from intermediate.int_web__visitors")
    warehouse.build(models=[*BEFORE, *DAYS])
    warehouse.build()
    check(warehouse, landed())
    left = warehouse.state()
    assert warehouse.query("select count(*) from intermediate.int_web__visitors") < count_all
    comments = "select comment from duckdb_tables() where table_name = 'int_web__visitors'"
    assert " changed " in warehouse.query(comments)[0][0]
    warehouse.build("--full-refresh")
    assert " all " in warehouse.query(comments)[0][0]
    assert warehouse.state() == left

    # Another rule computes every day anew.
    warehouse.seed("thresholds", gap_minutes=10)
    warehouse.build()
    check(warehouse, landed(), timedelta(minutes=10))
    assert warehouse.state()["fct_web_session"] != replaced["fct_web_session"]

    # Days that somebody asks for are computed again, others stay as they are.
    day, other = warehouse.query(
        "select session_date from core.fct_web_session group by 1 order by count(*) desc limit 2"
    )
    with duckdb.connect(str(warehouse.settings.warehouse)) as connection:
        connection.execute(
            "delete from core.fct_web_session where session_date in (?, ?)", [*day, *other]
        )
    months = warehouse.months()
    asked = f"{{backfill_from: '{day[0]}', backfill_to: '{day[0]}'}}"
    warehouse.build("--vars", asked)
    found = dict(
        warehouse.query("select session_date, count(*) from core.fct_web_session group by 1")
    )
    assert day[0] in found
    assert other[0] not in found
    month = str(day[0].replace(day=1))
    around = {str((day[0] + timedelta(days=n)).replace(day=1)) for n in (-2, 2)}
    assert month in {m for _, m in rewritten(months, warehouse.months())} <= around

    # A line without a time belongs to no month. The first build since somebody has taken the list
    # of builds away does not know who wrote a month, so it says that it did.
    timeless = Hit(None, "192.0.2.1", "/", COUNT_LOADS)  # type: ignore[arg-type]
    months = warehouse.months()
    warehouse.land([timeless], COUNT_LOADS)
    warehouse.build()
    assert {m for _, m in rewritten(months, warehouse.months())} == {None}
    comments = "select comment from duckdb_tables() where table_name = 'mart_web_day'"
    version, _, changes = warehouse.query(comments)[0][0].split(" ")
    with duckdb.connect(str(warehouse.settings.warehouse)) as connection:
        connection.execute(f"comment on table marts.mart_web_day is '{version} {changes}'")
    assert "mart_web_day" not in {name for name, _ in warehouse.months()}
    months = warehouse.months()
    warehouse.build()
    unknown = rewritten(months, warehouse.months())
    assert {name for name, _ in unknown} == {"mart_web_day"}
    assert len(unknown) > 10
