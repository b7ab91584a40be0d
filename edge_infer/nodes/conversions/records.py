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

"""Records to messages and back."""

from __future__ import annotations

import array
from collections.abc import Iterable
from typing import Any

from edge_infer.fleet.counters import Count
from edge_infer.fleet.records import Part
from edge_infer.fleet.registers import Entry, Stamp
from edge_infer.nodes.conversions.common import Messages


def entries_to_msgs(messages: Messages, entries: Iterable[Entry]) -> list[Any]:
    """One edge_infer_msgs/msg/Record each."""
    record = messages["edge_infer_msgs/msg/Record"]
    return [
        record(key=key, **stamp._asdict(), value=array.array("B", value))
        for key, stamp, value in entries
    ]


def counts_to_msgs(messages: Messages, counts: Iterable[Count]) -> list[Any]:
    """One edge_infer_msgs/msg/Count each."""
    count = messages["edge_infer_msgs/msg/Count"]
    return [count(**one._asdict()) for one in counts]


def part_from_msg(msg: Any) -> Part:
    """The records of an edge_infer_msgs/msg/Records; ``Records.add`` checks them."""
    return Part(
        [
            Entry(r.key, Stamp(int(r.counter), r.source, int(r.boot)), bytes(r.value))
            for r in msg.records
        ],
        [Count(c.source, int(c.boot), c.name, int(c.value)) for c in msg.counts],
    )
