"""Rule tables of the web log as dbt macros: conditions with constants in them.

A condition that is looked up in a table at run time would be one regular expression per row and
rule; written out, it is compiled once per query. The engines differ in how they escape, so no
backslash is left in any pattern.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from dagster_project.mapping.rows import RuleProblems, RuleRow, read_rule_rows
from dagster_project.mapping.transforms import literal

PAGE_KINDS = ("page", "document", "interaction")
"""Kinds of requests that become page views."""
PARAMETER_FIELDS = (
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "click_id",
    "email",
    "contact_key",
    "lead_key",
)
NO_BACKSLASH = "write it without backslashes: [.] for a dot, [0-9] for a digit"
OTHER_GROUP = "other"
NOTHING = "cast(null as string)"


def _number_or_nothing(value: Any) -> Any:
    return None if value == "" else value


def _pattern(value: Any) -> Any:
    if isinstance(value, str) and "\\" in value:
        raise ValueError(NO_BACKSLASH)
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
OptionalName = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*)?$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Pattern = Annotated[Text, BeforeValidator(_pattern)]
OptionalPattern = Annotated[str, BeforeValidator(_pattern)]
OptionalNumber = Annotated[float | None, BeforeValidator(_number_or_nothing)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebPathRow(_Row):
    """One row of seeds/web_path_rule.csv: the first that fits says what a request is."""

    rule_order: int
    source_system: str
    match: Literal["event", "exact", "prefix", "contains", "suffix", "extension", "regex"]
    pattern: Pattern
    page_kind: Literal["page", "document", "interaction", "asset", "ignored", "by_path"]
    page_group: OptionalName
    note: str


class WebParameterRow(_Row):
    """One row of seeds/web_parameter_rule.csv: a query parameter and what it means."""

    parameter: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~-]+$")]
    field: Literal[
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "click_id",
        "email",
        "contact_key",
        "lead_key",
    ]
    note: str


class WebBotRow(_Row):
    """One row of seeds/web_bot_rule.csv: a sign by which a program is known."""

    rule_order: int
    bot_rule_id: Name
    kind: Literal[
        "browser",
        "agent_list",
        "agent_pattern",
        "no_agent",
        "reads_path",
        "requests_per_minute",
        "requests_per_day",
        "error_ratio",
    ]
    pattern: OptionalPattern
    value: OptionalNumber
    minimum_requests: OptionalNumber
    name_en: Text
    name_zh: Text
    note: str


class WebStaffRow(_Row):
    """One row of seeds/web_staff_rule.csv: how our own people are known."""

    kind: Literal["address_range", "user_name", "agent_pattern"]
    pattern: Pattern
    note: str


@dataclass(frozen=True)
class WebRules:
    """The rules in the order in which they are tried."""

    paths: tuple[WebPathRow, ...]
    parameters: tuple[WebParameterRow, ...]
    bots: tuple[WebBotRow, ...]
    staff: tuple[WebStaffRow, ...]


def load_web_rules(seeds: Path, problems: RuleProblems) -> WebRules:
    """Read and check the four tables; what is wrong with them goes to ``problems``."""
    paths = read_rule_rows(seeds / "web_path_rule.csv", WebPathRow, problems)
    parameters = read_rule_rows(seeds / "web_parameter_rule.csv", WebParameterRow, problems)
    bots = read_rule_rows(seeds / "web_bot_rule.csv", WebBotRow, problems)
    staff = read_rule_rows(seeds / "web_staff_rule.csv", WebStaffRow, problems)
    _check_paths(paths, problems)
    _check_twice(parameters, "parameter", lambda row: row.parameter.lower(), problems)
    _check_bots(bots, problems)
    _check_staff(staff, problems)
    return WebRules(
        tuple(sorted((row.value for row in paths), key=lambda row: row.rule_order)),
        tuple(row.value for row in parameters),
        tuple(sorted((row.value for row in bots), key=lambda row: row.rule_order)),
        tuple(row.value for row in staff),
    )


def _check_twice(
    rows: Sequence[RuleRow[Any]],
    column: str,
    key: Callable[[Any], object],
    problems: RuleProblems,
) -> None:
    seen: dict[object, int] = {}
    for row in rows:
        value = key(row.value)
        if value in seen:
            problems.add(
                row, column, f"{value!r} already stands in line {seen[value]}. Keep one row"
            )
        seen.setdefault(value, row.line)


def _check_pattern(row: RuleRow[Any], problems: RuleProblems) -> None:
    try:
        re.compile(row.value.pattern)
    except re.error as error:
        problems.add(
            row, "pattern", f"is no regular expression ({error}). Correct {row.value.pattern!r}"
        )


def _check_paths(rows: Sequence[RuleRow[WebPathRow]], problems: RuleProblems) -> None:
    _check_twice(rows, "rule_order", lambda row: row.rule_order, problems)
    for row in rows:
        rule = row.value
        if rule.match == "regex":
            _check_pattern(row, problems)
        if rule.match in ("exact", "prefix") and not rule.pattern.startswith("/"):
            problems.add(row, "pattern", f"a path begins with /. Write '/{rule.pattern}'")
        if rule.page_kind == "by_path" and rule.match != "event":
            problems.add(
                row, "page_kind", "by_path is for events only: the path decides. Choose another"
            )
        if rule.page_group and rule.page_kind not in PAGE_KINDS:
            problems.add(row, "page_group", f"{rule.page_kind} has no group. Empty it")


def _check_bots(rows: Sequence[RuleRow[WebBotRow]], problems: RuleProblems) -> None:
    _check_twice(rows, "rule_order", lambda row: row.rule_order, problems)
    _check_twice(rows, "bot_rule_id", lambda row: row.bot_rule_id, problems)
    for row in rows:
        rule = row.value
        if (rule.kind in ("browser", "agent_pattern", "reads_path")) != bool(rule.pattern):
            problems.add(
                row,
                "pattern",
                f"{rule.kind} {'has no' if rule.pattern else 'needs a'} pattern. Correct it",
            )
        if rule.pattern:
            _check_pattern(row, problems)
        needs_value = rule.kind in (
            "reads_path",
            "requests_per_minute",
            "requests_per_day",
            "error_ratio",
        )
        if needs_value != (rule.value is not None):
            problems.add(
                row, "value", f"{rule.kind} {'needs a' if needs_value else 'has no'} value"
            )
        if rule.kind == "error_ratio" and rule.value is not None and not 0 < rule.value <= 1:
            problems.add(row, "value", f"{rule.value:g} is no share. Write more than 0, at most 1")


def _check_staff(rows: Sequence[RuleRow[WebStaffRow]], problems: RuleProblems) -> None:
    for row in rows:
        if row.value.kind != "address_range":
            _check_pattern(row, problems)
            continue
        try:
            network = ip_network(row.value.pattern)
        except ValueError as error:
            problems.add(row, "pattern", f"is no address range ({error}). Write it as 10.1.0.0/16")
            continue
        if isinstance(network, IPv6Network) and not _is_plain(network):
            problems.add(
                row,
                "pattern",
                "an IPv6 range must be one address, or end after a whole group that is not 0. "
                "Write it like 2001:db8:12::/48",
            )


def _is_plain(network: IPv6Network) -> bool:
    """Whether addresses of the range begin with its groups, however they are shortened."""
    length = network.prefixlen
    groups = network.exploded.split("/")[0].split(":")[: length // 16]
    return length == 128 or (
        length % 16 == 0 and length > 0 and all(group != "0000" for group in groups)
    )


# ---- patterns ----

ESCAPES = {"\\d": "[0-9]", "\\s": "[ ]", "\\w": "[A-Za-z0-9_]"}


def crawler_pattern() -> str:
    """The kept list as one regular expression that RE2 and Java read alike.

    Sorted, because RE2 merges neighbours that begin alike: unsorted the same list takes two hundred
    times as long.
    """
    patterns = {without_backslashes(entry["pattern"]) for entry in CRAWLER_USER_AGENTS_DATA}
    return "|".join(sorted(patterns))


def without_backslashes(pattern: str) -> str:
    """The same regular expression with character classes in place of escapes.

    Raises:
        ValueError: an escape that has no such form.
    """

    def replaced(match: re.Match[str]) -> str:
        escape = match.group()
        if escape in ESCAPES:
            return ESCAPES[escape]
        if escape[1].isalnum():
            raise ValueError(f"cannot write {escape} of {pattern!r} without a backslash")
        return f"[{escape[1]}]" if escape[1] in ".()+*?|$[" else escape[1]

    return re.sub(r"\\.", replaced, pattern.replace(r"[\s\S]", "."))


# ---- macros ----


def web_macros(rules: WebRules) -> str:
    """The macro file of the rules."""
    body = "\n\n".join(
        (
            _macro("web_event_kind", "event_name", _event_kind(rules)),
            _macro("web_path_kind", "path, source_system", _path_value(rules, "page_kind", "page")),
            _macro(
                "web_page_group", "path, source_system", _path_value(rules, "page_group", "other")
            ),
            _macro("web_agent_rule", "user_agent", _agent_rule(rules)),
            _macro("web_read_rule", "path", _read_rule(rules)),
            _macro("web_behaviour_rule", BEHAVIOUR_ARGUMENTS, _behaviour_rule(rules)),
            _macro("web_rule_rank", "bot_rule_id", _rule_rank(rules)),
            _macro("web_rule_of_rank", "rule_rank", _rule_of_rank(rules)),
            _macro("web_minute_limit", "", _minute_limit(rules)),
            _macro("is_staff_address", "address", _staff_address(rules)),
            _macro("is_staff_user", "user_name", _staff_pattern(rules, "user_name")),
            _macro("is_staff_agent", "user_agent", _staff_pattern(rules, "agent_pattern")),
            *(
                _macro(f"web_parameter_{field}", "query", _parameter(rules, field))
                for field in PARAMETER_FIELDS
            ),
        )
    )
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    version = _macro("web_rule_version", "", f"'{digest}'")
    return (
        "{# Rules of the web log: seeds/web_*_rule.csv and the package crawler-user-agents.\n"
        "   Generated by `python -m dagster_project.mapping`; edit the rows instead. #}\n\n"
        f"{version}\n\n{body}\n"
    )


BEHAVIOUR_ARGUMENTS = "has_agent, is_agent_known, requests, errors, minute_requests"


def _macro(name: str, arguments: str, body: str) -> str:
    return f"{{% macro {name}({arguments}) -%}}\n{body}\n{{%- endmacro %}}"


def _argument(name: str) -> str:
    return f"{{{{ {name} }}}}"


def _matches(value: str, pattern: str) -> str:
    """A match against a constant pattern; ``value`` is SQL or a macro's argument."""
    quoted = pattern.replace("'", "''").replace('"', '\\"')
    return f'{{{{ matches({value}, "{quoted}") }}}}'


def _cases(cases: Iterable[tuple[str, str]], otherwise: str) -> str:
    listed = "".join(f"    when {condition}\n        then {value}\n" for condition, value in cases)
    if not listed:
        return otherwise
    return f"case\n{listed}    else {otherwise}\nend"


def _event_kind(rules: WebRules) -> str:
    """What an event of an analytics tool is; NULL where its path decides."""
    cases = [
        (
            f"lower({_argument('event_name')}) in "
            f"({', '.join(literal(name.lower()) for name in rule.pattern.split('|'))})",
            NOTHING if rule.page_kind == "by_path" else literal(rule.page_kind),
        )
        for rule in rules.paths
        if rule.match == "event"
    ]
    nothing = (f"{_argument('event_name')} is null", NOTHING)
    return _cases([nothing, *cases], "'interaction'")


def _path_value(rules: WebRules, field: str, otherwise: str) -> str:
    cases = []
    for rule in rules.paths:
        if rule.match == "event":
            continue
        value = getattr(rule, field)
        if field == "page_group" and not value:
            value = OTHER_GROUP
        cases.append((_path_condition(rule), literal(value)))
    return _cases(cases, literal(otherwise))


def _path_condition(rule: WebPathRow) -> str:
    path = f"lower({_argument('path')})"
    pattern = rule.pattern.lower()
    length = len(pattern)
    condition = {
        "exact": f"{path} = {literal(pattern)}",
        "prefix": f"substr({path}, 1, {length}) = {literal(pattern)}",
        "suffix": f"right({path}, {length}) = {literal(pattern)}",
        "contains": f"instr({path}, {literal(pattern)}) > 0",
        "extension": _matches("'lower(' ~ path ~ ')'", f"[.]({pattern})$"),
        "regex": _matches("'lower(' ~ path ~ ')'", rule.pattern),
    }[rule.match]
    if rule.source_system:
        return f"{_argument('source_system')} = {literal(rule.source_system)} and {condition}"
    return condition


def _agent_rule(rules: WebRules) -> str:
    cases = []
    for rule in rules.bots:
        if rule.kind == "agent_list":
            condition = _matches("user_agent", crawler_pattern())
        elif rule.kind == "agent_pattern":
            condition = _matches("'lower(' ~ user_agent ~ ')'", rule.pattern)
        elif rule.kind == "browser":
            cases.append((_matches("'lower(' ~ user_agent ~ ')'", rule.pattern), NOTHING))
            continue
        else:
            continue
        cases.append((condition, literal(rule.bot_rule_id)))
    return _cases(cases, NOTHING)


def _read_rule(rules: WebRules) -> str:
    """The rule that a path breaks by being read."""
    cases = [
        (_matches("'lower(' ~ path ~ ')'", rule.pattern), literal(rule.bot_rule_id))
        for rule in rules.bots
        if rule.kind == "reads_path"
    ]
    return _cases(cases, NOTHING)


def _behaviour_rule(rules: WebRules) -> str:
    """The first rule that a visitor's day breaks."""
    requests, errors = _argument("requests"), _argument("errors")
    cases = []
    for rule in rules.bots:
        enough = ""
        if rule.minimum_requests is not None:
            enough = f"{requests} >= {rule.minimum_requests:g} and "
        condition = {
            "no_agent": f"{_argument('is_agent_known')} and not {_argument('has_agent')}",
            "requests_per_minute": f"{_argument('minute_requests')} > {rule.value or 0:g}",
            "requests_per_day": f"{requests} > {rule.value or 0:g}",
            "error_ratio": f"{errors} >= {rule.value or 0:g} * {requests}",
        }.get(rule.kind)
        if condition:
            cases.append((enough + condition, literal(rule.bot_rule_id)))
    return _cases(cases, NOTHING)


def _rule_rank(rules: WebRules) -> str:
    """The place of a rule: the first that was broken is the reason that is shown."""
    identity = _argument("bot_rule_id")
    cases = [
        (f"{identity} = {literal(rule.bot_rule_id)}", str(index))
        for index, rule in enumerate(rules.bots, start=1)
    ]
    return _cases(cases, "null")


def _rule_of_rank(rules: WebRules) -> str:
    cases = [
        (f"{_argument('rule_rank')} = {index}", literal(rule.bot_rule_id))
        for index, rule in enumerate(rules.bots, start=1)
    ]
    return _cases(cases, NOTHING)


def _minute_limit(rules: WebRules) -> str:
    """Visitors with no more requests in a day need no count by minute."""
    limits = [rule.value or 0 for rule in rules.bots if rule.kind == "requests_per_minute"]
    return f"{min(limits, default=10**15):.0f}"


def _staff_address(rules: WebRules) -> str:
    address = _argument("address")
    conditions = []
    number = "{{ ip4_number(address) }}"
    for rule in rules.staff:
        if rule.kind != "address_range":
            continue
        network = ip_network(rule.pattern)
        if isinstance(network, IPv4Network):
            first, last = int(network.network_address), int(network.broadcast_address)
            conditions.append(f"{number} between {first} and {last}")
        elif network.prefixlen == 128:
            conditions.append(f"lower({address}) = {literal(network.network_address.compressed)}")
        else:
            groups = network.exploded.split("/")[0].split(":")[: network.prefixlen // 16]
            pattern = "^" + "".join(f"0*{group.lstrip('0')}:" for group in groups)
            conditions.append(_matches("'lower(' ~ address ~ ')'", pattern))
    return _any(conditions)


def _staff_pattern(rules: WebRules, kind: str) -> str:
    value = "user_agent" if kind == "agent_pattern" else kind
    return _any(
        _matches(f"'lower(' ~ {value} ~ ')'", rule.pattern)
        for rule in rules.staff
        if rule.kind == kind
    )


def _any(conditions: Iterable[str]) -> str:
    listed = list(conditions)
    if not listed:
        return "false"
    return "coalesce(" + "\n    or ".join(listed) + ", false)"


def _parameter(rules: WebRules, field: str) -> str:
    names = [rule.parameter for rule in rules.parameters if rule.field == field]
    if not names:
        return NOTHING
    alternatives = "|".join(re.sub(r"[.]", "[.]", name.lower()) for name in names)
    return f'{{{{ query_value(query, "{alternatives}") }}}}'
