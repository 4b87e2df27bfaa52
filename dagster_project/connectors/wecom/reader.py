"""WeCom (企业微信) customer contact, through dlt's REST client.

What WeCom does, and what is done about it:

- Since December 2023 new companies read customer contact with a secret of its own, or that of an
  application that is allowed to: other secrets are told apart from wrong ones.
- Only members in the visible range are shown, and members without a licence are left out of the
  answer with a word in ``fail_info``: every receipt tells how many members are seen of all.
- ``unionid`` is missing for customers that were added after June 2022: the receipt counts them,
  and ``ids`` keeps every id and telephone number of a customer. A full match is never promised.
- Errors come with status 200: ``errcode`` is looked at in every answer. A token that ends in the
  middle of a load is renewed and the same page is asked again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from dlt.sources.helpers.rest_client import RESTClient

from dagster_project.connectors.api import (
    TRIES,
    ApiReader,
    again,
    session,
    told,
    write_records,
)
from dagster_project.connectors.check import Finding, from_problem, limited, ok
from dagster_project.connectors.extract import Extract, chunks
from dagster_project.connectors.kinds import Load
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.secrets import masked, need_secret, remember
from dagster_project.connectors.wecom.settings import WeComSource, WeComTable

MEMBERS_PER_CALL = 100
PAGE = 100
DIRECTORY_PAGE = 10_000
# Since that day customers come without their unionid.
UNIONID_ENDED = "2022-06-20"

TOKEN_ENDED = frozenset({40014, 42001})
WRONG_SECRET = frozenset({40001, 40013, 40091})
NO_RIGHT = frozenset({48002, 60011, 60111, 301002, 301005, 610001, 620001})
# Of one interface in a minute: a minute later the count begins anew.
TOO_MANY_CALLS = 45009
MINUTE_SECONDS = 60
BUSY = frozenset({-1, TOO_MANY_CALLS, 45033})
UNKNOWN_ADDRESS = 60020
# A member has no customers.
NO_CUSTOMERS = 84061

Kinds = dict[str, str | None]
CUSTOMER_COLUMNS: Kinds = {
    "external_userid": "text",
    "name": "text",
    "type": "integer",
    "gender": "integer",
    "position": "text",
    "corp_name": "text",
    "corp_full_name": "text",
    "unionid": "text",
    "avatar": "text",
    "external_profile": "text",
}
FOLLOW_COLUMNS: Kinds = {
    "external_userid": "text",
    "userid": "text",
    "remark": "text",
    "description": "text",
    "createtime": "timestamp",
    "tag_id": "text",
    "remark_corp_name": "text",
    "remark_mobiles": "text",
    "oper_userid": "text",
    "state": "text",
    "add_way": "integer",
    "wechat_channels": "text",
}
ID_COLUMNS: Kinds = {"external_userid": "text", "id_kind": "text", "id_value": "text"}
MEMBER_COLUMNS: Kinds = {"userid": "text", "has_licence": "boolean"}


class WeComReader(ApiReader[WeComSource]):
    """A company; :meth:`extract` reads one table of it.

    All tables come out of one reading of the customers, made when the first of them is read.
    """

    reads_windows = False

    def __init__(self, source: WeComSource) -> None:
        super().__init__(source)
        self._http = RESTClient(base_url=source.base_url, session=session(self._retry))
        self._tokens: dict[str, str] = {}
        self._members: list[str] | None = None
        self._unlicensed: set[str] = set()
        self._contacts: list[Mapping[str, Any]] | None = None
        self._count_all: int | None = None

    def extract(
        self, table: WeComTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one table whole.

        Raises:
            SourceError: the secret is wrong or has no right, or no answer comes.
        """
        del full
        where = f"{self._source.system}.{table.name}"
        with self._told(where), self._reading(None, state, lambda: None) as extract:
            kinds, records = self._records(table)
            write_records(
                extract,
                records,
                work / f"{table.name}.extract.parquet",
                kinds=kinds,
                state=state,
                where=where,
                cut_times=table.cuts_times,
            )
            self._tell_coverage(extract)
            if table.resource in ("customers", "ids"):
                extract.notes += self._tell_unionids()
        return extract

    def _records(self, table: WeComTable) -> tuple[Kinds, Iterable[Mapping[str, Any]]]:
        contacts = self._read()
        if table.resource == "customers":
            return CUSTOMER_COLUMNS, _customers(contacts).values()
        if table.resource == "follows":
            return FOLLOW_COLUMNS, (_follow(contact) for contact in contacts)
        if table.resource == "ids":
            return ID_COLUMNS, _ids(contacts)
        members = self._members or []
        return MEMBER_COLUMNS, (
            {"userid": member, "has_licence": member not in self._unlicensed} for member in members
        )

    def _read(self) -> list[Mapping[str, Any]]:
        """Pairs of customer and follower of all members that are seen."""
        if self._contacts is None:
            contacts: list[Mapping[str, Any]] = []
            unlicensed: set[str] = set()
            for chunk in chunks(self.members(), MEMBERS_PER_CALL):
                for page in self._pages(chunk):
                    contacts += page.get("external_contact_list") or []
                    failed = page.get("fail_info") or {}
                    unlicensed |= set(failed.get("unlicensed_userid_list") or [])
            self._unlicensed = unlicensed
            # A page that is asked again may bring a pair again.
            pairs = {
                (c["external_contact"]["external_userid"], c["follow_info"]["userid"]): c
                for c in contacts
            }
            self._contacts = list(pairs.values())
            if self._source.has_directory:
                self._count_all = self.count_directory()
        return self._contacts

    def _pages(self, members: list[str]) -> Iterator[Mapping[str, Any]]:
        """Pages with the customers of ``members``."""
        cursor = ""
        while True:
            body = {"userid_list": members, "cursor": cursor, "limit": PAGE}
            try:
                page = self._ask("POST", "externalcontact/batch/get_by_user", body)
            except _Refused as error:
                if error.code != NO_CUSTOMERS or cursor:
                    raise
                if len(members) > 1:
                    # It does not say whose customers are missing: each member is asked alone.
                    for member in members:
                        yield from self._pages([member])
                return
            yield page
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return

    def members(self) -> list[str]:
        """Members with the customer contact feature in the visible range."""
        if self._members is None:
            answer = self._ask("GET", "externalcontact/get_follow_user_list")
            self._members = sorted(answer.get("follow_user") or [])
        return self._members

    def count_directory(self) -> int:
        """Members of the company."""
        members: set[str] = set()
        cursor = ""
        while True:
            body = {"cursor": cursor, "limit": DIRECTORY_PAGE}
            page = self._ask("POST", "user/list_id", body, secret="directory_secret")
            members |= {one["userid"] for one in page.get("dept_user") or []}
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return len(members)

    def _tell_coverage(self, extract: Extract) -> None:
        seen = len(self._members or []) - len(self._unlicensed)
        extract.coverage_seen = seen
        extract.coverage_all = self._count_all
        extract.coverage_note = Words(
            "members whose customers are seen, of all members of the company"
            + ("" if self._source.has_directory else " (set `directory_secret_env` to count them)"),
            "可见其客户的成员 / 企业全部成员"
            + ("" if self._source.has_directory else "（设置 directory_secret_env 后可统计）"),
        )
        if self._unlicensed:
            count = len(self._unlicensed)
            extract.notes.append(
                Words(
                    f"The customers of {count} members are left out: they have no interface "
                    "licence.",
                    f"{count} 名成员没有接口许可，其客户未返回。",
                )
            )

    def _tell_unionids(self) -> list[Words]:
        customers = _customers(self._contacts or [])
        missing = sum(not customer.get("unionid") for customer in customers.values())
        if not missing:
            return []
        total = len(customers)
        return [
            Words(
                f"{missing} of {total} customers come without unionid (WeCom stopped on "
                f"{UNIONID_ENDED}): the table of ids links them by telephone number where there "
                "is one; the others cannot be matched for certain.",
                f"{total} 个客户中有 {missing} 个没有 unionid"
                f"（企业微信自 {UNIONID_ENDED} 起不再返回）："
                "ids 表会用备注手机号等进行关联，其余客户无法确定匹配。",
            )
        ]

    def _token(self, name: str) -> str:
        if name not in self._tokens:
            self._calls += 1
            query = {"corpid": self._source.corp_id, "corpsecret": need_secret(self._source, name)}
            answer = self._get("gettoken", query)
            if answer.get("errcode"):
                raise _Refused(int(answer["errcode"]), str(answer.get("errmsg")))
            self._tokens[name] = str(answer["access_token"])
            remember(self._tokens[name])
        return self._tokens[name]

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        secret: str = "secret",
    ) -> Any:
        """The answer of WeCom; a token that has ended is renewed, a busy server is waited for."""
        for attempt in range(TRIES):
            query = {"access_token": self._token(secret)}
            self._calls += 1
            answer = (
                self._get(path, query) if method == "GET" else self._post(path, query, body or {})
            )
            code = int(answer.get("errcode") or 0)
            if not code:
                return answer
            is_last = attempt == TRIES - 1
            if code in TOKEN_ENDED and not is_last:
                self._tokens.pop(secret, None)
            elif code in BUSY and not is_last:
                time.sleep(MINUTE_SECONDS if code == TOO_MANY_CALLS else 0.5 * 2**attempt)
            else:
                raise _Refused(code, str(answer.get("errmsg")))
            self._retry.counts[0] += 1
        raise AssertionError("unreachable")

    def _get(self, path: str, query: Mapping[str, str]) -> Any:
        return again(
            lambda: _json(self._http.get(f"cgi-bin/{path}", params=dict(query))), self._retry
        )

    def _post(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        return again(
            lambda: _json(self._http.post(f"cgi-bin/{path}", params=dict(query), json=dict(body))),
            self._retry,
        )

    @contextlib.contextmanager
    def _told(self, where: str) -> Iterator[None]:
        try:
            with told(where, self._source, (ValueError,)):
                yield
        except _Refused as error:
            raise _refused(where, error, self._source) from error


class _Refused(Exception):  # noqa: N818 - told as a SourceError
    """An answer with an error code."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said


@contextlib.contextmanager
def open_source(source: WeComSource, load: Load | None = None) -> Iterator[WeComReader]:
    """A reader of the company."""
    del load
    yield WeComReader(source)


def check(source: WeComSource) -> list[Finding]:
    """Whether the secret reaches customer contact, and how many members are seen of all."""
    reader = WeComReader(source)
    try:
        with reader._told(source.system):
            members = reader.members()
            next(reader._pages(members[:1]), None) if members else None
    except SourceError as problem:
        return [from_problem(problem)]
    widen = Words(
        "Widen the visible range of the application and 客户联系 → 权限配置 → 使用范围.",
        "请扩大应用的可见范围以及“客户联系 → 权限配置 → 使用范围”。",
    )
    if not members:
        return [
            limited(
                Words(
                    "No member is seen, so no customer will be.",
                    "看不到任何成员，因此没有客户数据。",
                ),
                widen,
            )
        ]
    found = [ok("The secret reaches customer contact.", "密钥可以访问客户联系。")]
    if not source.has_directory:
        told_all = Words(
            f"The customers of {len(members)} members are seen; of how many members in all is not "
            "known.",
            f"可以看到 {len(members)} 名成员的客户；企业成员总数未知。",
        )
        remedy = Words(
            "Name the secret of 通讯录同步 in `directory_secret_env` to know the coverage.",
            "请在 directory_secret_env 中指定“通讯录同步”的密钥，以了解覆盖率。",
        )
        return [*found, limited(told_all, remedy)]
    try:
        with reader._told(source.system):
            everyone = reader.count_directory()
    except SourceError as problem:
        return [*found, from_problem(problem, "limited")]
    words = Words(
        f"The customers of {len(members)} of {everyone} members are seen.",
        f"可以看到 {everyone} 名成员中 {len(members)} 名成员的客户。",
    )
    if len(members) < everyone:
        return [*found, limited(words, widen)]
    return [*found, ok(words.en, words.zh)]


def _json(response: requests.Response) -> Any:
    answer = response.json()
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")
    return answer


def _customers(contacts: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each customer once, whoever follows it."""
    customers: dict[str, dict[str, Any]] = {}
    for contact in contacts:
        values = contact["external_contact"]
        known = customers.setdefault(values["external_userid"], {})
        known.update({k: values[k] for k in CUSTOMER_COLUMNS if values.get(k) not in (None, "")})
    return customers


def _follow(contact: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(contact["follow_info"])
    values["external_userid"] = contact["external_contact"]["external_userid"]
    if values.get("createtime"):
        moment = datetime.fromtimestamp(int(values["createtime"]), UTC)
        values["createtime"] = moment.replace(tzinfo=None)
    return {name: values.get(name) for name in FOLLOW_COLUMNS}


def _ids(contacts: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every id of a customer once: unionid and the telephone numbers that members noted."""
    found: dict[tuple[str, str, str], None] = {}
    for contact in contacts:
        customer = contact["external_contact"]
        own = customer["external_userid"]
        if customer.get("unionid"):
            found[own, "unionid", str(customer["unionid"])] = None
        for number in contact["follow_info"].get("remark_mobiles") or []:
            found[own, "mobile", str(number)] = None
    for own, kind, value in found:
        yield {"external_userid": own, "id_kind": kind, "id_value": value}


def _refused(where: str, error: _Refused, source: WeComSource) -> SourceError:
    """What an error code of WeCom means and what to do."""
    said = masked(" ".join(error.said.split())[:300], source)
    code = error.code
    if code in WRONG_SECRET:
        remedy = Words(
            "Correct `corp_id` and the secret: it is shown under 客户联系 → API, or on the page of "
            "the own application.",
            "请更正 corp_id 和密钥（见“客户联系 → API”或自建应用页面）。",
        )
    elif code in NO_RIGHT:
        remedy = Words(
            "This secret may not read customer contact: since 2023-12-01 it takes the secret of "
            "customer contact or of an own application that is listed under 客户联系 → "
            "可调用接口的应用.",
            "该密钥无权访问客户联系：自 2023-12-01 起，须使用“客户联系”的密钥，或已加入"
            "“客户联系 → 可调用接口的应用”的自建应用密钥。",
        )
    elif code == TOO_MANY_CALLS:
        remedy = Words(
            "The calls of this company or address are used up, also by other programs. Load "
            "again in an hour; nothing was skipped.",
            "本企业或本机 IP 的调用次数已达上限（含其他程序的调用）。请一小时后重新加载；"
            "没有跳过任何数据。",
        )
    elif code == UNKNOWN_ADDRESS:
        remedy = Words(
            "Add this machine's address to 企业可信IP of the application.",
            "请把本机 IP 加入应用的“企业可信IP”。",
        )
    else:
        remedy = Words(
            "Look the code up at developer.work.weixin.qq.com, then load again. Nothing was "
            "skipped.",
            "请在 developer.work.weixin.qq.com 查询错误码后重新加载；没有跳过任何数据。",
        )
    return SourceError(
        Words(
            f"{where}: WeCom says: {code} {said}",
            f"{where}：企业微信返回：{code} {said}",
        ),
        remedy,
        is_transient=code in BUSY,
    )


__all__ = ["WeComReader", "check", "open_source"]
