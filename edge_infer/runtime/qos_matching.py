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

"""Whether a writer's quality of service satisfies a reader: the rule of DDS, policy by policy.

What of that to tell a person, and what a reader has to ask for to be satisfied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from edge_infer.runtime.endpoint_info import TopicEndpointInfo
from edge_infer.runtime.qos import Durability, Liveliness, QoS, Reliability


@dataclass(frozen=True)
class QosFault:
    """One pair between which nothing passes.

    Attributes:
        topic: absolute name.
        policy: the first on which they do not agree, e.g. ``"RELIABILITY"``.
        publisher: its node, fully qualified.
        offered: what it offers.
        subscription: its node, fully qualified.
        requested: what it asks for.
    """

    topic: str
    policy: str
    publisher: str
    offered: str
    subscription: str
    requested: str

    def __str__(self) -> str:
        return (
            f"{self.topic}: {self.publisher} offers {self.policy} {self.offered}, "
            f"{self.subscription} requests {self.requested}"
        )


def mismatch(offered: QoS, requested: QoS) -> str | None:
    """The first policy of which the writer offers less than the reader asks for."""
    checks = {
        "RELIABILITY": (
            offered.reliability is Reliability.RELIABLE
            or requested.reliability is Reliability.BEST_EFFORT
        ),
        "DURABILITY": (
            offered.durability is Durability.TRANSIENT_LOCAL
            or requested.durability is Durability.VOLATILE
        ),
        "DEADLINE": _limit(offered.deadline_s) <= _limit(requested.deadline_s),
        "LIVELINESS": (
            offered.liveliness is Liveliness.MANUAL_BY_TOPIC
            or requested.liveliness is Liveliness.AUTOMATIC
        )
        and _limit(offered.liveliness_lease_s) <= _limit(requested.liveliness_lease_s),
    }
    return next((policy for policy, is_met in checks.items() if not is_met), None)


def in_words(policy: str, qos: QoS) -> str:
    """What a quality of service says about a policy that ``mismatch`` names."""
    return {
        "RELIABILITY": qos.reliability.value,
        "DURABILITY": qos.durability.value,
        "DEADLINE": _seconds(qos.deadline_s),
        "LIVELINESS": f"{qos.liveliness.value}, lease {_seconds(qos.liveliness_lease_s)}",
    }[policy]


def faults_of(
    node: str,
    topic: str,
    publishers: Iterable[TopicEndpointInfo],
    subscriptions: Iterable[TopicEndpointInfo],
) -> list[QosFault]:
    """The pairs on a topic that do not match, and of which one end is a node's.

    Args:
        node: fully qualified name.
        topic: absolute name.
        publishers: all there are.
        subscriptions: all there are.
    """
    found: dict[QosFault, None] = {}  # each once, in their order
    for one, other in product(publishers, subscriptions):
        policy = mismatch(one.qos_profile, other.qos_profile)
        if policy and one.topic_type == other.topic_type and node in (one.node, other.node):
            offered, requested = (in_words(policy, end.qos_profile) for end in (one, other))
            found[QosFault(topic, policy, one.node, offered, other.node, requested)] = None
    return list(found)


def best_available(requested: QoS, offered: Iterable[QoS]) -> QoS:
    """What a reader has to ask for to hear all the writers, and as much of that as they all offer.

    Args:
        requested: its policies that are BEST_AVAILABLE are decided, the others stay.
        offered: by each writer; without any, the reader asks for the least.
    """
    writers = list(offered)
    reliable = writers and all(each.reliability is Reliability.RELIABLE for each in writers)
    latched = writers and all(each.durability is Durability.TRANSIENT_LOCAL for each in writers)
    if requested.reliability is Reliability.BEST_AVAILABLE:
        reliability = Reliability.RELIABLE if reliable else Reliability.BEST_EFFORT
        requested = replace(requested, reliability=reliability)
    if requested.durability is Durability.BEST_AVAILABLE:
        durability = Durability.TRANSIENT_LOCAL if latched else Durability.VOLATILE
        requested = replace(requested, durability=durability)
    return requested


def _limit(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _seconds(seconds: float | None) -> str:
    return "without limit" if seconds is None else f"{seconds:g} s"
