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

"""What every runtime owes to managed nodes: the services of a lifecycle, and what they change."""

import pytest
from worlds import publish, subscribe

from edge_infer.errors import FleetError
from edge_infer.runtime.lifecycle import Lifecycle, State
from edge_infer.runtime.lifecycle_services import LifecycleServices
from edge_infer.runtime.managed_handle import ManagedHandle
from edge_infer.runtime.qos import QoS

EVENTS = QoS(depth=100)


class Managed:
    """A node with a lifecycle that hears /chatter while it is active."""

    def __init__(self, world):
        self.bare = world.node("managed", namespace="/swarm")
        self.handle = None
        self.heard = []
        self.refusals = []
        self.failure = None
        self.lifecycle = Lifecycle(
            {
                State.CONFIGURING: self.configure,
                State.ACTIVATING: lambda: self.handle.activate(),
                State.DEACTIVATING: lambda: self.handle.deactivate(),
                State.CLEANINGUP: self.clean_up,
                State.SHUTTINGDOWN: self.clean_up,
                State.ERRORPROCESSING: self.clean_up,
            },
            lambda step: self.services.tell(step),
        )
        self.services = LifecycleServices(self.bare, self.lifecycle, self.refusals.append)

    def configure(self):
        if self.failure:
            raise self.failure
        self.handle = ManagedHandle(self.bare)
        subscribe(
            self.handle.node, "std_msgs/msg/String", "/chatter",
            lambda msg: self.heard.append(msg.data), QoS(),
        )  # fmt: skip

    def clean_up(self):
        if self.handle:
            self.handle.close()


class Manager:
    """A lifecycle manager."""

    def __init__(self, world):
        self.world = world
        self.node = world.node("manager")
        self.events = []
        subscribe(
            self.node, "lifecycle_msgs/msg/TransitionEvent", "/swarm/managed/transition_event",
            self.events.append, EVENTS,
        )  # fmt: skip
        self.clients = {}

    def call(self, service, name, **fields):
        srv_type = self.node.messages[f"lifecycle_msgs/srv/{service}"]
        if name not in self.clients:
            self.clients[name] = self.node.create_client(srv_type, f"/swarm/managed/{name}")
        assert self.world.until(self.clients[name].service_is_ready)
        future = self.clients[name].call_async(srv_type.Request(**fields))
        assert self.world.until(future.done)
        return future.result()

    def change(self, number=0, label=""):
        transition = self.node.messages["lifecycle_msgs/msg/Transition"](id=number, label=label)
        return self.call("ChangeState", "change_state", transition=transition).success

    def state(self):
        found = self.call("GetState", "get_state").current_state
        return found.id, found.label

    def goals(self):
        return [event.goal_state.label for event in self.events]

    def ways(self, name="get_available_transitions"):
        found = self.call("GetAvailableTransitions", name).available_transitions
        return [(each.transition.label, each.start_state.label) for each in found]


@pytest.fixture
def managed(world):
    return Managed(world)


@pytest.fixture
def manager(world, managed):
    return Manager(world)


def test_a_manager_takes_a_node_there_and_back(world, managed, manager):
    assert manager.state() == (1, "unconfigured")
    assert manager.ways() == [("configure", "unconfigured"), ("shutdown", "unconfigured")]
    assert manager.change(1)
    assert manager.state() == (2, "inactive")
    assert manager.change(label="activate")
    assert manager.state() == (3, "active")
    talker = publish(manager.node, "std_msgs/msg/String", "/chatter", QoS())
    assert world.until(lambda: talker.get_subscription_count() == 1)
    talker.publish(manager.node.messages["std_msgs/msg/String"](data="hello"))
    assert world.until(lambda: managed.heard == ["hello"])
    assert manager.change(4)
    assert world.until(lambda: talker.get_subscription_count() == 0)
    assert manager.change(2)
    assert manager.state() == (1, "unconfigured")
    assert manager.change(1)
    assert manager.change(label="shutdown")
    assert manager.state() == (4, "finalized")
    assert manager.ways() == []
    goals = [
        "configuring", "inactive", "activating", "active", "deactivating", "inactive",
        "cleaningup", "unconfigured", "configuring", "inactive", "shuttingdown", "finalized",
    ]  # fmt: skip
    assert world.until(lambda: manager.goals()[-2:] == goals[-2:])
    # The first may have been told before the subscription was known.
    assert manager.goals() == goals[-len(manager.events) :]


def test_what_is_no_way_is_answered_and_changes_nothing(managed, manager):
    assert not manager.change(label="activate")
    assert not manager.change(77)
    assert manager.state() == (1, "unconfigured")
    assert "cannot activate" in str(managed.refusals[0])
    assert "configure, shutdown" in str(managed.refusals[0])


def test_a_node_that_cannot_be_configured_says_so(managed, manager):
    managed.failure = FleetError("the disk is full", "free it")
    assert not manager.change(label="configure")
    assert manager.state() == (1, "unconfigured")
    assert [str(error) for error in managed.refusals] == ["the disk is full: free it"]
    managed.failure = None
    assert manager.change(label="configure")
    assert manager.state() == (2, "inactive")


def test_the_graph_is_that_of_ros(manager):
    graph = manager.ways("get_transition_graph")
    assert len(graph) == 25
    assert ("configure", "unconfigured") in graph
    assert ("transition_error", "errorprocessing") in graph
    states = manager.call("GetAvailableStates", "get_available_states").available_states
    assert [(state.id, state.label) for state in states] == [
        (0, "unknown"), (1, "unconfigured"), (2, "inactive"), (3, "active"), (4, "finalized"),
        (10, "configuring"), (11, "cleaningup"), (12, "shuttingdown"), (13, "activating"),
        (14, "deactivating"), (15, "errorprocessing"),
    ]  # fmt: skip
