"""A REST interface on loopback that misbehaves on request."""

from __future__ import annotations

import email.utils
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Call:
    """One request as the server got it."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any

    def number(self, name: str, default: int) -> int:
        return int(self.params.get(name, default))


@dataclass
class Reply:
    """What the server answers. ``cut``: only so many bytes of the body; ``text``: instead of it."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    text: str | None = None


Handler = Callable[[Call], Any]


class RestServer:
    """Routes by path; ``faults`` are used up before a route is asked.

    A fault is a reply, or a function of the call that gives one; None lets the route answer.
    """

    def __init__(self) -> None:
        self.routes: dict[str, Handler] = {}
        self.faults: list[Reply | Callable[[Call], Reply | None] | None] = []
        self.calls: list[Call] = []
        self.now: datetime | None = None
        server = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet: else each answer waits for a delayed acknowledgement.
            wbufsize = -1
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def date_time_string(self, timestamp: float | None = None) -> str:
                moment = server.now or datetime.now(UTC)
                return email.utils.format_datetime(moment.astimezone(UTC), usegmt=True)

            def _answer(self, method: str) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length).decode() if length else ""
                kind = self.headers.get("Content-Type", "")
                body: Any = dict(parse_qsl(raw)) if "form" in kind else json.loads(raw or "null")
                call = Call(
                    method, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body
                )
                server.calls.append(call)
                reply = server._reply(call)
                text = reply.text
                if text is None:
                    text = json.dumps(reply.content)
                data = text.encode("utf-8")
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data if reply.cut is None else data[: reply.cut])
                if reply.cut is not None:
                    self.close_connection = True

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def _reply(self, call: Call) -> Reply:
        while self.faults:
            fault = self.faults.pop(0)
            if fault is None:
                break
            reply = fault if isinstance(fault, Reply) else fault(call)
            if reply is not None:
                return reply
            break
        handler = self.routes.get(call.path)
        if handler is None:
            return Reply({"error": f"no {call.path}"}, status=404)
        answer = handler(call)
        return answer if isinstance(answer, Reply) else Reply(answer)

    def count(self, path: str) -> int:
        """Calls of one path so far."""
        return sum(call.path == path for call in self.calls)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def rest_server() -> Iterator[RestServer]:
    server = RestServer()
    try:
        yield server
    finally:
        server.close()


class Orders:
    """A list of orders that changes under the reader.

    ``changes`` maps the number of a call of the list to what happens just before it is answered.
    """

    def __init__(self, count: int, *, shape: str = "page") -> None:
        self.rows: list[dict[str, Any]] = [order(number) for number in range(1, count + 1)]
        self.changes: dict[int, Callable[[], None]] = {}
        self.shape = shape
        self.count_calls = 0
        self.tells_total = False
        self.largest_page = 1000
        self.order: Callable[[dict[str, Any]], Any] = lambda row: row["id"]

    def __call__(self, call: Call) -> Any:
        self.count_calls += 1
        self.changes.pop(self.count_calls, lambda: None)()
        since, until = call.params.get("since"), call.params.get("until")
        rows = sorted(
            (
                row
                for row in self.rows
                if (since is None or row["updated_at"] >= since)
                and (until is None or row["updated_at"] <= until)
            ),
            key=self.order,
        )
        size = min(call.number("size", 10), self.largest_page)
        if self.shape == "offset":
            start = call.number("offset", 0)
        elif self.shape == "keyset":
            rows, start = [row for row in rows if row["id"] > call.number("after", 0)], 0
        else:
            start = (call.number("page", 1) - 1) * size
        page = rows[start : start + size]
        answer: dict[str, Any] = {"data": page}
        if self.tells_total:
            answer["total"] = len(rows)
        if self.shape == "next_url" and start + size < len(rows):
            answer["next"] = f"{call.path}?page={call.number('page', 1) + 1}&size={size}"
            if since:
                answer["next"] += f"&since={since}"
        if self.shape == "cursor" and start + size < len(rows):
            answer["next"] = str(call.number("page", 1) + 1)
        return answer

    def update(self, number: int, updated_at: str, **values: Any) -> None:
        """Change one order."""
        row = next(row for row in self.rows if row["id"] == number)
        self.rows[self.rows.index(row)] = {**row, "updated_at": updated_at, **values}

    def remove(self, *numbers: int) -> None:
        self.rows = [row for row in self.rows if row["id"] not in numbers]


def order(number: int) -> dict[str, Any]:
    """An order with two lines, changed in the second of its number on 1 March 2026."""
    return {
        "id": number,
        "updated_at": f"2026-03-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        "amount": number + 0.5,
        "customer": {"name": f"客户 {number}", "vip": number % 2 == 0},
        "lines": [{"sku": f"A{number}", "quantity": 1}, {"sku": "B", "quantity": number}],
    }
