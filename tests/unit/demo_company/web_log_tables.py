"""The written web log as tables, and the signals in it by their definitions: in SQL.

The answer key was worked out in Python from the requests before they were written; here all lines
of all files count, the anonymous ones as well.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.unit.demo_company.company import Company

WEB_SIGNALS = (
    "competitor_comparison_dwell",
    "technical_documents_downloaded",
    "service_comparison_visits",
    "pricing_after_quote",
    "return_after_silence",
    "higher_level_visitor",
)

REQUESTS = r"""
create table request as
with line as (
    select regexp_extract(
        column0,
        '^(\S+) \S+ (\S+) \[([^\]]+)\] "GET (\S+) HTTP/1.1" (\d{3}) (?:\d+|-) "[^"]*" "([^"]*)"$',
        ['address', 'login', 'stamp', 'url', 'status', 'agent']
    ) as part
    from read_csv(
        ?, columns = {'column0': 'varchar'}, delim = '\x01', quote = '', escape = '', header = false
    )
)
select
    part.address || ' ' || part.agent as visitor,
    part.address as address,
    part.login as login,
    epoch(try_strptime(part.stamp, '%d/%b/%Y:%H:%M:%S %z'))::bigint as moment,
    part.url as url,
    split_part(part.url, '?', 1) as path,
    try_cast(part.status as integer) as status
from line
where moment is not null
"""
EVIDENCE = """
create table evidence as
with parameter as (
    select
        visitor,
        regexp_extract(url, '[?&](cid|email|contact_id|lead)=([^&]+)', ['name', 'value']) as given
    from request
    where url like '%?%'
)
select visitor, person
from request join login_of on request.login = login_of.login
union
select visitor, person
from parameter join named on given.name = named.parameter and given.value = named.value
"""
IDENTITY = """
create table identity as
with one as (
    select visitor, min(person) as person, count(distinct person) as persons
    from evidence group by visitor
),
last_seen as (
    select visitor, min(address) as address, max(moment) as moment
    from request
    group by visitor
),
beside_robots as (
    select * from last_seen where visitor not in (select visitor from robot)
),
range_of as (
    select visitor, network.account
    from beside_robots join network
        on network.prefix = left(address, length(network.prefix))
            and split_part(address, '.', 4)::integer between network.low and network.high
            and moment <= network.until
    where regexp_full_match(address, '[0-9.]+')
),
host_of as (
    select visitor, domain.account
    from beside_robots join domain on ends_with(address, '.' || domain.name)
)
select
    last_seen.visitor,
    case when one.persons = 1 then one.person end as person,
    case
        when one.persons = 1 then employer.account
        when one.persons > 1 then shared.account
        else coalesce(range_of.account, host_of.account)
    end as account,
    coalesce(one.persons, 0) as persons
from last_seen
left join one using (visitor)
left join employer on one.person = employer.person
left join (
    select visitor, min(account) as account
    from evidence join employer using (person)
    group by visitor having count(distinct account) = 1
) as shared using (visitor)
left join range_of using (visitor)
left join host_of using (visitor)
"""
VIEWS = """
create table web_view as
with shown as (
    select visitor, moment, path
    from request
    where status < 400
        and visitor not in (select visitor from robot)
        and address not like '203.0.113.%'
        and not regexp_matches(path, '^/(static/|img/|favicon|robots)')
        and visitor in (select visitor from identity where account is not null or persons > 0)
),
started as (
    select
        *,
        coalesce(
            moment - lag(moment) over (partition by visitor order by moment) > 1800, true
        ) as is_new
    from shown
),
numbered as (
    select *, sum(is_new::integer) over (partition by visitor order by moment) as session
    from started
),
timed as (
    select
        *,
        lead(moment) over (partition by visitor, session order by moment) - moment as seconds,
        max(moment) over (partition by visitor, session)
            - min(moment) over (partition by visitor, session) as length
    from numbered
)
select timed.*, person, account, coalesce(person, visitor) as subject
from timed join identity using (visitor)
where length <= 86400 and account is not null
"""
SIGNALS = {
    "competitor_comparison_dwell": """
        select moment, account, person, visitor from web_view
        where path like '/compare/competitor%' and seconds > 180
    """,
    "technical_documents_downloaded": """
        with counted as (
            select
                one.subject, one.moment, any_value(one.account) as account,
                any_value(one.person) as person, any_value(one.visitor) as visitor,
                count(distinct other.path) >= 2 as is_reached
            from web_view as one join web_view as other
                on one.subject = other.subject
                    and one.moment - other.moment between 0 and 7 * 86400
                    and other.path like '/docs/%'
            where one.path like '/docs/%'
            group by one.subject, one.moment
        ),
        edged as (
            select
                *,
                lag(is_reached, 1, false) over (partition by subject order by moment) as was_reached
            from counted
        )
        select moment, account, person, visitor from edged where is_reached and not was_reached
    """,
    "service_comparison_visits": """
        with visit as (
            select
                subject, path, visitor, session, min(moment) as moment,
                any_value(account) as account, any_value(person) as person
            from web_view where path like '/compare/service%'
            group by subject, path, visitor, session
        ),
        counted as (
            select
                *,
                count(*) over (
                    partition by subject, path order by moment
                    range between 14 * 86400 preceding and current row
                ) >= 3 as is_reached
            from visit
        ),
        edged as (
            select
                *,
                lag(is_reached, 1, false)
                    over (partition by subject, path order by moment) as was_reached
            from counted
        )
        select moment, account, person, visitor from edged where is_reached and not was_reached
    """,
    "pricing_after_quote": """
        with looked as (
            select moment, account, person, visitor from web_view where path = '/pricing'
        ),
        matched as (
            select looked.*, quote.no as quote, quote.moment as quoted
            from looked asof join quote
                on looked.account = quote.account and looked.moment > quote.moment
        )
        select moment, account, person, visitor
        from matched
        where moment - quoted <= 30 * 86400
        qualify row_number() over (partition by quote order by moment) = 1
    """,
    "return_after_silence": """
        select moment, account, person, visitor from web_view
        qualify moment - lag(moment) over (partition by subject order by moment) >= 30 * 86400
    """,
    "higher_level_visitor": """
        with first_view as (
            select
                person, any_value(account) as account, min(moment) as moment,
                arg_min(visitor, moment) as visitor, any_value(level_rank) as level_rank
            from web_view join employer using (person, account)
            group by person
        )
        select newer.moment, newer.account, newer.person, newer.visitor
        from first_view as newer join first_view as older
            on newer.account = older.account and older.moment < newer.moment
        group by newer.moment, newer.account, newer.person, newer.visitor, newer.level_rank
        having newer.level_rank > max(older.level_rank)
    """,
}


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def web_tables(company: Company) -> duckdb.DuckDBPyConnection:
    """Requests, who the visitors are, and what they looked at."""
    connection = duckdb.connect()
    files = [str(path) for path in sorted(Path(company.folder / "web").glob("access.log*"))]
    connection.execute(REQUESTS, [files])

    def table(name: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        names = columns.split()
        landed = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
        connection.register(f"{name}_rows", landed)
        connection.execute(f"create table {name} as from {name}_rows")

    logins = [
        (row["login"], row["crm_person"]) for row in company.lines("community/portal_*.jsonl")
    ]
    table("login_of", "login person", logins)
    named = [
        ("cid", row["click_id"], row["crm_person"])
        for row in company.lines("community/campaign_links.jsonl")
    ]
    persons = company.rows("crm", "select person_no, acc_no, dec_lvl, email from crm_person")
    named += [("contact_id", person, person) for person, _, _, _ in persons]
    named += [
        ("email", mail.capitalize().replace("@", "%40"), person) for person, _, _, mail in persons
    ]
    named += [
        ("lead", *row) for row in company.rows("crm", "select lead_no, person_no from crm_lead")
    ]
    table("named", "parameter value person", named)
    ranks = {"P": 1, "M": 2, "D": 3, "E": 4}
    table(
        "employer",
        "person account level_rank",
        [(person, account, ranks[level]) for person, account, level, _ in persons],
    )
    networks = []
    for row in company.lines("community/networks.jsonl"):
        start, _, length = row["cidr"].partition("/")
        low = int(start.rsplit(".", 1)[1])
        high = low + 2 ** (32 - int(length)) - 1
        until = seconds(row["to"]) if row["to"] else 2**40
        networks.append((row["crm_account"], start.rsplit(".", 1)[0] + ".", low, high, until))
    table("network", "account prefix low high until", networks)
    table(
        "domain",
        "account name",
        [
            (account, site.removeprefix("https://www."))
            for account, site in company.rows("crm", "select acc_no, site from crm_account")
        ],
    )
    table(
        "quote",
        "no account moment",
        [
            (no, account, seconds(f"{at}+08:00"))
            for no, account, at in company.rows(
                "crm",
                "select quote_no, acc_no, max(quoted_at) from crm_quote join crm_deal using "
                "(deal_no) group by acc_no, quoted_at",
            )
        ],
    )
    robots = company.truth("web_bots")["bots"]
    table("robot", "visitor", [(f"{row['address']} {row['agent']}",) for row in robots])
    for statement in (EVIDENCE, IDENTITY, VIEWS):
        connection.execute(statement)
    return connection


def found_in_log(
    web: duckdb.DuckDBPyConnection, signal: str
) -> set[tuple[str, str, str | None, str]]:
    """(time, account, person, visitor) of each hit."""
    rows = web.execute(
        "select strftime(to_timestamp(moment) at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ'), "
        f"account, person, visitor from ({SIGNALS[signal]})"
    ).fetchall()
    return {(at, account, person, visitor) for at, account, person, visitor in rows}


def told_hits(rows: list[dict[str, Any]]) -> set[tuple[str, str, str | None, str]]:
    """The same of hits in the answer key."""
    return {(row["at"], row["account"], row["person"], row["visitor"]) for row in rows}
