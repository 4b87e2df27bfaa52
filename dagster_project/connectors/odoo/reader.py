"""Odoo over JSON-RPC, through OdooRPC.

What Odoo does, and what is done about it:

- Archived records are left out of every search unless it is told otherwise: a lost opportunity is
  archived, so that a win rate out of a plain search is far too high. ``active_test`` is off here.
- Only the companies in the context count: all companies of the user are named.
- ``write_date`` holds microseconds but is shown, and compared, with whole seconds; it is the time
  at which a transaction *began*. Pages follow the id, the cursor has an overlap.
- Deleted records leave nothing: their keys are compared.
- An absent value is ``false``, a reference is a pair of id and name.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import odoorpc
from odoorpc.error import RPCError

from dagster_project.connectors.api import (
    TIMEOUT_SECONDS,
    ApiReader,
    Span,
    again,
    gone,
    nothing_seen,
    span_of,
    told,
    utc,
    write_keys,
    write_records,
)
from dagster_project.connectors.check import Finding, from_problem, limited, ok
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.kinds import Load, Window
from dagster_project.connectors.odoo.settings import OdooSource, OdooTable
from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.secrets import masked, named_secret, need_secret

LANDED_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "many2one_reference": "integer",
    "float": "number",
    "monetary": "number",
    "date": "date",
    "datetime": "timestamp",
    "many2one": "integer",
}
# Files are no rows, and a read would bring each of them whole.
SKIPPED_TYPES = frozenset({"binary", "image"})
NAME_SUFFIX = "_name"
# Busy, or broken off: the same call may succeed.
PASSING: tuple[type[BaseException], ...] = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ValueError,
)
BUSY = frozenset({429, 500, 502, 503, 504})


class OdooReader(ApiReader[OdooSource]):
    """An Odoo database; :meth:`extract` reads one model of it."""

    def __init__(self, source: OdooSource, window: Window | None = None) -> None:
        super().__init__(source, window)
        self._fields: dict[str, dict[str, dict[str, Any]]] = {}
        self._count_companies: int | None = None
        with self._told(source.system):
            self._client = self._sign_in()
            self._companies = self._user_companies()

    def extract(
        self, table: OdooTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one model: everything, or what has changed since the cursor of ``state``.

        Raises:
            SourceError: the model or a field is not shown to the user, or no answer comes.
        """
        where = f"{self._source.system}.{table.name}"
        with (
            self._told(where, table),
            self._reading(table, state, lambda: self._newest(table)) as extract,
        ):
            fields = self._wanted(table)
            kinds = _columns(fields)
            span = span_of(table, state, full=full, window=self._window)
            domain = _domain(table, span)
            extract.rows_asked = int(self._call(table.model, "search_count", [domain]))
            write_records(
                extract,
                self._rows(table, domain, fields),
                work / f"{table.name}.extract.parquet",
                kinds=kinds,
                state=state,
                where=where,
                cut_times=table.cuts_times,
                cursor=table.cursor_field,
            )
            self._tell_coverage(extract)
        return extract

    def _tell_coverage(self, extract: Extract) -> None:
        """Companies whose records are read; of how many, only where the user is shown more."""
        if self._count_companies is None:
            self._count_companies = self._shown_companies()
        own = len(self._companies)
        extract.coverage_seen = own
        if self._count_companies > own:
            extract.coverage_all = self._count_companies
            extract.coverage_note = Words(
                "companies whose records are read, of all companies", "已读取数据的公司 / 全部公司"
            )
        else:
            extract.coverage_note = Words(
                "companies whose records are read; others, if there are any, are not shown to "
                "this user",
                "已读取数据的公司；若有其他公司，该用户无法看到",
            )

    def _shown_companies(self) -> int:
        """Companies in the list that the user is shown; 0 where it may not see it."""
        try:
            # Archived companies hold nothing that is still to be read; old versions have none.
            active = [["active", "=", True]] if "active" in self._known("res.company") else []
            return int(self._call("res.company", "search_count", [active]))
        except RPCError:
            return 0

    def count_rows(self, table: OdooTable) -> int | None:
        """Records of the model that the user sees, archived ones too."""
        with self._told(f"{self._source.system}.{table.name}"):
            return int(self._call(table.model, "search_count", [[]]))

    def read_keys(self, table: OdooTable, columns: list[str], work: Path) -> Path:
        """Keys of all records that the user sees now."""
        with self._told(f"{self._source.system}.{table.name}"):
            known = self._known(table.model)
            fields = {name: known[name] for name in dict.fromkeys(["id", *columns])}
            rows = self._rows(table, [], fields)
            keys = (tuple(row[name] for name in columns) for row in rows)
            kinds = {name: kind or "text" for name, kind in _columns(fields).items()}
            return write_keys(keys, columns, kinds, work)

    def _rows(
        self, table: OdooTable, domain: list[Any], fields: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """Records in the order of their ids; each page begins behind the last id."""
        last = 0
        while True:
            page = self._call(
                table.model,
                "search_read",
                [[*domain, ["id", ">", last]]],
                {"fields": list(fields), "limit": self._source.page_rows, "order": "id"},
            )
            if not page:
                return  # a page that is not full may be what the server gives at most
            for record in page:
                yield _plain(record, fields)
            last = page[-1]["id"]

    def _newest(self, table: OdooTable) -> datetime | None:
        """The newest change that the database shows before anything is read."""
        self._wanted(table)  # a field that is hidden is told as that
        cursor = str(table.cursor_field)
        found = self._call(
            table.model,
            "search_read",
            [[[cursor, "!=", False]]],
            {"fields": [cursor], "limit": 1, "order": f"{cursor} desc"},
        )
        return utc(found[0][cursor]) if found else None

    def _wanted(self, table: OdooTable) -> dict[str, dict[str, Any]]:
        known = self._known(table.model)
        needed = list(dict.fromkeys([*table.fields, *table.primary_key]))
        if table.load == "incremental":
            needed.append(str(table.cursor_field))
        hidden = [name for name in needed if name not in known]
        if hidden:
            where = f"{self._source.system}.{table.name}"
            raise SourceError(
                Words(
                    f"{where}: the user does not see the fields {', '.join(hidden)} of "
                    f"{table.model}.",
                    f"{where}：该用户看不到 {table.model} 的字段 {'、'.join(hidden)}。",
                ),
                Words(
                    "Put the user into the groups that show them, or name others in the sources "
                    "file.",
                    "请把该用户加入可见这些字段的组，或在源文件中改用其他字段。",
                ),
            )
        if table.fields:
            return {name: known[name] for name in dict.fromkeys(needed)}
        # A field that is computed anew at each reading changes without a change of the record.
        return {
            name: field
            for name, field in known.items()
            if field.get("store", True) and field["type"] not in SKIPPED_TYPES
        }

    def _known(self, model: str) -> dict[str, dict[str, Any]]:
        if model not in self._fields:
            self._fields[model] = self._call(
                model, "fields_get", [], {"attributes": ["type", "store", "string"]}
            )
        return self._fields[model]

    def _user_companies(self) -> list[int]:
        own = self._client.env.uid
        found = self._call("res.users", "read", [[own], ["company_ids"]])
        return list(found[0]["company_ids"])

    def _sign_in(self) -> odoorpc.ODOO:
        source = self._source
        split = urlsplit(source.url)
        is_tls = split.scheme == "https"
        client = self._again(
            lambda: odoorpc.ODOO(
                split.hostname,
                protocol="jsonrpc+ssl" if is_tls else "jsonrpc",
                port=split.port or (443 if is_tls else 80),
                timeout=TIMEOUT_SECONDS[1],
            )
        )
        user = source.user or named_secret(source, "user_env", str(source.user_env))
        key = need_secret(source, "api_key")
        self._again(lambda: client.login(source.database, user, key))
        return client

    def _call(
        self, model: str, method: str, args: list[Any], kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        context = {"active_test": False, "lang": "en_US", "tz": "UTC"}
        if getattr(self, "_companies", None):
            context["allowed_company_ids"] = self._companies
        return self._again(
            lambda: self._client.execute_kw(
                model, method, args, {**(kwargs or {}), "context": context}
            )
        )

    def _again(self, call: Callable[[], Any]) -> Any:
        def counted() -> Any:
            self._calls += 1
            try:
                return call()
            except urllib.error.HTTPError as error:
                if error.code in BUSY:
                    raise
                raise _Refused(error.code) from error

        return again(counted, self._retry, PASSING)

    @contextlib.contextmanager
    def _told(self, where: str, table: OdooTable | None = None) -> Iterator[None]:
        try:
            with told(where, self._source, (ValueError,)):
                yield
        except (RPCError, _Refused) as error:
            raise _refused(where, error, self._source, table) from error


class _Refused(Exception):  # noqa: N818 - told as a SourceError
    """The web server before Odoo refuses; it will do so again."""


@contextlib.contextmanager
def open_source(source: OdooSource, load: Load | None = None) -> Iterator[OdooReader]:
    """Sign in to the database.

    Raises:
        SourceError: the server does not answer or does not let us in.
    """
    yield OdooReader(source, load.window if load else None)


def check(source: OdooSource) -> list[Finding]:
    """Whether the sign-in works, which models and fields are shown, and of which companies."""
    reader = OdooReader(source)
    count = len(reader._companies)
    findings = [
        ok(
            f"The sign-in works; records of {count} companies are read.",
            f"登录成功；读取 {count} 家公司的数据。",
        )
    ]
    for table in source.tables:
        where = f"{source.system}.{table.name}"
        try:
            with reader._told(where):
                known = reader._known(table.model)
                reader._wanted(table)
                rows = reader.count_rows(table)
        except SourceError as problem:
            findings.append(from_problem(problem))
            continue
        hidden = [name for name in table.expects if name not in known]
        if hidden:
            findings.append(
                limited(
                    Words(
                        f"{where}: fields that the mapping reads are not shown: "
                        f"{', '.join(hidden)}.",
                        f"{where}：映射所需的字段不可见：{'、'.join(hidden)}。",
                    ),
                    Words(
                        f"Put the user into the groups that show them, or install the app that "
                        f"adds them to {table.model}; until then they are unknown.",
                        f"请把该用户加入可见这些字段的组，或安装为 {table.model} 添加字段的应用；"
                        "在此之前为未知。",
                    ),
                )
            )
        if not rows:
            findings.append(nothing_seen(where, _ALL_DOCUMENTS))
        elif not hidden:
            findings.append(
                ok(f"{where}: {rows} records can be read.", f"{where}：可以读取 {rows} 条记录。")
            )
    return findings


_ALL_DOCUMENTS = Words(
    "record rules hide it. Put the user into a group with all documents instead of “own documents "
    "only”, and name the companies whose records are wanted under its Allowed Companies.",
    "是记录规则将其隐藏。请把该用户加入“所有单据”组（而非“仅自己的单据”），"
    "并在其“允许的公司”中加入所需公司。",
)


def _columns(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
    """Landed type of each column; a reference has one for its id and one for its name."""
    kinds: dict[str, str | None] = {}
    for name, field in fields.items():
        kinds[name] = LANDED_TYPES.get(field["type"], "text")
        if field["type"] == "many2one" and f"{name}{NAME_SUFFIX}" not in fields:
            kinds[f"{name}{NAME_SUFFIX}"] = "text"
    return kinds


def _plain(record: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A record with NULL for absent values, and its references taken apart."""
    values: dict[str, Any] = {}
    for name, field in fields.items():
        value = record.get(name)
        kind = field["type"]
        if value is False and kind != "boolean":
            value = None
        if kind == "many2one" and isinstance(value, list):
            if f"{name}{NAME_SUFFIX}" not in fields:
                values[f"{name}{NAME_SUFFIX}"] = value[1]
            value = value[0]
        elif kind in ("float", "monetary") and isinstance(value, int):
            value = float(value) if abs(value) <= 2**53 else value
        elif isinstance(value, list | dict):
            value = json.dumps(value, ensure_ascii=False)
        values[name] = value
    return values


def _domain(table: OdooTable, span: Span) -> list[Any]:
    """Odoo's domain of a span; records without the time are always in it."""
    cursor = str(table.cursor_field)
    domain: list[Any] = []
    if span.start and not span.end:
        return ["|", [cursor, ">=", _text(span.start)], [cursor, "=", False]]
    if span.start:
        domain.append([cursor, ">=", _text(span.start)])
    if span.end:
        domain.append([cursor, "<", _text(span.end)])
    return domain


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _refused(
    where: str, error: Exception, source: OdooSource, table: OdooTable | None
) -> SourceError:
    """What Odoo's refusal means and what to do."""
    info = getattr(error, "info", None)
    name = str(((info or {}).get("data") or {}).get("name", "")) if isinstance(info, dict) else ""
    text = masked(one_line(error), source)
    is_gone = False
    if isinstance(error, _Refused):
        text = f"HTTP {error}"
        remedy = Words(
            "Check `url`, and that the server lets this machine reach /jsonrpc.",
            "请检查 url，以及服务器是否允许本机访问 /jsonrpc。",
        )
    elif "AccessDenied" in name or "Wrong login" in text:
        remedy = Words(
            "Check `database`, the user and the API key; a user with two-factor sign-in needs an "
            "API key instead of its password.",
            "请检查 database、用户和 API 密钥；启用双重验证的用户必须使用 API 密钥。",
        )
    elif "AccessError" in name or "not allowed" in text:
        remedy = Words(
            "Put the user into a group that may read this model (see the README).",
            "请把该用户加入可以读取该模型的组（见 README）。",
        )
    elif "KeyError" in name or "doesn't exist" in text or "does not exist" in text:
        # Also a record may be missing; the model is named where it is that.
        is_gone = "MissingError" not in name and bool(table and table.model in text)
        remedy = Words(
            "Correct `model` in the sources file, or leave the table out if its app is not "
            "installed.",
            "请更正源文件中的 model；若未安装对应应用，请删去该表。",
        )
    else:
        remedy = Words(
            "Check models and fields in the sources file and the rights of the user.",
            "请检查源文件中的模型和字段，以及该用户的权限。",
        )
    return SourceError(
        Words(f"{where}: Odoo says: {text}", f"{where}：Odoo 返回：{text}"),
        remedy,
        changes=gone(table.model if table else None, is_gone),
    )


__all__ = ["OdooReader", "check", "open_source"]
