"""Reads a whole list page by page, and notices when the list shifts while it is read.

Pages that are numbered, counted by offset or linked move when a row before them goes or changes its
place: then the first rows of the next page slip onto the page that was read already, and no page
shows them. So each seam between two pages is checked:

- by offset the next page begins with the last row of the one before, and must show it again, unless
  the source takes multiples of the page's size only;
- otherwise the page before is asked for again after the next one, and must still end with the same
  row.

Where a seam does not hold, the list is read backwards until a page shows a row that was in place,
and forwards again from there. A row that was in the list all the time is so never missed: it comes
once or more often, and the caller takes it once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)

from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.rest_api.access import body_of, params_of
from dagster_project.connectors.rest_api.client import Answer
from dagster_project.connectors.rest_api.settings import Paging, header_name, is_header

# A seam that does not hold so often means a list that is changed faster than it can be read.
MAX_REPAIRS = 50


@dataclass(frozen=True)
class Page:
    """Rows of one answer, each with a hash of its whole content."""

    rows: Sequence[Any]
    hashes: Sequence[int]
    answer: Answer


@dataclass(frozen=True)
class _Step:
    """A request and the paginator's state before it; both are copied before they are used."""

    request: requests.Request
    paginator: BasePaginator
    page: Page | None = None


class ListShifted(Exception):  # noqa: N818 - a verdict on one reading, which is then begun anew
    """The list changed between two pages, and its rows cannot be told apart."""


class _ReceivedOffset(OffsetPaginator):
    """Moves by what came, as a source may give less than it was asked for, less an overlap.

    With ``step`` it moves by that number, as some sources take no other offsets.
    """

    def __init__(self, overlap: int, step: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._overlap = overlap
        self._step = step

    def update_state(self, response: Any, data: list[Any] | None = None) -> None:
        count = len(data or ())
        if count <= self._overlap:
            self._has_next_page = False
        self.current_value += self._step or max(count - self._overlap, 0)


class _Keyset(BasePaginator):
    """Goes on behind the last row's value of one field."""

    def __init__(self, field: str, param: str | None, body: str | None) -> None:
        super().__init__()
        self._field, self._param, self._body = field, param, body
        self._last: Any = None

    def update_state(self, response: Any, data: list[Any] | None = None) -> None:
        if not data:
            self._has_next_page = False
            return
        found = jsonpath.find_values(self._field, data[-1])
        if not found or found[0] is None:
            raise ValueError(f'the last row of a page has no "{self._field}"')
        self._last = found[0]

    def update_request(self, request: requests.Request) -> None:
        if self._body:
            jsonpath.set_value_at_path(body_of(request), self._body, self._last)
        else:
            request.params = {**params_of(request), str(self._param): self._last}


def paginator_of(paging: Paging) -> BasePaginator:
    """dlt's paginator for a paging style."""
    if paging.style == "page":
        return PageNumberPaginator(
            base_page=paging.first,
            page_param=None if paging.body else paging.param or "page",
            page_body_path=paging.body,
            total_path=None,
            has_more_path=paging.more,
            stop_after_empty_page=True,
        )
    if paging.style == "offset":
        return _ReceivedOffset(
            overlap=1 if paging.overlaps else 0,
            step=paging.size if paging.aligned else None,
            limit=paging.size or 0,
            offset_param=None if paging.body else paging.param or "offset",
            offset_body_path=paging.body,
            limit_param=None if paging.size_body else paging.size_param or "limit",
            limit_body_path=paging.size_body,
            total_path=None,
            stop_after_empty_page=True,
        )
    if paging.style == "cursor":
        if is_header(paging.next or ""):
            return HeaderCursorPaginator(header_name(paging.next or ""), paging.param or "cursor")
        return JSONResponseCursorPaginator(
            cursor_path=paging.next or "",
            cursor_param=paging.param,
            cursor_body_path=paging.body,
            has_more_path=paging.more,
        )
    if paging.style == "link":
        return HeaderLinkPaginator()
    if paging.style == "next_url":
        return JSONLinkPaginator(paging.next or "")
    if paging.style == "keyset":
        return _Keyset(paging.field or "", paging.param, paging.body)
    return SinglePagePaginator()


class ListReader:
    """Reads one list.

    ``fetch`` gives the page of a request; ``hosts`` may be named by links. Where ``may_repair`` is
    False a list that shifted is not read backwards, because its rows cannot be told apart.
    """

    def __init__(
        self,
        paging: Paging,
        fetch: Callable[[requests.Request], Page],
        where: str,
        hosts: Sequence[str] = (),
        *,
        may_repair: bool = True,
    ) -> None:
        self._paging = paging
        self._fetch = fetch
        self._where = where
        self._hosts = hosts
        self._may_repair = may_repair
        self._repairs = 0
        self._is_whole = False
        self._asked: set[str] = set()

    @property
    def has_shifted(self) -> bool:
        """Whether a seam did not hold in this reading."""
        return self._repairs > 0

    def stop(self) -> None:
        """The caller has every row that the source says there is: no further page is asked for."""
        self._is_whole = True

    def pages(self, request: requests.Request) -> Iterator[Page]:
        """Every page of the list, some more than once where the list was shifting.

        Raises:
            SourceError: the list shifts faster than it can be read, or the source goes in circles.
            ListShifted: it shifted, and may not be repaired.
        """
        paginator = paginator_of(self._paging)
        first = _copied(request)
        paginator.init_request(first)
        self._put_size(first)
        checks = not self._paging.is_stable
        in_place: set[int] = set()
        trail: list[_Step] = []
        step: _Step | None = _Step(first, paginator)
        while step is not None:
            page = self._fetch(_copied(step.request))
            if trail and checks:
                again = self._broken_seam(trail, page)
                if again is not None:
                    if not self._may_repair:
                        raise ListShifted
                    yield page
                    step = yield from self._go_back(trail, again, in_place)
                    continue
            if self._is_repeated(trail, page):
                return
            self._check_full(trail, page)
            yield self._fresh(trail, page)
            in_place.update(page.hashes)
            step = self._advance(trail, step, page)

    def _fresh(self, trail: list[_Step], page: Page) -> Page:
        """``page`` without the row that it shares with the one before."""
        if not trail or not self._paging.overlaps:
            return page
        return Page(page.rows[1:], page.hashes[1:], page.answer)

    def _advance(self, trail: list[_Step], step: _Step, page: Page) -> _Step | None:
        """Put ``page`` at the end of the trail; the step behind it, None at the end of the list."""
        paginator = copy.copy(step.paginator)
        trail.append(_Step(step.request, step.paginator, page))
        if self._is_whole or not page.answer.has_content:
            return None
        try:
            paginator.update_state(page.answer, list(page.rows))  # type: ignore[arg-type]
        except ValueError as error:
            # The paginator's own message quotes the whole answer.
            raise self._no_next(one_line(error, 80)) from error
        if not paginator.has_next_page:
            return None
        following = _copied(step.request)
        before = str(following.url)
        paginator.update_request(following)
        if self._paging.style in ("link", "next_url"):
            following.url = self._followed(before, str(following.url))
        asked = f"{following.url!s} {params_of(following)} {following.json}"
        if self._paging.style in ("cursor", "link", "next_url", "keyset"):
            if asked in self._asked and not self._repairs:
                if self._paging.style == "keyset" and len(page.rows) <= 1:
                    return None
                raise self._in_circles()
            self._asked.add(asked)
        return _Step(following, paginator)

    def _broken_seam(self, trail: list[_Step], page: Page) -> Page | None:
        """None where ``page`` follows the last of the trail; else a page to go on from."""
        last = trail[-1]
        assert last.page is not None
        if not last.page.rows:
            return None
        if self._paging.overlaps:
            if page.hashes and page.hashes[0] == last.page.hashes[-1]:
                return None
            return self._fetch(_copied(last.request))
        again = self._fetch(_copied(last.request))
        if again.hashes and again.hashes[-1] == last.page.hashes[-1]:
            return None
        return again

    def _go_back(
        self, trail: list[_Step], page: Page, in_place: set[int]
    ) -> Generator[Page, None, _Step | None]:
        """Read backwards up to a page with a row that was in place; the step behind that page."""
        self._repairs += 1
        if self._repairs > MAX_REPAIRS:
            raise SourceError(
                Words(
                    f"{self._where}: the list changes faster than it can be read page by page.",
                    f"{self._where}：列表变化太快，无法逐页完整读取。",
                ),
                Words(
                    "Ask for it in an order in which rows keep their place (by id or creation), "
                    "use keyset paging, or load at a quieter time. Nothing was skipped.",
                    "请按 id 或创建时间排序，使用 keyset 分页，或在空闲时加载；没有跳过任何数据。",
                ),
                is_transient=True,
            )
        while True:
            yield page
            step = trail.pop()
            if not trail or any(value in in_place for value in page.hashes):
                in_place.update(page.hashes)
                return self._advance(trail, step, page)
            page = self._fetch(_copied(trail[-1].request))

    def _is_repeated(self, trail: list[_Step], page: Page) -> bool:
        """Whether a source gives its last page again for every number behind it.

        Raises:
            SourceError: it gives its first page for every number.
        """
        before = trail[-1].page if trail else None
        if self._paging.style not in ("page", "offset") or before is None or not page.rows:
            return False
        if list(before.hashes) != list(page.hashes):
            return False
        if len(trail) > 1:
            return True
        if self._paging.style == "offset" and len(page.rows) == 1:
            return False
        raise SourceError(
            Words(
                f"{self._where}: the second page is the same as the first: the source does not "
                "know the parameter that names the page.",
                f"{self._where}：第二页与第一页相同，数据源不认识分页参数。",
            ),
            Words(
                "Correct `param` (or `body`) of `paging`; if the list has one page only, set "
                '`style = "none"`, or name its `total`.',
                "请更正 paging 的 param（或 body）；若只有一页，请设 style = “none” 或指定 total。",
            ),
        )

    def _check_full(self, trail: list[_Step], page: Page) -> None:
        """Where offsets go by the size, a page that is not the last one has to be full.

        Raises:
            SourceError: rows lie between what came and the next offset.
        """
        before = trail[-1].page if trail else None
        size = self._paging.size or 0
        if not self._paging.aligned or before is None or not page.rows:
            return
        if len(before.rows) >= size:
            return
        raise SourceError(
            Words(
                f"{self._where}: a page held {len(before.rows)} rows although {size} were asked "
                "for and more followed.",
                f"{self._where}：请求 {size} 行，某页只有 {len(before.rows)} 行，但其后仍有数据。",
            ),
            Words(
                "Lower `size` of `paging` to what the source gives at once.",
                "请将 paging 的 size 降低到数据源单次返回的行数。",
            ),
        )

    def _put_size(self, request: requests.Request) -> None:
        paging = self._paging
        if not paging.size or paging.style == "offset":
            return
        if paging.size_body:
            jsonpath.set_value_at_path(body_of(request), paging.size_body, paging.size)
        elif paging.size_param:
            request.params = {**params_of(request), paging.size_param: paging.size}

    def _followed(self, before: str, link: str) -> str:
        """The address of a link; credentials go to the source's own host only."""
        start, target = urlsplit(before), urlsplit(urljoin(before, link))
        if target.netloc == start.netloc:
            # A source behind a proxy may write http where it is reached by https.
            return urlunsplit(target._replace(scheme=start.scheme))
        if target.hostname in self._hosts:
            return urlunsplit(target)
        raise SourceError(
            Words(
                f"{self._where}: the next page is said to be at another host, {target.hostname}.",
                f"{self._where}：下一页指向其他主机 {target.hostname}。",
            ),
            Words(
                "If the credentials may be sent there, add it to `hosts` of the source.",
                "若可向该主机发送凭据，请将其加入源的 hosts。",
            ),
        )

    def _in_circles(self) -> SourceError:
        return SourceError(
            Words(
                f"{self._where}: the source names a next page that was read already.",
                f"{self._where}：数据源给出的下一页已经读取过。",
            ),
            Words(
                "Correct `next` and `param` of `paging`; for a keyset choose a field that differs "
                "from row to row.",
                "请更正 paging 的 next 和 param；keyset 请选用各行互不相同的字段。",
            ),
        )

    def _no_next(self, told: str) -> SourceError:
        return SourceError(
            Words(
                f"{self._where}: the answer does not say whether there is a next page ({told}).",
                f"{self._where}：响应未说明是否有下一页。",
            ),
            Words(
                "Correct `next`, `more` or `field` of `paging`.",
                "请更正 paging 的 next、more 或 field。",
            ),
        )


def _copied(request: requests.Request) -> requests.Request:
    """A request that can be changed without changing this one."""
    return requests.Request(
        method=request.method,
        url=request.url,
        headers=dict(request.headers or {}),
        params=params_of(request),
        json=copy.deepcopy(request.json),
    )
