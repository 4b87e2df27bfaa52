"""`make bench-indices`: what a daily increment of the relationship indices costs, beside one scan.

Customers, touches and the acts that join customers are made by SQL straight into the tables that
graph and indices read. The yardstick is one DuckDB process that reads all columns of these tables
once; a second one also reads what earlier days have made and a day looks at again. Each step is a
process of its own, measured by the operating system: CPU seconds and peak memory, with dbt's own
start in it; a run that builds one view shows how much that start is. The project is parsed before,
as `make run` does once for all models of a day. Touches and acts of the
last day are there from the beginning but not known before it, its opportunities and one new
customer in a thousand come with it, so the second build has one day to add; the next has nothing to
do, and the last finds a late touch and two customers that have become one.

How fast a shared machine is changes within minutes, so the yardsticks and dbt's start are measured
again just before each step, and the day with what follows it several times from a copy of the
warehouse that is on the disk before anything is measured; medians are printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import duckdb

from dagster_project.defs import dbt_process
from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings, process_environment, program

AS_OF = date(2026, 6, 30)
# The rest of a process is about half a gigabyte.
DUCKDB_MEMORY = "3GB"
MODELS = (
    "int_rules__thresholds",
    "path:models/intermediate/graph",
    "path:models/core/graph",
    "path:models/intermediate/relationship",
    "path:models/core/relationship",
)
INDUSTRIES = "['medical_devices', 'manufacturing', 'retail', 'saas']"
LINES = "['Patient monitoring', 'Factory automation', 'Retail terminals', 'Cloud platform']"
TABLES = """
create schema core; create schema intermediate; create schema staging; create schema marts;
create table core.dim_date as
    select cast(day as date) as date_day
    from (
        select unnest(generate_series(date '2024-01-01', date '2027-12-31', interval 1 day)) as day
    );
create table core.dim_customer as
    select 'c:' || n as customer_id, 'Customer ' || n as customer_name,
        {industries}[n % 4 + 1] as industry, {industries}[n % 4 + 1] as segment,
        timestamp '2024-06-01' as created_at
    from range({customers}) as numbers (n);
create table core.bridge_account_customer as
    select 'a:' || n as account_id, 'c:' || n % {customers} as customer_id
    from range({customers} * 5 // 4) as numbers (n);
create table core.dim_contact as
    select 'p:' || n as contact_id, 'a:' || n % {customers} as account_id,
        case when n % 5 > 0 then 'x' end as email, case when n % 3 > 0 then 'x' end as phone,
        case when n % 4 = 0 then 'x' end as external_chat_id
    from range({customers} * 2) as numbers (n);
create table core.bridge_contact_person as
    select contact_id, contact_id as person_id, 'c:' || substr(account_id, 3) as customer_id
    from core.dim_contact;
create table core.dim_person as
    select contact_id as person_id,
        ['executive', 'director', 'manager', 'practitioner'][cast(hash(contact_id) % 4 as int) + 1]
            as decision_level
    from core.dim_contact;
create table core.fct_opportunity as
    select 'o:' || n as opportunity_id, 'a:' || n % {customers} as account_id,
        {lines}[n % 4 + 1] as product_line,
        timestamp '{first_day}' + to_hours(cast(hash(n) % ({days} * 24) as int)) as created_at,
        case when n % 3 > 0 then timestamp '{first_day}' + to_hours(
            cast(hash(n) % ({days} * 24) + 24 * (20 + n % 90) as int)
        ) end as closed_at,
        cast(null as varchar) as contact_id, cast(null as timestamp) as engaged_at,
        created_at as first_loaded_at,
        case when hash(n * 11) % ({customers} * 2) < {edges} * 3 // 10
            then 'a:' || hash(n * 13) % {customers} end as referred_by_account_id
    from range({customers} * 2) as numbers (n);
create table core.fct_lead as
    select cast(null as varchar) as lead_id, cast(null as varchar) as account_id,
        cast(null as varchar) as product_line
    where false;
create table core.fct_activity as
    select 't:' || n as activity_id, 'crm' as source_system,
        case when n % 10 > 0 then 'a:' || hash(n) % ({customers} * 5 // 4) end as account_id,
        'p:' || hash(n) % ({customers} * 2) as contact_id,
        -- Of an opportunity that is there by then.
        case
            when n % 3 = 0 and to_hours(
                cast(hash(cast(hash(n) % ({customers} * 2) as bigint)) % ({days} * 24) as int)
            ) <= to_milliseconds(cast(n / {touches} * {days} * 86400000.0 as bigint))
                then 'o:' || hash(n) % ({customers} * 2)
        end as opportunity_id,
        cast(null as varchar) as lead_id, 'r:' || n % 900 as rep_id,
        ['call', 'mail', 'meeting', 'chat', 'visit', 'demo'][cast(hash(n * 7) % 6 as int) + 1]
            as channel,
        ['inbound', 'outbound'][n % 2 + 1] as direction,
        timestamp '{first_day}'
        + to_milliseconds(cast(n / {touches} * {days} * 86400000.0 as bigint)) as occurred_at,
        occurred_at + to_minutes(cast(hash(n * 3) % 2880 as int)) as recorded_at
    from range({touches} * 7 // 10) as numbers (m), lateral (select m * 10 // 7 as n);
create table intermediate.int_intent__keyword_matches as
    select 'activity_text' as text_object, 'w:' || activity_id as text_id, activity_id,
        recorded_at as known_at,
        ['budget', 'security', 'finance_check'][cast(hash(activity_id) % 3 as int) + 1]
            as keyword_group
    from core.fct_activity where hash(activity_id) % 4 = 0;
create table intermediate.int_canonical__contents as
    select 'k:' || n as content_id, ['security', 'cost', 'technical', 'trend'][n % 4 + 1] as topic,
        {industries}[n % 4 + 1] as industry, '/resources/' || n as url_path
    from range(40) as numbers (n);
create table intermediate.int_intent__visits as
    select 's:' || n as session_id, 'web' as source_system,
        'a:' || hash(n) % {customers} as account_id, cast(null as varchar) as contact_id,
        timestamp '{first_day}'
        + to_milliseconds(cast(n / ({touches} / 5.0) * {days} * 86400000.0 as bigint))
            as occurred_at,
        cast(occurred_at as date) as session_date, occurred_at as known_at,
        ['home', 'pricing', 'product', 'document'][cast(hash(n) % 4 as int) + 1] as page_group,
        '/p/' || n % 100 as url_path
    from range({touches} // 5) as numbers (n);
create table intermediate.int_canonical__content_shares as
    select 'h:' || n as content_share_id, 'community' as source_system,
        'a:' || hash(n) % {customers} as account_id,
        case when hash(n // 4) % ({touches} // 10) < {edges} // 2
            then 'p:' || n // 4 % ({customers} * 2) end as contact_id,
        case when contact_id is not null then 'p:' || hash(n * 17) % ({customers} * 2) end
            as to_contact_id,
        'k:' || n % 40 as content_id,
        timestamp '{first_day}'
        + to_milliseconds(cast(n / ({touches} / 10.0) * {days} * 86400000.0 as bigint))
            as shared_at
    from range({touches} // 10) as numbers (n);
create table intermediate.int_canonical__community_posts as
    select 'b:' as community_post_id, 'community' as source_system, 'a:1' as account_id,
        cast(null as varchar) as contact_id, 'integration' as topic,
        timestamp '{first_day}' as posted_at;
create table intermediate.int_canonical__event_attendances as
    select 'e:' || n as event_attendance_id, 'community' as source_system,
        'event ' || n // 40 as event_name, 'a:' || hash(n * 19) % {customers} as account_id,
        cast(null as varchar) as contact_id,
        timestamp '{first_day}' + to_hours(cast(n // 40 % ({days} * 24) as int)) as attended_at
    from range({edges} // 10) as numbers (n);
create table intermediate.int_canonical__account_relationships as
    select 'r:' || n as account_relationship_id, 'supplier' as kind,
        'a:' || hash(n * 23) % {customers} as account_id,
        'a:' || hash(n * 29) % {customers} as other_account_id,
        timestamp '{first_day}' + to_hours(cast(hash(n * 5) % ({days} * 24) as int)) as since,
        since as first_loaded_at
    from range({edges} // 10) as numbers (n);
create table intermediate.int_canonical__contact_job_changes as
    select 'j:' || n as contact_job_change_id, 'p:' || n * 4 as contact_id,
        'a:' || n * 4 % {customers} as from_account_id,
        'a:' || hash(n * 31) % {customers} as to_account_id,
        timestamp '{first_day}' + to_hours(cast(hash(n * 7) % ({days} * 24) as int)) as changed_at
    from range({edges} // 20) as numbers (n);
"""
SCAN = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("set threads = 2")
for table in sys.argv[2:]:
    connection.execute(f"select bit_xor(hash(touches)) from ({table}) as touches").fetchall()
"""
READ = (
    "from core.dim_customer",
    "from core.bridge_account_customer",
    "from core.dim_contact",
    "from core.bridge_contact_person",
    "from core.dim_person",
    "from core.fct_opportunity",
    "from core.fct_activity",
    "from intermediate.int_intent__keyword_matches",
    "from intermediate.int_intent__visits",
    "from intermediate.int_canonical__content_shares",
    "from intermediate.int_canonical__event_attendances",
    "from intermediate.int_canonical__account_relationships",
    "from intermediate.int_canonical__contact_job_changes",
)
# What earlier days have made and a day reads again: of the indices the last day alone.
KEPT = (
    "from intermediate.int_graph__acts",
    "from intermediate.int_graph__edges",
    "from intermediate.int_graph__paths",
    "from intermediate.int_graph__pairs",
    "from core.fct_influence_reach_day",
    "from intermediate.int_relationship__kept_parts",
    "from intermediate.int_relationship__customer_records",
    "from intermediate.int_relationship__customer_channels",
    "from intermediate.int_relationship__open_lines",
    "from core.fct_relationship_index_day where index_date = date '{last_day}'",
)
# What comes with the last day, besides its records.
HOLD_BACK = """
create schema later;
create table later.fct_opportunity as
    from core.fct_opportunity where created_at >= timestamp '{last_day}';
delete from core.fct_opportunity where created_at >= timestamp '{last_day}';
"""
BRING_BACK = """
insert into core.fct_opportunity from later.fct_opportunity;
insert into core.dim_customer by name
    select * replace ('c:new' || substr(customer_id, 3) as customer_id)
    from core.dim_customer where cast(substr(customer_id, 3) as int) % 1000 = 0;
insert into core.bridge_account_customer by name
    select replace(customer_id, 'c:', 'a:') as account_id, customer_id
    from core.dim_customer where starts_with(customer_id, 'c:new');
insert into core.dim_contact by name
    select replace(customer_id, 'c:', 'p:') as contact_id,
        replace(customer_id, 'c:', 'a:') as account_id, 'x' as email
    from core.dim_customer where starts_with(customer_id, 'c:new');
insert into core.bridge_contact_person by name
    select contact_id, contact_id as person_id, replace(contact_id, 'p:', 'c:') as customer_id
    from core.dim_contact where starts_with(contact_id, 'p:new');
insert into core.dim_person by name
    select contact_id as person_id, 'manager' as decision_level
    from core.dim_contact where starts_with(contact_id, 'p:new');
"""
CHANGES = """
insert into core.fct_activity by name
    select * replace (
        'late' as activity_id, occurred_at - interval 60 day as occurred_at,
        recorded_at - interval 60 day as recorded_at
    )
    from core.fct_activity order by occurred_at desc limit 1;
update core.bridge_account_customer set customer_id = 'c:1' where customer_id = 'c:2';
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system), elapsed seconds and peak memory of one process."""

    cpu_seconds: float
    wall_seconds: float
    peak_gb: float


@dataclass(frozen=True)
class Step:
    """A build, and what the scans and dbt's start cost just before it."""

    name: str
    cost: Cost
    scan: Cost
    scan_with_kept: Cost
    start: Cost


def measure(command: Sequence[str], settings: Settings, as_of: date) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; its command and last output are in the message.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=REPO_ROOT,
            env=process_environment()
            | settings.dbt_environment(as_of)
            | {"SMH_DUCKDB_MEMORY": DUCKDB_MEMORY},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status):
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{output.read()[-3000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024**2)


def connected(settings: Settings) -> duckdb.DuckDBPyConnection:
    """The warehouse; no progress bars, which a process without a main file would show."""
    connection = duckdb.connect(str(settings.warehouse))
    connection.execute("set enable_progress_bar = false")
    return connection


def write_tables(settings: Settings, customers: int, touches: int, edges: int, days: int) -> None:
    """Make what the indices read, in a warehouse of its own."""
    settings.sources_file.write_text(f"as_of = {AS_OF}\nsource = []\n", encoding="utf-8")
    compile_mapping(settings)
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connected(settings) as connection:
        connection.execute("set threads = 2")
        connection.execute(
            TABLES.format(
                customers=customers,
                touches=touches,
                edges=edges,
                days=days,
                first_day=AS_OF - timedelta(days=days - 1),
                industries=INDUSTRIES,
                lines=LINES,
            )
        )


def change(settings: Settings, statements: str) -> None:
    """Change what the indices read."""
    with connected(settings) as connection:
        connection.execute(statements)


def apart(function: Callable[..., None], *arguments: object) -> None:
    """Call it in another process: Linux counts what this one holds into its children's peak."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(function, *arguments).result()


def measure_step(name: str, settings: Settings, as_of: date, kept: Sequence[str] = ()) -> Step:
    """Build the indices, after the scans and a run of dbt that builds one view.

    ``kept`` are the questions for what earlier days have made; without them there is one scan.
    """
    dbt = [*dbt_process.COMMAND, "run", "--project-dir", str(settings.dbt_project), "--select"]
    scan = [sys.executable, "-c", SCAN, str(settings.warehouse), *READ]
    scan_cost = measure(scan, settings, as_of)
    with_kept_cost = measure([*scan, *kept], settings, as_of) if kept else scan_cost
    start_cost = measure([*dbt, "int_rules__thresholds"], settings, as_of)
    print(f"{name} …", file=sys.stderr, flush=True)
    cost = measure([*dbt, *MODELS], settings, as_of)
    return Step(name, cost, scan_cost, with_kept_cost, start_cost)


def measure_indices(settings: Settings, repeats: int) -> list[Step]:
    """The first build; then, ``repeats`` times, one more day, the same day, changed customers."""
    dbt = program("dbt")
    project = ["--project-dir", str(settings.dbt_project)]
    yesterday = AS_OF - timedelta(days=1)
    measure([dbt, "seed", *project], settings, AS_OF)
    apart(change, settings, HOLD_BACK.format(last_day=AS_OF))
    measure([dbt, "parse", *project], settings, yesterday)
    steps = [measure_step("all days but the last", settings, yesterday)]
    apart(change, settings, BRING_BACK)
    measure([dbt, "parse", *project], settings, AS_OF)
    before = settings.warehouse.with_suffix(".before")
    shutil.copy(settings.warehouse, before)
    kept = [question.format(last_day=yesterday) for question in KEPT]
    kept_now = [question.format(last_day=AS_OF) for question in KEPT]
    for _ in range(repeats):
        shutil.copy(before, settings.warehouse)
        # What is still being written to the disk would be counted into the first scan.
        os.sync()
        steps += [
            measure_step("one more day", settings, AS_OF, kept),
            measure_step("the same day once more", settings, AS_OF, kept_now),
        ]
        apart(change, settings, CHANGES)
        steps.append(measure_step("some changed customers", settings, AS_OF, kept_now))
    return steps


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Relationship indices of many customers.")
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--touches", type=int, default=10_000_000)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=180, help="days of history")
    parser.add_argument(
        "--home", type=Path, help="folder for the files; by default a temporary one"
    )
    parser.add_argument("--repeats", type=int, default=3, help="times to measure the day")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=options.home) as folder:
        settings = Settings(home=Path(folder))
        size = (options.customers, options.touches, options.edges, options.days)
        apart(write_tables, settings, *size)
        steps = measure_indices(settings, options.repeats)
    print(
        f"{options.customers:,} customers, {options.touches:,} touches, {options.edges:,} edges, "
        f"{options.days} days\n\n{table(steps)}\n",
        flush=True,
    )
    return 0


def table(steps: Sequence[Step]) -> str:
    """Rows of a Markdown table: medians, and ratios to the scans that were measured beside."""
    days = steps[1:]
    rows = [
        "| step | CPU s | wall s | peak GB | ÷ scan | without dbt's start | ÷ scan with kept |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        table_row("one scan of what the indices are made from", [step.scan for step in steps]),
        table_row("one scan of that and of what is kept", [step.scan_with_kept for step in days]),
        table_row("dbt, one view", [step.start for step in steps]),
        table_row(steps[0].name, [steps[0].cost]),
    ]
    for name in dict.fromkeys(step.name for step in days):
        of_name = [step for step in days if step.name == name]
        ratios = (
            [step.cost.cpu_seconds / step.scan.cpu_seconds for step in of_name],
            [
                (step.cost.cpu_seconds - step.start.cpu_seconds) / step.scan.cpu_seconds
                for step in of_name
            ],
            [step.cost.cpu_seconds / step.scan_with_kept.cpu_seconds for step in of_name],
        )
        rows.append(table_row(name, [step.cost for step in of_name], ratios))
    return "\n".join(rows)


def table_row(
    name: str, costs: Sequence[Cost], ratios: Sequence[Sequence[float]] = ((), (), ())
) -> str:
    """Medians of costs and, with smallest and largest, of ratios; the largest peak."""
    cells = [
        f"{median(ratio):.1f} ({min(ratio):.1f} to {max(ratio):.1f})" if ratio else ""
        for ratio in ratios
    ]
    return (
        f"| {name} | {median(cost.cpu_seconds for cost in costs):.1f} "
        f"| {median(cost.wall_seconds for cost in costs):.1f} "
        f"| {max(cost.peak_gb for cost in costs):.2f} | {' | '.join(cells)} |"
    )


if __name__ == "__main__":
    sys.exit(main())
