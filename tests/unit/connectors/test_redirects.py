"""A redirect to another address is refused, whatever the client: the body may be a password."""

from __future__ import annotations

import pytest

from dagster_project.connectors.api import PoliteRetry, session, told
from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.sources_file import SqlSource
from tests.unit.connectors.rest_server import Reply, rest_server

SOURCE = SqlSource.model_validate(
    {"system": "crm", "kind": "sql", "url": "sqlite:///x", "table": [{"name": "t"}]}
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_gets_nothing(status: int) -> None:
    with rest_server() as server, rest_server() as other:
        place = other.url.replace("127.0.0.1", "localhost")
        server.routes["/login"] = lambda call: Reply(None, status, {"Location": f"{place}/login"})
        with pytest.raises(SourceError) as caught, told("crm", SOURCE):
            session(PoliteRetry.counting()).post(
                f"{server.url}/login", json={"password": "planted"}
            )
        assert place in caught.value.message.en and place in caught.value.message.zh
        assert not caught.value.is_transient
        assert other.calls == []


def test_another_port_is_another_address() -> None:
    with rest_server() as server, rest_server() as other:
        server.routes["/login"] = lambda call: Reply(None, 307, {"Location": f"{other.url}/login"})
        with pytest.raises(SourceError), told("crm", SOURCE):
            session(PoliteRetry.counting()).post(f"{server.url}/login", json={})
        assert other.calls == []


def test_the_same_host_is_followed() -> None:
    with rest_server() as server:
        server.routes["/login"] = lambda call: Reply(None, 308, {"Location": "/v2/login"})
        server.routes["/v2/login"] = lambda call: {"token": call.body["user"]}
        answer = session(PoliteRetry.counting()).post(f"{server.url}/login", json={"user": "u"})
        assert answer.json() == {"token": "u"}
