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

"""A coordinator and its viewers: nothing without one, all for one that comes, what went goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.sightings import sightings_to_msgs
from edge_infer.nodes.coordinator import views
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.runtime.loopback import LoopbackNetwork

PICTURES = {
    "markers": topics.TARGET_MARKERS.named("/drone_1/coordinator/markers"),
    "detections": topics.TARGET_DETECTIONS.named("/drone_1/coordinator/detections_3d"),
}


class Scene:
    """A coordinator, and a hand that lets it hear of things."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.network = LoopbackNetwork(seed=5)
        runtime = self.network.runtime("drone_1", ["--ros-args", "-r", "__ns:=/drone_1"])
        config = CoordinatorConfig(state_dir=str(folder), **options)
        self.drone = runtime.create_node("coordinator")
        self.coordinator = CoordinatorNode(self.drone, config)
        self.eye = self.network.runtime("ground").create_node("eye")
        self._sightings = topics.SIGHTINGS.publisher(self.eye)
        self.network.run_for(0.1)

    def look(self, picture: str) -> tuple[list[Any], Any]:
        """A viewer that keeps what it hears, and its subscription."""
        heard: list[Any] = []
        return heard, PICTURES[picture].subscription(self.eye, heard.append)

    def see(self, *things: int, name: str = "Diode", wait_s: float = 1.0) -> None:
        """Things lie 10 m apart; each has a number."""
        now_ns = self.eye.get_clock().now().nanoseconds
        seen = [
            Sighting(SightingId("drone_2", 1, number), now_ns, number, name, 0.75,
                     10_000 * number, 0, 0, (0.25, 0.0, 0.25), "m 1")
            for number in things
        ]  # fmt: skip
        for msg in sightings_to_msgs(self.eye.messages, seen, "map", "camera"):
            self._sightings.publish(msg)
        self.network.run_for(wait_s)


def shown(heard: list[Any]) -> dict[tuple[str, int], str]:
    """What a viewer shows after it heard that: the text of each marker."""
    screen: dict[tuple[str, int], str] = {}
    for array in heard:
        for marker in array.markers:
            if marker.action == marker.DELETE:
                screen.pop((marker.ns, marker.id), None)
            else:
                screen[marker.ns, marker.id] = marker.text
    return screen


def places(heard: list[Any]) -> list[float]:
    return sorted(item.bbox.center.position.x for item in heard[-1].detections)


def test_nothing_is_built_while_nobody_looks(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    asked: list[int] = []

    def targets() -> list[Target]:
        asked.append(scene.network.now_ns)
        return []

    target_views = views.TargetViews(scene.drone, "map", targets)
    scene.network.run_for(20.0)
    assert asked == []
    heard, subscription = scene.look("detections")
    scene.network.run_for(1.0)
    assert len(asked) == 1
    scene.eye.destroy_subscription(subscription)
    target_views.changed()
    scene.network.run_for(20.0)
    assert len(asked) == 1
    assert len(heard) == 2, "one of this, one of the coordinator's own"


@pytest.mark.parametrize("picture", sorted(PICTURES))
def test_a_viewer_that_comes_later_is_told_all_once(tmp_path: Path, picture: str) -> None:
    scene = Scene(tmp_path)
    scene.see(1, 2)
    first, _ = scene.look(picture)
    scene.network.run_for(1.0)
    assert len(first) == 1
    second, _ = scene.look(picture)
    scene.network.run_for(1.0)
    assert len(second) == 1
    assert first[-1] == second[-1]
    assert first[-1].__class__.__name__.endswith("Array")


def test_both_pictures_follow_the_targets(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    markers, _ = scene.look("markers")
    detections, _ = scene.look("detections")
    scene.see(1, 2)
    assert places(detections) == [10.0, 20.0]
    scene.see(3, name="Cell")
    assert places(detections) == [10.0, 20.0, 30.0]
    assert sorted(filter(None, shown(markers).values())) == ["Cell 0.75"] + ["Diode 0.75"] * 2
    assert len(shown(markers)) == 6
    assert detections[-1].header.frame_id == "map"


def test_targets_that_went_are_deleted(tmp_path: Path) -> None:
    scene = Scene(tmp_path, keep_s=5.0, keep_for="drone_2")
    markers, _ = scene.look("markers")
    detections, _ = scene.look("detections")
    scene.see(1, 2)
    assert len(shown(markers)) == 4
    scene.network.run_for(4.0)
    scene.see(3)
    scene.network.run_for(2.0)
    assert places(detections) == [30.0]
    assert len(shown(markers)) == 2
    scene.network.run_for(10.0)
    assert places(detections) == []
    assert shown(markers) == {}


def test_a_viewer_that_was_reset_sees_all_again_soon(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    markers, _ = scene.look("markers")
    scene.see(1, 2)
    before = shown(markers)
    markers.clear()
    scene.network.run_for(views.AGAIN_S + 1.0)
    assert len(markers) == 1
    assert shown(markers) == before


def test_a_clock_that_was_set_back_holds_no_picture_up(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    detections, _ = scene.look("detections")
    scene.see(1)
    scene.network.set_clock("drone_1", -3600.0)
    scene.see(2)
    assert places(detections) == [10.0, 20.0]
