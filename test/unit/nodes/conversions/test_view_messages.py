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

"""What viewers are told of targets, read back field by field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from edge_infer.domain import SightingId, Target
from edge_infer.nodes.conversions.views import (
    DISCS,
    LABELS,
    LEAST_WIDTH_M,
    detections_3d_to_msg,
    ellipse_of,
    markers_to_msg,
)
from edge_infer.perception.class_colours import class_colour
from edge_infer.runtime.loopback import LoopbackNetwork


def target(number: int, name: str = "Diode", **changes: Any) -> Target:
    identity = SightingId("drone_1", 1, number)
    fields: dict[str, Any] = {
        "id": identity, "class_name": name, "score": 0.875,
        "x_mm": 1000 * number, "y_mm": -2500, "z_mm": 250, "covariance_m2": (4.0, 1.0, 2.0),
        "first_seen_ns": 1, "last_seen_ns": 2, "sources": ("drone_1",), "votes": (),
        "members": (identity,), **changes,
    }  # fmt: skip
    return Target(**fields)


@pytest.fixture
def messages() -> Any:
    return LoopbackNetwork().runtime("host").create_node("node").messages


def test_a_target_is_a_disc_of_its_class_and_a_label(messages: Any) -> None:
    msg = markers_to_msg(messages, [(7, target(3))], [], 5_000_000_001, "map")
    disc, label = msg.markers
    assert (disc.ns, disc.type, disc.action) == (DISCS, disc.CYLINDER, disc.ADD)
    assert (label.ns, label.type, label.action) == (LABELS, label.TEXT_VIEW_FACING, label.ADD)
    for marker in (disc, label):
        assert marker.id == 7
        assert (marker.header.frame_id, marker.header.stamp.sec) == ("map", 5)
        assert marker.color.a > 0, "else nobody sees it"
        assert (marker.pose.position.x, marker.pose.position.y) == (3.0, -2.5)
    assert disc.pose.position.z == 0.25 < label.pose.position.z
    assert label.text == "Diode 0.88"
    assert (disc.color.r, disc.color.g, disc.color.b) == class_colour("Diode")


def test_what_went_is_deleted_in_both_namespaces_and_before_what_comes(messages: Any) -> None:
    msg = markers_to_msg(messages, [(2, target(1))], [0, 1], 0, "map")
    gone = [(m.ns, m.id) for m in msg.markers if m.action == m.DELETE]
    assert gone == [(ns, number) for number in (0, 1) for ns in (DISCS, LABELS)]
    assert [m.action for m in msg.markers] == [2] * 4 + [0] * 2


def test_a_detection_has_a_name_a_score_and_the_covariance_of_its_place(messages: Any) -> None:
    msg = detections_3d_to_msg(messages, [target(4), target(5, "Cell")], 10**9, "farm")
    assert (msg.header.frame_id, msg.header.stamp.sec) == ("farm", 1)
    first, second = msg.detections
    assert first.header == msg.header
    assert first.id == "drone_1/1/4"
    (result,) = first.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("Diode", 0.875)
    assert second.results[0].hypothesis.class_id == "Cell"
    covariance = np.reshape(result.pose.covariance, (6, 6))
    assert covariance[:2, :2].tolist() == [[4.0, 1.0], [1.0, 2.0]]
    assert np.count_nonzero(covariance) == 4
    for position in (result.pose.pose.position, first.bbox.center.position):
        assert (position.x, position.y, position.z) == (4.0, -2.5, 0.25)


@pytest.mark.parametrize("yaw_rad", [0.0, 0.4, 1.5, -0.7])
def test_an_ellipse_lies_as_its_covariance(yaw_rad: float) -> None:
    turn = np.array(
        [[math.cos(yaw_rad), -math.sin(yaw_rad)], [math.sin(yaw_rad), math.cos(yaw_rad)]]
    )
    covariance = turn @ np.diag([9.0, 1.0]) @ turn.T
    found = ellipse_of((covariance[0, 0], covariance[0, 1], covariance[1, 1]))
    assert found.yaw_rad == pytest.approx(yaw_rad)
    assert found.long_m == pytest.approx(3 * found.short_m)
    points = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000) @ turn
    inside = (2 * points[:, 0] / found.long_m) ** 2 + (2 * points[:, 1] / found.short_m) ** 2 <= 1
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


def test_a_place_of_unknown_certainty_is_seen_too() -> None:
    assert ellipse_of((0.0, 0.0, 0.0)) == (LEAST_WIDTH_M, LEAST_WIDTH_M, 0.0)
