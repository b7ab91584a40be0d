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

"""Quality of service by parameters, in ROS 2's own names.

``qos_overrides.<topic>.<publisher|subscription>.<policy>``, with the topic's absolute name,
overrides what a node asks for when it opens an endpoint. What is in force is declared,
read-only: always the four policies that most settings are about, the others when
they are set. The same on every runtime, and with the same complaint about a wrong value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

from edge_infer.errors import ParameterError
from edge_infer.runtime.api import Node
from edge_infer.runtime.parameter_files import Setting
from edge_infer.runtime.parameters import settings_of
from edge_infer.runtime.qos import Durability, History, Liveliness, QoS, Reliability
from edge_infer.runtime.qos_matching import best_available

Side = Literal["publisher", "subscription"]

_INFINITE_NS = 2**63 - 1
"""Also what rmw writes for «without limit»; 0, the default there, means the same."""


@dataclass(frozen=True)
class _Policy:
    """How one policy is a parameter.

    Attributes:
        field: of QoS.
        expected: what it can be, to follow "it should be".
        read: the field's value of a parameter's; raises ValueError.
        write: the way back.
    """

    field: str
    expected: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _one_of(field: str, kind: type[Enum], *without: Enum) -> _Policy:
    def read(value: Any) -> Any:
        if kind(value) in without:
            raise ValueError
        return kind(value)

    names = ", ".join(each.value for each in kind if each not in without)
    return _Policy(field, f"one of {names}", read, lambda value: value.value)


def _depth() -> _Policy:
    def read(value: Any) -> int:
        if type(value) is not int or value < 1:
            raise ValueError
        return value

    return _Policy("depth", "a whole number from 1 on", read, lambda value: value)


def _duration(field: str) -> _Policy:
    def read(value: Any) -> float | None:
        if type(value) is not int or value < 0:
            raise ValueError
        return value / 1e9 if 0 < value < _INFINITE_NS else None

    def write(seconds: float | None) -> int:
        return 0 if seconds is None else round(seconds * 1e9)

    return _Policy(field, "a whole number of nanoseconds, 0 for no limit", read, write)


_ALWAYS = ("history", "depth", "reliability", "durability")
_SUBSCRIPTION: Mapping[str, _Policy] = {
    "history": _one_of("history", History),
    "depth": _depth(),
    "reliability": _one_of("reliability", Reliability),
    "durability": _one_of("durability", Durability),
    "deadline": _duration("deadline_s"),
    "liveliness": _one_of("liveliness", Liveliness),
    "liveliness_lease_duration": _duration("liveliness_lease_s"),
}
_PUBLISHER: Mapping[str, _Policy] = {
    **_SUBSCRIPTION,
    "reliability": _one_of("reliability", Reliability, Reliability.BEST_AVAILABLE),
    "durability": _one_of("durability", Durability, Durability.BEST_AVAILABLE),
    "lifespan": _duration("lifespan_s"),
}


def in_force(node: Node, side: Side, topic: str, qos: QoS) -> QoS:
    """What an endpoint is opened with, and its parameters, declared once.

    Args:
        node: the handle that opens it.
        side: which of the two it is.
        topic: absolute name, after remapping.
        qos: what the node's code asks for.

    Raises:
        ParameterError: a setting names no policy, or its value is none of that policy's.
    """
    prefix = f"qos_overrides.{topic}.{side}."
    policies = _PUBLISHER if side == "publisher" else _SUBSCRIPTION
    given = dict(_given(node, prefix, policies))
    qos = replace(qos, **{policies[name].field: value for name, value in given.items()})
    for name in dict.fromkeys((*_ALWAYS, *given)):
        if not node.has_parameter(prefix + name):
            policy = policies[name]
            value = policy.write(getattr(qos, policy.field))
            text = f"{name} of the {side} of {topic}: {policy.expected}"
            descriptor: Any = node.messages["rcl_interfaces/msg/ParameterDescriptor"](
                description=text, read_only=True
            )
            node.declare_parameter(prefix + name, value, descriptor, ignore_override=True)
    if qos.follows_publishers:
        there = node.get_publishers_info_by_topic(topic)
        qos = best_available(qos, [publisher.qos_profile for publisher in there])
    return qos


def _given(node: Node, prefix: str, policies: Mapping[str, _Policy]) -> Iterator[tuple[str, Any]]:
    """The policies that a user set for an endpoint, with values as QoS has them."""
    for setting in settings_of(node).values():
        if setting.name.startswith(prefix):
            name = setting.name.removeprefix(prefix)
            if name not in policies:
                raise _unusable(node, setting, f"use one of {', '.join(policies)}")
            try:
                yield name, policies[name].read(setting.value)
            except ValueError:
                expected = f"it should be {policies[name].expected}"
                raise _unusable(node, setting, expected) from None


def _unusable(node: Node, setting: Setting, hint: str) -> ParameterError:
    return ParameterError(
        f"parameter {setting.name!r} of {node.get_fully_qualified_name()} cannot be "
        f"{setting.value!r} ({setting.origin})",
        hint,
    )
