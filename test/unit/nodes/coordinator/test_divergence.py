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

"""A coordinator says whose truth is another one, and since when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_infer.nodes import topics
from edge_infer.nodes.coordinator.divergence import Divergence
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.runtime.loopback import LoopbackNetwork


def test_who_goes_on_differing_is_named_with_how_long() -> None:
    divergence = Divergence("/one")
    for t in range(12):
        divergence.hear("/one", f"mine {t}", [], [], float(t))
        divergence.hear("/two", f"mine {t}", [], [], float(t))
        divergence.hear("/three", f"another {t}", [], [], float(t))
        lasting = divergence.peers(float(t))
    assert lasting == {"/three": 8.0}  # it was judged after the first three seconds
    divergence.hear("/three", "mine 11", [], [], 12.0)
    assert divergence.peers(12.0) == {}


def test_nothing_is_said_before_the_own_digest_was_heard() -> None:
    divergence = Divergence("/one")
    for t in range(8):
        divergence.hear("/two", f"another {t}", [], [], float(t))
        assert divergence.peers(float(t)) == {}


class Fleet:
    """A coordinator, one that never comes together with it, and a monitor."""

    def __init__(self, tmp_path: Path) -> None:
        self.network = LoopbackNetwork(seed=1)
        args = ["--ros-args", "-r", "__ns:=/drone_1"]
        handle = self.network.runtime("drone_1", args).create_node("coordinator")
        CoordinatorNode(handle, CoordinatorConfig(state_dir=str(tmp_path)))
        self.other = self.network.runtime("drone_2").create_node("other")
        self.digests = topics.DIGEST.publisher(self.other)
        self.told: dict[str, Any] = {}
        monitor = self.network.runtime("monitor").create_node("monitor")
        topics.DIAGNOSTICS.subscription(monitor, self._hear)

    def _hear(self, msg: Any) -> None:
        self.told = {status.name: status for status in msg.status}

    def state(self) -> tuple[int, str, dict[str, str]]:
        status = self.told["drone_1/coordinator"]
        values = {value.key: value.value for value in status.values}
        return status.level[0], status.message, values

    def differ_for(self, seconds: int) -> None:
        for second in range(seconds):
            digest: Any = self.other.messages[topics.DIGEST.type]
            self.digests.publish(digest(coordinator="/drone_2/other", digest=f"another {second}"))
            self.network.run_for(1.0)


def test_a_lasting_divergence_is_a_warning_until_it_is_over(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.network.run_for(2.0)
    level, message, values = fleet.state()
    assert (level, message, values["diverges from"]) == (0, "OK", "nobody")
    fleet.differ_for(10)
    level, message, values = fleet.state()
    assert level == 0
    assert values["diverges from"].startswith("/drone_2/other for ")
    fleet.differ_for(10)
    level, message, _ = fleet.state()
    assert level == 1
    assert message.startswith("diverges from /drone_2/other for 1")
    fleet.network.run_for(10.0)
    level, message, values = fleet.state()
    assert (level, message, values["diverges from"]) == (0, "OK", "nobody")
