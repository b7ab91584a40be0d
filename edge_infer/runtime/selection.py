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

"""Which runtime a process flies on: ROS 2 where it is sourced, else Cyclone DDS alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from edge_infer.errors import RuntimeUnavailableError, UsageError
from edge_infer.runtime.api import Runtime

CHOICES = ("auto", "ros", "embedded")


def open_runtime(choice: str = "auto", args: list[str] | None = None) -> Runtime:
    """Connect this process to its middleware.

    Args:
        choice: one of CHOICES; auto takes ros when it can, else embedded.
        args: command line; what stands after ``--ros-args`` counts.

    Raises:
        UsageError: there is no such choice, or the arguments cannot be understood.
        RuntimeUnavailableError: the chosen one is missing or does not start.
        ParameterError, NameRuleError: the arguments cannot be carried out.
    """
    if choice not in CHOICES:
        raise UsageError(f"there is no runtime {choice!r}", f"choose one of {', '.join(CHOICES)}")
    if choice == "ros" or (choice == "auto" and _is_present(_look_for_ros)):
        _look_for_ros()
        from edge_infer.runtime.ros import RosRuntime

        return RosRuntime(args)
    from edge_infer.runtime.embedded.runtime import EmbeddedRuntime

    return EmbeddedRuntime(args)


def available() -> dict[str, str | None]:
    """What could be opened here by name: None, or the sentence why not."""
    return {"ros": _reason(_look_for_ros), "embedded": _reason(_look_for_cyclonedds)}


def _look_for_ros() -> None:
    """Raise what is missing for ROS 2."""
    if find_spec("rclpy") is None:
        raise RuntimeUnavailableError(
            "ROS 2 is not sourced, rclpy cannot be imported",
            "run source /opt/ros/<distribution>/setup.bash with the Python it was built for, or "
            "use --runtime embedded",
        )
    messages = find_spec("edge_infer_msgs")
    # A checkout's folder of that name looks like a package, but one without an origin.
    if messages is None or messages.origin is None:
        raise RuntimeUnavailableError(
            "ROS 2 is sourced but edge_infer_msgs is not built",
            "run colcon build --base-paths . edge_infer_msgs and source install/setup.bash, or "
            "use --runtime embedded",
        )


def _look_for_cyclonedds() -> None:
    """Raise what is missing for the embedded runtime."""
    from edge_infer.runtime.embedded.library import library

    library()


def _is_present(look: Callable[[], None]) -> bool:
    return _reason(look) is None


def _reason(look: Callable[[], None]) -> str | None:
    try:
        look()
    except RuntimeUnavailableError as error:
        return str(error)
    return None
