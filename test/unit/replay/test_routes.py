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

"""Which topic of a bag is played to which node, without and with a word from the user."""

from __future__ import annotations

import pytest

from edge_infer.errors import EdgeInferError, ReplayError, UsageError
from edge_infer.replay.routes import NODES, plan

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"
POSE = "geometry_msgs/msg/PoseWithCovarianceStamped"
PLAIN_POSE = "geometry_msgs/msg/PoseStamped"
ODOMETRY = "nav_msgs/msg/Odometry"
SIGHTINGS = "edge_infer_msgs/msg/SightingArray"

ROBOT = {"/camera/image_raw": IMAGE, "/camera/camera_info": INFO, "/state/pose": POSE}


def targets(
    found: dict[str, str], *remaps: tuple[str, str], nodes: object = NODES
) -> dict[str, str]:
    return {route.source: route.target for route in plan(found, nodes, remaps).routes}  # type: ignore[arg-type]


def test_the_only_topic_of_a_type_is_taken() -> None:
    assert targets(ROBOT) == {
        "/camera/image_raw": "/drone_1/image",
        "/camera/camera_info": "/drone_1/camera_info",
        "/state/pose": "/drone_1/pose",
    }


def test_a_topic_of_the_right_name_comes_before_others() -> None:
    found = {**ROBOT, "/drone_1/image": IMAGE, "/drone_1/pose": PLAIN_POSE}
    chosen = targets(found)
    assert {"/drone_1/image", "/drone_1/pose"} <= set(chosen)


def test_what_is_asked_for_is_done_and_decides_the_namespace() -> None:
    planned = plan({**ROBOT, "/rear/image": IMAGE}, NODES, [("/rear/image", "/drone_7/image")])
    assert planned.namespace == "/drone_7"
    by_source = {route.source: route for route in planned.routes}
    assert by_source["/rear/image"].target == "/drone_7/image"
    assert not by_source["/rear/image"].chosen
    assert by_source["/state/pose"].target == "/drone_7/pose"
    assert by_source["/state/pose"].chosen


def test_a_relative_name_is_in_the_namespace() -> None:
    assert targets(ROBOT, ("/camera/image_raw", "image"))["/camera/image_raw"] == "/drone_1/image"


def test_of_a_fleets_bag_what_lies_near_the_images_is_taken() -> None:
    found = {
        **{f"/drone_{n}/{name}": kind for n in (1, 2, 3)
           for name, kind in (("image", IMAGE), ("camera_info", INFO), ("pose", POSE),
                              ("ground_truth/pose", PLAIN_POSE))},
    }  # fmt: skip
    chosen = targets(found, ("/drone_2/image", "/drone_9/image"))
    assert set(chosen) == {"/drone_2/image", "/drone_2/camera_info", "/drone_2/pose"}


def test_types_decide_parameters() -> None:
    found = {"/cam/image_raw/compressed": COMPRESSED, "/cam/camera_info": INFO, "/odom": ODOMETRY}
    planned = plan(found, NODES)
    assert {route.target for route in planned.routes} == {
        "/drone_1/image/compressed", "/drone_1/camera_info", "/drone_1/pose",
    }  # fmt: skip
    assert planned.parameters == [
        "georeferencer:pose_type:=nav_msgs/msg/Odometry", "detector:transport:=compressed",
    ]  # fmt: skip


def test_the_same_pictures_twice_are_no_choice() -> None:
    assert "/camera/image_raw" in targets({**ROBOT, "/camera/image_raw/compressed": COMPRESSED})


def test_each_choice_of_nodes_has_its_inputs() -> None:
    assert targets(ROBOT, nodes=("detector",)) == {"/camera/image_raw": "/drone_1/image"}
    found = {**ROBOT, "/boxes": "vision_msgs/msg/Detection2DArray", "/seen": SIGHTINGS}
    assert set(targets(found, nodes=("georeferencer",))) == {
        "/boxes", "/camera/camera_info", "/state/pose",
    }  # fmt: skip
    assert targets(found, nodes=("coordinator",)) == {"/seen": "/fleet/sightings"}


@pytest.mark.parametrize(
    ("found", "remaps", "kind", "expected"),
    [
        ({**ROBOT, "/rear/image": IMAGE}, [], ReplayError,
         "several topics of images: /camera/image_raw, /rear/image: choose one, such as --remap"),
        ({"/camera/image_raw": IMAGE}, [], ReplayError, "the bag has no camera_info"),
        ({}, [], ReplayError, "the bag has no images"),
        ({**ROBOT, "/state/pose_2": POSE}, [], ReplayError, "several topics of poses"),
        (ROBOT, [("/nowhere", "image")], UsageError, "the bag has no topic '/nowhere'"),
        (ROBOT, [("/state/pose", "image")], UsageError, "which /drone_1/image cannot take"),
        (ROBOT, [("/state/pose", "/chatter")], UsageError, "no node listens to /chatter"),
        (ROBOT, [("/state/pose", "a b")], EdgeInferError, "'a b' is no"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_asked_in_one_sentence(
    found: dict[str, str], remaps: list[tuple[str, str]], kind: type[EdgeInferError], expected: str
) -> None:
    with pytest.raises(kind) as refused:
        plan(found, NODES, remaps)
    assert expected in str(refused.value)
