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

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from edge_infer.dashboard.feed import Feed
from edge_infer.dashboard.server import MAX_CLIENTS, DashboardServer
from edge_infer.dashboard.snapshot import Snapshot
from edge_infer.errors import UsageError


@pytest.fixture
def server() -> Iterator[DashboardServer]:
    server = DashboardServer(port=0, feed=Feed(interval_s=0.01, heartbeat_s=0.2))
    server.start()
    yield server
    server.close()


def connect(server: DashboardServer) -> http.client.HTTPConnection:
    address = urlsplit(server.url)
    return http.client.HTTPConnection(address.hostname, address.port, timeout=10)


def get(server: DashboardServer, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = connect(server)
    connection.request(method, path)
    return connection.getresponse()


def snapshots(response: http.client.HTTPResponse) -> Iterator[int]:
    """Numbers of the snapshots in a stream of events."""
    event = ""
    for line in response:
        if line.startswith(b"event: "):
            event = line.decode().split()[1]
        elif line.startswith(b"data: ") and event == "snapshot":
            yield json.loads(line[6:])["stamp_ns"]


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html"),
        ("/?from=mail", "text/html"),
        ("/static/style.css", "text/css"),
        ("/static/app.js", "text/javascript"),
        ("/static/favicon.svg", "image/svg+xml"),
        ("/healthz", "application/json"),
    ],
)
def test_files_come_with_type_length_and_security_headers(server, path, content_type):
    response = get(server, path)
    body = response.read()
    assert response.status == 200
    assert response.headers["Content-Type"].startswith(content_type)
    assert int(response.headers["Content-Length"]) == len(body) > 0
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Python" not in response.headers["Server"]


def test_head_sends_no_body(server):
    response = get(server, "/", "HEAD")
    assert int(response.headers["Content-Length"]) > 0
    assert response.read() == b""
    assert get(server, "/events", "HEAD").headers["Content-Type"] == "text/event-stream"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(server, method):
    response = get(server, "/", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/../../etc/passwd",
        "//etc/passwd",
        "/static/",
        "/static/__init__.py",
        "/nothing",
    ],
)
def test_nothing_else_can_be_read(server, path):
    assert get(server, path).status == 404


def test_the_api_answers_before_and_after_the_first_snapshot(server):
    assert get(server, "/api/snapshot").status == 503
    server.publish(Snapshot(stamp_ns=5, elapsed_s=float("nan")))
    document = json.loads(get(server, "/api/snapshot").read())
    assert (document["stamp_ns"], document["elapsed_s"]) == (5, None)


def test_events_arrive_in_order_and_the_newest_wins(server):
    stream = snapshots(get(server, "/events"))
    server.publish(Snapshot(1, 0.0))
    assert next(stream) == 1
    for number in range(2, 500):
        server.publish(Snapshot(number, 0.0))
    seen = [next(stream)]
    while seen[-1] < 499:
        seen.append(next(stream))
    assert seen == sorted(set(seen))
    assert len(seen) < 498


def test_silence_is_filled_with_heartbeats(server):
    response = get(server, "/events")
    lines = iter(response)
    assert next(line for line in lines if line.startswith(b"event")) == b"event: heartbeat\n"


def test_many_clients_all_get_the_newest(server):
    responses = [get(server, "/events") for _ in range(50)]
    server.publish(Snapshot(42, 0.0))
    assert [next(snapshots(response)) for response in responses] == [42] * 50


def test_a_client_that_does_not_read_delays_nobody(server):
    lazy = connect(server)
    lazy.request("GET", "/events")
    quick = snapshots(get(server, "/events"))
    for number in range(1, 30):
        server.publish(Snapshot(number, 0.0, digest="x" * 1_000_000))
        while next(quick) < number:
            pass
    lazy.close()


def test_too_many_clients_are_turned_away_and_then_let_in(server):
    responses = [get(server, "/events") for _ in range(MAX_CLIENTS)]
    with pytest.raises(OSError):  # noqa: PT011
        get(server, "/healthz")
    for response in responses:
        response.close()
    deadline = time.monotonic() + 10
    while not is_healthy(server):
        assert time.monotonic() < deadline, "no place became free"


def is_healthy(server: DashboardServer) -> bool:
    try:
        return get(server, "/healthz").status == 200
    except OSError:
        return False


def test_close_ends_open_streams_with_the_newest_snapshot():
    server = DashboardServer(port=0)
    server.start()
    readers = [get(server, "/events") for _ in range(5)]
    silent = socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port))
    got: list[list[int]] = []
    threads = [threading.Thread(target=lambda r=r: got.append(list(snapshots(r)))) for r in readers]
    for thread in threads:
        thread.start()
    server.publish(Snapshot(7, 0.0, finished=True))
    server.close()
    for thread in threads:
        thread.join(5)
    silent.close()
    assert [numbers[-1] for numbers in got] == [7] * 5


def test_close_twice_or_before_start_is_harmless():
    server = DashboardServer(port=0)
    server.close()
    server = DashboardServer(port=0)
    server.start()
    server.close()
    server.close()


def test_a_port_in_use_is_told_with_what_to_do(server):
    port = urlsplit(server.url).port
    with pytest.raises(UsageError) as caught:
        DashboardServer(port=port).start()
    assert caught.value.problem == f"port {port} is in use"
    assert "--port" in caught.value.remedy


def test_the_port_is_free_again_after_close():
    first = DashboardServer(port=0)
    first.start()
    port = urlsplit(first.url).port
    get(first, "/").read()
    first.close()
    second = DashboardServer(port=port)
    second.start()
    assert get(second, "/healthz").status == 200
    second.close()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("no such host", 0)])
def test_an_address_that_cannot_be_had_is_a_usage_error(host, port):
    with pytest.raises(UsageError):
        DashboardServer(host, port).start()
