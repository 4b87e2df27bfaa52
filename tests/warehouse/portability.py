"""A lint for model SQL: constructs that DuckDB and Spark read differently.

Each was run on both engines. Jinja, comments and texts are taken out first, so what a macro
writes is not looked at here: macros are where engines may differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

INTEGERS = "int|integer|bigint|smallint|tinyint"
VALUE = "jinja_value"
INSIDE = r"(?:[^()]|\([^()]*\))"  # of parentheses, one level deep


@dataclass(frozen=True)
class Construct:
    """What must not be written, why, and what to write instead."""

    name: str
    pattern: str
    remedy: str

    def found_in(self, sql: str) -> list[str]:
        return [match.group(0).strip() for match in re.finditer(self.pattern, sql, re.MULTILINE)]


CONSTRUCTS = (
    Construct("whole division", r"//", "whole_division()"),
    Construct("division", r"(?<![/*])/(?![/*])(?!\s*cast\()", "safe_ratio()"),
    Construct("power operator", r"\^|\*\*", "power(); ^ is exclusive or on Spark"),
    Construct("concat", r"\bconcat\s*\(", "|| with coalesce, or concat_ws"),
    Construct("double-quoted name", r'"[^"]*"', "a plain name, or adapter.quote()"),
    Construct("star with changes", r"\*\s*(exclude|replace|except)\b", "a list of columns"),
    Construct("columns()", r"\bcolumns\s*\(", "a list of columns"),
    Construct("union by name", r"\bunion\s+(all\s+)?by\s+name\b", "columns in the same order"),
    Construct("from without select", r"(?:\A|\(|;)\s*from\b", "select … from"),
    Construct("sample", r"\b(using\s+sample|tablesample)\b", "a filter on a hash of the key"),
    Construct("pivot", r"\b(un)?pivot\b", "case when per column"),
    Construct("asof join", r"\basof\b", "a window function"),
    Construct("list or struct", r"[\[{]", "rows, or a macro"),
    Construct("list function", r"\b(list(_\w+)?|array_agg)\s*\(", "string_list() of known values"),
    Construct("text aggregate", r"\b(string_agg|listagg|group_concat)\s*\(", "string_list()"),
    Construct("lambda", r"->", "json_text(), or plain SQL"),
    Construct(
        "quantile",
        r"\b(quantile\w*|approx_\w+|percentile_approx|reservoir_quantile)\s*\(",
        "percentile() or median_of(); exact counts",
    ),
    Construct("arg_max", r"\barg_(max|min)\s*\(", "max_by() with a key against ties"),
    Construct(
        "distinct pairs", r"\bcount\s*\(\s*distinct\s+[^()]*,", "count(distinct a || ':' || b)"
    ),
    Construct(
        "fraction cast to integer",
        rf"\bcast\s*\({INSIDE}*?(?:/|\d\.\d){INSIDE}*\bas\s+({INTEGERS})\b",
        "floor() or round() before the cast",
    ),
    Construct(
        "sum of booleans", r"\b(sum|avg)\s*\(\s*(\w+\.)?(is|has)_\w+\s*\)", "sum(case when … end)"
    ),
    Construct(
        "boolean as number", r"\b(is|has)_\w+(?<!_number)\s*(=|<>)\s*[01]\b", "the boolean itself"
    ),
    Construct("avg of a decimal", r"\bavg\s*\((?!\s*cast\s*\()", "avg(cast(… as double))"),
    Construct(
        "date function",
        r"\b(date_?diff|date_?add|date_?sub|date_part|epoch\w*|isodow|dayofweek|weekday|strftime"
        r"|strptime|try_strptime|date_format|to_timestamp|unix_\w+|to_days|to_seconds|age"
        r"|make_timestamp|timezone)\s*\(",
        "elapsed_…(), add_days(), add_seconds(), weekday_number(), format_date()",
    ),
    Construct(
        "extract of an epoch or weekday",
        r"\bextract\s*\(\s*(epoch|dow|isodow|dayofweek|week|millisecond\w*|microsecond\w*)\b",
        "microseconds() or weekday_number()",
    ),
    Construct("at time zone", r"\bat\s+time\s+zone\b", "zone_to_utc() or utc_to_zone()"),
    Construct(
        "series", r"\b(generate_series|range|unnest|explode|sequence)\s*\(", "date_spine_days()"
    ),
    Construct(
        "regular expression",
        r"\b(regexp_\w+\s*\(|rlike|similar\s+to)|~",
        "matches(), regexp_group() or regexp_replace_all()",
    ),
    Construct("json", r"\b(json_\w+|get_json_object)\s*\(", "json_text()"),
    Construct("like with escape", r"\blike\b.*\bescape\b", "instr() or substr()"),
    Construct(
        "type",
        r"(?<=\bas\s)(text|varchar|timestamptz|hugeint|uhugeint|utinyint|usmallint|uinteger|ubigint"
        r"|float|real)\b|\btimestamp\s+with\s+time\s+zone\b",
        "string, timestamp (UTC), bigint or double",
    ),
    Construct("decimal without size", r"\b(decimal|numeric)\b(?!\s*\()", "decimal(18, 2)"),
    Construct(
        "row_number without order",
        r"\brow_number\s*\(\s*\)\s*over\s*\((?![^()]*order\s+by)",
        "an order that ends with a key",
    ),
    Construct("ignore nulls", r"\bignore\s+nulls\b", "last_known()"),
    Construct("qualify", r"\bqualify\b", "a CTE with the window, then where"),
    Construct("materialized", r"\bas\s+(not\s+)?materialized\b", "as ("),
    Construct(
        "clock or chance",
        r"\b(current_date|current_timestamp|now\s*\(|today\s*\(|random\s*\(|rand\s*\(|uuid\s*\()",
        "as_of_date() or as_of_end()",
    ),
)
BACKSLASH = Construct("backslash in a text", r"'[^']*\\[^']*'", "text_literal()")
ORDER_TERM = "order by without nulls last"


def portability_problems(sql: str) -> list[str]:
    """Problems of a model's SQL as written (with Jinja): construct, place and remedy."""
    without_jinja = _without_jinja(sql)
    problems = [
        f"{BACKSLASH.name}: {found}. Write {BACKSLASH.remedy}"
        for found in BACKSLASH.found_in(without_jinja)
    ]
    plain = _without_texts(without_jinja).lower()
    for construct in CONSTRUCTS:
        problems += [
            f"{construct.name}: {found!r}. Write {construct.remedy}"
            for found in construct.found_in(plain)
        ]
    problems += [
        f"{ORDER_TERM}: {term!r}. Spark puts NULLs first: say nulls first or nulls last"
        for term in _open_order_terms(plain)
    ]
    return problems


def _without_jinja(sql: str) -> str:
    sql = re.sub(r"\{#.*?#\}", " ", sql, flags=re.DOTALL)
    sql = re.sub(r"\{%.*?%\}", " ", sql, flags=re.DOTALL)
    # A call that configures stands for no value.
    sql = re.sub(r"\{\{-?\s*config\(.*?\}\}", " ", sql, flags=re.DOTALL)
    sql = re.sub(r"\{\{.*?\}\}", VALUE, sql, flags=re.DOTALL)
    return re.sub(r"--[^\n]*", " ", sql)


def _without_texts(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", sql)


def _open_order_terms(sql: str) -> list[str]:
    """Ascending terms of ``order by`` that do not say where NULLs go."""
    terms = []
    for match in re.finditer(r"\border\s+by\b", sql):
        terms += [
            term
            for term in _split_terms(sql[match.end() :])
            if not re.search(r"\bdesc\b|\bnulls\s+(first|last)\b", term)
        ]
    return terms


def _split_terms(rest: str) -> list[str]:
    """Terms up to the end of the clause: a closing parenthesis, a frame, limit or another part."""
    depth, start, terms = 0, 0, []
    end = len(rest)
    stop = re.compile(r"\b(rows|range|limit|union|qualify)\b")
    for position, letter in enumerate(rest):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth < 0:
                end = position
                break
        elif depth == 0 and letter == ",":
            terms.append(rest[start:position])
            start = position + 1
        elif depth == 0 and stop.match(rest, position):
            end = position
            break
    terms.append(rest[start:end])
    return [" ".join(term.split()) for term in terms if term.strip()]
