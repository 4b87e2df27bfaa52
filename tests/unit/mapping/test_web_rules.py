"""Rules of the web log: who is a program, what a request is, what a link carries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from dagster_project.mapping.rows import RuleProblems
from dagster_project.mapping.web_rules import (
    crawler_pattern,
    load_web_rules,
    web_macros,
    without_backslashes,
)
from dagster_project.settings import REPO_ROOT

MACROS = REPO_ROOT / "dbt" / "macros"
CRAWLERS = REPO_ROOT.parent / "shared" / "data" / "web_malformed" / "crawler-user-agents.json"
# Fixtures of the development package device-detector: agents as people's browsers send them.
ORDINARY = ("desktop", "smartphone", "tablet", "phablet", "feature_phone", "tv", "console")

Evaluate = Callable[..., list[Any]]


class Adapter:
    """Finds DuckDB's version of a macro in the same file, as dbt does."""

    @staticmethod
    @jinja2.pass_context
    def dispatch(context: jinja2.runtime.Context, name: str, _package: str) -> Any:
        return context.resolve(f"default__{name}")


@pytest.fixture(scope="module")
def evaluate() -> Iterator[Evaluate]:
    """``evaluate("web_path(x)", values)``: a macro's value for each x, by DuckDB."""
    problems = RuleProblems()
    rules = load_web_rules(REPO_ROOT / "seeds", problems)
    assert problems.messages == []
    text = "\n".join(
        (MACROS / f"{name}.sql").read_text(encoding="utf-8")
        for name in ("portable", "mapping", "web")
    )
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {
        "adapter": Adapter,
        "return": lambda value: value,
        "modules": {"re": re},
    }
    macros = vars(environment.from_string(f"{text}\n{web_macros(rules)}").module)
    with duckdb.connect() as connection:

        def run(call: str, values: list[Any]) -> list[Any]:
            sql = eval(call, {**macros, "x": "x"})  # a macro call reads the same in Python
            connection.execute(
                "create or replace table given as "
                "select unnest(range(len(?))) as place, unnest(?::varchar[]) as x",
                [values, values],
            )
            found = connection.execute(f"select {sql} from given order by place").fetchall()
            return [row[0] for row in found]

        yield run


def bots_of(evaluate: Evaluate, agents: list[str]) -> list[str | None]:
    return evaluate("web_agent_rule(x)", agents)


@pytest.mark.skipif(not CRAWLERS.exists(), reason=f"the third-party data are not at {CRAWLERS}")
def test_real_crawlers_are_flagged(evaluate: Evaluate) -> None:
    entries = json.loads(CRAWLERS.read_text(encoding="utf-8"))
    agents = [agent for entry in entries for agent in entry["instances"]]
    assert len(agents) == 2116
    missed = [
        agent for agent, rule in zip(agents, bots_of(evaluate, agents), strict=True) if rule is None
    ]
    assert len(missed) <= 0.01 * len(agents), missed


def ordinary_browsers() -> list[str]:
    spec = find_spec("device_detector")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "tests" / "fixtures" / "upstream"
    agents = set()
    for file in sorted(folder.glob("*.yml")):
        if not file.stem.startswith(ORDINARY):
            continue
        # Reading them as YAML takes half a minute.
        for entry in file.read_text(encoding="utf-8").split("\n-\n"):
            agent = re.search(r"^\s*user_agent: (\S.*)$", entry, re.M)
            if agent and re.search(r"^\s*type: browser$", entry, re.M):
                agents.add(agent[1].strip("'\""))
    return sorted(agents)


def test_ordinary_browsers_are_not_flagged(evaluate: Evaluate) -> None:
    agents = ordinary_browsers()
    assert len(agents) > 20_000
    rules = bots_of(evaluate, agents)
    flagged = [(rule, agent) for agent, rule in zip(agents, rules, strict=True) if rule]
    assert len(flagged) <= 0.001 * len(agents), flagged


@pytest.mark.parametrize(
    ("agent", "rule"),
    [
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "crawler_list",
        ),
        ("Mozilla/5.0 (compatible; FreshlyMadeBot/0.1)", "agent_says_robot"),
        ("winhttp 1.0", "agent_of_a_program"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", None),
        (
            "Mozilla/5.0 (Linux; Android 7.0; M bot 54) AppleWebKit/537.36 Chrome/78 Safari/537.36",
            None,
        ),
    ],
)
def test_agent(evaluate: Evaluate, agent: str, rule: str | None) -> None:
    assert bots_of(evaluate, [agent]) == [rule]


def test_kept_list_is_whole_and_sorted() -> None:
    """Sorted, RE2 merges what begins alike; unsorted, each agent takes 300 times as long."""
    parts = crawler_pattern().split("|")
    assert parts[0] <= parts[len(parts) // 2] <= parts[-1]
    whole = re.compile(crawler_pattern())
    for entry in CRAWLER_USER_AGENTS_DATA:
        for agent in entry["instances"][:1]:
            assert whole.search(agent), agent
    assert "\\" not in crawler_pattern()


def test_escapes_become_classes() -> None:
    assert without_backslashes(r"a\/b\.c\d[\s\S]*\(x\)") == "a/b[.]c[0-9].*[(]x[)]"
    with pytest.raises(ValueError, match=r"\\b"):
        without_backslashes(r"\bword")


@pytest.mark.parametrize(
    ("path", "kind", "group"),
    [
        ("/", "page", "home"),
        ("/index.html", "page", "home"),
        ("/Pricing/Plans", "page", "pricing"),
        ("/compare/competitor-x", "page", "competitor_comparison"),
        ("/compare/service-plans", "page", "service_comparison"),
        ("/docs/paper.PDF", "document", "document"),
        ("/docs/interface", "page", "document"),
        ("/static/app.js", "asset", "other"),
        ("/robots.txt", "asset", "other"),
        ("/healthz", "ignored", "other"),
        ("/about/us", "page", "other"),
        ("/价格", "page", "other"),
    ],
)
def test_path(evaluate: Evaluate, path: str, kind: str, group: str) -> None:
    assert evaluate("web_path_kind(x, \"'web'\")", [path]) == [kind]
    assert evaluate("web_page_group(x, \"'web'\")", [path]) == [group]


def test_events_of_tools(evaluate: Evaluate) -> None:
    names = ["page_view", "session_start", "form_submit", None]
    assert evaluate("web_event_kind(x)", names) == [None, "ignored", "interaction", None]


def test_path_is_what_rules_and_contents_name(evaluate: Evaluate) -> None:
    given = {
        "/": "/",
        "": "/",
        "/a//b/": "/a/b",
        "https://www.example.com/a/b?c=d#e": "/a/b",
        "/a;jsessionid=1?x": "/a",
        "/%E4%BB%AA/x%20y": "/仪/x y",
        "/bad%C3%28": "/bad%C3%28",
        "/100%": "/100%",
    }
    assert evaluate("web_path(x)", list(given)) == list(given.values())


def test_parameters_of_links(evaluate: Evaluate) -> None:
    urls = [
        "/?utm_source=mail&CID=ck1&email=A%2Bb%40Example.com",
        "/?gclid=g-1&acid=no",
        "/?email=a+b@example.com#x",
        "/?cid=&utm_source=%E4%BB%AA",
        "/plain",
    ]
    queries = evaluate("web_query(x)", urls)
    assert queries[-1] is None
    clicks = evaluate("web_parameter_click_id(x)", queries)
    assert evaluate("form_decoded(x)", clicks) == ["ck1", "g-1", None, None, None]
    mails = evaluate("form_decoded(x)", evaluate("web_parameter_email(x)", queries))
    assert mails == ["A+b@Example.com", None, "a b@example.com", None, None]
    sources = evaluate("form_decoded(x)", evaluate("web_parameter_utm_source(x)", queries))
    assert sources == ["mail", None, None, "仪", None]


def test_what_only_programs_read(evaluate: Evaluate) -> None:
    given = {
        "/robots.txt": "reads_robots_txt",
        "/wp-login.php": "scanner",
        "/blog/wp-login.php": "scanner",
        "/.env": "scanner",
        "/phpMyAdmin/index.php": "scanner",
        "/.git/config": "scanner",
        "/docs/wp-login-explained": None,
        "/environment": None,
    }
    assert evaluate("web_read_rule(x)", list(given)) == list(given.values())


def test_own_staff(evaluate: Evaluate) -> None:
    addresses = ["203.0.113.7", "203.0.114.7", "127.0.0.1", "::1", "fe80::1", "x", None]
    assert evaluate("is_staff_address(x)", addresses) == [
        *(True, False, True, True, False, False, False)
    ]
    assert evaluate("is_staff_user(x)", ["Admin", "administrator"]) == [True, False]


@pytest.mark.parametrize(
    ("requests", "errors", "minute", "rule"),
    [
        (20, 20, 0, None),
        (30, 15, 0, "error_share"),
        (30, 14, 0, None),
        (200, 0, 121, "requests_per_minute"),
        (200, 0, 120, None),
        (5001, 0, 0, "requests_per_day"),
    ],
)
def test_behaviour(
    evaluate: Evaluate, requests: int, errors: int, minute: int, rule: str | None
) -> None:
    call = f"web_behaviour_rule('true', 'true', {requests}, {errors}, {minute})"
    assert evaluate(call, ["x"]) == [rule]


def test_no_agent_counts_only_where_agents_are_logged(evaluate: Evaluate) -> None:
    assert evaluate("web_behaviour_rule('false', 'true', 1, 0, 0)", ["x"]) == ["no_agent"]
    assert evaluate("web_behaviour_rule('false', 'false', 1, 0, 0)", ["x"]) == [None]


BAD = {
    "web_path_rule.csv": (
        "rule_order,source_system,match,pattern,page_kind,page_group,note",
        {
            "1,,prefix,docs,page,x,": "a path begins with /",
            "1,,regex,[,page,x,": "is no regular expression",
            r"1,,regex,\d,page,x,": "without backslashes",
            "1,,exact,/a,by_path,,": "by_path is for events only",
            "1,,exact,/a,asset,x,": "asset has no group",
            "1,,exact,/a,page,,\n1,,exact,/b,page,,": "already stands in line 2",
        },
    ),
    "web_parameter_rule.csv": (
        "parameter,field,note",
        {"cid,click,": "Input should be", "cid,click_id,\nCID,email,": "already stands in line 2"},
    ),
    "web_bot_rule.csv": (
        "rule_order,bot_rule_id,kind,pattern,value,minimum_requests,name_en,name_zh,note",
        {
            "1,a,agent_pattern,,,,A,A,": "needs a pattern",
            "1,a,requests_per_day,,,,A,A,": "needs a value",
            "1,a,agent_list,,3,,A,A,": "has no value",
            "1,a,error_ratio,,5,,A,A,": "is no share",
        },
    ),
    "web_staff_rule.csv": (
        "kind,pattern,note",
        {
            "address_range,10.0.0.1/8,": "is no address range",
            "address_range,2001:db8::/33,": "an IPv6 range",
            "user_name,(,": "is no regular expression",
        },
    ),
}


@pytest.mark.parametrize(
    ("file", "header", "rows", "message"),
    [
        (file, header, rows, message)
        for file, (header, cases) in BAD.items()
        for rows, message in cases.items()
    ],
)
def test_bad_rows_are_named(
    tmp_path: Path, file: str, header: str, rows: str, message: str
) -> None:
    for name in BAD:
        (tmp_path / name).write_text(
            (REPO_ROOT / "seeds" / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    (tmp_path / file).write_text(f"{header}\n{rows}\n", encoding="utf-8")
    problems = RuleProblems()
    load_web_rules(tmp_path, problems)
    assert [text for text in problems.messages if message in text and file in text]
