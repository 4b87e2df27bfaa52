"""Transforms of the field-mapping matrix: what a rule row may say, and the SQL it becomes.

Only portable SQL and macros of dbt/macros are written here, so that every generated model runs on
each engine that the dbt project supports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dagster_project.mapping.landed import Kind

Produces = Literal["text", "number", "timestamp", "boolean", "any"]

SYSTEM_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Argument → Java pattern letters are made in the macro; only these directives have both forms.
TIMESTAMP_DIRECTIVES = frozenset("YymdHIMSfbBpz")
EPOCHS = ("epoch_seconds", "epoch_milliseconds", "epoch_microseconds")
# Besides patterns: epochs, and the times of OData 2 in JSON, such as /Date(1772325000000+0000)/.
NAMED_FORMATS = (*EPOCHS, "odata")
# Between the steps of a transform: each step takes the text that the one before it made.
STEP_MARK = " > "


class TransformError(ValueError):
    """A transform that cannot be used."""

    def __init__(
        self,
        message: str,
        column: str = "transform",
        wrong: str | None = None,
        allowed: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.column = column
        self.wrong = wrong
        self.allowed = list(allowed)


@dataclass(frozen=True)
class Transform:
    """A transform as a rule row names it: ``before:;`` is name ``before``, argument ``;``.

    Of several steps (``param:page_location > url_host``) it is the last; ``earlier`` are those
    that run first.
    """

    name: str
    argument: str = ""
    earlier: tuple[Transform, ...] = ()

    @property
    def first(self) -> Transform:
        """The step that reads the source fields."""
        return self.earlier[0] if self.earlier else self

    @property
    def text(self) -> str:
        """The transform as the rule row writes it."""
        own = f"{self.name}:{self.argument}" if self.argument else self.name
        return STEP_MARK.join([*(step.text for step in self.earlier), own])


@dataclass(frozen=True)
class TransformKind:
    """What a transform takes and makes."""

    produces: Produces
    inputs_min: int = 1
    inputs_max: int | None = 1
    argument: Literal["none", "optional", "needed"] = "none"
    check: Callable[[str], None] | None = None


def _check_system(argument: str) -> None:
    if not SYSTEM_NAME.fullmatch(argument):
        raise TransformError(f"{argument!r} is not a system name. Write key:<system>")


def _check_boolean(argument: str) -> None:
    _boolean_values(argument)


def _boolean_values(argument: str) -> dict[str, list[str]]:
    """``true=Y|1,false=N`` → the values that mean true and false, in lower case."""
    values: dict[str, list[str]] = {}
    for part in argument.split(","):
        name, equals, texts = part.partition("=")
        if name.strip() not in {"true", "false"} or not equals or not texts:
            raise TransformError(
                f"cannot read {argument!r}. Write boolean:true=<a>|<b>,false=<c>|<d>"
            )
        values[name.strip()] = [text.strip().lower() for text in texts.split("|")]
    both = set(values.get("true", [])) & set(values.get("false", []))
    if both:
        raise TransformError(f"{sorted(both)} would be both true and false. Keep it on one side")
    return values


def _check_format(argument: str) -> None:
    if argument in NAMED_FORMATS:
        return
    for pattern in argument.split("|"):
        directives = re.findall(r"%(.)", pattern)
        unknown = [letter for letter in directives if letter not in TIMESTAMP_DIRECTIVES]
        if unknown or not directives:
            raise TransformError(
                f"cannot read the format {pattern!r}. Use the directives "
                f"{' '.join(f'%{letter}' for letter in sorted(TIMESTAMP_DIRECTIVES))}, "
                f"or one of {', '.join(NAMED_FORMATS)}"
            )


def _check_number(argument: str) -> None:
    if len(argument) != 2 or argument[0] == argument[1] or argument.isalnum():
        raise TransformError(
            f"cannot read {argument!r}. Write the thousands mark and the decimal mark, as number:,."
        )


def _check_json(argument: str) -> None:
    if not re.fullmatch(r"\$(\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])+", argument):
        raise TransformError(f"cannot read the path {argument!r}. Write it like $.customer.id")


def _check_factor(argument: str) -> None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", argument) or not float(argument):
        raise TransformError(f"cannot read the factor {argument!r}. Write it like scale:0.001")


def _check_values(argument: str) -> None:
    _values(argument)


def _values(argument: str) -> tuple[dict[str, str], bool]:
    """``1=page_view|3=download|*`` → the new values, and whether others stay as they are."""
    values: dict[str, str] = {}
    keeps_others = False
    for part in argument.split("|"):
        old, equals, new = (piece.strip() for piece in part.partition("="))
        if part.strip() == "*":
            keeps_others = True
        elif not equals or not old or not new:
            raise TransformError(
                f"cannot read {argument!r}. Write values:<old>=<new>|<old>=<new>, "
                "and |* behind it to keep other values"
            )
        elif old in values:
            raise TransformError(f"{old!r} stands twice. Keep one of them")
        else:
            values[old] = new
    if not values:
        raise TransformError(f"{argument!r} changes no value. Write values:<old>=<new>")
    return values, keeps_others


TRANSFORMS: Mapping[str, TransformKind] = {
    "text": TransformKind("text"),
    "lower": TransformKind("text"),
    "upper": TransformKind("text"),
    "integer": TransformKind("number"),
    "number": TransformKind("number", argument="optional", check=_check_number),
    "boolean": TransformKind("boolean", argument="optional", check=_check_boolean),
    "timestamp": TransformKind("timestamp", argument="optional", check=_check_format),
    "date_end": TransformKind("timestamp", argument="optional", check=_check_format),
    "constant": TransformKind("any", inputs_min=0, inputs_max=0, argument="needed"),
    "code": TransformKind("text"),
    "stage": TransformKind("text"),
    "alias": TransformKind("text", argument="needed"),
    "key": TransformKind("text", inputs_max=None, argument="optional", check=_check_system),
    "concat": TransformKind("text", inputs_min=2, inputs_max=None, argument="optional"),
    "coalesce": TransformKind("any", inputs_min=2, inputs_max=None),
    "multiply": TransformKind("number", inputs_min=2, inputs_max=None),
    "divide": TransformKind("number", inputs_min=2, inputs_max=2),
    "subtract": TransformKind("number", inputs_min=2, inputs_max=2),
    "before": TransformKind("text", argument="needed"),
    "after": TransformKind("text", argument="needed"),
    "json": TransformKind("text", argument="needed", check=_check_json),
    "param": TransformKind("text", argument="needed"),
    "url": TransformKind("text", inputs_min=3, inputs_max=3),
    "url_host": TransformKind("text"),
    "url_path": TransformKind("text"),
    "ip_address": TransformKind("text"),
    "digest": TransformKind("text", inputs_max=None),
    "values": TransformKind("text", argument="needed", check=_check_values),
    "scale": TransformKind("number", argument="needed", check=_check_factor),
    "equals": TransformKind("boolean", argument="needed"),
    "not_equals": TransformKind("boolean", argument="needed"),
    "starts_with": TransformKind("boolean", argument="needed"),
    "not_starts_with": TransformKind("boolean", argument="needed"),
    "not_null": TransformKind("boolean"),
    "is_null": TransformKind("boolean"),
}
# Their text is looked up in a code table behind all other steps.
LOOKUPS = ("code", "stage", "alias")
PREDICATES = (
    "equals",
    "not_equals",
    "starts_with",
    "not_starts_with",
    "not_null",
    "is_null",
)


def parse_transform(text: str, inputs: Sequence[str]) -> Transform:
    """Read ``name`` or ``name:argument``, or several joined by `` > ``, and check each step.

    The first step takes the source fields, every other one the text that the step before it made.

    Raises:
        TransformError: no such transform, wrong argument, wrong number of source fields, or a
            step that makes no text before another one.
    """
    steps: list[Transform] = []
    texts = text.split(STEP_MARK)
    for number, part in enumerate(texts, start=1):
        step = _parse_step(part.strip() if len(texts) > 1 else part, inputs if not steps else [""])
        is_last = number == len(texts)
        if not is_last and TRANSFORMS[step.name].produces not in {"text", "any"}:
            raise TransformError(
                f"{step.name!r} makes {TRANSFORMS[step.name].produces}, which no further step "
                "takes. Let it be the last step"
            )
        if not is_last and step.name in LOOKUPS:
            raise TransformError(f"{step.name!r} is looked up last. Let it be the last step")
        steps.append(step)
    last = steps.pop()
    return Transform(last.name, last.argument, tuple(steps))


def _parse_step(text: str, inputs: Sequence[str]) -> Transform:
    name, _, argument = text.partition(":")
    kind = TRANSFORMS.get(name)
    if kind is None:
        raise TransformError(
            f"unknown transform {name!r}" if name else "is empty", wrong=name, allowed=TRANSFORMS
        )
    if argument and kind.argument == "none":
        raise TransformError(f"{name!r} takes nothing after the colon, but got {argument!r}")
    if not argument and kind.argument == "needed":
        raise TransformError(f"{name!r} needs a value: {name}:<value>")
    if argument and kind.check:
        kind.check(argument)
    count = len(inputs)
    if count < kind.inputs_min or (kind.inputs_max is not None and count > kind.inputs_max):
        needed = (
            "no source field"
            if kind.inputs_max == 0
            else f"exactly {kind.inputs_min}"
            if kind.inputs_max == kind.inputs_min
            else f"at least {kind.inputs_min}"
        )
        raise TransformError(
            f"{name!r} takes {needed}, but got {count}; several are joined by ' + '",
            column="source_field",
        )
    return Transform(name, argument)


@dataclass(frozen=True)
class Input:
    """A source column inside a generated model: its safe name and what kind of value it holds."""

    name: str
    kind: Kind
    is_ours: bool = False
    """Made by the loader: neither blank nor in need of trimming."""

    @property
    def text(self) -> str:
        return self.name if self.is_ours else macro("map_text", self.name, self.kind)


@dataclass(frozen=True)
class Expression:
    """SQL of a value, and SQL of the raw text that could not be converted (or None)."""

    value: str
    unconverted: str | None = None


def macro(name: str, *arguments: str) -> str:
    """A macro call in Jinja. An argument may itself hold macro calls."""
    return "{{ " + f"{name}({', '.join(_jinja(argument) for argument in arguments)})" + " }}"


def _jinja(sql: str) -> str:
    """SQL with macro calls in it as one Jinja expression: its pieces joined by ``~``."""
    pieces = re.split(r"\{\{ (.*?) \}\}", sql)
    parts = [
        piece if index % 2 else jinja_text(piece)
        for index, piece in enumerate(pieces)
        if piece or len(pieces) == 1
    ]
    return " ~ ".join(parts)


def jinja_text(value: str) -> str:
    """A Jinja string literal. JSON's escapes are a subset of Jinja's; braces stay hidden."""
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted.replace("{", "\\u007b").replace("}", "\\u007d")


def literal(value: str) -> str:
    """A SQL text literal; what engines escape differently goes through a macro."""
    if re.search(r"[\\{}]", value):
        return macro("text_literal", value)
    return "'" + value.replace("'", "''") + "'"


def convert(source: Input, field_type: str, argument: str, zone: str) -> Expression:
    """Bring one source column to a field type; the argument is the transform's own."""
    if field_type == "text":
        return Expression(source.text)
    if field_type == "boolean":
        if argument:
            values = _boolean_values(argument)
            cases = " ".join(
                f"when lower({source.text}) in ({', '.join(literal(text) for text in texts)}) "
                f"then {name}"
                for name, texts in sorted(values.items(), reverse=True)
            )
            value = f"case {cases} end"
        elif source.kind == "boolean":
            return Expression(source.name)
        else:
            value = macro("map_boolean", source.name, source.kind)
    elif field_type in {"number", "integer"}:
        same = ("integer",) if field_type == "integer" else ("integer", "double", "decimal")
        if source.kind in same:
            sql_type = "bigint" if field_type == "integer" else "double"
            return Expression(f"cast({source.name} as {sql_type})")
        value = macro(f"map_{field_type}", source.name, source.kind, *([argument] * bool(argument)))
    else:
        value = macro("map_timestamp", source.name, source.kind, argument, zone)
        if source.kind in {"instant", "naive", "date"}:
            return Expression(value)
    return Expression(
        value, f"case when {source.text} is not null and {value} is null then {source.text} end"
    )


def after_earlier_steps(
    transform: Transform, inputs: Sequence[Input], zone: str
) -> Sequence[Input]:
    """What the last step of a transform reads: the source columns, or the text made of them."""
    for step in transform.earlier:
        made = compile_transform(step, inputs, "text", zone=zone, is_id=False)
        inputs = [Input(f"({made.value})", "text")]
    return inputs


def predicate(transform: Transform, source: Input, *, unknown: str | None = None) -> str:
    """A condition as SQL; ``unknown`` replaces NULL (a filter keeps rows that are unlike)."""
    if transform.name == "not_null":
        return f"{source.text} is not null"
    if transform.name == "is_null":
        return f"{source.text} is null"
    negate = transform.name.startswith("not_")
    if transform.name.endswith("equals"):
        values = ", ".join(literal(value.strip()) for value in transform.argument.split("|"))
        condition = f"{source.text} {'not ' if negate else ''}in ({values})"
    else:
        length = len(transform.argument)
        condition = (
            f"substr({source.text}, 1, {length}) {'<>' if negate else '='} "
            f"{literal(transform.argument)}"
        )
    return condition if unknown is None else f"coalesce({condition}, {unknown})"


def compile_transform(
    transform: Transform, inputs: Sequence[Input], field_type: str, *, zone: str, is_id: bool
) -> Expression:
    """SQL of a canonical field's value before codes are looked up and ids get their system.

    Args:
        zone: IANA zone of texts that hold a time without a zone. (Landed timestamps are UTC.)
        is_id: the field is a key or reference: all parts of a composite id must be there.
    """
    inputs = after_earlier_steps(transform, inputs, zone)
    name, argument = transform.name, transform.argument
    if name in {"text", *LOOKUPS}:
        return _finish(inputs[0].text, field_type, zone)
    if name in {"lower", "upper"}:
        return _finish(f"{name}({inputs[0].text})", field_type, zone)
    if name in {"integer", "number", "boolean", "timestamp"}:
        return convert(inputs[0], field_type, argument, zone)
    if name == "date_end":
        start = convert(inputs[0], "timestamp", argument, zone)
        return Expression(macro("day_end", start.value), start.unconverted)
    if name == "constant":
        return Expression(_constant(argument, field_type))
    if name in {"key", "concat"}:
        # A blank at the end of a cell would not be seen, so it has a name.
        mark = " " if argument == "space" else argument
        separator = literal(mark if name == "concat" else "|")
        texts = [source.text for source in inputs]
        if len(inputs) == 1 or is_id:
            joined = f" || {separator} || ".join(texts)
        else:
            joined = f"nullif(concat_ws({separator}, {', '.join(texts)}), '')"
        return _finish(joined, field_type, zone)
    if name == "coalesce":
        parts = [convert(source, field_type, "", zone) for source in inputs]
        return Expression(
            f"coalesce({', '.join(part.value for part in parts)})",
            _first([part.unconverted for part in parts]),
        )
    if name in {"multiply", "divide", "subtract"}:
        parts = [convert(source, "number", "", zone) for source in inputs]
        values = [part.value for part in parts]
        if name == "divide":
            value = macro("safe_ratio", *values)
        else:
            value = f"({(' * ' if name == 'multiply' else ' - ').join(values)})"
        if field_type == "integer":
            value = f"cast(round({value}) as bigint)"
        return Expression(value, _first([part.unconverted for part in parts]))
    if name in {"before", "after"}:
        return _finish(_split(name, inputs[0].text, argument), field_type, zone)
    if name == "json":
        return _finish(
            f"nullif(trim({macro('json_text', inputs[0].name, argument)}), '')", field_type, zone
        )
    if name == "scale":
        part = convert(inputs[0], "number", "", zone)
        value = f"({part.value} * cast({literal(argument)} as double))"
        if field_type == "integer":
            value = f"cast(round({value}) as bigint)"
        return Expression(value, part.unconverted)
    made = _web_text(name, argument, inputs)
    if made is not None:
        return _finish(made, field_type, zone)
    return Expression(predicate(transform, inputs[0]))


def _web_text(name: str, argument: str, inputs: Sequence[Input]) -> str | None:
    """SQL of the transforms that web-analytics exports need; None for any other."""
    texts = [source.text for source in inputs]
    if name == "param":
        given = [
            f"nullif(trim({macro('key_value_text', inputs[0].name, key.strip())}), '')"
            for key in argument.split("|")
        ]
        return given[0] if len(given) == 1 else f"coalesce({', '.join(given)})"
    if name in {"url_host", "url_path", "ip_address"}:
        return macro(name, texts[0])
    if name == "url":
        host, path, query = texts
        rest = f"coalesce('?' || {query}, '')"
        return (
            f"case when {host} is null then nullif(coalesce({path}, '') || {rest}, '') "
            f"else 'https://' || {host} || coalesce({path}, '/') || {rest} end"
        )
    if name == "digest":
        joined = " || '|' || ".join(f"coalesce({text}, '')" for text in texts)
        return f"md5({joined})"
    if name == "values":
        values, keeps_others = _values(argument)
        cases = " ".join(f"when {literal(old)} then {literal(new)}" for old, new in values.items())
        return f"case {texts[0]} {cases}{f' else {texts[0]}' if keeps_others else ''} end"
    return None


def _finish(text: str, field_type: str, zone: str) -> Expression:
    """Text that a transform made, as the field's type."""
    return (
        convert(Input(text, "text"), field_type, "", zone)
        if field_type != "text"
        else Expression(text)
    )


def _split(side: str, text: str, separator: str) -> str:
    mark = literal(separator)
    if side == "before":
        return (
            f"nullif(trim(case when instr({text}, {mark}) > 0 "
            f"then substr({text}, 1, instr({text}, {mark}) - 1) else {text} end), '')"
        )
    return (
        f"nullif(trim(case when instr({text}, {mark}) > 0 "
        f"then substr({text}, instr({text}, {mark}) + {len(separator)}) end), '')"
    )


def _constant(argument: str, field_type: str) -> str:
    if field_type == "text":
        return literal(argument)
    sql_type = {"integer": "bigint", "number": "double"}.get(field_type, field_type)
    return f"cast({literal(argument)} as {sql_type})"


def _first(parts: Sequence[str | None]) -> str | None:
    known = [part for part in parts if part]
    if not known:
        return None
    return known[0] if len(known) == 1 else f"coalesce({', '.join(known)})"
