"""A node's state as ROS 2's own monitors read it."""

from __future__ import annotations

from typing import Any

import pytest

from edge_infer.nodes import topics
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.loopback import LoopbackNetwork

NAMESPACE = ["--ros-args", "-r", "__ns:=/drone_1"]


class Monitor:
    """Hears /diagnostics."""

    def __init__(self, network: LoopbackNetwork) -> None:
        self.heard: list[Any] = []
        self.node = network.runtime("monitor").create_node("monitor")
        topics.DIAGNOSTICS.subscription(self.node, self.heard.append)

    def last(self) -> tuple[Any, dict[str, str]]:
        (status,) = self.heard[-1].status
        return status, {value.key: value.value for value in status.values}


@pytest.fixture
def network() -> LoopbackNetwork:
    return LoopbackNetwork()


@pytest.fixture
def status(network: LoopbackNetwork) -> StatusReporter:
    node = network.runtime("drone_1", NAMESPACE).create_node("detector")
    return StatusReporter(node, Identity("drone_1", 1))


def test_what_is_counted_and_timed_is_told_with_rates(
    network: LoopbackNetwork, status: StatusReporter
) -> None:
    monitor = Monitor(network)
    status.count("frames_processed", 3)
    network.run_for(1.1)
    status.count("frames_processed", 5)
    for duration_ms in (10.0, 10.0, 10.0, 80.0, 80.0):
        status.time("infer", duration_ms)
    network.run_for(1.0)
    told, values = monitor.last()
    assert (told.name, told.hardware_id, told.message) == ("drone_1/detector", "drone_1", "OK")
    assert told.level == type(told).OK
    assert values["frames_processed"] == "8"
    assert values["frames_processed per s"] == "5.00"
    assert float(values["infer median ms"]) == pytest.approx(10.0, rel=0.03)
    assert float(values["infer p99 ms"]) == pytest.approx(80.0, rel=0.03)


@pytest.mark.parametrize(("level", "name"), [(0, "OK"), (1, "WARN"), (2, "ERROR")])
def test_health_is_the_level(
    network: LoopbackNetwork, status: StatusReporter, level: int, name: str
) -> None:
    monitor = Monitor(network)
    status.set_health(level, "the camera is silent")
    network.run_for(1.1)
    told, _ = monitor.last()
    assert told.level == getattr(type(told), name)
    assert told.message == "the camera is silent"


def test_who_listens_later_hears_the_rate_of_the_last_second(
    network: LoopbackNetwork, status: StatusReporter
) -> None:
    status.count("frames_processed", 100)
    network.run_for(5.1)
    monitor = Monitor(network)
    status.count("frames_processed", 2)
    network.run_for(1.0)
    assert monitor.last()[1]["frames_processed per s"] == "2.00"
