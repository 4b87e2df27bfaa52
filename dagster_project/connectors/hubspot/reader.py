"""HubSpot CRM through HubSpot's own client.

What HubSpot does, and what is done about it:

- The search stops at 10,000 results: it is asked for ids only, in ascending order, each page from
  the last id on, so that the limit is never reached and no page shifts under the reader.
- The search shows changes late and its copies may be stale: the values come from the records
  themselves (batch read), and each load begins an overlap earlier.
- Archived records are left out everywhere unless asked for: they are listed apart. Records that
  were merged into another are in neither list; the survivor names them.
- Associations are no part of a record: they are tables of their own, read whole, because a new
  association does not always change its records.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubspot import HubSpot
from hubspot.crm import associations, deals, objects, owners, pipelines, properties
from hubspot.crm.associations import v4 as pairs
from hubspot.crm.objects import (
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectId,
)

from dagster_project.connectors.api import (
    TIMEOUT_SECONDS,
    ApiReader,
    Span,
    again,
    gone,
    nothing_seen,
    span_of,
    tell_deleted,
    told,
    utc,
    write_keys,
    write_records,
)
from dagster_project.connectors.check import Finding, from_problem, limited, ok
from dagster_project.connectors.extract import Extract, chunks
from dagster_project.connectors.hubspot.settings import HubSpotSource, HubSpotTable
from dagster_project.connectors.kinds import Load, Window
from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.secrets import masked, need_secret

Kinds = dict[str, str | None]

SEARCH_PAGE = 200
LIST_PAGE = 100
BATCH = 100
HISTORY_BATCH = 50
ASSOCIATION_BATCH = 1000
MERGED = "hs_merged_object_ids"
# What every record has beside its properties, in HubSpot's own words.
RECORD_COLUMNS = {
    "id": "text",
    "createdAt": "timestamp",
    "updatedAt": "timestamp",
    "archived": "boolean",
    "archivedAt": "timestamp",
}
HISTORY_COLUMNS = {
    "id": "text",
    "value": "text",
    "timestamp": "timestamp",
    "sourceType": "text",
    "sourceId": "text",
    "updatedByUserId": "integer",
}
ASSOCIATION_COLUMNS = {
    "fromObjectId": "text",
    "toObjectId": "text",
    "typeId": "integer",
    "category": "text",
    "label": "text",
}
OWNER_COLUMNS = {
    "id": "text",
    "email": "text",
    "firstName": "text",
    "lastName": "text",
    "userId": "integer",
    "teams": "text",
    "createdAt": "timestamp",
    "updatedAt": "timestamp",
    "archived": "boolean",
}
STAGE_COLUMNS = {
    "id": "text",
    "pipelineId": "text",
    "pipelineLabel": "text",
    "label": "text",
    "displayOrder": "integer",
    "isClosed": "text",
    "probability": "text",
    "archived": "boolean",
}
API_ERRORS: tuple[type[Exception], ...] = tuple(
    module.ApiException
    for module in (associations, deals, objects, owners, pairs, pipelines, properties)
)


class HubSpotReader(ApiReader[HubSpotSource]):
    """A HubSpot account; :meth:`extract` reads one table of it."""

    def __init__(self, source: HubSpotSource, window: Window | None = None) -> None:
        super().__init__(source, window)
        self._client = HubSpot(
            access_token=need_secret(source, "access_token"),
            host=source.base_url,
            retry=self._retry,
        )
        self._quota: tuple[int | None, int | None] = (None, None)
        self._properties: dict[str, list[str]] = {}

    def extract(
        self, table: HubSpotTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one table: everything, or what has changed since the cursor of ``state``.

        Raises:
            SourceError: the token, a scope or the object type is wrong, or no answer comes.
        """
        where = f"{self._source.system}.{table.name}"
        readers: dict[str, Callable[..., tuple[Kinds, Iterable[dict[str, Any]]]]] = {
            "objects": self._objects,
            "history": self._history,
            "associations": self._associations,
            "owners": self._owners,
            "stages": self._stages,
        }
        with (
            self._told(where, table),
            self._reading(table, state, lambda: self._newest(table)) as extract,
        ):
            span = span_of(table, state, full=full, window=self._window)
            deleted: list[str] = []
            kinds, records = readers[table.resource](table, extract, span, deleted)
            write_records(
                extract,
                records,
                work / f"{table.name}.extract.parquet",
                kinds=kinds,
                state=state,
                where=where,
                cut_times=table.cuts_times,
                cursor="_changed" if table.cursor_field else None,
            )
            tell_deleted(extract, table, deleted, "id", work)
        extract.quota_used, extract.quota_limit = self._quota
        return extract

    def read_keys(self, table: HubSpotTable, columns: list[str], work: Path) -> Path:
        """Ids of all live records, out of the list, which is never late as the search is."""
        with self._told(f"{self._source.system}.{table.name}"):
            keys = ((record["id"],) for record in self._listed(_object(table), archived=False))
            return write_keys(keys, columns, {"id": "text"}, work)

    def _objects(
        self, table: HubSpotTable, extract: Extract, span: Span, deleted: list[str]
    ) -> tuple[Kinds, Iterable[dict[str, Any]]]:
        names = self._property_names(table)
        if table.cursor_field:
            names = list(dict.fromkeys([*names, table.cursor_field]))
        kinds: Kinds = {**RECORD_COLUMNS, **dict.fromkeys(names, "text")}
        asked = [*names, MERGED] if MERGED in self._known(_object(table)) else names

        keeps_archived = table.deletes == "flag"

        def records() -> Iterator[dict[str, Any]]:
            seen: set[str] = set()
            missing: set[str] = set()
            merged: dict[str, datetime | None] = {}
            for is_archived in (False, True) if keeps_archived else (False,):
                ids = (
                    self._archived_since(_object(table), span)
                    if is_archived
                    else self._changed_since(table, span)
                )
                for record in self._read(_object(table), ids, asked, missing, is_archived):
                    if record["id"] in seen:
                        continue  # archived while it was read: the live copy came a moment before
                    seen.add(record["id"])
                    values = record["properties"]
                    changed = utc(values.get(table.cursor_field)) or utc(record.get("updatedAt"))
                    for old in (values.get(MERGED) or "").split(";"):
                        if old and old != record["id"]:
                            merged[old] = changed
                    own = {name: record.get(name) for name in RECORD_COLUMNS}
                    yield {**values, **own, "archived": is_archived, "_changed": changed}
            gone = sorted(set(merged) - seen)
            if keeps_archived:
                yield from ({"id": old, "archived": True, "_changed": merged[old]} for old in gone)
            else:
                deleted.extend([*self._archived_since(_object(table), span), *gone])
            missing -= {*seen, *gone, *deleted}
            extract.rows_asked = len(seen) + len(missing) + (len(gone) if keeps_archived else 0)
            extract.rows_gap = len(missing)

        return kinds, records()

    def _history(
        self, table: HubSpotTable, extract: Extract, span: Span, deleted: list[str]
    ) -> tuple[Kinds, Iterable[dict[str, Any]]]:
        name = str(table.history_of)

        def records() -> Iterator[dict[str, Any]]:
            missing: set[str] = set()
            ids = self._changed_since(table, span)
            for record in self._read(
                _object(table), ids, [str(table.cursor_field)], missing, False, history=[name]
            ):
                changed = utc(record["properties"].get(table.cursor_field)) or utc(
                    record["updatedAt"]
                )
                for version in (record.get("propertiesWithHistory") or {}).get(name) or []:
                    values = {column: version.get(column) for column in HISTORY_COLUMNS}
                    yield {**values, "id": record["id"], "_changed": changed}
            extract.rows_gap = len(missing)

        return dict(HISTORY_COLUMNS), records()

    def _associations(
        self, table: HubSpotTable, extract: Extract, span: Span, deleted: list[str]
    ) -> tuple[Kinds, Iterable[dict[str, Any]]]:
        del span, deleted, extract

        def records() -> Iterator[dict[str, Any]]:
            ids = (record["id"] for record in self._listed(_object(table), archived=False))
            for chunk in chunks(ids, ASSOCIATION_BATCH):
                waiting = [pairs.PublicFetchAssociationsBatchRequest(id=one) for one in chunk]
                while waiting:
                    page = self._call(
                        self._client.crm.associations.v4.batch_api.get_page,
                        _object(table),
                        str(table.to),
                        pairs.BatchInputPublicFetchAssociationsBatchRequest(inputs=waiting),
                    )
                    # A record with many associations comes in pages of its own.
                    waiting = [
                        pairs.PublicFetchAssociationsBatchRequest(
                            id=result["from"]["id"], after=_next(result)
                        )
                        for result in page["results"]
                        if _next(result) and table.keep != "first"
                    ]
                    for result in page["results"]:
                        yield from _pairs(result, table)

        return dict(ASSOCIATION_COLUMNS), records()

    def _owners(
        self, table: HubSpotTable, extract: Extract, span: Span, deleted: list[str]
    ) -> tuple[Kinds, Iterable[dict[str, Any]]]:
        del table, span, deleted, extract

        def records() -> Iterator[dict[str, Any]]:
            for archived in (False, True):
                after = None
                while True:
                    page = self._call(
                        self._client.crm.owners.owners_api.get_page,
                        limit=LIST_PAGE,
                        archived=archived,
                        **({"after": after} if after else {}),
                    )
                    for owner in page["results"]:
                        values = {name: owner.get(name) for name in OWNER_COLUMNS}
                        teams = [team.get("name") for team in owner.get("teams") or []]
                        yield {**values, "teams": teams, "archived": archived}
                    after = _next(page)
                    if not after:
                        break

        return dict(OWNER_COLUMNS), records()

    def _stages(
        self, table: HubSpotTable, extract: Extract, span: Span, deleted: list[str]
    ) -> tuple[Kinds, Iterable[dict[str, Any]]]:
        del span, deleted, extract

        def records() -> Iterator[dict[str, Any]]:
            found = self._call(self._client.crm.pipelines.pipelines_api.get_all, _object(table))
            for pipeline in found["results"]:
                for stage in pipeline["stages"]:
                    yield {
                        **{name: stage.get(name) for name in STAGE_COLUMNS},
                        "pipelineId": pipeline["id"],
                        "pipelineLabel": pipeline.get("label"),
                        "isClosed": (stage.get("metadata") or {}).get("isClosed"),
                        "probability": (stage.get("metadata") or {}).get("probability"),
                    }

        return dict(STAGE_COLUMNS), records()

    def _newest(self, table: HubSpotTable) -> datetime | None:
        """The newest change that the search shows before anything is read."""
        cursor = str(table.cursor_field)
        sorts = [{"propertyName": cursor, "direction": "DESCENDING"}]
        found = self._search(_object(table), [], limit=1, sorts=sorts, properties=[cursor])
        results = found["results"]
        return utc(results[0]["properties"].get(cursor)) if results else None

    def _changed_since(self, table: HubSpotTable, span: Span) -> Iterator[str]:
        """Ids of live records: all out of the list, or out of the search those changed since."""
        if span.start is None:
            yield from (record["id"] for record in self._listed(_object(table), archived=False))
            return
        limits = [("GTE", span.start), ("LT", span.end)]
        changed = [
            {
                "propertyName": str(table.cursor_field),
                "operator": operator,
                "value": str(int(limit.replace(tzinfo=UTC).timestamp() * 1000)),
            }
            for operator, limit in limits
            if limit
        ]
        last = "0"
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
            sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
            found = self._search(_object(table), [*changed, beyond], limit=SEARCH_PAGE, sorts=sorts)
            ids = [record["id"] for record in found["results"]]
            numbers = [int(last), *map(int, ids)]
            if any(one >= other for one, other in itertools.pairwise(numbers)):
                raise _not_in_order(f"{self._source.system}.{table.name}")
            yield from ids
            if len(ids) < SEARCH_PAGE:
                return
            last = ids[-1]

    def _archived_since(self, kind: str, span: Span) -> Iterator[str]:
        for record in self._listed(kind, archived=True):
            archived_at = utc(record.get("archivedAt"))
            if archived_at is None or (
                (span.start is None or archived_at >= span.start)
                and (span.end is None or archived_at < span.end)
            ):
                yield record["id"]

    def _listed(self, kind: str, *, archived: bool) -> Iterator[Any]:
        after = None
        while True:
            page = self._call(
                self._client.crm.objects.basic_api.get_page,
                kind,
                limit=LIST_PAGE,
                archived=archived,
                properties=["hs_object_id"],
                **({"after": after} if after else {}),
            )
            yield from page["results"]
            after = _next(page)
            if not after:
                return

    def _read(
        self,
        kind: str,
        ids: Iterable[str],
        names: list[str],
        missing: set[str],
        archived: bool,
        *,
        history: list[str] | None = None,
    ) -> Iterator[Any]:
        """The records of ``ids`` with the properties ``names``, in the order of the ids.

        Those that the answer leaves out (status 207) are added to ``missing``.
        """
        for chunk in chunks(ids, HISTORY_BATCH if history else BATCH):
            wanted = BatchReadInputSimplePublicObjectId(
                inputs=[SimplePublicObjectId(id=one) for one in chunk],
                properties=names,
                properties_with_history=history or [],
            )
            found = self._call(
                self._client.crm.objects.batch_api.read,
                kind,
                wanted,
                archived=archived,
            )
            order = {one: index for index, one in enumerate(chunk)}
            missing |= order.keys() - {record["id"] for record in found["results"]}
            yield from sorted(
                found["results"], key=lambda record: order.get(record["id"], len(order))
            )

    def _search(
        self,
        kind: str,
        filters: list[dict[str, str]],
        *,
        limit: int,
        sorts: list[dict[str, str]] | None = None,
        properties: list[str] | None = None,
    ) -> Any:
        request = PublicObjectSearchRequest(
            filter_groups=[{"filters": filters}] if filters else [],
            sorts=sorts or [],
            properties=properties or ["hs_object_id"],
            limit=limit,
        )
        return self._call(self._client.crm.objects.search_api.do_search, kind, request)

    def _known(self, kind: str) -> list[str]:
        if kind not in self._properties:
            found = self._call(self._client.crm.properties.core_api.get_all, kind)
            self._properties[kind] = [one["name"] for one in found["results"]]
        return self._properties[kind]

    def _property_names(self, table: HubSpotTable) -> list[str]:
        known = self._known(_object(table))
        unknown = [name for name in table.properties if name not in known]
        if unknown:
            where = f"{self._source.system}.{table.name}"
            raise SourceError(
                Words(
                    f"{where}: {table.object} have no properties {', '.join(unknown)}.",
                    f"{where}：{table.object} 没有属性 {'、'.join(unknown)}。",
                ),
                Words(
                    "Correct `properties` in the sources file, or leave it out to read all.",
                    "请更正源文件中的 properties，或删去以读取全部属性。",
                ),
            )
        return list(table.properties or known)

    def _call(self, function: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """The client's answer as JSON: its own objects cost ten times as much to make."""

        def call() -> Any:
            self._calls += 1
            response = function(
                *args, _preload_content=False, _request_timeout=TIMEOUT_SECONDS, **kw
            )
            limit = response.headers.get("X-HubSpot-RateLimit-Daily")
            left = response.headers.get("X-HubSpot-RateLimit-Daily-Remaining")
            if limit and left:
                self._quota = (int(limit) - int(left), int(limit))
            return json.loads(response.data)

        return again(call, self._retry)

    @contextlib.contextmanager
    def _told(self, where: str, table: HubSpotTable | None = None) -> Iterator[None]:
        try:
            with told(where, self._source, (ValueError,)):
                yield
        except API_ERRORS as error:
            raise _refused(where, error, self._source, table) from error


@contextlib.contextmanager
def open_source(source: HubSpotSource, load: Load | None = None) -> Iterator[HubSpotReader]:
    """A reader of the account.

    Raises:
        SourceError: there is no token.
    """
    yield HubSpotReader(source, load.window if load else None)


def check(source: HubSpotSource) -> list[Finding]:
    """Whether the token is good and its scopes reach every table; what stays hidden."""
    reader = HubSpotReader(source)
    findings: list[Finding] = []
    for table in source.tables:
        where = f"{source.system}.{table.name}"
        try:
            with reader._told(where):
                findings += _checked(reader, table, where)
        except SourceError as problem:
            findings.append(from_problem(problem))
    return findings


def _checked(reader: HubSpotReader, table: HubSpotTable, where: str) -> Iterator[Finding]:
    if table.resource == "owners":
        page = reader._call(reader._client.crm.owners.owners_api.get_page, limit=1)
        if page["results"]:
            yield ok(f"{where}: owners can be read.", f"{where}：可以读取负责人。")
        else:
            yield nothing_seen(where, _scopes("owners"))
        return
    kind = _object(table)
    if table.resource == "stages":
        reader._call(reader._client.crm.pipelines.pipelines_api.get_all, kind)
        yield ok(f"{where}: pipelines can be read.", f"{where}：可以读取销售管道。")
        return
    known = reader._known(kind)
    hidden = [name for name in table.expects if name not in known]
    if hidden:
        yield limited(
            Words(
                f"{where}: the account has no properties {', '.join(hidden)}, or hides them.",
                f"{where}：账户没有属性 {'、'.join(hidden)}，或未开放。",
            ),
            Words(
                "Map other properties in seeds/field_mapping.csv, or give the app the scope for "
                "sensitive data; until then these fields are unknown.",
                "请在 seeds/field_mapping.csv 中改用其他属性，或授予应用敏感数据权限；"
                "在此之前这些字段为未知。",
            ),
        )
    count = int(reader._search(kind, [], limit=1)["total"])
    next(iter(reader._listed(kind, archived=True)), None)
    if table.resource == "associations" and table.to:
        reader._call(reader._client.crm.objects.basic_api.get_page, table.to, limit=1)
    if not count:
        yield nothing_seen(where, _scopes(kind))
    elif not hidden:
        yield ok(f"{where}: {count} {kind} can be read.", f"{where}：可以读取 {count} 个 {kind}。")


def _scopes(kind: str) -> Words:
    return Words(
        f"give the app the scope crm.objects.{kind}.read, and its user the right to view all "
        f"{kind}, not only its own or its team's.",
        f"请授予应用权限 crm.objects.{kind}.read，并允许其用户查看全部 {kind}，"
        "而不只是本人或本团队的。",
    )


def _object(table: HubSpotTable) -> str:
    return str(table.object)


def _next(page: Mapping[str, Any]) -> str | None:
    """Where the page after ``page`` begins."""
    return ((page.get("paging") or {}).get("next") or {}).get("after")


def _pairs(result: Mapping[str, Any], table: HubSpotTable) -> Iterator[dict[str, Any]]:
    others = sorted(result["to"], key=lambda other: int(other["toObjectId"]))
    for other in others:
        for kind in other["associationTypes"]:
            if table.keep == "primary" and (kind.get("label") or "").lower() != "primary":
                continue
            yield {
                "fromObjectId": str(result["from"]["id"]),
                "toObjectId": str(other["toObjectId"]),
                "typeId": kind["typeId"],
                "category": kind.get("category"),
                "label": kind.get("label"),
            }
            if table.keep != "all":
                return


def _refused(
    where: str, error: Exception, source: HubSpotSource, table: HubSpotTable | None
) -> SourceError:
    """What HubSpot's refusal means and what to do."""
    status = getattr(error, "status", None)
    try:
        body = json.loads(getattr(error, "body", None) or "{}")
    except ValueError:
        body = {}
    text = masked(str(body.get("message") or one_line(error)), source)
    message = Words(f"{where}: HubSpot says: {text}", f"{where}：HubSpot 返回：{text}")
    if status == 401:
        remedy = Words(
            "The access token is not valid (any more). Copy the private app's token anew.",
            "访问令牌无效或已失效，请重新复制私有应用的令牌。",
        )
    elif status == 403:
        needed = sorted(
            {
                scope
                for problem in body.get("errors", [])
                for scopes in problem.get("context", {}).values()
                for scope in scopes
            }
        )
        remedy = Words(
            f"Give the private app the scopes that are missing: "
            f"{', '.join(needed) or 'see the README of this connector'}.",
            f"请为私有应用授予缺少的权限：{'、'.join(needed) or '见本连接器的 README'}。",
        )
    elif status == 429:
        remedy = Words(
            "The account's calls of this day or second are used up. Load later; nothing was "
            "skipped.",
            "账户的调用额度已用完，请稍后再加载；没有跳过任何数据。",
        )
    else:
        remedy = Words(
            "Check object types and properties in the sources file.",
            "请检查源文件中的对象类型和属性。",
        )
    is_transient = status == 429 or (isinstance(status, int) and status >= 500)
    # A type that does not exist is a bad request to some of the interfaces.
    is_gone = status == 404 or (status == 400 and "infer object type" in text)
    changes = gone(table.object if table else None, is_gone)
    return SourceError(message, remedy, is_transient=is_transient, changes=changes)


def _not_in_order(where: str) -> SourceError:
    return SourceError(
        Words(
            f"{where}: the search did not keep to ascending ids, so rows could be lost.",
            f"{where}：搜索结果未按 id 升序返回，可能丢失数据。",
        ),
        Words("Load the table with --full and report this.", "请用 --full 重新加载并报告该问题。"),
        is_transient=True,
    )


__all__ = ["HubSpotReader", "check", "open_source"]
