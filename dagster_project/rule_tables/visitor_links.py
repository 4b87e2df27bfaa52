"""Rule tables of the identity of web visitors: rules, address ranges, domains, decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.tables import Name, Text

# How a rule finds whom a value means → kinds of evidence it can be used for.
MATCHED_BY: Mapping[str, tuple[str, ...]] = {
    "visitor_link": ("login", "click_id", "email", "contact_key", "lead_key", "visitor_key"),
    "contact_email": ("email", "login"),
    "contact_id": ("contact_key", "login"),
    "lead_id": ("lead_key",),
    "account_range": ("address_range",),
    "domain_of_host": ("domain",),
    "domain_of_email": ("domain",),
    "domain_of_login": ("domain",),
    "shared_range": ("address_range",),
    "shared_domain": ("domain",),
}
SHARED = ("shared_range", "shared_domain")
MOST_CONFIDENT = 0.999
"""Nothing seen in a log is certain; only a person's decision is."""

DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
CANONICAL_ID = re.compile(r"[a-z][a-z0-9_]*:.+")


def _confidence(value: Any) -> Any:
    return None if value == "" else value


def _day(value: Any) -> Any:
    return None if value == "" else value


def _canonical_id(value: Any) -> Any:
    if isinstance(value, str) and not CANONICAL_ID.fullmatch(value):
        raise ValueError("write system:id, such as crm:1001")
    return value


def _canonical_id_or_nothing(value: Any) -> Any:
    return _canonical_id(value) if value else value


def range_problem(value: str) -> str | None:
    """Why a text is no range of network addresses; None for a range."""
    try:
        ip_network(value)
    except ValueError:
        try:
            return f"{value!r} has bits behind its length. Write {ip_network(value, strict=False)}"
        except ValueError:
            return f"{value!r} is no range. Write 203.0.113.0/24 or 2001:db8::/32"
    return None


def _range(value: Any) -> Any:
    if isinstance(value, str) and (problem := range_problem(value)):
        raise ValueError(problem)
    return value


def _domain(value: Any) -> Any:
    if isinstance(value, str) and (not DOMAIN.fullmatch(value) or value.startswith("www.")):
        raise ValueError("write a domain in lowercase without www., such as acme.com")
    return value


OptionalConfidence = Annotated[float | None, BeforeValidator(_confidence)]
OptionalDay = Annotated[date | None, BeforeValidator(_day)]
CanonicalId = Annotated[str, BeforeValidator(_canonical_id)]
OptionalCanonicalId = Annotated[str, BeforeValidator(_canonical_id_or_nothing)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VisitorLinkRuleRow(_Row):
    """One row of seeds/visitor_link_rule.csv."""

    link_rule_id: Name
    evidence_kind: Literal[
        "login",
        "click_id",
        "email",
        "contact_key",
        "lead_key",
        "visitor_key",
        "address_range",
        "domain",
    ]
    matched_by: Literal[
        "visitor_link",
        "contact_email",
        "contact_id",
        "lead_id",
        "account_range",
        "domain_of_host",
        "domain_of_email",
        "domain_of_login",
        "shared_range",
        "shared_domain",
    ]
    matched_value: str
    confidence: float
    valid_from: date
    name_en: Text
    name_zh: Text
    reason: Text


class AddressRangeRow(_Row):
    """One row of seeds/account_address_range.csv."""

    account_id: CanonicalId
    cidr: Annotated[str, BeforeValidator(_range)]
    confidence: OptionalConfidence
    valid_from: OptionalDay
    valid_to: OptionalDay
    note: str


class WebDomainRow(_Row):
    """One row of seeds/account_web_domain.csv."""

    account_id: CanonicalId
    web_domain: Annotated[str, BeforeValidator(_domain)]
    confidence: OptionalConfidence
    valid_from: OptionalDay
    valid_to: OptionalDay
    note: str


class VisitorOverrideRow(_Row):
    """One row of seeds/visitor_link_override.csv."""

    override_id: Text
    visitor_id: CanonicalId
    action: Literal["undo", "confirm", "assign"]
    contact_id: OptionalCanonicalId
    account_id: OptionalCanonicalId
    decided_by: Text
    decided_at: datetime
    reason: Text


CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def check_visitor_links(
    seeds: Path, check_unique: CheckUnique[Any], problems: RuleProblems
) -> None:
    """Check the four tables; ``check_unique`` notes rows with the same key."""
    rules = read_rule_rows(seeds / "visitor_link_rule.csv", VisitorLinkRuleRow, problems)
    ranges = read_rule_rows(seeds / "account_address_range.csv", AddressRangeRow, problems)
    domains = read_rule_rows(seeds / "account_web_domain.csv", WebDomainRow, problems)
    decisions = read_rule_rows(seeds / "visitor_link_override.csv", VisitorOverrideRow, problems)

    check_unique(rules, lambda row: (row.link_rule_id, row.valid_from), "link_rule_id", problems)
    check_unique(ranges, lambda row: (row.account_id, row.cidr, row.valid_from), "cidr", problems)
    check_unique(
        domains,
        lambda row: (row.account_id, row.web_domain, row.valid_from),
        "web_domain",
        problems,
    )
    check_unique(decisions, lambda row: row.override_id, "override_id", problems)
    for rule in rules:
        _check_rule(rule, problems)
    listed: list[RuleRow[AddressRangeRow] | RuleRow[WebDomainRow]] = [*ranges, *domains]
    for row in listed:
        _check_confidence(row, row.value.confidence, problems)
        first, last = row.value.valid_from, row.value.valid_to
        if first and last and last < first:
            problems.add(row, "valid_to", "the last day is before the first. Correct one")
    for decision in decisions:
        value = decision.value
        if value.action != "undo" and not (value.contact_id or value.account_id):
            problems.add(
                decision, "contact_id", f"{value.action} needs a contact or an account. Name one"
            )


def _check_rule(row: RuleRow[VisitorLinkRuleRow], problems: RuleProblems) -> None:
    rule = row.value
    if rule.evidence_kind not in MATCHED_BY[rule.matched_by]:
        problems.add(
            row,
            "matched_by",
            f"{rule.matched_by} does not fit {rule.evidence_kind}",
            rule.matched_by,
            [name for name, kinds in MATCHED_BY.items() if rule.evidence_kind in kinds],
        )
    _check_confidence(row, rule.confidence, problems)
    if rule.matched_by not in SHARED:
        return
    if rule.confidence != 0:
        problems.add(row, "confidence", "what anybody may use identifies nobody. Write 0")
    if rule.matched_by == "shared_range" and (problem := range_problem(rule.matched_value)):
        problems.add(row, "matched_value", problem)
    if rule.matched_by == "shared_domain" and not DOMAIN.fullmatch(rule.matched_value):
        problems.add(
            row, "matched_value", f"{rule.matched_value!r} is no domain. Write one such as qq.com"
        )


def _check_confidence(row: RuleRow[Any], confidence: float | None, problems: RuleProblems) -> None:
    if confidence is not None and not 0 <= confidence <= MOST_CONFIDENT:
        problems.add(
            row,
            "confidence",
            f"{confidence:g} is not between 0 and {MOST_CONFIDENT}. Nothing in a log is certain",
        )
