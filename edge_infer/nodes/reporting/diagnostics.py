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

"""How a node does, as rqt_robot_monitor and diagnostic_aggregator read it from /diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge_infer.metrics import Histogram
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.reporting.levels import ERROR, OK
from edge_infer.runtime.api import Node
from edge_infer.runtime.qos_matching import QosFault

QUANTILES = {"median": 0.5, "p99": 0.99}


class Diagnostics:
    """Two statuses: ``source/node``, and ``source/node: QoS`` of whom its topics do not reach.

    Nothing is sent while nobody listens.

    Args:
        node: the handle that publishes.
        source: the drone that it belongs to, the hardware of the status.
    """

    def __init__(self, node: Node, source: str) -> None:
        self._node = node
        self._source = source
        self._publisher = topics.DIAGNOSTICS.publisher(node)
        self._counted: Mapping[str, int] = {}
        self._counted_ns = node.get_clock().now().nanoseconds

    def values(
        self,
        counters: Mapping[str, int],
        durations: Mapping[str, Histogram],
        described: Mapping[str, str],
        now_ns: int,
    ) -> Mapping[str, str] | None:
        """What there is to read, by key; None while nobody listens.

        Args:
            counters: since the start.
            durations: since the start.
            described: in words; goes before a count of the same name.
            now_ns: time of the ROS clock.
        """
        passed_s = (now_ns - self._counted_ns) / 1e9
        rates = dict(_rates(counters, self._counted, passed_s))
        self._counted, self._counted_ns = dict(counters), now_ns
        if not self._publisher.get_subscription_count():
            return None
        values = {name: str(count) for name, count in counters.items()}
        return values | rates | dict(_quantiles(durations)) | dict(described)

    def publish(self, health: tuple[int, str], values: Mapping[str, str], now_ns: int) -> None:
        """Tell how the node does.

        Args:
            health: OK, WARN, ERROR or STALE, and why.
            values: see there.
            now_ns: time of the ROS clock.
        """
        messages, name = self._node.messages, f"{self._source}/{self._node.get_name()}"
        faults = self._node.qos_faults()
        pairs = {f"pair {n}": str(fault) for n, fault in enumerate(faults, 1)}
        self._publisher.publish(
            messages["diagnostic_msgs/msg/DiagnosticArray"](
                header=header_to_msg(messages, now_ns, ""),
                status=[
                    self._status(name, health, values),
                    self._status(f"{name}: QoS", _health_of(faults), pairs),
                ],
            )
        )

    def _status(self, name: str, health: tuple[int, str], values: Mapping[str, str]) -> Any:
        messages, (level, message) = self._node.messages, health
        status, value = (
            messages[f"diagnostic_msgs/msg/{name}"] for name in ("DiagnosticStatus", "KeyValue")
        )
        return status(
            level=bytes((level,)),
            name=name,
            message=message or "OK",
            hardware_id=self._source,
            values=[value(key=key, value=text) for key, text in sorted(values.items())],
        )


def _health_of(faults: Sequence[QosFault]) -> tuple[int, str]:
    """An ERROR that names the topic, the policy and both sides of the first pair."""
    if not faults:
        return OK, ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return ERROR, f"incompatible QoS on {faults[0]}{more}"


def _rates(
    counters: Mapping[str, int], before: Mapping[str, int], passed_s: float
) -> Iterator[tuple[str, str]]:
    """What happened since the last time, per second."""
    if passed_s > 0:
        for name, count in counters.items():
            yield f"{name} per s", f"{(count - before.get(name, 0)) / passed_s:.2f}"


def _quantiles(durations: Mapping[str, Histogram]) -> Iterator[tuple[str, str]]:
    for name, histogram in durations.items():
        for word, share in QUANTILES.items():
            yield f"{name} {word} ms", f"{histogram.quantile(share):.2f}"
