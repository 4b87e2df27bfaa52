"""What a line of a log consists of: a known format, or a server's own pasted configuration line.

A format is a sequence of literal texts and fields. :func:`compile_format` brings all ways of
writing one to that sequence; ``lines.py`` makes a quick split and an exact expression of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dagster_project.connectors.problems import SourceError, Words

# Columns that every access log has, empty where its format does not log them.
COLUMNS = {
    "client_address": "text",
    "identity": "text",
    "user_name": "text",
    "requested_at": "timestamp",
    "method": "text",
    "url": "text",
    "protocol": "text",
    "status": "integer",
    "count_bytes": "integer",
    "referrer": "text",
    "user_agent": "text",
    "request_line": "text",
    "host": "text",
    "duration_seconds": "number",
    "visitor_key": "text",
}

# Kinds of fields that become (part of) the column beside them; every other field is a text column.
_FIXED = {
    "request": "request",
    "clock": "requested_at",  # 17/May/2015:10:05:03 +0200
    "iso": "requested_at",
    "epoch": "requested_at",  # seconds, with or without a fraction
    "epoch_milliseconds": "requested_at",
    "epoch_microseconds": "requested_at",
    "date": "requested_at",
    "time": "requested_at",
    "strftime": "requested_at",
    "path": "url",
    "query": "url",  # begins with ?, or is empty
    "bare_query": "url",
    "seconds": "duration_seconds",
    "milliseconds": "duration_seconds",
    "microseconds": "duration_seconds",
    "part_seconds": "duration_seconds",  # parts are added; -1 means unknown
}
TIMES = frozenset(kind for kind, column in _FIXED.items() if column == "requested_at")


@dataclass(frozen=True)
class Field:
    """One logged value: the column it goes to and how its text is read."""

    column: str
    kind: str = "text"
    pattern: str = ""  # of its time, for kind "strftime"


Part = str | Field


@dataclass(frozen=True)
class LogFormat:
    """A compiled format.

    ``shape``: ``lines`` have ``parts``; ``json`` has one object per line with ``keys``; ``w3c``
    tells its fields in the file. ``may_end_early``: the last quote may be missing, as servers cut
    long lines. ``may_go_on``: fields that a later version of the server adds are left alone.
    """

    name: str
    shape: Literal["lines", "json", "w3c"] = "lines"
    parts: tuple[Part, ...] = ()
    keys: Mapping[str, Field] = field(default_factory=dict)
    may_go_on: bool = False
    may_end_early: bool = False
    agent_decoding: Literal["", "plus", "percent"] = ""
    has_full_urls: bool = False

    @property
    def fields(self) -> list[Field]:
        """Its fields in order; none for W3C, where the file tells them."""
        if self.shape == "json":
            return list(self.keys.values())
        return [part for part in self.parts if isinstance(part, Field)]

    @property
    def label(self) -> Words:
        """How messages call it."""
        if self.name == "custom":
            return Words("configured", "所配置的")
        return Words(self.name, self.name)


def _address() -> Field:
    return Field("client_address", "address")


def _header(name: str) -> Field:
    known = {
        "referer": Field("referrer", "free"),
        "user-agent": Field("user_agent", "free"),
        "host": Field("host"),
    }
    return known.get(name.lower(), Field(_snake(name)))


_APACHE = {
    "a": _address(),
    "h": _address(),
    "A": Field("server_address"),
    "b": Field("count_bytes", "size"),
    "B": Field("count_bytes", "size"),
    "D": Field("duration_seconds", "microseconds"),
    "f": Field("file_path", "free"),
    "H": Field("protocol"),
    "I": Field("bytes_received"),
    "k": Field("keepalive_requests"),
    "l": Field("identity"),
    "L": Field("log_id"),
    "m": Field("method"),
    "O": Field("count_bytes", "size"),
    "p": Field("server_port"),
    "P": Field("process_id"),
    "q": Field("url", "query"),
    "r": Field("request", "request"),
    "R": Field("handler"),
    "s": Field("status", "status"),
    "S": Field("bytes_transferred"),
    "t": Field("requested_at", "clock"),
    "T": Field("duration_seconds", "seconds"),
    "u": Field("user_name", "user"),
    "U": Field("url", "path"),
    "v": Field("host"),
    "V": Field("host"),
    "X": Field("connection_status"),
}
_APACHE_NAMED = {
    "a": "address",
    "A": "address",
    "C": "cookie",
    "e": "environment",
    "i": "",
    "n": "note",
    "o": "response",
    "p": "port",
    "P": "process",
}
_APACHE_DIRECTIVE = re.compile(
    r"%(?:!?\d{3}(?:,\d{3})*)?([<>]?)(?:\{([^}]*)\})?([<>]?)(\^t[io]|[A-Za-z%])"
)

NGINX = {
    "remote_addr": _address(),
    "remote_user": Field("user_name", "user"),
    "time_local": Field("requested_at", "clock"),
    "time_iso8601": Field("requested_at", "iso"),
    "msec": Field("requested_at", "epoch"),
    "request": Field("request", "request"),
    "request_method": Field("method"),
    "request_uri": Field("url", "path"),
    "uri": Field("url", "path"),
    "document_uri": Field("url", "path"),
    "args": Field("url", "bare_query"),
    "query_string": Field("url", "bare_query"),
    "server_protocol": Field("protocol"),
    "status": Field("status", "status"),
    "body_bytes_sent": Field("count_bytes", "size"),
    "bytes_sent": Field("count_bytes", "size"),
    "http_referer": Field("referrer", "free"),
    "http_user_agent": Field("user_agent", "free"),
    "http_host": Field("host"),
    "host": Field("host"),
    "server_name": Field("host"),
    "request_time": Field("duration_seconds", "seconds"),
}
_NGINX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

# https://www.w3.org/TR/WD-logfile and the fields that IIS and CloudFront add.
W3C = {
    "date": Field("requested_at", "date"),
    "time": Field("requested_at", "time"),
    "c-ip": _address(),
    "cs-username": Field("user_name", "user"),
    "cs-method": Field("method"),
    "cs-uri": Field("url", "path"),
    "cs-uri-stem": Field("url", "path"),
    "cs-uri-query": Field("url", "bare_query"),
    "cs-protocol-version": Field("protocol"),
    "cs-version": Field("protocol"),
    "cs-protocol": Field("scheme"),
    "sc-status": Field("status", "status"),
    "sc-bytes": Field("count_bytes", "size"),
    "cs(Referer)": Field("referrer", "free"),
    "cs(User-Agent)": Field("user_agent", "free"),
    "cs(Host)": Field("host"),
    "cs-host": Field("host"),
    "x-host-header": Field("host"),
    "time-taken": Field("duration_seconds", "seconds"),
    "s-ip": Field("server_address"),
    "s-port": Field("server_port"),
    "s-sitename": Field("site_name"),
    "s-computername": Field("server_name"),
}
# The viewer's host is what people asked for; CloudFront's cs(Host) is the distribution's own name.
_CLOUDFRONT = {**W3C, "cs(Host)": Field("distribution_host")}

_COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = _COMMON + ' "%{Referer}i" "%{User-Agent}i"'
# Usual keys of a JSON log; where two of them fill one column, the first that is there does.
_NGINX_JSON_KEYS = (
    "remote_addr",
    "remote_user",
    "time_iso8601",
    "time_local",
    "msec",
    "request",
    "request_method",
    "request_uri",
    "server_protocol",
    "status",
    "body_bytes_sent",
    "bytes_sent",
    "http_referer",
    "http_user_agent",
    "host",
    "http_host",
    "server_name",
    "request_time",
)
_ELB = (
    "{time} {load_balancer} {client}:{client_port} {backend} {d1} {d2} {d3} {status} "
    '{backend_status} {bytes_received} {size} "{request}" "{agent}" {ssl_cipher} {ssl_protocol}'
)
_ALB = (
    "{connection_type} "
    + _ELB.replace("{backend", "{target")
    + (' {target_group} "{trace_id}" "{host}"')
)
_BALANCER_FIELDS = {
    "time": Field("requested_at", "iso"),
    "client": _address(),
    "d1": Field("duration_seconds", "part_seconds"),
    "d2": Field("duration_seconds", "part_seconds"),
    "d3": Field("duration_seconds", "part_seconds"),
    "status": Field("status", "status"),
    "size": Field("count_bytes", "size"),
    "request": Field("request", "request"),
    "agent": Field("user_agent", "free"),
}

NAMES = (
    "common",
    "combined",
    "vhost_combined",
    "nginx_json",
    "w3c",
    "iis",
    "cloudfront",
    "elb",
    "alb",
)


def compile_format(
    text: str,
    where: str,
    *,
    json_fields: Mapping[str, str] | None = None,
    cookie: str | None = None,
) -> LogFormat:
    """The format that the configuration writes as ``text``.

    Args:
        where: what a problem is named after: file, source, table.
        json_fields: column → key, for the values that a JSON log has under names of its own.
        cookie: name of the logged cookie that tells visitors apart; by default the only one.

    Raises:
        SourceError: an unknown name or directive, an ambiguous format, or one without the address,
            the time, the request or the status.
    """
    stripped = text.strip()
    problem = _Problem(where)
    if stripped in ("w3c", "iis", "cloudfront"):
        decoding: dict[str, Literal["", "plus", "percent"]] = {
            "iis": "plus",
            "cloudfront": "percent",
        }
        return LogFormat(stripped, "w3c", agent_decoding=decoding.get(stripped, ""))
    if stripped == "nginx_json":
        return _json_format(json_fields or {}, cookie, problem)
    if json_fields:
        raise problem(
            '`fields` is only read with format = "nginx_json".',
            '只有 format = "nginx_json" 时才读取 fields。',
            "Remove `fields`, or set that format.",
            "请删除 fields，或设置该格式。",
        )
    known = {
        "common": _COMMON,
        "combined": _COMBINED,
        "vhost_combined": "%v:%p " + _COMBINED.replace("%b", "%O"),
    }
    if stripped in known:
        parts = tuple(_merged(list(_apache(known[stripped], problem))))
        return LogFormat(stripped, parts=parts, may_end_early=stripped != "common")
    if stripped in ("elb", "alb"):
        template = _ALB if stripped == "alb" else _ELB
        parts = tuple(_balancer(template))
        return LogFormat(stripped, parts=parts, may_go_on=True, has_full_urls=True)
    body = _unwrap(stripped, problem)
    if "$" in body and re.match(r"\s*\{.*\}\s*$", body, re.DOTALL) and '"' in body:
        return _json_template(body, cookie, problem)
    is_nginx, is_apache = bool(_NGINX_VARIABLE.search(body)), "%" in body
    if is_nginx and not is_apache:
        parts = tuple(_nginx(body))
    elif is_apache and not is_nginx:
        parts = tuple(_apache(body, problem))
    elif is_nginx:
        raise problem(
            f"format {_short(text)} has both %-directives and $variables.",
            f"格式 {_short(text)} 同时含有 % 指令与 $ 变量。",
            "Paste the line of one server: Apache's LogFormat or nginx' log_format.",
            "请粘贴单一服务器的配置行：Apache 的 LogFormat 或 nginx 的 log_format。",
        )
    else:
        raise problem(
            f"unknown format {_short(text)}.",
            f"未知格式 {_short(text)}。",
            f"Write one of {', '.join(NAMES)}, or paste the server's LogFormat / log_format line.",
            f"可写 {'、'.join(NAMES)}，或粘贴服务器的 LogFormat / log_format 配置行。",
        )
    parts = tuple(_named(_merged(parts), cookie))
    _check_separated(parts, problem)
    _check_complete([p for p in parts if isinstance(p, Field)], problem)
    ends_quoted = isinstance(parts[-1], str) and parts[-1].endswith('"')
    return LogFormat("custom", parts=parts, may_end_early=ends_quoted)


def w3c_fields(names: Sequence[str], format_name: str, software: str) -> list[Field]:
    """Fields of a ``#Fields:`` line; those not known become text columns."""
    table = _CLOUDFRONT if format_name == "cloudfront" else W3C
    known = {name.lower(): entry for name, entry in table.items()}
    is_iis = format_name == "iis" or "Internet Information Services" in software
    fields = []
    for name in names:
        entry = known.get(name.lower(), Field(_snake(name)))
        if name.lower() == "time-taken" and is_iis:
            entry = Field("duration_seconds", "milliseconds")
        fields.append(entry)
    return [part for part in _named(fields, None) if isinstance(part, Field)]


def missing_fields(fields: Sequence[Field]) -> list[Words]:
    """What no log can do without and these fields lack."""
    kinds = {entry.kind for entry in fields}
    columns = {entry.column for entry in fields}
    needed = [
        ("client_address" in columns, Words("the client's address", "客户端地址")),
        (
            bool(kinds & (TIMES - {"date", "time"})) or {"date", "time"} <= kinds,
            Words("the time", "时间"),
        ),
        (bool(columns & {"request", "url"}), Words("the request or url", "请求或 URL")),
        ("status" in columns, Words("the status", "状态码")),
    ]
    return [words for is_there, words in needed if not is_there]


class _Problem:
    """Makes errors that name the place."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __call__(self, en: str, zh: str, remedy_en: str, remedy_zh: str) -> SourceError:
        return SourceError(
            Words(f"{self._where}: {en}", f"{self._where}：{zh}"), Words(remedy_en, remedy_zh)
        )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= 80 else f'"{line[:79]}…"'


def _snake(name: str) -> str:
    """A column name made of a header, variable or directive."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    text = re.sub(r"[^0-9a-z]+", "_", text.lower()).strip("_")
    return text if text and not text[0].isdigit() else f"field_{text}"


def _unwrap(text: str, problem: _Problem) -> str:
    """The format in a pasted configuration line, or ``text`` itself."""
    if match := re.match(r"LogFormat\s+(.*?)(?:\s+([\w-]+))?\s*$", text, re.DOTALL):
        body = match[1].strip()
        if len(body) >= 2 and body[0] == body[-1] and body[0] in "\"'":
            quote = body[0]
            return (
                body[1:-1].replace("\\" + quote, quote).replace("\\\\", "\\").replace("\\t", "\t")
            )
        raise problem(
            f"the LogFormat line {_short(text)} has no quoted format.",
            f"LogFormat 行 {_short(text)} 中没有带引号的格式。",
            'Paste the whole line: LogFormat "…" name.',
            '请粘贴整行：LogFormat "…" 名称。',
        )
    if match := re.match(r"log_format\s+\S+\s+(?:escape=\w+\s+)?(.*?);?\s*$", text, re.DOTALL):
        quoted = re.findall(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", match[1])
        if not quoted:
            raise problem(
                f"the log_format line {_short(text)} has no quoted format.",
                f"log_format 行 {_short(text)} 中没有带引号的格式。",
                "Paste the whole line: log_format name '…';",
                "请粘贴整行：log_format 名称 '…';",
            )
        body = "".join(single or double for single, double in quoted)
        return re.sub(r"\\(['\"\\])", r"\1", body).replace("\\t", "\t")
    return text.replace('\\"', '"').replace("\\t", "\t")


def _apache(text: str, problem: _Problem) -> Iterator[Part]:
    position = 0
    while position < len(text):
        start = text.find("%", position)
        if start < 0:
            yield text[position:]
            return
        if start > position:
            yield text[position:start]
        match = _APACHE_DIRECTIVE.match(text, start)
        part = _apache_field(match) if match else None
        if part is None or match is None:
            shown = text[start : start + 20].split(" ")[0]
            raise problem(
                f"the format has the unknown directive {shown}.",
                f"格式中有未知指令 {shown}。",
                "See Apache's mod_log_config for the directives; correct or remove it.",
                "请参阅 Apache mod_log_config 的指令说明，并更正或删除。",
            )
        position = match.end()
        if part == Field("requested_at", "clock"):
            yield from ("[", part, "]")
        else:
            yield part


def _apache_field(match: re.Match[str]) -> Part | None:
    argument, letter = match[2], match[4]
    if letter == "%":
        return "%"
    if argument is None:
        return _APACHE.get(letter)
    if letter == "i":
        return _header(argument)
    if letter == "t":
        return _apache_time(argument)
    if letter == "T":
        units = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}
        return Field("duration_seconds", units[argument]) if argument in units else None
    if letter == "a" and argument == "c":
        return Field("peer_address")
    if letter == "C":
        return Field(f"cookie_{_snake(argument)}", "cookie", argument)
    if letter == "h" and argument == "c":
        return Field("peer_address")
    if letter in ("^ti", "^to"):
        return Field(f"trailer_{_snake(argument)}")
    if letter in _APACHE_NAMED:
        return Field(f"{_APACHE_NAMED[letter]}_{_snake(argument)}")
    return None


def _apache_time(argument: str) -> Field | None:
    pattern = argument.removeprefix("begin:").removeprefix("end:")
    kinds = {"sec": "epoch", "msec": "epoch_milliseconds", "usec": "epoch_microseconds"}
    if pattern in kinds:
        return Field("requested_at", kinds[pattern])
    if pattern in ("msec_frac", "usec_frac"):
        return Field("requested_at", "strftime", "%f")
    long = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%R": "%H:%M", "%D": "%m/%d/%y", "%e": "%d"}
    pattern = re.sub(r"%[TFRDe]", lambda match: long[match[0]], pattern)
    if re.search(r"%[^aAbBdHIjmMpSyYzfZ%]", pattern) or "%" not in pattern:
        return None
    return Field("requested_at", "strftime", pattern)


def _nginx(text: str) -> Iterator[Part]:
    position = 0
    for match in _NGINX_VARIABLE.finditer(text):
        if match.start() > position:
            yield text[position : match.start()]
        yield _nginx_field(match[1] or match[2])
        position = match.end()
    if position < len(text):
        yield text[position:]


def _nginx_field(name: str) -> Field:
    if name in NGINX:
        return NGINX[name]
    if name.startswith("cookie_"):
        return Field(_snake(name), "cookie", name.removeprefix("cookie_"))
    return Field(_snake(name.removeprefix("http_")) if name.startswith("http_") else _snake(name))


def _balancer(template: str) -> Iterator[Part]:
    for literal, name in re.findall(r"([^{]*)(?:\{(\w+)\})?", template):
        if literal:
            yield literal
        if name:
            yield _BALANCER_FIELDS.get(name, Field(name))


def _json_format(names: Mapping[str, str], cookie: str | None, problem: _Problem) -> LogFormat:
    keys = {name: NGINX[name] for name in _NGINX_JSON_KEYS}
    for column, key in names.items():
        if column in NGINX:
            entry = NGINX[column]
        elif column == "requested_at":
            entry = Field(column, "any_time")
        elif column in ("client_address", "status", "count_bytes", "duration_seconds", "request"):
            kinds = {
                "client_address": "address",
                "count_bytes": "size",
                "duration_seconds": "seconds",
            }
            entry = Field(column, kinds.get(column, column))
        elif column == "url":
            entry = Field(column, "path")
        elif column in COLUMNS or re.fullmatch(r"[a-z][a-z0-9_]*", column):
            entry = Field(column)
        else:
            raise problem(
                f'`fields` has the column name "{column}".',
                f"fields 中的列名“{column}”无效。",
                'Write columns in lower case with _ between words: column = "key".',
                '列名请用小写字母与下划线：列 = "键"。',
            )
        keys = {k: e for k, e in keys.items() if e.column != entry.column or k in names.values()}
        keys[key] = entry
    return LogFormat("nginx_json", "json", keys=_named_keys(keys, cookie))


def _json_template(body: str, cookie: str | None, problem: _Problem) -> LogFormat:
    """An nginx format that writes JSON: its keys, each with the variable it holds."""
    pairs = re.findall(r'"((?:[^"\\]|\\.)+)"\s*:\s*"?\$\{?(\w+)\}?"?\s*(?=[,}])', body)
    if len(pairs) != len(_NGINX_VARIABLE.findall(body)):
        raise problem(
            "the JSON format has a key that holds more than one variable.",
            "该 JSON 格式中有的键包含多个变量。",
            'Log each variable under a key of its own: "key": "$variable".',
            '请为每个变量使用单独的键："键": "$变量"。',
        )
    keys = _named_keys({key: _nginx_field(name) for key, name in pairs}, cookie)
    _check_complete(list(keys.values()), problem)
    return LogFormat("custom", "json", keys=keys)


def _named_keys(keys: Mapping[str, Field], cookie: str | None) -> dict[str, Field]:
    named = _named(list(keys.values()), cookie, share=True)
    return {key: entry for key, entry in zip(keys, named, strict=True) if isinstance(entry, Field)}


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Neighbouring literals as one."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def _named(parts: Sequence[Part], cookie: str | None, *, share: bool = False) -> list[Part]:
    """Every field with a column of its own: the first that can fill a common column does so.

    Args:
        share: the first that has a value fills the column (JSON, where any key may be absent).
    """
    cookies = [p for p in parts if isinstance(p, Field) and p.kind == "cookie"]
    chosen = cookie or (cookies[0].pattern if len(cookies) == 1 else None)
    named: list[Part] = []
    taken: dict[str, str] = {}
    for part in parts:
        if isinstance(part, str):
            named.append(part)
            continue
        if part.kind == "cookie":
            is_chosen = part.pattern == chosen
            part = Field("visitor_key" if is_chosen else part.column)
        before = taken.get(part.column)
        if before is not None and not _goes_with(before, part.kind) and not share:
            part = Field(_free_name(part.column, taken))
        taken.setdefault(part.column, part.kind)
        if part.kind == "part_seconds":
            taken[part.column] = "part_seconds"
        named.append(part)
    return named


def _goes_with(before: str, kind: str) -> bool:
    groups = ({"path", "query", "bare_query"}, {"date", "time"}, {"strftime"}, {"part_seconds"})
    return any(before in group and kind in group for group in groups)


def _free_name(column: str, taken: Mapping[str, str]) -> str:
    number = 2
    while f"{column}_{number}" in taken:
        number += 1
    return f"{column}_{number}"


def _check_separated(parts: Sequence[Part], problem: _Problem) -> None:
    """Refuse a format of which two readings of one line are possible."""
    for index, part in enumerate(parts[:-1]):
        after = parts[index + 1]
        if isinstance(part, str):
            continue
        before = parts[index - 1] if index else ""
        if isinstance(after, Field):
            if part.kind in ("path",) and after.kind == "query":
                continue
            raise problem(
                f"the format is ambiguous: nothing stands between {part.column} and "
                f"{after.column}.",
                f"格式有歧义：{part.column} 与 {after.column} 之间没有分隔。",
                "Put a blank or another sign between them in the server's format.",
                "请在服务器格式中加入空格或其他分隔符。",
            )
        is_quoted = isinstance(before, str) and before.endswith('"') and after.startswith('"')
        if part.kind in ("free", "request") and not is_quoted and after.startswith(" "):
            raise problem(
                f"the format is ambiguous: {part.column} may contain blanks and is not quoted.",
                f"格式有歧义：{part.column} 可能含空格且没有引号。",
                "Put it into quotes in the server's format, or at the end of the line.",
                "请在服务器格式中为其加引号，或放到行尾。",
            )


def _check_complete(fields: Sequence[Field], problem: _Problem) -> None:
    lacking = missing_fields(fields)
    if lacking:
        raise problem(
            f"the format lacks {' and '.join(words.en for words in lacking)}.",
            f"格式缺少{'、'.join(words.zh for words in lacking)}。",
            "Add what is missing to the server's format (Apache %h %t %r %>s, nginx $remote_addr "
            "$time_local $request $status).",
            "请在服务器格式中补充（Apache：%h %t %r %>s；nginx：$remote_addr $time_local "
            "$request $status）。",
        )


def extra_columns(fields: Sequence[Field]) -> dict[str, str]:
    """The columns of ``fields`` that not every log has."""
    return {
        entry.column: "text"
        for entry in fields
        if entry.column not in COLUMNS and entry.column != "request"
    }
