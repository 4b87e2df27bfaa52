"""Credentials of a REST interface, put into each request and renewed where that is possible."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import requests
from dlt.common import jsonpath
from dlt.common.configuration.specs import configspec
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)

from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.rest_api.settings import (
    AnyAuth,
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    LoginAuth,
    OAuth2Auth,
    RestSource,
)
from dagster_project.connectors.secrets import need_secret, read_secret, read_secrets, remember

# Renewed this long before it expires, so that a token is not refused on its way.
LEEWAY_SECONDS = 30


def params_of(request: requests.Request) -> dict[str, Any]:
    """Query parameters of a request; a copy."""
    return dict(cast(Any, request.params) or {})


def body_of(request: requests.Request) -> dict[str, Any]:
    """The body of a request, made where it has none."""
    request.json = cast(Any, request.json) or {}
    return cast("dict[str, Any]", request.json)


class _NoAuth(requests.auth.AuthBase):
    """Nothing is added; without it requests would look for credentials in a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Access:
    """Credentials that stay the same."""

    def __init__(self, auth: requests.auth.AuthBase | None = None) -> None:
        self._auth = auth or _NoAuth()

    def dress(self, request: requests.Request) -> requests.Request:
        """``request`` with the credentials; renews them first where their time is over."""
        request.auth = self._auth
        return request

    def renew(self) -> bool:
        """Ask for new credentials; False where there is nothing to renew."""
        return False


@configspec
class _ClientCredentials(OAuth2ClientCredentials):
    """As dlt's, but an answer without a token is an error, and a token is known as a secret."""

    def parse_access_token(self, response_json: Any) -> str:
        token = response_json.get("access_token") if isinstance(response_json, dict) else None
        if not token:
            raise ValueError("the answer holds no access_token")
        remember(str(token))
        return str(token)

    def parse_expiration_in_seconds(self, response_json: Any) -> int:
        return max(super().parse_expiration_in_seconds(response_json) - LEEWAY_SECONDS, 1)


@configspec
class _RefreshToken(_ClientCredentials):
    """A token that is renewed with a refresh token, which the server may replace each time."""

    refresh_token: str | None = None
    refresh_token_path: str | None = None

    def build_access_token_request(self) -> dict[str, Any]:
        built: dict[str, Any] = super().build_access_token_request()
        built["data"] |= {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        return built

    def parse_access_token(self, response_json: Any) -> str:
        token = super().parse_access_token(response_json)
        renewed = response_json.get("refresh_token")
        if renewed and renewed != self.refresh_token:
            remember(str(renewed))
            self.refresh_token = str(renewed)
            if self.refresh_token_path:
                _write_back(Path(self.refresh_token_path), self.refresh_token)
        return token


class _OAuth2Access(Access):
    def __init__(self, auth: OAuth2ClientCredentials, settings: OAuth2Auth) -> None:
        super().__init__(auth)
        self._oauth = auth
        self._settings = settings

    def dress(self, request: requests.Request) -> requests.Request:
        if self._oauth.access_token is None or self._oauth.is_token_expired():
            self.renew()
        return super().dress(request)

    def renew(self) -> bool:
        self._oauth.obtain_token()
        return True


class _LoginAccess(Access):
    def __init__(self, settings: LoginAuth, body: dict[str, Any], call: Callable[..., Any]) -> None:
        super().__init__()
        self._settings = settings
        self._body = body
        self._call = call
        self._values: dict[str, Any] | None = None

    def dress(self, request: requests.Request) -> requests.Request:
        if self._values is None:
            self.renew()
        request = super().dress(request)
        for place, value in (self._values or {}).items():
            kind, _, name = place.partition(":")
            if kind == "header":
                request.headers = {**(request.headers or {}), name: str(value)}
            elif kind == "query":
                request.params = {**params_of(request), name: value}
            else:
                body = copy.deepcopy(body_of(request))
                jsonpath.set_value_at_path(body, name, value)
                request.json = body
        return request

    def renew(self) -> bool:
        answer = self._call(self._settings.url, self._body)
        values = {}
        for place, path in self._settings.put.items():
            found = jsonpath.find_values(path, answer)
            if not found or found[0] in (None, ""):
                raise ValueError(f'the answer of the login holds nothing at "{path}"')
            values[place] = found[0]
            remember(str(found[0]))
        self._values = values
        return True


def open_access(
    source: RestSource, session: requests.Session, login: Callable[[str, dict[str, Any]], Any]
) -> Access:
    """Credentials of ``source``; ``login`` posts a body and gives the decoded answer.

    Raises:
        SourceError: a secret that the source names is not there.
    """
    auth: AnyAuth | None = source.auth
    if isinstance(auth, BearerAuth):
        return Access(BearerTokenAuth(token=need_secret(source, "token", auth)))
    if isinstance(auth, BasicAuth):
        user = auth.user or need_secret(source, "user", auth)
        return Access(HttpBasicAuth(username=user, password=need_secret(source, "password", auth)))
    if isinstance(auth, ApiKeyAuth):
        key = auth.prefix + need_secret(source, "key", auth)
        return Access(APIKeyAuth(name=auth.name, api_key=key, location=auth.place))
    if isinstance(auth, OAuth2Auth):
        return _OAuth2Access(_oauth2(source, auth, session), auth)
    if isinstance(auth, LoginAuth):
        body = copy.deepcopy(auth.body)
        for path, value in read_secrets(source, "body", auth).items():
            jsonpath.set_value_at_path(body, path, value)
        return _LoginAccess(auth, body, login)
    return Access()


def _oauth2(
    source: RestSource, auth: OAuth2Auth, session: requests.Session
) -> OAuth2ClientCredentials:
    client_id = auth.client_id or read_secret(source, "client_id", auth)
    client_secret = read_secret(source, "client_secret", auth)
    scope = {"scope": auth.scope} if auth.scope else {}
    extra = {**scope, **auth.extra, **read_secrets(source, "extra", auth)}
    common: dict[str, Any] = {
        "access_token_url": auth.token_url,
        "client_id": client_id,
        "client_secret": client_secret,
        "access_token_request_data": extra,
        "session": session,
    }
    if auth.send == "basic":
        session.auth = (client_id or "", client_secret or "")
        common |= {"client_id": None, "client_secret": None}
    if auth.grant == "client_credentials":
        if not (client_id and client_secret):
            raise SourceError(
                Words(
                    f"{source.system}: `client_id` or `client_secret` of `auth` is not given.",
                    f"{source.system}：auth 缺少 client_id 或 client_secret。",
                ),
                Words(
                    "Add `client_id` and `client_secret_env` (or `client_secret_file`).",
                    "请补充 client_id 和 client_secret_env（或 client_secret_file）。",
                ),
            )
        return _ClientCredentials(**common)
    made = _RefreshToken(**common)
    made.refresh_token = need_secret(source, "refresh_token", auth)
    if auth.refresh_token_file and not auth.refresh_token_env:
        path = Path(auth.refresh_token_file).expanduser()
        if not path.is_absolute() and source.file is not None:
            path = source.file.parent / path
        made.refresh_token_path = str(path)
    return made


def _write_back(path: Path, token: str) -> None:
    """Replace a refresh token that can be used once only; the old one is worth nothing now."""
    partial = path.with_name(f".{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text(token + "\n", encoding="utf-8")
    partial.replace(path)
