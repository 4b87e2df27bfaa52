"""Rule tables of intent: signals, weights, keywords, norms of stalling, next steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.mapping.web_rules import WebPathRow
from dagster_project.rule_tables.tables import CanonicalCodeRow, Name, OptionalName, Text

PAGES = ("page_group", "url_pattern")
COUNT = ("min_count", "window_days")
UNSPACED = ("zh", "ja", "th")
"""Languages without blanks between words; the models name the same ones."""
CONDITIONS = (
    *PAGES,
    "min_seconds",
    "distinct_on",
    "counted_per",
    *COUNT,
    "after_object",
    "after_days",
    "silence_days",
    "keyword_group",
    "channels",
    "direction",
    "min_questions",
    "decision_levels",
)


@dataclass(frozen=True)
class Kind:
    """Which condition columns a kind of signal needs, and which it may have besides."""

    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    needs_page: bool = False

    @property
    def allowed(self) -> set[str]:
        pages = PAGES if self.needs_page else ()
        return {*self.needed, *self.optional, *pages, *COUNT}


COUNTED = ("distinct_on", "counted_per", "min_seconds")
KINDS: Mapping[str, Kind] = {
    "page_count": Kind(optional=COUNTED, needs_page=True),
    "download": Kind(optional=COUNTED, needs_page=True),
    "dwell": Kind(needed=("min_seconds",), optional=COUNTED, needs_page=True),
    "sequence": Kind(needed=("after_object", "after_days"), needs_page=True),
    "recency": Kind(needed=("silence_days",)),
    "keyword": Kind(needed=("keyword_group",), optional=("channels", "direction")),
    "repeat_keyword": Kind(needed=("keyword_group",), optional=("channels", "direction")),
    "questions": Kind(needed=("min_questions",)),
    "shares": Kind(optional=("distinct_on",)),
    "person_change": Kind(needed=("decision_levels",)),
    "higher_level_visitor": Kind(),
}
# Reasons that the models find by themselves; others need a keyword group.
FOUND_REASONS: Mapping[str, tuple[str, ...]] = {
    "stalled_lead": ("decision_maker_left", "quote_unanswered", "no_owner_touch"),
    "silent_lead": ("no_follow_up", "reads_in_silence", "followed_up_once", "followed_up_often"),
}
NEEDED_THRESHOLDS = (
    ("silent_lead_hours", "hours"),
    ("quote_outcome_hours", "hours"),
    ("high_intent_points", "points"),
    ("medium_intent_points", "points"),
    ("intent_floor_points", "points"),
    ("intent_comparison_days", "days"),
    ("intent_factor_days", "days"),
)


def _whole(value: Any) -> Any:
    return None if value == "" else value


def _pattern(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    if "\\" in value or "(?" in value:
        raise ValueError("write the pattern without backslashes and (?…): engines differ there")
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return value


def _items(value: Any) -> Any:
    if isinstance(value, str) and value and not all(value.split("|")):
        raise ValueError("write the values with | between them")
    return value


Whole = Annotated[int | None, BeforeValidator(_whole)]
Pattern = Annotated[str, BeforeValidator(_pattern)]
Items = Annotated[str, BeforeValidator(_items)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IntentSignalRow(_Row):
    """One row of seeds/intent_signal.csv."""

    signal_id: Name
    version: int
    is_active: bool
    valid_from: date
    kind: Literal[
        "page_count",
        "download",
        "dwell",
        "sequence",
        "recency",
        "keyword",
        "repeat_keyword",
        "questions",
        "shares",
        "person_change",
        "higher_level_visitor",
    ]
    subject_level: Literal["contact", "account"]
    page_group: OptionalName
    url_pattern: Pattern
    min_seconds: Whole
    distinct_on: Literal["", "view", "path", "session", "day"]
    counted_per: Literal["", "path"]
    min_count: Whole
    window_days: Whole
    after_object: Literal["", "quote", "opportunity", "lead", "order", "event_attendance"]
    after_days: Whole
    silence_days: Whole
    keyword_group: OptionalName
    channels: Items
    direction: Literal["", "inbound", "outbound"]
    min_questions: Whole
    decision_levels: Items
    cooldown_days: Whole
    weight: float
    half_life_days: float
    name_en: Text
    name_zh: Text
    description_en: Text
    description_zh: Text
    play_en: Text
    play_zh: Text
    reason: Text


class IntentSignalWeightRow(_Row):
    """One row of seeds/intent_signal_weight.csv."""

    signal_id: Name
    industry: Name
    weight: float
    valid_from: date
    reason: Text


class IndustryKeywordRow(_Row):
    """One row of seeds/industry_keyword.csv."""

    keyword_group: Name
    industry: OptionalName
    language: Name
    keyword: Text
    use: Literal["match", "except"]
    note: str


class StallNormRow(_Row):
    """One row of seeds/stall_norm.csv."""

    industry: OptionalName
    norm_days: float
    valid_from: date
    reason: Text


class NextStepRow(_Row):
    """One row of seeds/next_step.csv."""

    list: Literal["silent_lead", "stalled_lead"]
    reason_code: Name
    priority: int
    keyword_group: OptionalName
    reason_en: Text
    reason_zh: Text
    next_step_en: Text
    next_step_zh: Text


CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def check_intent(
    seeds: Path,
    codes: list[RuleRow[CanonicalCodeRow]],
    check_unique: CheckUnique[Any],
    problems: RuleProblems,
) -> None:
    """Check the five tables; ``check_unique`` notes rows with the same key."""
    signals = read_rule_rows(seeds / "intent_signal.csv", IntentSignalRow, problems)
    weights = read_rule_rows(seeds / "intent_signal_weight.csv", IntentSignalWeightRow, problems)
    keywords = read_rule_rows(seeds / "industry_keyword.csv", IndustryKeywordRow, problems)
    norms = read_rule_rows(seeds / "stall_norm.csv", StallNormRow, problems)
    steps = read_rule_rows(seeds / "next_step.csv", NextStepRow, problems)

    check_unique(signals, lambda row: (row.signal_id, row.version), "version", problems)
    check_unique(signals, lambda row: (row.signal_id, row.valid_from), "valid_from", problems)
    check_unique(
        weights, lambda row: (row.signal_id, row.industry, row.valid_from), "industry", problems
    )
    check_unique(
        keywords,
        lambda row: (row.keyword_group, row.industry, row.language, row.keyword.lower()),
        "keyword",
        problems,
    )
    check_unique(norms, lambda row: (row.industry, row.valid_from), "industry", problems)
    check_unique(steps, lambda row: (row.list, row.reason_code), "reason_code", problems)
    check_unique(steps, lambda row: (row.list, row.priority), "priority", problems)

    known: dict[str, set[str]] = {}
    for code in codes:
        known.setdefault(code.value.code_list, set()).add(code.value.code)
    groups = {row.value.keyword_group for row in keywords if row.value.use == "match"}
    # Its own problems are told by the mapping compiler.
    paths = read_rule_rows(seeds / "web_path_rule.csv", WebPathRow, RuleProblems())
    pages = {row.value.page_group for row in paths} - {""} | {"other", "document"}
    for signal in signals:
        _check_conditions(signal, problems)
        _check_names(signal, known, groups, pages, problems)
    _check_versions(signals, problems)
    _check_keywords(keywords, problems)
    _check_steps(steps, groups, problems)

    ids = {row.value.signal_id for row in signals}
    for weight in weights:
        if weight.value.signal_id not in ids:
            name = weight.value.signal_id
            problems.add(weight, "signal_id", f"there is no signal {name!r}", name, ids)
        if weight.value.weight <= 0:
            problems.add(weight, "weight", "a weight is above 0. Switch the signal off instead")
    with_industry: list[
        RuleRow[IntentSignalWeightRow] | RuleRow[IndustryKeywordRow] | RuleRow[StallNormRow]
    ] = [*weights, *keywords, *norms]
    for row in with_industry:
        name = row.value.industry
        if name and known and name not in known.get("industry", set()):
            allowed = known.get("industry", set())
            problems.add(row, "industry", f"unknown industry {name!r}", name, allowed)
    for norm in norms:
        if norm.value.norm_days <= 0:
            problems.add(norm, "norm_days", "a norm is above 0 days. Write how many")
    if norms and not any(row.value.industry == "" for row in norms):
        problems.messages.append(
            f"{norms[0].file}: no row without industry, which all other industries need. Add one."
        )


def _check_conditions(row: RuleRow[IntentSignalRow], problems: RuleProblems) -> None:
    """The columns that the kind needs are filled, and no others."""
    signal = row.value
    kind = KINDS[signal.kind]
    filled = {name for name in CONDITIONS if getattr(signal, name) not in (None, "", False)} | {
        name for name in CONDITIONS if getattr(signal, name) == 0
    }
    for name in kind.needed:
        if name not in filled:
            problems.add(row, name, f"{signal.kind} needs it. Fill it")
    if kind.needs_page and not filled & set(PAGES):
        problems.add(row, "page_group", f"{signal.kind} needs a page group or a url_pattern")
    for name in sorted(filled - kind.allowed):
        problems.add(row, name, f"{signal.kind} does not look at it. Empty it")
    for name in (
        "min_seconds",
        "min_count",
        "window_days",
        "after_days",
        "silence_days",
        "min_questions",
    ):
        value = getattr(signal, name)
        if value is not None and value < 1:
            problems.add(row, name, f"{value} is below 1. Write 1 or more, or nothing")
    if signal.cooldown_days is not None and signal.cooldown_days < 0:
        problems.add(row, "cooldown_days", f"{signal.cooldown_days} is below 0. Write 0 or more")
    if signal.window_days is not None and (signal.min_count or 1) == 1:
        problems.add(
            row, "window_days", "a window needs something to count. Write a min_count above 1"
        )
    if signal.kind == "repeat_keyword" and (signal.min_count or 1) < 2:
        problems.add(row, "min_count", "what is repeated is counted to 2 at least")
    if signal.weight <= 0:
        problems.add(row, "weight", "a weight is above 0. Set is_active to false instead")
    if signal.half_life_days <= 0:
        problems.add(row, "half_life_days", "a half-life is above 0 days. Write how many")


def _check_names(
    row: RuleRow[IntentSignalRow],
    known: Mapping[str, set[str]],
    groups: set[str],
    pages: set[str],
    problems: RuleProblems,
) -> None:
    signal = row.value
    if signal.page_group and signal.page_group not in pages:
        name = signal.page_group
        problems.add(row, "page_group", f"no rule gives group {name!r}", name, pages)
    if signal.keyword_group and signal.keyword_group not in groups:
        name = signal.keyword_group
        problems.add(row, "keyword_group", f"no keyword of group {name!r}", name, groups)
    lists = {
        "channels": {*known.get("activity_channel", set()), "community_post"},
        "decision_levels": known.get("decision_level", set()),
    }
    for column, allowed in lists.items():
        for name in filter(None, getattr(signal, column).split("|")):
            if known and name not in allowed:
                problems.add(row, column, f"unknown value {name!r}", name, allowed)


def _check_versions(rows: list[RuleRow[IntentSignalRow]], problems: RuleProblems) -> None:
    """A later version begins later: the models end a version where the next begins."""
    latest: dict[str, RuleRow[IntentSignalRow]] = {}
    for row in sorted(rows, key=lambda row: (row.value.signal_id, row.value.version)):
        before = latest.get(row.value.signal_id)
        if before is not None and row.value.valid_from < before.value.valid_from:
            problems.add(
                row,
                "valid_from",
                f"version {row.value.version} begins before version {before.value.version} in "
                f"line {before.line}. Write {before.value.valid_from} or later",
            )
        latest[row.value.signal_id] = row


def _check_keywords(rows: list[RuleRow[IndustryKeywordRow]], problems: RuleProblems) -> None:
    for row in rows:
        word = row.value.keyword.lower()
        if not any(sign.isalnum() for sign in word):
            problems.add(row, "keyword", "a keyword holds a letter or digit. Write one")
            continue
        if row.value.use == "match":
            continue
        inside = [
            other.value.keyword
            for other in rows
            if other.value.use == "match"
            and other.value.keyword_group == row.value.keyword_group
            and (other.value.language in UNSPACED) == (row.value.language in UNSPACED)
            and other.value.keyword.lower() in word
        ]
        if not inside:
            problems.add(
                row,
                "keyword",
                f"{row.value.keyword!r} excepts nothing: it holds no keyword of "
                f"{row.value.keyword_group}. Remove the row or add the keyword",
            )


def _check_steps(
    rows: list[RuleRow[NextStepRow]], groups: set[str], problems: RuleProblems
) -> None:
    for row in rows:
        step = row.value
        found = FOUND_REASONS[step.list]
        if step.keyword_group and step.keyword_group not in groups:
            name = step.keyword_group
            problems.add(row, "keyword_group", f"no keyword of group {name!r}", name, groups)
        if step.keyword_group and (step.list != "stalled_lead" or step.reason_code in found):
            problems.add(
                row, "keyword_group", f"{step.reason_code} is not found by words. Empty it"
            )
        if not step.keyword_group and step.reason_code not in found:
            problems.add(
                row,
                "reason_code",
                f"nothing finds {step.reason_code!r} for {step.list}; name a keyword_group, or",
                step.reason_code,
                found,
            )
    for name, reasons in FOUND_REASONS.items():
        missing = set(reasons) - {row.value.reason_code for row in rows if row.value.list == name}
        if rows and missing:
            problems.messages.append(
                f"{rows[0].file}: no row of {name} for {', '.join(sorted(missing))}. Add one."
            )
