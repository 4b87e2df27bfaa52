"""A loopback server that plays a vendor's interface, with faults on order.

A test gives it handlers by path; it keeps every request, and answers the next requests wrongly
where it was told to: busy, broken off in the middle, or refused.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Handler = Callable[["Request"], Any]


@dataclass(frozen=True)
class Request:
    """One request as the server got it; ``match`` are the groups of its path."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    match: tuple[str, ...] = ()


@dataclass
class Answer:
    """What to answer; ``is_half`` breaks off in the middle of the body."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_half: bool = False


class ApiServer:
    """Routes are pairs of a pattern for ``METHOD path`` and a handler."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[tuple[str, Answer]] = []
        self.routes: list[tuple[str, Handler]] = []
        self.url = ""

    def route(self, pattern: str, handler: Handler) -> None:
        self.routes.append((pattern, handler))

    def fail(self, pattern: str, *answers: Answer) -> None:
        """Answer the next requests that fit ``pattern`` with these instead."""
        self.faults += [(pattern, answer) for answer in answers]

    def calls(self, pattern: str) -> list[Request]:
        return [r for r in self.requests if re.search(pattern, f"{r.method} {r.path}")]

    def answer(self, request: Request) -> Answer:
        line = f"{request.method} {request.path}"
        self.requests.append(request)
        for index, (pattern, fault) in enumerate(self.faults):
            if re.search(pattern, line):
                half = fault.is_half
                del self.faults[index]
                if not half:
                    return fault
                whole = self._routed(line, request)
                return Answer(whole.body, whole.status, whole.headers, is_half=True)
        return self._routed(line, request)

    def _routed(self, line: str, request: Request) -> Answer:
        for pattern, handler in self.routes:
            if match := re.fullmatch(pattern, line):
                found = handler(
                    Request(
                        request.method,
                        request.path,
                        request.query,
                        request.headers,
                        request.body,
                        match.groups(),
                    )
                )
                return found if isinstance(found, Answer) else Answer(found)
        return Answer({"message": f"no route for {line}"}, status=404)


@contextmanager
def serve(api: ApiServer, certificate: Path | None = None) -> Iterator[ApiServer]:
    """Serve ``api`` on loopback; over TLS with ``certificate`` (PEM with its key)."""

    class _Http(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            split = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            body: Any = None
            if raw:
                try:
                    body = json.loads(raw)
                except ValueError:
                    body = {k: v[-1] for k, v in parse_qs(raw.decode()).items()}
            query = {k: v[-1] for k, v in parse_qs(split.query, keep_blank_values=True).items()}
            answer = api.answer(
                Request(
                    self.command,
                    split.path,
                    query,
                    {k.lower(): v for k, v in self.headers.items()},
                    body,
                )
            )
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            payload = text.encode("utf-8")
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            if answer.is_half:
                self.wfile.write(payload[: len(payload) // 2])
                self.wfile.flush()
                self.close_connection = True
                return
            self.wfile.write(payload)

        do_GET = do_POST = _do  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Http)
    server.daemon_threads = True
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
