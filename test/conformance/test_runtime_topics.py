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

"""What every runtime owes to publishers and subscriptions."""

import array
import threading

import numpy as np
import pytest
from worlds import plain, publish, subscribe

from edge_infer.errors import MessageError, NameRuleError
from edge_infer.runtime import qos
from edge_infer.runtime.qos import QoS, Reliability

RELIABLE = QoS(depth=100)
BEST_EFFORT = QoS(depth=100, reliability=Reliability.BEST_EFFORT)

TEXT = "std_msgs/msg/String"
NUMBER = "std_msgs/msg/UInt32"


def fill_header(messages):
    header = messages["std_msgs/msg/Header"](frame_id="drone_é/camera")
    header.stamp.sec, header.stamp.nanosec = 1_700_000_000, 999_999_999
    return header


def fill_image(messages):
    pixels = np.random.default_rng(1).integers(0, 256, 160 * 128, np.uint8)
    return messages["sensor_msgs/msg/Image"](
        header=fill_header(messages),
        height=128,
        width=160,
        encoding="mono8",
        step=160,
        data=array.array("B", pixels.tobytes()),
    )


def fill_camera_info(messages):
    info = messages["sensor_msgs/msg/CameraInfo"](distortion_model="plumb_bob")
    info.d, info.k = [0.1, -0.2, 0.0, 0.0, 0.5], np.arange(9, dtype=np.float64)
    info.roi.do_rectify = True
    return info


def fill_pose(messages):
    pose = messages["geometry_msgs/msg/PoseWithCovarianceStamped"](header=fill_header(messages))
    pose.pose.pose.position.x = -12.345
    pose.pose.covariance = np.arange(36, dtype=np.float64)
    return pose


def fill_detections(messages):
    result = messages["vision_msgs/msg/Detection2DArray"](header=fill_header(messages))
    for index in range(3):
        detection = messages["vision_msgs/msg/Detection2D"](id=f"box{index}")
        hypothesis = messages["vision_msgs/msg/ObjectHypothesisWithPose"]()
        hypothesis.hypothesis.class_id = "hot_cell"
        hypothesis.hypothesis.score = 0.5 + index / 10
        detection.results = [hypothesis] * index
        detection.bbox.center.position.x = 1.5 * index
        result.detections.append(detection)
    return result


def fill_sightings(messages):
    point = messages["geometry_msgs/msg/Point"]
    sighting = messages["edge_infer_msgs/msg/Sighting"]
    return messages["edge_infer_msgs/msg/SightingArray"](
        header=fill_header(messages),
        source="drone1",
        boot=3,
        frame=2**40,
        class_names=["hot_cell", "diode"],
        sightings=[
            sighting(
                sequence=n,
                class_index=n % 2,
                score=0.5,
                position=point(x=n / 1000, y=-n / 1000),
                covariance=np.array([0.5, 0.0, 0.25], np.float32),
            )
            for n in range(20)
        ],
    )


def fill_diagnostics(messages):
    status = messages["diagnostic_msgs/msg/DiagnosticStatus"]
    value = messages["diagnostic_msgs/msg/KeyValue"](key="engine", value="onnx")
    return messages["diagnostic_msgs/msg/DiagnosticArray"](
        status=[status(level=status.WARN, name="detector", values=[value])]
    )


FILLERS = [
    fill_header,
    fill_image,
    fill_camera_info,
    fill_pose,
    fill_detections,
    fill_sightings,
    fill_diagnostics,
]


@pytest.mark.parametrize("fill", FILLERS, ids=lambda fill: fill.__name__.removeprefix("fill_"))
def test_content_arrives_as_it_was_sent(world, fill):
    sent, received, listener = exchanged(world, fill)
    assert type(received) is listener.messages[type_name(sent)]
    assert plain(received) == plain(sent)


def exchanged(world, fill, **options):
    """A message as it was sent and as it arrived, and the node that it arrived at."""
    talker, listener = world.node("talker"), world.node("listener")
    sent, received = fill(talker.messages), []
    name = type_name(sent)
    publisher = publish(talker, name, "topic", RELIABLE)
    subscribe(listener, name, "topic", received.append, RELIABLE, **options)
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(sent)
    assert world.until(lambda: received)
    return sent, received[0], listener


def type_name(message):
    package, kind = type(message).__module__.split(".")[:2]
    return f"{package}/{kind}/{type(message).__name__}"


@pytest.mark.parametrize(
    "fill", [fill_image, fill_camera_info], ids=lambda fill: fill.__name__.removeprefix("fill_")
)
def test_views_hold_what_was_sent(world, fill):
    sent, received, _ = exchanged(world, fill, views=True)
    assert plain(received) == plain(sent)


def test_every_reliable_message_arrives_in_order(world):
    talker, listener = world.node("talker"), world.node("listener")
    received = []
    publisher = publish(talker, NUMBER, "numbers", RELIABLE)
    subscribe(listener, NUMBER, "numbers", lambda m: received.append(m.data), QoS(depth=1000))
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    for value in range(50):
        publisher.publish(publisher.msg_type(data=value))
    assert world.until(lambda: len(received) == 50)
    assert received == list(range(50))


def test_publishing_from_another_thread(world):
    node = world.node()
    received = []
    publisher = publish(node, NUMBER, "numbers", RELIABLE)

    def note(msg):
        received.append((msg.data, threading.get_ident()))

    subscribe(node, NUMBER, "numbers", note, RELIABLE)
    assert world.until(lambda: publisher.get_subscription_count() == 1)

    def work():
        for value in range(20):
            publisher.publish(publisher.msg_type(data=value))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert world.until(lambda: len(received) == 20)
    assert received == [(value, threading.get_ident()) for value in range(20)]


def test_a_late_joiner_gets_what_is_latched_and_nothing_else(world):
    talker, early = world.node("talker"), []
    latched = publish(talker, TEXT, "state", qos.LATCHED_STATE)
    passing = publish(talker, TEXT, "events", RELIABLE)
    for value in ("old", "new"):
        for publisher in (latched, passing):
            publisher.publish(publisher.msg_type(data=value))
    # All is sent before the other one comes.
    subscribe(talker, TEXT, "state", early.append, qos.LATCHED_STATE)
    assert world.until(lambda: early)

    listener, states, events = world.node("listener"), [], []
    subscribe(listener, TEXT, "events", lambda m: events.append(m.data), RELIABLE)
    subscribe(listener, TEXT, "state", lambda m: states.append(m.data), qos.LATCHED_STATE)
    assert world.until(lambda: states)
    assert world.until(lambda: passing.get_subscription_count() == 1)
    passing.publish(passing.msg_type(data="end"))
    assert world.until(lambda: events)
    assert states == ["new"]
    assert events == ["end"]


def test_a_full_queue_keeps_the_newest(world):
    node, received = world.node(), []
    publisher = publish(node, NUMBER, "numbers", RELIABLE)
    subscribe(node, NUMBER, "numbers", lambda m: received.append(m.data), QoS(depth=2))
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    for value in range(10):
        publisher.publish(publisher.msg_type(data=value))
    assert world.until(lambda: 9 in received)
    assert received == [8, 9]


def test_best_effort_satisfies_only_best_effort(world):
    talker, listener = world.node("talker"), world.node("listener")
    modest, strict = [], []
    publisher = publish(talker, TEXT, "topic", BEST_EFFORT)
    subscribe(listener, TEXT, "topic", strict.append, RELIABLE)
    subscribe(listener, TEXT, "topic", modest.append, BEST_EFFORT)

    def has_arrived():
        publisher.publish(publisher.msg_type(data="x"))
        return bool(modest)

    assert world.until(has_arrived)
    assert publisher.get_subscription_count() == 1
    assert not strict


def test_a_reliable_publisher_serves_a_best_effort_subscription(world):
    talker, listener = world.node("talker"), world.node("listener")
    received = []
    publisher = publish(talker, TEXT, "topic", RELIABLE)
    subscribe(listener, TEXT, "topic", received.append, BEST_EFFORT)

    def has_arrived():
        # The publisher may know the subscription before that knows the publisher.
        publisher.publish(publisher.msg_type(data="x"))
        return bool(received)

    assert world.until(has_arrived)
    assert publisher.get_subscription_count() == 1


def test_names_follow_namespace_and_remaps(world):
    node = world.node(
        "talker", "-r", "__ns:=/swarm/drone1", "-r", "talker:chatter:=/radio", "-r", "a/b:=c"
    )

    def name_of(topic):
        return publish(node, TEXT, topic, RELIABLE).topic_name

    assert node.get_fully_qualified_name() == "/swarm/drone1/talker"
    assert name_of("chatter") == "/radio"
    assert name_of("a/b") == "/swarm/drone1/c"
    assert name_of("other") == "/swarm/drone1/other"
    assert name_of("/fleet/x") == "/fleet/x"
    assert name_of("~/out") == "/swarm/drone1/talker/out"


def test_remaps_apply_to_subscriptions_and_to_the_node_name(world):
    talker = world.node("talker", "-r", "__node:=speaker", "-r", "out:=/radio")
    listener = world.node("listener", "-r", "other_node:in:=/wrong", "-r", "in:=/radio")
    received = []
    publisher = publish(talker, TEXT, "out", RELIABLE)
    subscription = subscribe(listener, TEXT, "in", received.append, RELIABLE)
    assert talker.get_name() == "speaker"
    assert subscription.topic_name == "/radio"
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(publisher.msg_type(data="x"))
    assert world.until(lambda: received)


def test_a_destroyed_subscription_hears_nothing_more(world):
    node, first, second = world.node(), [], []
    publisher = publish(node, TEXT, "topic", RELIABLE)
    subscription = subscribe(node, TEXT, "topic", first.append, RELIABLE)
    subscribe(node, TEXT, "topic", second.append, RELIABLE)
    assert world.until(lambda: publisher.get_subscription_count() == 2)
    assert node.destroy_subscription(subscription)
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(publisher.msg_type(data="x"))
    assert world.until(lambda: second)
    assert not first


def test_an_error_in_a_callback_reaches_whoever_spins(world):
    node, received = world.node(), []

    def fail_once(msg):
        received.append(msg.data)
        if msg.data == "bad":
            raise ValueError("a fault in the node")

    publisher = publish(node, TEXT, "topic", RELIABLE)
    subscribe(node, TEXT, "topic", fail_once, RELIABLE)
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(publisher.msg_type(data="bad"))
    with pytest.raises(ValueError, match="a fault in the node"):
        world.until(lambda: False)
    publisher.publish(publisher.msg_type(data="good"))
    assert world.until(lambda: received == ["bad", "good"])


def test_a_message_of_another_type_is_refused(world):
    node = world.node()
    publisher = publish(node, TEXT, "topic", RELIABLE)
    with pytest.raises(TypeError):
        publisher.publish(node.messages[NUMBER]())


def test_unknown_types_and_bad_names_are_refused(world):
    node = world.node()
    assert node.runtime_name == world.runtimes[0].name
    assert node.runtime_name in world.name
    with pytest.raises(MessageError, match="no_msgs/msg/Thing"):
        node.messages["no_msgs/msg/Thing"]
    with pytest.raises(NameRuleError):
        world.runtime().create_node("9lives")
