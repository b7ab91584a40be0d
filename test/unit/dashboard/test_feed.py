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

import dataclasses
import json
import threading
from collections.abc import Iterator

from edge_infer.dashboard.feed import HEARTBEAT, RETRY, Feed
from edge_infer.dashboard.snapshot import FarmOutline, Snapshot

FARM = FarmOutline((((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),), 24, 37.0, -6.0)


def snapshot(number: int, farm: FarmOutline | None = FARM) -> Snapshot:
    return Snapshot(stamp_ns=number, elapsed_s=float(number), farm=farm)


def parse(event: bytes) -> tuple[str, dict]:
    name, data = event.decode().removesuffix("\n\n").split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def events(feed: Feed) -> Iterator[tuple[str, dict]]:
    stream = feed.follow()
    assert next(stream) == RETRY
    return map(parse, stream)


def test_the_farm_comes_first_and_once():
    feed = Feed(interval_s=0)
    feed.put(snapshot(1))
    stream = events(feed)
    assert next(stream)[0] == "farm"
    name, document = next(stream)
    assert (name, document["stamp_ns"]) == ("snapshot", 1)
    assert "farm" not in document
    feed.put(snapshot(2))
    name, document = next(stream)
    assert (name, document["stamp_ns"]) == ("snapshot", 2)


def test_another_farm_is_sent_again():
    feed = Feed(interval_s=0)
    feed.put(snapshot(1))
    stream = events(feed)
    assert [next(stream)[0], next(stream)[0]] == ["farm", "snapshot"]
    feed.put(snapshot(2, dataclasses.replace(FARM, modules_per_row=12)))
    assert next(stream) == ("farm", json.loads(json.dumps({**vars(FARM), "modules_per_row": 12})))


def test_a_late_reader_gets_the_newest_alone():
    feed = Feed(interval_s=0)
    for number in range(1, 6):
        feed.put(snapshot(number))
    feed.close()
    assert [document.get("stamp_ns") for _, document in events(feed)] == [None, 5]


def test_a_slow_reader_misses_and_does_not_queue():
    feed = Feed(interval_s=0)
    feed.put(snapshot(1))
    stream = events(feed)
    assert [next(stream)[0], next(stream)[0]] == ["farm", "snapshot"]
    for number in range(2, 100):
        feed.put(snapshot(number))
    assert next(stream)[1]["stamp_ns"] == 99


def test_a_reader_gets_no_more_than_one_snapshot_an_interval():
    feed = Feed(interval_s=60)
    feed.put(snapshot(1))
    stream = events(feed)
    assert [next(stream)[0], next(stream)[0]] == ["farm", "snapshot"]
    feed.put(snapshot(2))
    waiting = threading.Thread(target=lambda: got.append(next(stream)))
    got: list[tuple[str, dict]] = []
    waiting.start()
    waiting.join(0.1)
    assert got == []
    feed.close()
    waiting.join(5)
    assert got[0][1]["stamp_ns"] == 2


def test_silence_brings_heartbeats():
    stream = Feed(heartbeat_s=0.01).follow()
    assert [next(stream), next(stream), next(stream)] == [RETRY, HEARTBEAT, HEARTBEAT]


def test_close_hands_out_the_newest_and_ends():
    feed = Feed()
    feed.put(snapshot(3))
    feed.close()
    assert [name for name, _ in events(feed)] == ["farm", "snapshot"]


def test_many_readers_share_one_encoding(monkeypatch):
    made = []
    monkeypatch.setattr(Snapshot, "to_json", lambda self: made.append(self) or {"farm": None})
    feed = Feed(interval_s=0)
    feed.put(snapshot(1))
    feed.close()
    threads = [threading.Thread(target=lambda: list(feed.follow())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(made) == 1
