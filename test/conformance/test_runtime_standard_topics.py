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

"""What every runtime owes to who listens to logs, and to who follows parameters."""

from __future__ import annotations

from worlds import subscribe

from edge_infer.runtime import qos


def heard(node, type_name, topic, profile):
    """What arrives on a topic from now on."""
    messages = []
    subscribe(node, type_name, topic, messages.append, profile)
    return messages


def test_a_log_is_told_on_rosout_also_to_who_comes_later(world):
    # First: in a process of ROS 2 the first command line is the one about logs.
    node = world.node("probe", "-r", "__ns:=/drone_1", "--log-level", "warn")
    node.get_logger().warning("the lens is dirty")
    node.get_logger().info("nobody wants to know")
    node.get_logger().error("the lens is gone")
    entries = heard(world.node("listener"), "rcl_interfaces/msg/Log", "/rosout", qos.LOGS)

    def of_probe():
        return [entry for entry in entries if entry.name == "drone_1.probe"]

    assert world.until(lambda: len(of_probe()) == 2)
    assert [entry.level for entry in of_probe()] == [30, 40]
    assert [entry.msg for entry in of_probe()] == ["the lens is dirty", "the lens is gone"]
    assert of_probe()[0].stamp.sec > 0


def test_what_becomes_of_parameters_is_told(world):
    node, listener = world.node("probe", namespace="/drone_1"), world.node("listener")
    kind = "rcl_interfaces/msg/ParameterEvent"
    events = heard(listener, kind, "/parameter_events", qos.PARAMETER_EVENTS)
    assert world.until(lambda: node.count_subscribers("/parameter_events") >= 1)
    assert world.until(lambda: listener.count_publishers("/parameter_events") >= 1)

    def of_probe(name):
        """(whether it is new, value) of each event with that parameter."""
        return [
            (told is event.new_parameters, each.value.double_value)
            for event in events if event.node == "/drone_1/probe"
            for told in (event.new_parameters, event.changed_parameters)
            for each in told if each.name == name
        ]  # fmt: skip

    speeds = iter(range(1000))

    def declared():
        # The listener may not have met the publisher yet.
        node.declare_parameter(f"speed_{next(speeds)}", 1.0)
        return world.until(lambda: any(event.new_parameters for event in events), 0.2)

    assert any(declared() for _ in range(20))
    node.declare_parameter("height", 10.0)
    assert world.until(lambda: of_probe("height") == [(True, 10.0)])
    messages = listener.messages
    value = messages["rcl_interfaces/msg/ParameterValue"](type=3, double_value=20.0)
    wish = messages["rcl_interfaces/msg/Parameter"](name="height", value=value)
    srv_type = messages["rcl_interfaces/srv/SetParameters"]
    client = listener.create_client(srv_type, "/drone_1/probe/set_parameters")
    assert world.until(client.service_is_ready)
    client.call_async(srv_type.Request(parameters=[wish]))
    assert world.until(lambda: of_probe("height") == [(True, 10.0), (False, 20.0)])
