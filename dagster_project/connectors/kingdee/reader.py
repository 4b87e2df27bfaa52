"""Kingdee K/3 Cloud (金蝶云星空) through Kingdee's own SDK.

What Kingdee does, and what is done about it:

- ``ExecuteBillQuery`` returns at most 2,000 rows (10,000 since 23.11) and says nothing of the
  rest: pages are asked for until one is empty, as a server may give less than was asked for. They
  follow the row's id, as rows shift under ``StartRow`` when others are deleted meanwhile.
- An error comes as a row: one cell that holds the error. It is told as what it is.
- Rows have neither names nor types, and times no zone: the settings give all three.
- A bill that was never changed may have no ``FModifyDate``: those rows are always read.
- Deleted bills leave nothing: their keys are compared.
- The SDK does not check the server's certificate: here it is checked.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from k3cloud_webapi_sdk.main import K3CloudApiSdk

from dagster_project.connectors.api import (
    ApiReader,
    Span,
    again,
    gone,
    nothing_seen,
    session,
    span_of,
    told,
    utc,
    write_keys,
    write_records,
)
from dagster_project.connectors.check import Finding, from_problem, ok
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.kinds import Load, Window
from dagster_project.connectors.kingdee.settings import KingdeeSource, KingdeeTable, column_of
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.secrets import masked, need_secret

_NO_TIME = frozenset({"0001-01-01T00:00:00", "0001-01-01 00:00:00"})


class KingdeeReader(ApiReader[KingdeeSource]):
    """A data centre; :meth:`extract` reads one form of it."""

    def __init__(self, source: KingdeeSource, window: Window | None = None) -> None:
        super().__init__(source, window)
        self._zone = ZoneInfo(source.time_zone)
        self._client = _Client(source.server_url, session(self._retry, source.ca_file))
        self._client.InitConfig(
            source.account_id,
            source.user,
            need_secret(source, "app_id"),
            need_secret(source, "app_secret"),
            source.server_url,
            org_num=source.organisation_number,
        )

    def extract(
        self, table: KingdeeTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one form: everything, or what has changed since the cursor of ``state``.

        Raises:
            SourceError: the application, the form or a field is refused, or no answer comes.
        """
        where = f"{self._source.system}.{table.name}"
        with (
            self._told(where, table),
            self._reading(table, state, lambda: self._newest(table)) as extract,
        ):
            span = span_of(table, state, full=full, window=self._window, zone=self._zone)
            write_records(
                extract,
                self._rows(table, list(table.fields), self._conditions(table, span)),
                work / f"{table.name}.extract.parquet",
                kinds={column_of(name): kind for name, kind in table.fields.items()},
                state=state,
                where=where,
                cut_times=table.cuts_times,
                cursor=column_of(table.cursor_field) if table.cursor_field else None,
                zone=self._zone,
            )
            extract.coverage_note = Words(
                "organisations in which the user may view this form; of how many, Kingdee does "
                "not tell",
                "该用户可查看此单据的组织；金蝶接口不提供组织总数",
            )
        return extract

    def read_keys(self, table: KingdeeTable, columns: list[str], work: Path) -> Path:
        """Keys of all rows that the user sees now."""
        with self._told(f"{self._source.system}.{table.name}"):
            fields = {column_of(name): name for name in table.fields}
            names = list(dict.fromkeys([table.key, *(fields[column] for column in columns)]))
            rows = self._rows(table, names, self._conditions(table, Span()))
            keys = (tuple(row[column] for column in columns) for row in rows)
            kinds = {column_of(name): kind for name, kind in table.fields.items()}
            return write_keys(keys, columns, kinds, work)

    def _rows(
        self, table: KingdeeTable, fields: list[str], conditions: list[str]
    ) -> Iterator[dict[str, Any]]:
        """Rows in the order of their ids; each page begins behind the last id."""
        last: int | None = None
        columns = [column_of(name) for name in fields]
        kinds = [table.fields[name] for name in fields]
        key = column_of(table.key)
        while True:
            beyond = [f"{table.key} > {last}"] if last is not None else []
            page = self._query(table, fields, [*conditions, *beyond], f"{table.key} ASC")
            for values in page:
                row = dict(zip(columns, map(_plain, values, kinds), strict=True))
                number = row[key]
                if not isinstance(number, int) or (last is not None and number <= last):
                    raise _not_in_order(f"{self._source.system}.{table.name}", table.key)
                last = number
                yield row
            if not page:
                return

    def _newest(self, table: KingdeeTable) -> datetime | None:
        """The newest change that the data centre shows before anything is read."""
        cursor = str(table.cursor_field)
        conditions = [*self._conditions(table, Span()), f"{cursor} is not null"]
        page = self._query(table, [cursor], conditions, f"{cursor} DESC", limit=1)
        return utc(_plain(page[0][0], "timestamp"), self._zone) if page else None

    def _conditions(self, table: KingdeeTable, span: Span) -> list[str]:
        found = [f"({table.filter})"] if table.filter else []
        cursor = table.cursor_field
        if span.start and span.end:
            found += [f"{cursor} >= {self._text(span.start)}", f"{cursor} < {self._text(span.end)}"]
        elif span.start:
            found.append(f"({cursor} >= {self._text(span.start)} or {cursor} is null)")
        return found

    def _text(self, moment: datetime) -> str:
        """A time as a filter writes it, in the server's clock."""
        local = moment.replace(tzinfo=UTC).astimezone(self._zone)
        return f"'{local.strftime('%Y-%m-%d %H:%M:%S')}'"

    def _query(
        self,
        table: KingdeeTable,
        fields: list[str],
        conditions: list[str],
        order: str,
        *,
        limit: int | None = None,
    ) -> list[list[Any]]:
        rows = limit or self._source.page_rows
        data = {
            "FormId": table.form_id,
            "FieldKeys": ",".join(fields),
            "FilterString": " and ".join(conditions),
            "OrderString": order,
            "TopRowCount": 0,
            "StartRow": 0,
            "Limit": rows,
        }

        def ask() -> Any:
            self._calls += 1
            # Numbers as they are written: the SDK hands over text.
            return json.loads(self._client.ExecuteBillQuery(data), parse_float=Decimal)

        answer = again(ask, self._retry)
        problem = _error_in(answer)
        if problem is not None:
            raise _Refused(problem)
        return list(answer)

    @contextlib.contextmanager
    def _told(self, where: str, table: KingdeeTable | None = None) -> Iterator[None]:
        try:
            with told(where, self._source, (ValueError,)):
                yield
        except _Refused as error:
            raise _refused(where, str(error), self._source, table) from error


class _Client(K3CloudApiSdk):
    """Kingdee's SDK with its signature, over a session that checks certificates and asks again."""

    def __init__(self, server_url: str, http: requests.Session) -> None:
        super().__init__(server_url)
        self._http = http

    def PostJson(  # noqa: N802 - the SDK's name
        self, service_name: str, json_data: Any = None, invoke_type: Any = None
    ) -> str:
        url = f"{self.identify.ServerUrl.rstrip('/')}/{service_name}.common.kdsvc"
        response = self._http.post(url, headers=self.BuildHeader(url), data=json.dumps(json_data))
        if response.status_code in (200, 206):
            self.FillCookieAndHeader(response.cookies, response.headers)
            if response.text.startswith("response_error:"):
                raise _Refused(response.text.removeprefix("response_error:"))
            return str(response.text)
        raise _Refused(f"HTTP {response.status_code}: {response.text[:300]}")


class _Refused(Exception):  # noqa: N818 - told as a SourceError
    """What Kingdee says instead of rows."""


@contextlib.contextmanager
def open_source(source: KingdeeSource, load: Load | None = None) -> Iterator[KingdeeReader]:
    """A reader of the data centre.

    Raises:
        SourceError: there is no application id or secret.
    """
    yield KingdeeReader(source, load.window if load else None)


def check(source: KingdeeSource) -> list[Finding]:
    """Whether the application is let in, and which forms and fields its user may query."""
    reader = KingdeeReader(source)
    findings: list[Finding] = []
    for table in source.tables:
        where = f"{source.system}.{table.name}"
        try:
            with reader._told(where):
                found = reader._query(table, list(table.fields), [], f"{table.key} ASC", limit=1)
        except SourceError as problem:
            findings.append(from_problem(problem))
            continue
        if found:
            findings.append(ok(f"{where}: its rows can be read.", f"{where}：可以读取。"))
        else:
            findings.append(nothing_seen(where, _ORGANISATIONS))
    return findings


_ORGANISATIONS = Words(
    "give the integration user the right to view this form (查看) in every organisation whose data "
    "is wanted, or name another in `organisation_number`.",
    "请在所需的每个组织中为集成用户授予该单据的“查看”权限，"
    "或在 organisation_number 中指定其他组织。",
)


def _plain(value: Any, kind: str) -> Any:
    """Texts without the blanks that fill them up; the year 1 stands for no time."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text or text in _NO_TIME:
        return None
    if kind in ("timestamp", "date"):
        # What is no time stays a text, which its column refuses: the row goes to quarantine.
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text)
    return text


def _error_in(answer: Any) -> str | None:
    """What an error says that comes in the shape of rows; None for rows."""
    cell = answer
    while isinstance(cell, list) and cell:
        cell = cell[0]
    if not isinstance(cell, dict):
        return None if isinstance(answer, list) else json.dumps(answer, ensure_ascii=False)[:300]
    status = (cell.get("Result") or {}).get("ResponseStatus") or {}
    texts = [str(one.get("Message")) for one in status.get("Errors") or []]
    return f"{'; '.join(texts) or json.dumps(cell, ensure_ascii=False)[:300]}" + (
        f" (MsgCode {status['MsgCode']})" if "MsgCode" in status else ""
    )


def _refused(
    where: str, said: str, source: KingdeeSource, table: KingdeeTable | None
) -> SourceError:
    text = masked(" ".join(said.split())[:400], source)
    is_transient = is_gone = False
    if "MsgCode 1)" in text or "会话" in text or "签名" in text or "AppSec" in text:
        remedy = Words(
            "Check application id, secret, data centre id and user under 第三方系统登录授权, and "
            "this machine's clock: a signature is good for minutes.",
            "请在“第三方系统登录授权”中检查应用 ID、密钥、账套 ID 和集成用户，并检查本机时钟。",
        )
    elif "权限" in text:
        remedy = Words(
            "Give the integration user the right to view this form, in every organisation whose "
            "data is wanted.",
            "请为集成用户授予该单据在所需组织下的“查看”权限。",
        )
    elif "字段" in text or "标识" in text or "FormId" in text:
        is_gone = "字段" not in text and "不存在" in text and bool(table and table.form_id in text)
        remedy = Words(
            "Correct `form_id` or `fields` in the sources file; the designer (BOS) shows the "
            "names.",
            "请更正源文件中的 form_id 或 fields；名称可在 BOS 设计器中查看。",
        )
    else:
        is_transient = "HTTP 5" in text or "HTTP 429" in text
        remedy = Words(
            "Check server address, form and fields in the sources file.",
            "请检查源文件中的服务器地址、表单和字段。",
        )
    return SourceError(
        Words(f"{where}: Kingdee says: {text}", f"{where}：金蝶返回：{text}"),
        remedy,
        is_transient=is_transient,
        changes=gone(table.form_id if table else None, is_gone),
    )


def _not_in_order(where: str, key: str) -> SourceError:
    return SourceError(
        Words(
            f"{where}: {key} does not grow from row to row, so pages would lose or repeat rows.",
            f"{where}：{key} 未逐行递增，分页会丢失或重复数据。",
        ),
        Words(
            "Name in `key` the id of the finest entry among `fields`: a query has one row per "
            "line of it.",
            "请在 key 中填写 fields 里最细一级分录的内码：查询按该分录逐行返回。",
        ),
    )


__all__ = ["KingdeeReader", "check", "open_source"]
