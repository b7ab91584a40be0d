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

"""Times, headers and points, as all messages have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Messages = Mapping[str, type]
NS = 1_000_000_000


def stamp_to_msg(messages: Messages, stamp_ns: int) -> Any:
    """A builtin_interfaces/msg/Time."""
    return messages["builtin_interfaces/msg/Time"](sec=stamp_ns // NS, nanosec=stamp_ns % NS)


def stamp_from_msg(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/msg/Time."""
    return int(stamp.sec) * NS + int(stamp.nanosec)


def header_to_msg(messages: Messages, stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/msg/Header."""
    return messages["std_msgs/msg/Header"](
        stamp=stamp_to_msg(messages, stamp_ns), frame_id=frame_id
    )


def millimetres(point: Any) -> tuple[float, float, float]:
    """Not rounded yet: a finite number of metres may be none of millimetres."""
    return point.x * 1000, point.y * 1000, point.z * 1000


def fill_point(point: Any, x_mm: int, y_mm: int, z_mm: int) -> None:
    """Write whole millimetres into a geometry_msgs/msg/Point."""
    point.x, point.y, point.z = x_mm / 1000, y_mm / 1000, z_mm / 1000
