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

"""What replicas have of each log to messages and back: ranges and floors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edge_infer.fleet.floors import Floor
from edge_infer.fleet.ranges import LogRange
from edge_infer.nodes.conversions.common import Messages


def ranges_to_msgs(messages: Messages, ranges: Iterable[LogRange]) -> list[Any]:
    """One edge_infer_msgs/msg/LogRange each."""
    log_range = messages["edge_infer_msgs/msg/LogRange"]
    return [log_range(source=r.source, boot=r.boot, first=r.first, last=r.last) for r in ranges]


def ranges_from_msg(msg: Any) -> list[LogRange]:
    """The ranges of a Digest or a SightingRequest."""
    return [LogRange(r.source, int(r.boot), int(r.first), int(r.last)) for r in msg.ranges]


def floors_to_msgs(messages: Messages, floors: Iterable[Floor]) -> list[Any]:
    """One edge_infer_msgs/msg/Floor each."""
    floor = messages["edge_infer_msgs/msg/Floor"]
    return [floor(source=f.source, boot=f.boot, below=f.below) for f in floors]


def floors_from_msg(msg: Any) -> list[Floor]:
    """The floors of a Digest."""
    return [Floor(f.source, int(f.boot), int(f.below)) for f in msg.floors]
