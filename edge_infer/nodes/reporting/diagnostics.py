"""How a node does, as rqt_robot_monitor and diagnostic_aggregator read it from /diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_infer.metrics import Histogram
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.runtime.api import Node

QUANTILES = {"median": 0.5, "p99": 0.99}


class Diagnostics:
    """One status, named ``source/node``; nothing is sent while nobody listens.

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

    def message(
        self,
        health: tuple[int, str],
        counters: Mapping[str, int],
        durations: Mapping[str, Histogram],
        now_ns: int,
    ) -> Any | None:
        """How the node does, a diagnostic_msgs/msg/DiagnosticArray; None while nobody listens.

        Args:
            health: level (0 OK, 1 WARN, 2 ERROR) and why.
            counters: since the start.
            durations: since the start.
            now_ns: time of the ROS clock.
        """
        passed_s = (now_ns - self._counted_ns) / 1e9
        rates = dict(_rates(counters, self._counted, passed_s))
        self._counted, self._counted_ns = dict(counters), now_ns
        if not self._publisher.get_subscription_count():
            return None
        messages, (level, message) = self._node.messages, health
        status, value = (
            messages[f"diagnostic_msgs/msg/{name}"] for name in ("DiagnosticStatus", "KeyValue")
        )
        values = {name: str(count) for name, count in counters.items()}
        values |= rates | dict(_quantiles(durations))
        return messages["diagnostic_msgs/msg/DiagnosticArray"](
            header=header_to_msg(messages, now_ns, ""),
            status=[
                status(
                    level=bytes((level,)),
                    name=f"{self._source}/{self._node.get_name()}",
                    message=message or "OK",
                    hardware_id=self._source,
                    values=[value(key=key, value=text) for key, text in sorted(values.items())],
                )
            ],
        )

    def publish(self, message: Any) -> None:
        """Send a message."""
        self._publisher.publish(message)


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
