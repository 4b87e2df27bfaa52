"""One request and its whole answer: made again where that helps, told in plain words where not.

An answer counts only when it came in full and is JSON. A call that was refused for its number is
made again as late as the source wants (``Retry-After``, in seconds or as a date), others with
growing pauses. A token that is refused in the middle of a load is renewed once and the call is
made again.
"""

from __future__ import annotations

import copy
import email.utils
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from dlt.common import jsonpath
from dlt.sources.helpers.requests import Session
from requests.structures import CaseInsensitiveDict
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.redirects import RedirectRefused, StaysAtHome, told_redirect
from dagster_project.connectors.rest_api.access import body_of, open_access, params_of
from dagster_project.connectors.rest_api.settings import RestSource, header_name, is_header
from dagster_project.connectors.secrets import masked, read_secrets
from dagster_project.settings import utc_now

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
NO_CONTENT = 204
NOT_THERE = frozenset({404, 410})
# In the order in which they are looked for: allowed, left.
QUOTA_HEADERS = (
    ("X-RateLimit-Limit", "X-RateLimit-Remaining"),
    ("RateLimit-Limit", "RateLimit-Remaining"),
    ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining"),
)
_CONNECTION_ERRORS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


@dataclass(frozen=True)
class Answer:
    """A whole answer. ``url`` is the address that was asked, without what may be secret.

    One with status 204 has no content: no rows, and nothing behind them.
    """

    content: Any
    headers: CaseInsensitiveDict[str]
    links: dict[str, dict[str, str]]
    url: str
    date: datetime | None
    has_content: bool = True

    def json(self) -> Any:
        """The decoded body, as dlt's paginators ask for it."""
        return self.content

    def value(self, path: str) -> Any:
        """The first value at a path of the body, or of a header; None where there is none."""
        if is_header(path):
            return self.headers.get(header_name(path))
        found = jsonpath.find_values(path, self.content)
        return found[0] if found else None


class NotThereError(SourceError):
    """There is nothing at an address, as the source says."""


class _AgainError(Exception):
    """A call that may succeed later. ``pause`` is what the source asks for, in seconds."""

    def __init__(self, problem: SourceError, pause: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.pause = pause


class _ExpiredError(Exception):
    def __init__(self, problem: SourceError) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _TokenSession(StaysAtHome, Session):
    """Asks for tokens: what it sends may be a client's password."""


class RestClient:
    """Calls of one source; ``calls`` and ``retries`` count them."""

    def __init__(self, source: RestSource, sleep: Callable[[float], None] | None = None) -> None:
        self._source = source
        self._sleep = sleep or time.sleep
        self._session = Session(timeout=source.timeout_seconds, raise_for_status=False)
        self._token_session = _TokenSession(timeout=source.timeout_seconds, raise_for_status=False)
        for session in (self._session, self._token_session):
            if source.ca_file:
                session.verify = source.ca_file
        self._headers = {**source.headers, **read_secrets(source, "headers")}
        self._params = read_secrets(source, "params")
        self._body = read_secrets(source, "body")
        self._access = open_access(source, self._token_session, self._log_in)
        self._last_call: float | None = None
        self.calls = 0
        self.retries = 0
        self.received_bytes = 0
        self.quota_used: int | None = None
        self.quota_limit: int | None = None

    def close(self) -> None:
        self._session.close()
        self._token_session.close()

    def get(self, request: requests.Request, where: str) -> Answer:
        """The whole answer to ``request``; ``where`` names the table in messages.

        Raises:
            SourceError: no usable answer came; transient where a later load may get one.
        """
        renewed = False

        def attempt() -> Answer:
            nonlocal renewed
            try:
                return self._once(request, where)
            except _ExpiredError as error:
                if renewed or not self._renew(where):
                    raise error.problem from error
                renewed = True
                self.retries += 1
                return self._once(request, where)

        try:
            return self._retrying()(attempt)
        except _AgainError as error:
            raise error.problem from error
        except _ExpiredError as error:
            raise error.problem from error

    def _retrying(self) -> Retrying:
        return Retrying(
            stop=stop_after_attempt(self._source.tries),
            retry=retry_if_exception_type(_AgainError),
            wait=self._pause,
            sleep=self._sleep,
            before_sleep=self._count_retry,
            reraise=True,
        )

    def _count_retry(self, _: RetryCallState) -> None:
        self.retries += 1

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        growing = wait_random_exponential(
            multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS
        )(state)
        if isinstance(error, _AgainError) and error.pause is not None:
            if error.pause > self._source.max_wait_seconds:
                raise _too_long(error.problem, error.pause) from error
            # A little later than asked for: clocks differ.
            return error.pause + min(growing, 1)
        return growing

    def _once(self, request: requests.Request, where: str) -> Answer:
        dressed = copy.copy(request)
        dressed.headers = {"Accept": "application/json", **self._headers, **(request.headers or {})}
        if self._params:
            dressed.params = {**params_of(request), **self._params}
        if self._body and request.method == "POST":
            dressed.json = copy.deepcopy(body_of(dressed))
            for path, value in self._body.items():
                jsonpath.set_value_at_path(dressed.json, path, value)
        try:
            dressed = self._access.dress(dressed)
            prepared = self._session.prepare_request(dressed)
        except (requests.RequestException, ValueError) as error:
            raise self._no_token(error, where) from error
        self._keep_pace()
        self.calls += 1
        asked = _shown(prepared.url or "")
        try:
            response = self._session.send(
                prepared,
                timeout=self._source.timeout_seconds,
                allow_redirects=False,
                **self._session.merge_environment_settings(
                    prepared.url or "", {}, None, None, None
                ),
            )
            body = response.content
        except requests.exceptions.SSLError as error:
            raise self._unreachable(where, asked, error, certificate=True) from error
        except _CONNECTION_ERRORS as error:
            # Also where the answer breaks off: half a list is no list.
            raise _AgainError(self._unreachable(where, asked, error)) from error
        except requests.RequestException as error:
            raise self._unreachable(where, asked, error) from error
        self.received_bytes += len(body)
        self._note_quota(response)
        self._check_status(response, where, asked)
        has_content = response.status_code != NO_CONTENT
        content = self._decoded(response, where, asked) if has_content else None
        answer = Answer(
            content, response.headers, response.links, asked, _date(response), has_content
        )
        if has_content:
            self._check_result(answer, where, asked)
        return answer

    def _keep_pace(self) -> None:
        if self._source.requests_per_minute and self._last_call is not None:
            early = self._last_call + 60 / self._source.requests_per_minute - time.monotonic()
            if early > 0:
                self._sleep(early)
        self._last_call = time.monotonic()

    def _check_status(self, response: requests.Response, where: str, asked: str) -> None:
        status = response.status_code
        if status in (200, 201, 203, NO_CONTENT):
            return
        said = self._said(response)
        told = Words(
            f"{where}: {asked} answered {status}{said}", f"{where}：{asked} 返回 {status}{said}"
        )
        pause = _retry_after(response)
        if status == 429 or (status == 403 and (pause is not None or _is_spent(response))):
            raise _AgainError(
                SourceError(
                    told,
                    Words(
                        "The source limits the number of calls: load again later, or set "
                        "`requests_per_minute`. Nothing was skipped.",
                        "数据源限制调用次数：请稍后重新加载，或设置 requests_per_minute；"
                        "没有跳过任何数据。",
                    ),
                    is_transient=True,
                ),
                pause if pause is not None else _until_reset(response),
            )
        if status in AGAIN:
            raise _AgainError(
                SourceError(
                    told,
                    Words(
                        "The source has a fault of its own; load again later.",
                        "数据源自身故障，请稍后重新加载。",
                    ),
                    is_transient=True,
                ),
                pause,
            )
        if status == 401:
            raise _ExpiredError(SourceError(told, _CREDENTIALS))
        problem = NotThereError if status in NOT_THERE else SourceError
        raise problem(told, _remedy(status, response))

    def _check_result(self, answer: Answer, where: str, asked: str) -> None:
        result = self._source.result
        if result is None:
            return
        code = answer.value(result.path)
        if code is None or code in result.ok:
            return
        text = answer.value(result.message) if result.message else None
        said = masked(f" {code}" + (f" ({text})" if text else ""), self._source)
        told = Words(f"{where}: {asked} reports{said}", f"{where}：{asked} 报告{said}")
        if code in result.expired:
            raise _ExpiredError(SourceError(told, _CREDENTIALS))
        remedy = Words(
            "Look the code up in the source's documentation; correct path, parameters or rights.",
            "请在数据源文档中查询该代码，并更正 path、参数或权限。",
        )
        if code in result.busy:
            raise _AgainError(SourceError(told, remedy, is_transient=True))
        raise SourceError(told, remedy)

    def _decoded(self, response: requests.Response, where: str, asked: str) -> Any:
        try:
            # Exact numbers; RFC 8259: JSON between systems is UTF-8.
            return json.loads(response.content.decode("utf-8-sig"), parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            kind = response.headers.get("Content-Type", "")
            size = len(response.content)
            problem = SourceError(
                Words(
                    f"{where}: {asked} answered {size} bytes that are no complete JSON "
                    f"({kind or 'no content type'}).",
                    f"{where}：{asked} 返回的 {size} 字节不是完整的 JSON（{kind or '无类型'}）。",
                ),
                Words(
                    "If it is a web page, `url` or `path` is not that of the interface or needs "
                    "other credentials; else load again later. Nothing was skipped.",
                    "若返回的是网页，请更正 url、path 或凭据；否则请稍后重新加载。"
                    "没有跳过任何数据。",
                ),
                is_transient=True,
            )
            raise _AgainError(problem) from error

    def _renew(self, where: str) -> bool:
        try:
            return self._access.renew()
        except (requests.RequestException, ValueError) as error:
            raise self._no_token(error, where) from error

    def _log_in(self, url: str, body: dict[str, Any]) -> Any:
        response = self._token_session.post(url, json=body)
        response.raise_for_status()
        answer = response.json()
        result = self._source.result
        if result is not None:
            found = jsonpath.find_values(result.path, answer)
            if found and found[0] not in result.ok:
                text = jsonpath.find_values(result.message, answer) if result.message else []
                raise ValueError(f"the login reports {found[0]} {text[0] if text else ''}".strip())
        return answer

    def _no_token(self, error: Exception, where: str) -> Exception:
        """What a refused or failed request for a token amounts to."""
        if isinstance(error, RedirectRefused):
            return told_redirect(where, error)
        response = error.response if isinstance(error, requests.RequestException) else None
        status = response.status_code if response is not None else None
        said = self._said(response) if response is not None else ""
        text = f"{status}{said}" if status else masked(one_line(error), self._source)
        is_later = isinstance(error, _CONNECTION_ERRORS) or status in AGAIN
        problem = SourceError(
            Words(
                f"{where}: no access token was given: {text}",
                f"{where}：未获得访问令牌：{text}",
            ),
            _CREDENTIALS,
            is_transient=is_later,
        )
        pause = _retry_after(response) if response is not None else None
        return _AgainError(problem, pause) if is_later else problem

    def _unreachable(
        self, where: str, asked: str, error: Exception, *, certificate: bool = False
    ) -> SourceError:
        text = masked(one_line(error), self._source)
        if certificate:
            return SourceError(
                Words(
                    f"{where}: the certificate of {asked} is not trusted: {text}",
                    f"{where}：{asked} 的证书不受信任：{text}",
                ),
                Words(
                    "Name the certificates to trust in `ca_file`, or have the server's corrected.",
                    "请在 ca_file 中指定受信任的证书，或更正服务器证书。",
                ),
            )
        return SourceError(
            Words(
                f"{where}: no complete answer from {asked}: {text}",
                f"{where}：未收到 {asked} 的完整响应：{text}",
            ),
            Words(
                "Check `url` and that the system can be reached from here; then load again. "
                "Nothing was skipped.",
                "请检查 url 以及本机能否访问该系统，然后重新加载；没有跳过任何数据。",
            ),
            is_transient=True,
        )

    def _said(self, response: requests.Response) -> str:
        text = " ".join(response.text[:2000].split())
        if not text or "<html" in text.lower() or "<!doctype" in text.lower():
            return ""
        text = masked(text, self._source)
        return f": {text if len(text) <= 300 else text[:299] + '…'}"

    def _note_quota(self, response: requests.Response) -> None:
        for limit_name, left_name in QUOTA_HEADERS:
            limit, left = (_number(response.headers.get(n)) for n in (limit_name, left_name))
            if limit is not None and left is not None:
                self.quota_limit, self.quota_used = limit, max(limit - left, 0)
                return


_CREDENTIALS = Words(
    "Correct the credentials that `auth` names, and the rights of their user at the source.",
    "请更正 auth 指定的凭据，并检查该用户在数据源中的权限。",
)


def _remedy(status: int, response: requests.Response) -> Words:
    if 300 <= status < 400:
        place = _shown(response.headers.get("Location", ""))
        return Words(
            f"It points to {place or 'nowhere'}: write that address into `url` or `path`, or "
            "correct `auth` where it is a sign-in page.",
            f"它指向 {place or '（无）'}：请将该地址写入 url 或 path；若为登录页，请更正 auth。",
        )
    if status == 403:
        return Words(
            "Give the user of these credentials the right to read this list.",
            "请为该凭据的用户授予读取此列表的权限。",
        )
    if status in NOT_THERE:
        return Words(
            "Correct `url` or `path`: there is nothing at this address, or this user may not see "
            "it.",
            "请更正 url 或 path：该地址不存在，或用户无权查看。",
        )
    return Words(
        "Correct `path`, `params` or `body` in the sources file as the source's answer says.",
        "请按返回信息更正源文件中的 path、params 或 body。",
    )


def _too_long(problem: SourceError, pause: float) -> SourceError:
    until = datetime.fromtimestamp(utc_now().timestamp() + pause, UTC).strftime(
        "%Y-%m-%d %H:%M UTC"
    )
    return SourceError(
        problem.message,
        Words(
            f"The source can be asked again at {until}: load then, or raise `max_wait_seconds`. "
            "Nothing was skipped.",
            f"数据源将在 {until} 恢复：请届时加载，或增大 max_wait_seconds；没有跳过任何数据。",
        ),
        is_transient=True,
    )


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    # By the source's own clock, where it tells it.
    now = _date(response) or utc_now()
    return max((moment.astimezone(UTC) - now).total_seconds(), 0)


def _until_reset(response: requests.Response) -> float | None:
    reset = _number(response.headers.get("X-RateLimit-Reset"))
    if reset is None:
        return None
    return max(reset - utc_now().timestamp(), 0) if reset > 1_000_000_000 else float(reset)


def _is_spent(response: requests.Response) -> bool:
    return any(response.headers.get(left) == "0" for _, left in QUOTA_HEADERS)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None


def _date(response: requests.Response) -> datetime | None:
    """The source's clock, UTC."""
    try:
        return email.utils.parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None


def _shown(url: str) -> str:
    """An address without its query, which may hold a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
