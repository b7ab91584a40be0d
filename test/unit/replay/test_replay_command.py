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

"""``edge-infer replay``: the shipped model over a recorded flight, the same every time."""

from __future__ import annotations

import array
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from rosbags.highlevel import AnyReader

from edge_infer.backends import registry
from edge_infer.cli.main import main
from edge_infer.domain import Pose
from edge_infer.geometry import LocalFrame, multiply, quaternion_from_rpy
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.images import frame_from_msg
from edge_infer.nodes.conversions.poses import pose_from_msg
from edge_infer.nodes.conversions.transforms import Transform, transforms_to_msg
from edge_infer.runtime.messages import message_types

MakeBag = Callable[..., Path]
Recorded = tuple[str, str, int, bytes]
BEGIN_NS = 1_790_000_000_000_000_000
Capture = pytest.CaptureFixture[str]


def replay(
    capsys: Capture, bag: Path, *arguments: str, code: int = 0
) -> tuple[dict[str, Any], str]:
    """The report, and what was said beside it."""
    assert main(["replay", str(bag), "--json", *arguments]) == code
    out, err = capsys.readouterr()
    return json.loads(out), err


@pytest.fixture
def bag(flight: list[Recorded], make_bag: MakeBag) -> Path:
    return make_bag(flight)


def instead_of_poses(
    flight: list[Recorded], others: Callable[[Any, int], list[Recorded]]
) -> Iterator[Recorded]:
    """The flight with other messages in the place of each pose."""
    known = message_types()
    for topic, kind, time_ns, payload in flight:
        if kind == topics.POSE.type:
            yield from others(known.decode(memoryview(payload), known[kind]), time_ns)
        else:
            yield topic, kind, time_ns, payload


def test_a_flight_is_seen_again(bag: Path, capsys: Capture, flight: list[Recorded]) -> None:
    told, said = replay(capsys, bag)
    assert told["complete"] is True
    assert told["messages"] == len(flight)
    assert told["images"] == 12
    assert told["frames"] == {"received": 12, "processed": 12, "dropped": 0, "failed": 0}
    assert told["detections"]["total"] == sum(told["detections"]["by_class"].values()) > 0
    assert 0 < told["targets"]["total"] <= told["detections"]["total"]
    assert told["sightings"] > 0
    assert told["outputs"]["/drone_1/detector/detections"] == 12
    assert told["counters"]["georeferencer"].get("detections_without_pose", 0) == 0
    assert told["model"]["name"] == "solar_thermal"
    assert told["bag_s"] == 2.202
    assert told["topics"]["/camera/image_raw"] == "/drone_1/image"
    assert "/camera/image_raw is played as /drone_1/image" in said


def test_the_same_bag_gives_the_same_digest_in_every_storage(
    flight: list[Recorded], make_bag: MakeBag, capsys: Capture
) -> None:
    bags = [
        make_bag(flight, storage, compression, f"{storage}_{compression}")
        for storage, compression in (("mcap", "storage"), ("sqlite3", "message"))
    ]
    told = [replay(capsys, bag)[0] for bag in (bags[0], bags[0], bags[1])]
    assert len({each["digest"] for each in told}) == 1
    assert len({json.dumps(each["targets"]) for each in told}) == 1


def test_another_flight_and_another_parameter_give_another_digest(
    flight: list[Recorded], make_bag: MakeBag, bag: Path, capsys: Capture
) -> None:
    shorter = make_bag(flight[:-3], name="shorter")
    strict = replay(capsys, bag, "-p", "detector:score_threshold:=0.99")[0]
    digests = {replay(capsys, each)[0]["digest"] for each in (bag, shorter)} | {strict["digest"]}
    assert len(digests) == 3


def test_the_engine_is_not_raced_for_unless_the_user_says_so(
    bag: Path, capsys: Capture, tmp_path: Path
) -> None:
    assert replay(capsys, bag)[0]["model"]["engine"] == "onnx"
    if registry.absence("tflite"):
        pytest.skip("tflite does not run here")
    told, _ = replay(capsys, bag, "-p", "detector:backend:=tflite")
    assert told["model"]["engine"] == "tflite"
    file = tmp_path / "mine.yaml"
    file.write_text("/**:\n  ros__parameters:\n    backend: tflite\n")
    told, _ = replay(capsys, bag, "--nodes", "detector", "--params-file", str(file))
    assert told["model"]["engine"] == "tflite"


def test_images_of_one_instant_are_all_looked_at(
    flight: list[Recorded], make_bag: MakeBag, capsys: Capture
) -> None:
    at_once = [(topic, kind, flight[0][2], payload) for topic, kind, _, payload in flight]
    told, _ = replay(capsys, make_bag(at_once))
    assert told["frames"] == {"received": 12, "processed": 12, "dropped": 0, "failed": 0}


def test_parts_of_a_drone_are_replayed_alone(bag: Path, capsys: Capture) -> None:
    told, _ = replay(capsys, bag, "--nodes", "detector", "--namespace", "/scout")
    assert set(told["outputs"]) == {"/scout/detector/detections"}
    assert told["targets"]["total"] == 0


def test_what_is_left_out_is_not_asked_for_its_parameters(bag: Path, capsys: Capture) -> None:
    wrong = "georeferencer:pose_source:=guess"
    told, _ = replay(capsys, bag, "--nodes", "detector", "-p", wrong)
    assert told["frames"]["processed"] == 12
    assert main(["replay", str(bag), "-p", wrong]) == 2
    assert "pose_source" in capsys.readouterr().err


def test_a_remapping_is_obeyed_in_silence(bag: Path, capsys: Capture) -> None:
    told, said = replay(capsys, bag, "--remap", "/camera/image_raw:=/drone_4/image")
    assert told["topics"]["/camera/image_raw"] == "/drone_4/image"
    assert "image_raw" not in said
    assert "/state/pose is played as /drone_4/pose" in said


def test_of_a_truncated_bag_the_part_that_is_left_is_reported(
    flight: list[Recorded], make_bag: MakeBag, capsys: Capture, tmp_path: Path
) -> None:
    bag = make_bag(flight, "mcap", "storage")
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    told, said = replay(capsys, bag, "--report", str(tmp_path / "report.json"), code=2)
    assert told["complete"] is False
    assert 0 < told["frames"]["processed"] == told["images"] < 12
    assert told["problem"] in said
    assert said.count("cannot be read as a whole") == 1
    assert json.loads((tmp_path / "report.json").read_text()) == told


def test_a_time_that_no_stamp_can_say_ends_the_replay(
    flight: list[Recorded], make_bag: MakeBag, capsys: Capture
) -> None:
    late = [(topic, kind, 2**62, payload) for topic, kind, _, payload in flight]
    told, _ = replay(capsys, make_bag(late), code=2)
    assert told["messages"] == 0


def test_a_time_that_jumps_for_days_ends_the_replay(
    flight: list[Recorded], make_bag: MakeBag, capsys: Capture
) -> None:
    topic, kind, _, payload = flight[-3]
    told, said = replay(capsys, make_bag([*flight, (topic, kind, 2**62, payload)]), code=2)
    assert told["frames"]["processed"] == 12
    assert "jumps by more than a day" in said


@pytest.mark.parametrize("begin_ns", [0, 30_000_000])
def test_a_bag_of_simulated_time_begins_near_zero(
    begin_ns: int, flight: list[Recorded], make_bag: MakeBag, capsys: Capture
) -> None:
    shift_ns = flight[0][2] - begin_ns
    early = [(topic, kind, time_ns - shift_ns, payload) for topic, kind, time_ns, payload in flight]
    told, _ = replay(capsys, make_bag(early))
    assert told["frames"]["processed"] == 12
    assert told["counters"]["georeferencer"].get("detections_without_pose", 0) == 0


def test_a_message_of_another_type_costs_only_itself(
    flight: list[Recorded], make_bag: MakeBag, capsys: Capture
) -> None:
    topic, kind, time_ns, _ = flight[0]
    told, said = replay(capsys, make_bag([(topic, kind, time_ns - 1, b"\0\1\0\0junk"), *flight]))
    assert told["images"] == 13
    assert told["frames"]["processed"] == 12
    assert "left a message out" in said


def test_what_came_out_is_a_bag_that_others_read(
    bag: Path, capsys: Capture, tmp_path: Path
) -> None:
    told, _ = replay(capsys, bag, "--record", str(tmp_path / "seen"))
    digest, counts = hashlib.sha256(), Counter[str]()
    with AnyReader([tmp_path / "seen"]) as reader:
        for connection, time_ns, payload in reader.messages():
            message: Any = reader.deserialize(payload, connection.msgtype)
            assert BEGIN_NS <= time_ns < BEGIN_NS + 10**10
            assert message.header.stamp.sec >= BEGIN_NS // 10**9
            digest.update(f"{connection.topic} {len(payload)}\n".encode() + payload)
            counts[connection.topic] += 1
    assert counts == told["outputs"]
    assert digest.hexdigest() == told["digest"]


def test_compressed_images_and_odometry_serve_as_well(
    flight: list[Recorded], make_bag: MakeBag, bag: Path, capsys: Capture
) -> None:
    known = message_types()
    other: list[Recorded] = []
    for topic, kind, time_ns, payload in flight:
        message = known.decode(memoryview(payload), known[kind])
        if kind == topics.IMAGE.type:
            pixels = frame_from_msg(message).image
            data = array.array("B", cv2.imencode(".png", pixels)[1].tobytes())
            kind, topic = topics.COMPRESSED_IMAGE.type, f"{topic}/compressed"
            message = known[kind](header=message.header, format="png", data=data)
        elif kind == topics.POSE.type:
            kind = "nav_msgs/msg/Odometry"
            message = known[kind](header=message.header, pose=message.pose)
        other.append((topic, kind, time_ns, bytes(known.encode(message))))
    told, _ = replay(capsys, make_bag(other, name="other"))
    assert told["topics"]["/camera/image_raw/compressed"] == "/drone_1/image/compressed"
    assert told["digest"] == replay(capsys, bag)[0]["digest"]


def test_transforms_place_targets_as_poses_do(
    flight: list[Recorded], make_bag: MakeBag, bag: Path, capsys: Capture, tmp_path: Path
) -> None:
    known = message_types()
    # The housing looks down, and optical axes are right, down, forward (REP-103).
    down, optical = (0.0, math.pi / 2, 0.0), (-math.pi / 2, 0.0, -math.pi / 2)
    turned = multiply(quaternion_from_rpy(*down), quaternion_from_rpy(*optical))
    camera = Transform("base_link", "camera_optical", Pose(0, (0.0, 0.0, 0.0), tuple(turned)))

    def as_transform(pose: Any, time_ns: int) -> list[Recorded]:
        moving = transforms_to_msg(known, Transform("map", "base_link", pose_from_msg(pose)))
        return [("/tf", topics.TRANSFORMS.type, time_ns, bytes(known.encode(moving)))]

    static = bytes(known.encode(transforms_to_msg(known, camera)))
    first: Recorded = ("/tf_static", topics.TRANSFORMS.type, BEGIN_NS - 1, static)
    other = make_bag([first, *instead_of_poses(flight, as_transform)], name="other")
    golden = str(tmp_path / "golden.json")
    told, _ = replay(capsys, bag, "--golden", golden)
    for_both = ["-p", "georeferencer:pose_source:=tf", "-p", "georeferencer:mounting:=tf"]
    again, _ = replay(capsys, other, *for_both, "--expect", golden)
    assert again["topics"]["/tf_static"] == "/tf_static"
    assert again["expected"]["same"] is True
    assert again["targets"]["total"] == told["targets"]["total"] > 0


def test_a_receiver_and_an_inertial_unit_place_targets_as_poses_do(
    flight: list[Recorded], make_bag: MakeBag, bag: Path, capsys: Capture, tmp_path: Path
) -> None:
    known, origin = message_types(), (47.397742, 8.545594, 488.0)

    def as_fix_and_attitude(pose: Any, time_ns: int) -> list[Recorded]:
        at = LocalFrame(*origin).to_wgs84(pose_from_msg(pose).position_m)[0]
        fix = known[topics.FIX.type](
            header=pose.header, latitude=at[0], longitude=at[1], altitude=at[2]
        )
        fix.status.status = 0
        imu = known[topics.IMU.type](header=pose.header, orientation=pose.pose.pose.orientation)
        return [
            ("/gps/fix", topics.FIX.type, time_ns, bytes(known.encode(fix))),
            ("/imu/data", topics.IMU.type, time_ns, bytes(known.encode(imu))),
        ]

    other = make_bag(instead_of_poses(flight, as_fix_and_attitude), name="other")
    golden = str(tmp_path / "golden.json")
    replay(capsys, bag, "--golden", golden)
    given = ("pose_source:=navsat", f"map_origin:={list(origin)}")
    words = [word for each in given for word in ("-p", f"georeferencer:{each}")]
    again, _ = replay(capsys, other, *words, "--expect", golden)
    assert again["topics"]["/imu/data"] == "/drone_1/imu"
    assert again["expected"]["same"] is True


def test_a_replay_that_does_not_begin_leaves_no_bag(
    bag: Path, capsys: Capture, tmp_path: Path
) -> None:
    arguments = ["replay", str(bag), "--record", str(tmp_path / "seen")]
    assert main([*arguments, "-p", "detector:model:=/nowhere"]) == 2
    assert not (tmp_path / "seen").exists()


def test_a_bag_of_sightings_gives_the_same_targets_as_the_flight(
    bag: Path, capsys: Capture, tmp_path: Path
) -> None:
    whole, _ = replay(capsys, bag, "--record", str(tmp_path / "seen"))
    again, _ = replay(capsys, tmp_path / "seen", "--nodes", "coordinator")
    assert again["topics"] == {"/fleet/sightings": "/fleet/sightings"}
    assert again["targets"] == whole["targets"]
    assert again["frames"] == {"received": 0, "processed": 0, "dropped": 0, "failed": 0}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["/nowhere"], "there is no bag /nowhere"),
        (["BAG", "--remap", "/camera/image_raw:=/chatter"], "no node listens to /chatter"),
        (["BAG", "-p", "detector:score_treshold:=0.4"], "did you mean 'score_threshold'?"),
        (["BAG", "--report", "/nowhere/report.json"], "cannot be written"),
        (["BAG", "--record", "/dev"], "the bag /dev cannot be written"),
        (["BAG", "--record", "/dev/null/seen"], "the bag /dev/null/seen cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(
    arguments: list[str], expected: str, bag: Path, capsys: Capture
) -> None:
    assert main(["replay", *(str(bag) if word == "BAG" else word for word in arguments)]) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert "Traceback" not in err


def test_without_json_the_words_are_few(bag: Path, capsys: Capture) -> None:
    assert main(["replay", str(bag)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "12 received, 12 processed, 0 dropped, 0 failed" in lines[1]
