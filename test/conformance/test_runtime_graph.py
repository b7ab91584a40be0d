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

"""What every runtime owes to whoever asks who is there."""

from worlds import publish, subscribe

from edge_infer.runtime.qos import QoS

RELIABLE = QoS(depth=10)
TEXT = "std_msgs/msg/String"


def test_nodes_see_each_other(world):
    one = world.node("one", namespace="/drone1")
    two = world.node("two")
    expected = {("one", "/drone1"), ("two", "/")}
    for node in (one, two):
        assert world.until(lambda node=node: expected <= set(node.get_node_names_and_namespaces()))


def test_topics_have_types_and_counts(world):
    one = world.node("one", "-r", "chatter:=/radio")
    two = world.node("two")
    publisher = publish(one, TEXT, "chatter", RELIABLE)
    assert world.until(lambda: two.count_publishers("/radio") == 1)
    assert ("/radio", ["std_msgs/msg/String"]) in [
        (name, list(types)) for name, types in two.get_topic_names_and_types()
    ]
    subscribe(two, TEXT, "/radio", lambda _: None, RELIABLE)
    assert world.until(lambda: one.count_subscribers("chatter") == 1)
    assert one.count_publishers("nobody") == 0
    one.destroy_publisher(publisher)
    assert world.until(lambda: two.count_publishers("/radio") == 0)


def test_services_are_no_topics(world):
    node = world.node("one")
    node.create_service(node.messages["std_srvs/srv/Trigger"], "go", lambda _, response: response)
    names = {name for name, _ in node.get_topic_names_and_types()}
    assert not any("go" in name for name in names)


def test_a_destroyed_node_is_gone(world):
    runtime = world.runtime()
    node, watcher = runtime.create_node("leaver"), world.node("watcher")
    received = []
    subscribe(node, TEXT, "/topic", received.append, RELIABLE)
    publisher = publish(watcher, TEXT, "/topic", RELIABLE)
    assert world.until(lambda: publisher.get_subscription_count() == 1)
    assert world.until(lambda: ("leaver", "/") in watcher.get_node_names_and_namespaces())
    node.destroy_node()
    assert world.until(lambda: publisher.get_subscription_count() == 0)
    assert world.until(lambda: ("leaver", "/") not in watcher.get_node_names_and_namespaces())
    publisher.publish(publisher.msg_type(data="x"))
    node.destroy_node()
    assert not received


def test_a_runtime_that_shut_down_is_gone(world):
    runtime = world.runtime()
    runtime.create_node("leaver")
    watcher = world.node("watcher")
    assert world.until(lambda: ("leaver", "/") in watcher.get_node_names_and_namespaces())
    runtime.shutdown()
    runtime.shutdown()
    world.runtimes.remove(runtime)
    assert world.until(lambda: ("leaver", "/") not in watcher.get_node_names_and_namespaces())
