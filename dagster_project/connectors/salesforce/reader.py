"""Salesforce through simple-salesforce.

What Salesforce does, and what is done about it:

- Its times have whole seconds: the cursor is compared with ``>=`` and an overlap, never with
  ``>``, and rows that are known are not landed twice.
- A query leaves out deleted rows, and tasks and events that were archived: every query is a
  ``queryAll``, and ``IsDeleted`` is a column like any other.
- A row holds its present state only: what was before stands in history objects (``LeadHistory``,
  ``OpportunityHistory``), which are tables of their own.
- A session ends in the middle of a load: it is renewed and the same page is asked again. A query
  that Salesforce has forgotten is asked anew from the last id on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
)

from dagster_project.connectors.api import (
    ApiReader,
    Span,
    again,
    gone,
    nothing_seen,
    session,
    span_of,
    tell_deleted,
    told,
    utc,
    write_keys,
    write_records,
)
from dagster_project.connectors.check import Finding, from_problem, limited, ok
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.kinds import Load, Window
from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.salesforce.settings import SalesforceSource, SalesforceTable
from dagster_project.connectors.secrets import masked, need_secret, remember

# A longer query does not fit the address of a request (16,384 characters in all).
LONGEST_QUERY = 12_000
# Their parts are fields of their own.
COMPOUND_TYPES = frozenset({"address", "location"})
LANDED_TYPES = {
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "date": "date",
    "datetime": "timestamp",
}
NUMBERS = frozenset({"double", "currency", "percent"})
NOT_ALL = Words(
    "The user lacks “View All Data”: rows of others that are not shared with it are left out "
    "without a word.",
    "该用户没有“查看所有数据”权限：未共享给它的数据会被静默省略。",
)
NO_OBJECT = frozenset({"NOT_FOUND", "INVALID_TYPE"})
FORGOTTEN_QUERY = "INVALID_QUERY_LOCATOR"


class SalesforceReader(ApiReader[SalesforceSource]):
    """A Salesforce org; :meth:`extract` reads one object of it."""

    def __init__(self, source: SalesforceSource, window: Window | None = None) -> None:
        super().__init__(source, window)
        self._session = session(self._retry, source.ca_file)
        self._described: dict[str, dict[str, Any]] = {}
        self._sees_all: bool | None = None
        self._client = self._connect()

    def extract(
        self, table: SalesforceTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one object: everything, or what has changed since the cursor of ``state``.

        Raises:
            SourceError: the org refuses, the object or a field is not shown, no answer comes.
        """
        where = f"{self._source.system}.{table.name}"
        with (
            self._told(where, table),
            self._reading(table, state, lambda: self._newest(table)) as extract,
        ):
            kinds = self._columns(table)
            span = span_of(table, state, full=full, window=self._window)
            deleted: list[str] = []
            write_records(
                extract,
                self._rows(table, list(kinds), span, extract, deleted),
                work / f"{table.name}.extract.parquet",
                kinds=kinds,
                state=state,
                where=where,
                cut_times=table.cuts_times,
                cursor=table.cursor_field,
            )
            tell_deleted(extract, table, deleted, "Id", work)
            if extract.rows_asked is not None:
                extract.rows_gap = max(extract.rows_asked - extract.rows_read - len(deleted), 0)
        self._tell_coverage(extract)
        usage = self._client.api_usage.get("api-usage")
        if usage:
            extract.quota_used, extract.quota_limit = int(usage.used), int(usage.total)
        return extract

    def sees_all(self) -> bool:
        """Whether the user is known to have “View All Data”: no row is hidden from it then."""
        if self._sees_all is None:
            query = "SELECT PermissionsViewAllData FROM UserPermissionAccess LIMIT 1"
            try:
                with self._told(self._source.system):
                    records = self._ask(lambda: self._client.query(query))["records"]
            except SourceError:
                records = []
            self._sees_all = bool(records and records[0]["PermissionsViewAllData"])
        return self._sees_all

    def _tell_coverage(self, extract: Extract) -> None:
        if self.sees_all():
            extract.coverage_note = Words(
                "all rows: the user has “View All Data”", "全部数据：该用户有“查看所有数据”权限"
            )
            return
        extract.coverage_note = Words(
            "rows that are shared with the user; how many others there are cannot be known",
            "共享给该用户的数据；其余数据的数量无法得知",
        )
        extract.notes.append(NOT_ALL)

    def count_rows(self, table: SalesforceTable) -> int | None:
        """Rows of the object that are not deleted, archived ones too."""
        with self._told(f"{self._source.system}.{table.name}"):
            query = f"SELECT COUNT() FROM {table.object}"
            live = self._live(table)
            query += f" WHERE {' AND '.join(live)}" if live else ""
            return int(self._query(query)["totalSize"])

    def read_keys(self, table: SalesforceTable, columns: list[str], work: Path) -> Path:
        """Keys of all rows that are not deleted: rows that left the recycle bin leave no trace.

        Archived tasks and events are among them: only a ``queryAll`` shows those.
        """
        with self._told(f"{self._source.system}.{table.name}"):
            kinds = self._columns(table)
            names = list(dict.fromkeys(["Id", *columns]))
            rows = self._pages(table.object, names, self._live(table), None)
            keys = (tuple(row[name] for name in columns) for row in rows)
            return write_keys(
                keys, columns, {name: kinds[name] or "text" for name in columns}, work
            )

    def _rows(
        self,
        table: SalesforceTable,
        names: list[str],
        span: Span,
        extract: Extract,
        deleted: list[str],
    ) -> Iterator[Mapping[str, Any]]:
        limits = [(">=", span.start), ("<", span.end)]
        conditions = [
            f"{table.cursor_field} {operator} {_literal(limit)}"
            for operator, limit in limits
            if limit
        ]
        if span.start and not span.end:
            conditions = [f"({conditions[0]} OR {table.cursor_field} = NULL)"]
        for row in self._pages(table.object, names, conditions, extract):
            if row.get("IsDeleted") and table.deletes != "flag":
                deleted.append(row["Id"])
            else:
                yield row

    def _pages(
        self,
        name: str,
        fields: list[str],
        conditions: list[str],
        extract: Extract | None,
    ) -> Iterator[Mapping[str, Any]]:
        """Rows in the order of their ids, so that a forgotten query can go on behind the last."""
        last: str | None = None
        is_complete = False
        while not is_complete:
            wanted = [*conditions, *([f"Id > '{last}'"] if last else [])]
            query = f"SELECT {', '.join(fields)} FROM {name}"
            query += f" WHERE {' AND '.join(wanted)}" if wanted else ""
            query += " ORDER BY Id"
            page = self._query(query)
            if extract is not None and last is None:
                extract.rows_asked = int(page["totalSize"])
            while page is not None:
                for row in page["records"]:
                    yield row
                    last = row["Id"]
                is_complete = page["done"]
                page = None if is_complete else self._more(page["nextRecordsUrl"])

    def _live(self, table: SalesforceTable) -> list[str]:
        """The condition of rows that are not deleted; some objects, such as users, lack it."""
        names = {field["name"] for field in self._describe(table.object)["fields"]}
        return ["IsDeleted = FALSE"] if "IsDeleted" in names else []

    def _query(self, query: str) -> Any:
        return self._ask(lambda: self._client.query(query, include_deleted=True))

    def _more(self, url: str) -> Any:
        """The next page of a query; None where Salesforce has forgotten the query."""
        try:
            return self._ask(lambda: self._client.query_more(url, identifier_is_url=True))
        except SalesforceMalformedRequest as error:
            if FORGOTTEN_QUERY not in str(error.content):
                raise
            self._retry.counts[0] += 1
            return None

    def _newest(self, table: SalesforceTable) -> datetime | None:
        """The newest change that the org shows before anything is read."""
        self._columns(table)  # a field that is hidden is told as that
        query = (
            f"SELECT {table.cursor_field} FROM {table.object} WHERE {table.cursor_field} != NULL "
            f"ORDER BY {table.cursor_field} DESC LIMIT 1"
        )
        records = self._query(query)["records"]
        return utc(records[0][table.cursor_field]) if records else None

    def _columns(self, table: SalesforceTable) -> dict[str, str | None]:
        """Landed type of each field that is read, as the object's description tells it."""
        shown = {
            field["name"]: field
            for field in self._describe(table.object)["fields"]
            if field["type"] not in COMPOUND_TYPES
        }
        wanted = [
            *table.fields,
            *table.primary_key,
            *([table.cursor_field] if table.cursor_field else []),
        ]
        hidden = [name for name in wanted if name not in shown]
        where = f"{self._source.system}.{table.name}"
        if hidden:
            raise SourceError(
                Words(
                    f"{where}: the user does not see the fields {', '.join(hidden)} of "
                    f"{table.object}.",
                    f"{where}：该用户看不到 {table.object} 的字段 {'、'.join(hidden)}。",
                ),
                Words(
                    "Give its permission set read access to them, or name others in the sources "
                    "file.",
                    "请在权限集中授予读取权限，或在源文件中改用其他字段。",
                ),
            )
        names = list(shown)
        if table.fields:
            always = ["Id", "IsDeleted", *table.primary_key, table.cursor_field]
            names = [name for name in names if name in {*table.fields, *always}]
        if len(", ".join(names)) > LONGEST_QUERY:
            raise SourceError(
                Words(
                    f"{where}: {table.object} has {len(names)} fields, too many for one query.",
                    f"{where}：{table.object} 有 {len(names)} 个字段，超出单次查询的长度。",
                ),
                Words(
                    "List those to read in `fields`, in two tables if need be.",
                    "请在 fields 中列出要读取的字段，必要时分成两张表。",
                ),
            )
        return {name: _landed_type(shown[name]) for name in names}

    def _describe(self, name: str) -> dict[str, Any]:
        if name not in self._described:
            self._described[name] = self._ask(lambda: getattr(self._client, name).describe())
        return self._described[name]

    def _connect(self) -> Salesforce:
        source = self._source
        with self._told(source.system):
            token = self._sign_in() if source.has_client else need_secret(source, "access_token")
            return Salesforce(
                instance_url=source.instance_url,
                session_id=token,
                version=source.api_version,
                session=self._session,
                parse_float=Decimal,
            )

    def _sign_in(self) -> str:
        source = self._source
        auth = OAuth2ClientCredentials(
            access_token_url=f"{source.instance_url.rstrip('/')}/services/oauth2/token",
            client_id=need_secret(source, "consumer_key"),
            client_secret=need_secret(source, "consumer_secret"),
            session=self._session,
        )
        self._calls += 1
        auth.obtain_token()
        token = str(auth.access_token)
        remember(token)
        return token

    def _ask(self, call: Callable[[], Any]) -> Any:
        """The answer to ``call``; a session that has ended is renewed once."""

        def counted() -> Any:
            self._calls += 1
            return call()

        try:
            return again(counted, self._retry)
        except SalesforceExpiredSession:
            if not self._source.has_client:
                raise
            self._client = self._connect()
            self._retry.counts[0] += 1
            return again(counted, self._retry)

    @contextlib.contextmanager
    def _told(self, where: str, table: SalesforceTable | None = None) -> Iterator[None]:
        try:
            with told(where, self._source, (ValueError,)):
                yield
        except SalesforceError as error:
            raise _refused(where, error, self._source, table) from error
        except SourceError as problem:
            cause = problem.__cause__
            if isinstance(cause, requests.HTTPError) and cause.response is not None:
                raise _no_sign_in(where, cause.response, self._source) from cause
            raise


@contextlib.contextmanager
def open_source(source: SalesforceSource, load: Load | None = None) -> Iterator[SalesforceReader]:
    """Sign in to the org.

    Raises:
        SourceError: the org does not let us in or does not answer.
    """
    yield SalesforceReader(source, load.window if load else None)


def check(source: SalesforceSource) -> list[Finding]:
    """Whether the sign-in works, which objects and fields are shown, and whether all rows are."""
    reader = SalesforceReader(source)
    findings = [ok("The sign-in works.", "登录成功。"), _sees_all(reader)]
    for table in source.tables:
        where = f"{source.system}.{table.name}"
        try:
            with reader._told(where):
                reader._columns(table)
                shown = {field["name"] for field in reader._describe(table.object)["fields"]}
                hidden = [name for name in table.expects if name not in shown]
                count = reader.count_rows(table)
        except SourceError as problem:
            findings.append(from_problem(problem))
            continue
        if hidden:
            findings.append(_hidden(where, table, hidden))
        if not count:
            findings.append(nothing_seen(where, _sharing(table)))
        elif not hidden:
            findings.append(
                ok(f"{where}: {count} rows can be read.", f"{where}：可以读取 {count} 行。")
            )
    return findings


def _sees_all(reader: SalesforceReader) -> Finding:
    if reader.sees_all():
        return ok("The user sees all rows.", "该用户可以看到全部数据。")
    return limited(
        NOT_ALL,
        Words(
            "Give its permission set “View All Data” (read-only), or accept that figures cover "
            "the visible rows only.",
            "请在权限集中授予“查看所有数据”（只读），否则指标仅覆盖可见数据。",
        ),
    )


def _sharing(table: SalesforceTable) -> Words:
    return Words(
        f"give the user's permission set “View All Data”, or “View All” of {table.object}, or "
        "share the rows with the user.",
        f"请在权限集中授予“查看所有数据”或 {table.object} 的“查看全部”，或将数据共享给该用户。",
    )


def _hidden(where: str, table: SalesforceTable, hidden: list[str]) -> Finding:
    return limited(
        Words(
            f"{where}: fields that the mapping reads are not shown: {', '.join(hidden)}.",
            f"{where}：映射所需的字段不可见：{'、'.join(hidden)}。",
        ),
        Words(
            f"Give the user's permission set read access to these fields of {table.object}; until "
            "then what is computed from them is unknown.",
            f"请在权限集中授予 {table.object} 这些字段的读取权限；在此之前相关指标为未知。",
        ),
    )


def _landed_type(field: Mapping[str, Any]) -> str:
    kind = str(field["type"])
    if kind in NUMBERS:
        # A formula shows more decimals than its description tells.
        is_exact = not field.get("calculated") and field.get("scale") is not None
        return f"decimal({field['scale']})" if is_exact else "number"
    return LANDED_TYPES.get(kind, "text")


def _literal(moment: datetime) -> str:
    """A time as SOQL writes it; cut to the second, which only makes the window wider."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(
    where: str,
    error: SalesforceError,
    source: SalesforceSource,
    table: SalesforceTable | None,
) -> SourceError:
    """What Salesforce's refusal means and what to do."""
    content: Any = error.content
    problems = content if isinstance(content, list) else [content]
    codes = {str(p.get("errorCode")) for p in problems if isinstance(p, dict)}
    texts = [str(p.get("message")) if isinstance(p, dict) else one_line(error) for p in problems]
    text = masked(" ".join(" ".join(texts).split())[:400], source)
    is_transient = False
    if isinstance(error, SalesforceExpiredSession):
        remedy = Words(
            "The session has ended: give a new access token, or sign in as a connected app.",
            "会话已失效：请提供新的访问令牌，或改用连接的应用登录。",
        )
    elif "REQUEST_LIMIT_EXCEEDED" in codes:
        is_transient = True
        remedy = Words(
            "The org's calls of these 24 hours are used up. Load later; nothing was skipped.",
            "24 小时内的调用额度已用完，请稍后再加载；没有跳过任何数据。",
        )
    elif codes & NO_OBJECT:
        remedy = Words(
            "Correct `object` in the sources file, or give the user's permission set read access "
            "to it.",
            "请更正源文件中的 object，或在权限集中授予读取权限。",
        )
    elif "API_DISABLED_FOR_ORG" in codes or "API_CURRENTLY_DISABLED" in codes:
        remedy = Words(
            "Give the user the permission “API Enabled”; the edition must include the API.",
            "请授予用户“启用 API”权限，并确认版本包含 API。",
        )
    else:
        is_transient = getattr(error, "status", 0) >= 500
        remedy = Words(
            "Check objects and fields in the sources file and the user's permission set.",
            "请检查源文件中的对象和字段，以及用户的权限集。",
        )
    return SourceError(
        Words(f"{where}: Salesforce says: {text}", f"{where}：Salesforce 返回：{text}"),
        remedy,
        is_transient=is_transient,
        changes=gone(table.object if table else None, bool(codes & NO_OBJECT)),
    )


def _no_sign_in(where: str, response: requests.Response, source: SalesforceSource) -> SourceError:
    text = masked(" ".join(response.text.split())[:300], source)
    return SourceError(
        Words(
            f"{where}: Salesforce does not let the connected app in: {text}",
            f"{where}：Salesforce 拒绝连接的应用登录：{text}",
        ),
        Words(
            "Check consumer key and secret, that the app allows the client credentials flow with "
            "a run-as user, and that `instance_url` is the org's My Domain.",
            "请检查 consumer key 和 secret、应用是否启用客户端凭据流程并指定运行用户，"
            "以及 instance_url 是否为“我的域”。",
        ),
    )


__all__ = ["SalesforceReader", "check", "open_source"]
