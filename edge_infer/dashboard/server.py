# Copyright 2026 The edge_infer maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Serves the live page: files, one stream of events, one JSON document.

The standard library's HTTP server, one thread per connection. Read-only: GET
and HEAD, no state that a client could change. No TLS and no login: it binds to
this machine unless told otherwise.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, NamedTuple

from edge_infer.dashboard.feed import Feed, to_bytes
from edge_infer.dashboard.snapshot import Snapshot
from edge_infer.errors import UsageError

LOG = logging.getLogger(__name__)
MAX_CLIENTS = 100
CLOSE_S = 0.5
CONTENT_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class DashboardServer:
    """The live page at one address.

    Args:
        host: address to bind; the default is reached from this machine only.
        port: 0 takes a free one.
        feed: where the snapshots go through.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8080, feed: Feed | None = None) -> None:
        self._host = host
        self._port = port
        self._feed = feed or Feed()
        self._http: _HttpServer | None = None

    def start(self) -> None:
        """Bind and serve in the background; UsageError when the address cannot be had."""
        self._http = _bind(self._host, self._port, self._feed)
        threading.Thread(
            target=self._http.serve_forever, args=(0.1,), name="dashboard", daemon=True
        ).start()

    def publish(self, snapshot: Snapshot) -> None:
        """Show this; returns at once, from any thread."""
        self._feed.put(snapshot)

    @property
    def url(self) -> str:
        """Where to point a browser."""
        host, port = self._http.server_address[:2] if self._http else (self._host, self._port)
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host!s}:{port}"  # noqa: S104

    def close(self) -> None:
        """Give every client the newest snapshot, then end; takes less than a second."""
        self._feed.close()
        if self._http:
            self._http.shutdown()
            self._http.close_clients()
            self._http.server_close()
            self._http = None


def _bind(host: str, port: int, feed: Feed) -> _HttpServer:
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port", "pass --port with a number from 0 to 65535")
    try:
        return _HttpServer((host, port), feed)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} is in use", "pass --port with another number, or 0 for any free one"
            ) from error
        raise UsageError(
            f"the page cannot be served at {host}:{port} ({error.strerror})",
            "pass another --host or --port",
        ) from error


class _File(NamedTuple):
    body: bytes
    content_type: str


def _load_files() -> dict[str, _File]:
    """URL path to file. What is not in here cannot be served, whatever the path says."""
    folder = resources.files("edge_infer.dashboard") / "static"
    files = {
        f"/static/{entry.name}": _File(
            entry.read_bytes(), CONTENT_TYPES[entry.name.rpartition(".")[2]]
        )
        for entry in folder.iterdir()
        if entry.name.rpartition(".")[2] in CONTENT_TYPES
    }
    return {**files, "/": files["/static/index.html"]}


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], feed: Feed) -> None:
        self.feed = feed
        self.files = _load_files()
        self._clients: set[socket.socket] = set()
        self._left = threading.Condition()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of this machine's name, which can take seconds offline."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._left:
            full = len(self._clients) >= MAX_CLIENTS
            if not full:
                self._clients.add(request)
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._left:
            self._clients.discard(request)
            self._left.notify_all()

    def close_clients(self) -> None:
        """Wait a moment for the clients to take what is due, then hang up."""
        with self._left:
            self._left.wait_for(lambda: not self._clients, CLOSE_S)
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that goes away is no news; anything else is ours."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            LOG.exception("the live page failed for %s", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    server_version = "edge_infer"
    sys_version = ""
    timeout = 10
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        """Refuse every method that could change something."""
        if not super().parse_request():
            return False
        if self.command in {"GET", "HEAD"}:
            return True
        self._start(405, "text/plain", [("Allow", "GET, HEAD")])
        return False

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/events":
            self._stream()
        elif path == "/api/snapshot":
            self._send_snapshot()
        elif path == "/healthz":
            self._send(200, "application/json", b'{"status":"ok"}')
        elif file := self.server.files.get(path):
            self._send(200, file.content_type, file.body)
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send_snapshot(self) -> None:
        if newest := self.server.feed.newest:
            self._send(200, "application/json", to_bytes(newest.to_json()))
        else:
            self._send(503, "application/json", b'{"error":"no snapshot yet"}')

    def _stream(self) -> None:
        self._start(200, "text/event-stream", ())
        if self.command == "GET":
            for event in self.server.feed.follow():
                self.wfile.write(event)

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self._start(status, content_type, [("Content-Length", str(len(body)))])
        if self.command == "GET":
            self.wfile.write(body)

    def _start(self, status: int, content_type: str, more: Iterable[tuple[str, str]]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-cache")
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()

    def end_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        LOG.debug(format, *args)
