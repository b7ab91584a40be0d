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

"""What every runtime owes to who records: raw messages, and what a process says and hears."""

from __future__ import annotations

import pytest
from rosbags.highlevel import AnyReader
from worlds import publish, subscribe

from edge_infer.replay.recorder import Recorder
from edge_infer.runtime.messages import message_types
from edge_infer.runtime.qos import LATCHED_STATE, QoS

TEXT = "std_msgs/msg/String"


def test_a_raw_subscription_hands_over_cdr(world):
    speaker, listener = world.node("speaker"), world.node("listener")
    publisher = publish(speaker, TEXT, "/words", QoS())
    heard = []
    listener.create_subscription(listener.messages[TEXT], "/words", heard.append, QoS(), raw=True)
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(speaker.messages[TEXT](data="straight on"))
    assert world.until(lambda: heard)
    types = message_types()
    assert types.decode(memoryview(heard[0]), types[TEXT]).data == "straight on"
    assert bytes(heard[0][:4]) == b"\0\1\0\0"


def test_a_node_knows_its_own_endpoints(world):
    node = world.node("probe", namespace="/scout")
    publisher = publish(node, TEXT, "words", QoS())
    subscription = subscribe(node, TEXT, "~/orders", lambda _: None, QoS())
    assert "/scout/words" in {each.topic_name for each in node.publishers}
    assert "/scout/probe/orders" in {each.topic_name for each in node.subscriptions}
    node.destroy_publisher(publisher)
    node.destroy_subscription(subscription)
    assert "/scout/words" not in {each.topic_name for each in node.publishers}
    assert "/scout/probe/orders" not in {each.topic_name for each in node.subscriptions}


def test_a_runtime_knows_its_nodes(world):
    runtime = world.runtime()
    made = [runtime.create_node(name) for name in ("one", "other")]
    assert list(runtime.nodes) == made


def test_a_bag_is_of_what_the_process_says_and_hears_alone(world, tmp_path):
    """And of what others say where it listens."""
    if world.name == "loopback":
        pytest.skip("a recorder waits by the wall's clock")
    mine = world.runtime()
    recorder = Recorder(mine, tmp_path / "bag")
    node, other = mine.create_node("mine"), world.node("other")
    said = publish(node, TEXT, "/said", LATCHED_STATE)
    asked = publish(other, TEXT, "/asked", LATCHED_STATE)
    publish(other, TEXT, "/alien", LATCHED_STATE).publish(other.messages[TEXT](data="alien"))
    subscribe(node, TEXT, "/asked", lambda _: None, LATCHED_STATE)
    said.publish(node.messages[TEXT](data="said"))
    asked.publish(other.messages[TEXT](data="asked"))
    recorder.follow()
    assert world.until(lambda: recorder.messages == 2)
    said.publish(node.messages[TEXT](data="said again"))
    asked.publish(other.messages[TEXT](data="asked again"))
    assert world.until(lambda: recorder.messages == 4)
    recorder.close()
    with AnyReader([tmp_path / "bag"]) as reader:
        found = [
            (connection.topic, reader.deserialize(raw, connection.msgtype).data)
            for connection, _, raw in reader.messages()
        ]
    assert sorted(found) == [
        ("/asked", "asked"), ("/asked", "asked again"), ("/said", "said"), ("/said", "said again"),
    ]  # fmt: skip
