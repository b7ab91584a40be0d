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

"""What is recorded while it is said, and who can read it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from domains import own_domain
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from edge_infer.errors import ReplayError
from edge_infer.replay.recorder import Recorder
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.runtime.messages import message_types
from edge_infer.runtime.qos import LATCHED_STATE, POSES, Durability, QoS, Reliability

POSE = "geometry_msgs/msg/PoseStamped"
LABELS = "edge_infer_msgs/msg/Labels"
WAIT_S = 20.0


@pytest.fixture
def runtime() -> Iterator[EmbeddedRuntime]:
    opened = EmbeddedRuntime([], {"ROS_DOMAIN_ID": str(own_domain())})
    yield opened
    opened.shutdown()


def labels(name: str) -> Any:
    return message_types()[LABELS](model_name=name)


def poses(count: int) -> list[Any]:
    types = message_types()
    made = [types[POSE]() for _ in range(count)]
    for number, pose in enumerate(made):
        pose.pose.position.x = float(number)
    return made


def say_all(runtime: EmbeddedRuntime, folder: Path) -> list[Any]:
    """Record what a node says on two topics; returns its poses."""
    node = runtime.create_node("speaker", namespace="/scout")
    latched = node.create_publisher(node.messages[LABELS], "labels", LATCHED_STATE)
    latched.publish(labels("said before anybody heard"))
    publisher = node.create_publisher(node.messages[POSE], "pose", POSES)
    recorder = Recorder(runtime, folder)
    recorder.follow()
    assert runtime.spin_until(lambda: publisher.get_subscription_count() == 1, WAIT_S)
    said = poses(20)
    heard: list[Any] = []
    node.create_subscription(node.messages[POSE], "pose", heard.append, QoS(depth=50))
    node.create_subscription(node.messages[POSE], "pose", heard.append, POSES)
    assert runtime.spin_until(lambda: publisher.get_subscription_count() == 2, WAIT_S)
    for pose in said:
        publisher.publish(pose)
        count = len(heard)
        assert runtime.spin_until(lambda count=count: len(heard) > count, WAIT_S)
    recorder.close()
    recorder.close()
    return said


def test_what_a_process_says_is_a_bag(runtime: EmbeddedRuntime, tmp_path: Path) -> None:
    said = say_all(runtime, tmp_path / "bag")
    with AnyReader([tmp_path / "bag"]) as reader:
        found = {connection.topic: connection for connection in reader.connections}
        assert set(found) == {"/scout/labels", "/scout/pose"}
        messages = [
            (connection.topic, reader.deserialize(raw, connection.msgtype))
            for connection, _, raw in reader.messages()
        ]
    xs = [message.pose.position.x for topic, message in messages if topic == "/scout/pose"]
    assert xs == [pose.pose.position.x for pose in said]
    names = [message.model_name for topic, message in messages if topic == "/scout/labels"]
    assert names == ["said before anybody heard"]
    (latched,) = found["/scout/labels"].ext.offered_qos_profiles
    assert (latched.durability.name, latched.reliability.name) == ("TRANSIENT_LOCAL", "RELIABLE")
    assert latched.depth == LATCHED_STATE.depth
    (lossy,) = found["/scout/pose"].ext.offered_qos_profiles
    assert (lossy.durability.name, lossy.reliability.name) == ("VOLATILE", "BEST_EFFORT")


def test_the_bag_says_what_its_types_are(runtime: EmbeddedRuntime, tmp_path: Path) -> None:
    say_all(runtime, tmp_path / "bag")
    metadata = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())
    info = metadata["rosbag2_bagfile_information"]
    assert info["storage_identifier"] == "mcap"
    assert info["message_count"] == 21
    for each in info["topics_with_message_count"]:
        topic = each["topic_metadata"]
        assert topic["type_description_hash"] == message_types().type_hash(topic["type"])
        assert topic["serialization_format"] == "cdr"
        assert yaml.safe_load(topic["offered_qos_profiles"])[0]["lifespan"]["sec"] > 2**31


def test_a_reader_of_another_make_agrees(runtime: EmbeddedRuntime, tmp_path: Path) -> None:
    say_all(runtime, tmp_path / "bag")
    types = message_types()
    with (tmp_path / "bag" / "bag.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        read = list(reader.iter_messages(topics=["/scout/pose"]))
        assert reader.get_header().profile == "ros2"
    for number, (schema, channel, message) in enumerate(read):
        assert (schema.name, schema.encoding) == (POSE, "ros2msg")
        assert channel.message_encoding == "cdr"
        assert types.decode(memoryview(message.data), types[POSE]).pose.position.x == number
        assert message.publish_time == message.log_time > 0
    assert len(read) == 20


def test_a_topic_is_asked_for_as_it_is_offered(runtime: EmbeddedRuntime, tmp_path: Path) -> None:
    recorder = Recorder(runtime, tmp_path / "bag")
    node = runtime.create_node("other")
    reliable = QoS(reliability=Reliability.RELIABLE, durability=Durability.TRANSIENT_LOCAL)
    for topic, offered in (("/one", [reliable]), ("/both", [reliable, POSES])):
        recorder.record(topic, POSE, offered)
        (asked,) = node.get_subscriptions_info_by_topic(topic)
        least = offered[-1]
        assert asked.qos_profile.reliability is least.reliability
        assert asked.qos_profile.durability is least.durability
    recorder.close()
    assert not (tmp_path / "bag").exists()  # nothing was said


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("there", "exists already"),
        ("file/bag", "is no folder"),
    ],
)
def test_a_folder_that_cannot_be_made_is_told_at_once(
    folder: str, expected: str, runtime: EmbeddedRuntime, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ReplayError, match=expected):
        Recorder(runtime, tmp_path / folder)


FULL_DISK = """
import resource, sys, threading
from pathlib import Path
from edge_infer.errors import ReplayError
from edge_infer.replay.recorder import Recorder
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.qos import QoS

network = LoopbackNetwork()
runtime = network.runtime("drone", [])
node = runtime.create_node("speaker")
kind = node.messages["std_msgs/msg/String"]
publisher = node.create_publisher(kind, "/words", QoS())
recorder = Recorder(runtime, Path(sys.argv[1]))
recorder.record("/words", "std_msgs/msg/String", [QoS()])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for _ in range(80):
    publisher.publish(kind(data="x" * 100_000))
    network.run_for(0.1)
for thread in threading.enumerate():
    if LATER and thread.name == "recorder":
        thread.join(20)
try:
    recorder.close()
except ReplayError as error:
    print(error)
"""
"""A limit on files does to a process what a full disk does."""


@pytest.mark.parametrize("later", ["True", "False"])
def test_a_full_disk_ends_the_recording_with_one_sentence(later: str, tmp_path: Path) -> None:
    """Whether it is closed while it still writes, or when that is over."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK.replace("LATER", later), str(tmp_path / "bag")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1
    assert f"the bag {tmp_path / 'bag'} cannot be written (" in done.stdout
    assert done.stdout.endswith("name a new folder on a disk with room\n")
    assert done.stderr.count("nothing more is recorded") == 1
