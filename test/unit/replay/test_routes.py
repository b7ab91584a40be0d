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

from collections.abc import Sequence

import pytest

from edge_infer.errors import EdgeInferError, ReplayError, UsageError
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.replay.inputs import NODES, inputs_of
from edge_infer.replay.routes import Routes, namespace_of, plan

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"
POSE = "geometry_msgs/msg/PoseWithCovarianceStamped"
PLAIN_POSE = "geometry_msgs/msg/PoseStamped"
ODOMETRY = "nav_msgs/msg/Odometry"
SIGHTINGS = "edge_infer_msgs/msg/SightingArray"

TF = "tf2_msgs/msg/TFMessage"
FIX = "sensor_msgs/msg/NavSatFix"
IMU = "sensor_msgs/msg/Imu"

CAMERA = {"/camera/image_raw": IMAGE, "/camera/camera_info": INFO}
ROBOT = {"/camera/image_raw": IMAGE, "/camera/camera_info": INFO, "/state/pose": POSE}


def planned(
    found: dict[str, str],
    *remaps: tuple[str, str],
    nodes: Sequence[str] = NODES,
    **parameters: object,
) -> Routes:
    inputs = inputs_of(nodes, lambda: ViewConfig.model_validate(parameters))
    return plan(found, inputs, remaps, namespace_of("", remaps))


def targets(
    found: dict[str, str],
    *remaps: tuple[str, str],
    nodes: Sequence[str] = NODES,
    **parameters: object,
) -> dict[str, str]:
    routes = planned(found, *remaps, nodes=nodes, **parameters).routes
    return {route.source: route.target for route in routes}


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
    routes = planned({**ROBOT, "/rear/image": IMAGE}, ("/rear/image", "/drone_7/image"))
    assert routes.namespace == "/drone_7"
    by_source = {route.source: route for route in routes.routes}
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
    routes = planned(found)
    assert {route.target for route in routes.routes} == {
        "/drone_1/image/compressed", "/drone_1/camera_info", "/drone_1/pose",
    }  # fmt: skip
    assert routes.parameters == [
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


def test_transforms_are_played_when_the_parameters_ask_for_them() -> None:
    found = {**CAMERA, "/tf": TF, "/tf_static": TF, "/state/pose": POSE}
    assert {"/tf", "/tf_static"}.isdisjoint(targets(found))
    chosen = targets(found, pose_source="tf")
    assert chosen == {
        "/camera/image_raw": "/drone_1/image", "/camera/camera_info": "/drone_1/camera_info",
        "/tf": "/tf", "/tf_static": "/tf_static",
    }  # fmt: skip
    assert targets(found, mounting="tf") == {**chosen, "/state/pose": "/drone_1/pose"}


def test_one_kind_of_transforms_is_enough_and_none_is_not() -> None:
    assert "/tf" in targets({**CAMERA, "/tf": TF}, pose_source="tf")
    assert "/tf_static" in targets({**ROBOT, "/tf_static": TF}, mounting="tf")
    with pytest.raises(ReplayError, match="the bag has no transforms"):
        targets(ROBOT, mounting="tf")


def test_of_a_fleets_transforms_those_of_the_drone_are_taken() -> None:
    found = {f"/drone_{n}/{name}": kind for n in (1, 2) for name, kind in (
        ("image", IMAGE), ("camera_info", INFO), ("tf", TF), ("tf_static", TF),
    )}  # fmt: skip
    chosen = targets(found, ("/drone_2/image", "/drone_2/image"), pose_source="tf")
    assert chosen["/drone_2/tf"] == "/tf"
    assert chosen["/drone_2/tf_static"] == "/tf_static"


def test_a_receiver_and_an_inertial_unit_stand_in_for_poses() -> None:
    found = {**ROBOT, "/gps/fix": FIX, "/imu/data": IMU}
    given = {"pose_source": "navsat", "map_origin": [47.4, 8.5, 488.0]}
    chosen = targets(found, **given)
    assert chosen["/gps/fix"] == "/drone_1/fix"
    assert chosen["/imu/data"] == "/drone_1/imu"
    assert "/state/pose" not in chosen
    with pytest.raises(ReplayError, match="no attitudes of an inertial unit"):
        targets({**ROBOT, "/gps/fix": FIX}, **given)


def test_px4s_own_origin_is_played_where_the_fleets_is_known() -> None:
    found = {
        **CAMERA, "/fmu/out/vehicle_odometry": "px4_msgs/msg/VehicleOdometry",
        "/fmu/out/vehicle_local_position": "px4_msgs/msg/VehicleLocalPosition",
    }  # fmt: skip
    assert "/fmu/out/vehicle_local_position" not in targets(found)
    chosen = targets(found, map_origin=[47.4, 8.5, 488.0])
    assert chosen["/fmu/out/vehicle_local_position"] == "/drone_1/vehicle_local_position"
    assert "/state/pose" in targets(ROBOT, map_origin=[47.4, 8.5, 488.0])


def test_a_calibration_file_needs_no_camera_info() -> None:
    found = {"/camera/image_raw": IMAGE, "/state/pose": POSE}
    assert set(targets(found, camera_info_url="camera.yaml")) == set(found)


@pytest.mark.parametrize(
    ("found", "remaps", "kind", "expected"),
    [
        ({**ROBOT, "/rear/image": IMAGE}, [], ReplayError,
         "several topics of images: /camera/image_raw, /rear/image: choose one, such as --remap"),
        ({"/camera/image_raw": IMAGE}, [], ReplayError, "the bag has no camera_info"),
        ({}, [], ReplayError, "the bag has no images"),
        ({"/camera/image_raw": IMAGE, "/camera/camera_info": INFO, "/tf": TF}, [], ReplayError,
         "the bag has no poses (geometry_msgs/msg/PoseWithCovarianceStamped or nav_msgs"),
        (ROBOT, [("/state/pose", "/tf")], UsageError, "no node listens to /tf"),
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
        planned(found, *remaps)
    assert expected in str(refused.value)
