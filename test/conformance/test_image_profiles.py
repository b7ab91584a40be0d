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

"""Whatever a camera's driver offers, and whoever starts first: the detector sees its images."""

from itertools import product

import numpy as np
import pytest

from edge_infer.domain import CameraFrame
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.images import frame_to_msg
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.node import DetectorNode
from edge_infer.runtime.qos import Durability, QoS, Reliability

FIRST_DETECTION_S = 3.0
FAULT_TOLD_S = 3.0
PERIOD_S = 0.1
DRONE = "/drone_1"
GREY = np.full((128, 160), 90, np.uint8)

PROFILES = {
    f"{reliability.value}-{durability.value}": QoS(
        depth=5, reliability=reliability, durability=durability
    )
    for reliability, durability in product(
        (Reliability.RELIABLE, Reliability.BEST_EFFORT),
        (Durability.VOLATILE, Durability.TRANSIENT_LOCAL),
    )
}
NAMES = list(PROFILES)
ORDERS = ("camera_first", "detector_first", "camera_restarts", "camera_is_replaced")


class Flight:
    """A detector with the shipped model, cameras that come and go, and who hears of them."""

    def __init__(self, world, state_dir):
        self.world = world
        self.state_dir = str(state_dir)
        self.seen = set()
        self.detector = None

    def start_detector(self, **config):
        config = DetectorConfig(backend="onnx", state_dir=self.state_dir, **config)
        node = self.world.node("detector", namespace=DRONE)
        self.listener = self.world.runtimes[-1].create_node("listener", namespace=DRONE)
        topics.DETECTIONS.subscription(
            self.listener, lambda msg: self.seen.add(msg.header.frame_id)
        )
        self.detector = DetectorNode(node, config)
        return node

    def start_camera(self, profile, name):
        """A process that publishes, until it is shut down."""
        runtime = self.world.runtime()
        node = runtime.create_node("camera", namespace=DRONE)
        publisher = node.create_publisher(node.messages[topics.IMAGE.type], "image", profile)

        def shoot():
            now_ns = node.get_clock().now().nanoseconds
            publisher.publish(frame_to_msg(node.messages, CameraFrame(GREY, "mono8", now_ns, name)))

        shoot()
        node.create_timer(PERIOD_S, shoot)
        return runtime

    def stop(self, runtime):
        self.world.runtimes.remove(runtime)
        runtime.shutdown()

    def sees(self, camera):
        return self.world.until(lambda: camera in self.seen, FIRST_DETECTION_S)

    def close(self):
        if self.detector:
            self.detector.close()


@pytest.fixture
def flight(world, tmp_path):
    flight = Flight(world, tmp_path)
    yield flight
    flight.close()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("profile", NAMES)
def test_the_first_detection_comes_soon(flight, profile, order):
    offered = PROFILES[profile]
    if order == "camera_first":
        flight.start_camera(offered, "first")
        flight.start_detector()
    else:
        flight.start_detector()
        camera = flight.start_camera(offered, "first")
    assert flight.sees("first")
    if order in ("camera_restarts", "camera_is_replaced"):
        flight.stop(camera)
        if order == "camera_is_replaced":
            offered = PROFILES[NAMES[(NAMES.index(profile) + 1) % len(NAMES)]]
        flight.start_camera(offered, "second")
        assert flight.sees("second")


def test_what_all_publishers_offer_is_asked_for(flight):
    node = flight.start_detector()

    def asks_for(reliability, durability):
        (subscription,) = node.get_subscriptions_info_by_topic("image") or [None]
        return subscription and (
            subscription.qos_profile.reliability is reliability
            and subscription.qos_profile.durability is durability
        )

    first = flight.start_camera(PROFILES["reliable-transient_local"], "first")
    assert flight.world.until(lambda: asks_for(Reliability.RELIABLE, Durability.TRANSIENT_LOCAL))
    second = flight.start_camera(PROFILES["best_effort-transient_local"], "second")
    assert flight.world.until(lambda: asks_for(Reliability.BEST_EFFORT, Durability.TRANSIENT_LOCAL))
    assert flight.sees("second")
    flight.stop(second)
    assert flight.world.until(lambda: asks_for(Reliability.RELIABLE, Durability.TRANSIENT_LOCAL))
    flight.stop(first)
    assert flight.world.until(lambda: asks_for(Reliability.BEST_EFFORT, Durability.VOLATILE))


def test_a_profile_that_no_camera_offers_is_an_error_in_diagnostics_while_it_lasts(flight):
    errors = {}

    def hear(msg):
        for status in msg.status:
            errors[status.name] = status.message if status.level == type(status).ERROR else ""

    flight.start_detector(image_qos="reliable")
    topics.DIAGNOSTICS.subscription(flight.listener, hear)
    name = "drone_1/detector: QoS"
    assert flight.world.until(lambda: name in errors)
    assert errors[name] == ""
    camera = flight.start_camera(PROFILES["best_effort-volatile"], "first")
    assert flight.world.until(lambda: errors[name], FAULT_TOLD_S)
    assert errors[name] == (
        "incompatible QoS on /drone_1/image: /drone_1/camera offers RELIABILITY best_effort, "
        "/drone_1/detector requests reliable"
    )
    flight.stop(camera)
    assert flight.world.until(lambda: not errors[name])


def test_a_lazy_detector_takes_images_only_while_somebody_listens(flight):
    node = flight.start_detector(lazy=True)
    flight.start_camera(PROFILES["reliable-volatile"], "first")
    assert flight.sees("first")
    flight.listener.destroy_node()
    assert flight.world.until(lambda: not node.get_subscriptions_info_by_topic("image"))
    flight.seen.clear()
    other = flight.world.node("other", namespace=DRONE)
    topics.DETECTIONS.subscription(other, lambda msg: flight.seen.add(msg.header.frame_id))
    assert flight.sees("first")
