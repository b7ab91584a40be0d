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

"""What a node creates on a managed handle, and when it is there."""

from __future__ import annotations

from typing import Any

import pytest

from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.managed_handle import ManagedHandle
from edge_infer.runtime.qos import QoS

TOPIC = "/chatter"


class Stage:
    """A managed node that counts what it hears, and somebody who talks."""

    def __init__(self) -> None:
        self.network = LoopbackNetwork()
        self.bare = self.network.runtime("one").create_node("managed")
        self.managed = ManagedHandle(self.bare)
        self.node = self.managed.node
        self.other = self.network.runtime("two").create_node("other")
        self.heard: list[str] = []
        self.ticks = 0
        self.publisher = self.other.create_publisher(self.string(self.other), TOPIC, QoS())

    def string(self, node: Any) -> Any:
        return node.messages["std_msgs/msg/String"]

    def listen(self) -> Any:
        return self.node.create_subscription(
            self.string(self.node), TOPIC, lambda msg: self.heard.append(msg.data), QoS()
        )

    def tick(self) -> None:
        self.ticks += 1

    def say(self, word: str) -> None:
        self.publisher.publish(self.string(self.other)(data=word))
        self.network.run_for(1.0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_it_hears_only_while_it_is_active(stage: Stage) -> None:
    stage.listen()
    stage.say("too early")
    assert stage.other.count_subscribers(TOPIC) == 0
    stage.managed.activate()
    stage.say("now")
    assert stage.other.count_subscribers(TOPIC) == 1
    stage.managed.deactivate()
    stage.say("too late")
    assert stage.other.count_subscribers(TOPIC) == 0
    stage.managed.activate()
    stage.say("again")
    assert stage.heard == ["now", "again"]


def test_timers_run_only_while_it_is_active(stage: Stage) -> None:
    timer = stage.node.create_timer(0.1, stage.tick)
    stage.network.run_for(1.0)
    assert stage.ticks == 0
    stage.managed.activate()
    stage.network.run_for(1.05)
    assert stage.ticks == 10
    timer.cancel()
    stage.network.run_for(1.0)
    assert stage.ticks == 10
    timer.reset()
    stage.network.run_for(0.25)
    assert stage.ticks == 12
    stage.managed.deactivate()
    stage.network.run_for(1.0)
    assert stage.ticks == 12


def test_what_is_created_while_it_is_active_is_there_at_once(stage: Stage) -> None:
    stage.managed.activate()
    subscription = stage.listen()
    stage.say("one")
    assert stage.node.destroy_subscription(subscription)
    assert not stage.node.destroy_subscription(subscription)
    stage.say("two")
    stage.managed.deactivate()
    stage.managed.activate()
    stage.say("three")
    assert stage.heard == ["one"]


def test_publishers_and_services_stay_until_it_is_closed(stage: Stage) -> None:
    publisher = stage.node.create_publisher(stage.string(stage.node), "/answers", QoS())
    stage.node.create_service(
        stage.node.messages["std_srvs/srv/Empty"], "/empty", lambda _, response: response
    )
    client = stage.other.create_client(stage.other.messages["std_srvs/srv/Empty"], "/empty")
    stage.managed.activate()
    stage.managed.deactivate()
    assert stage.other.count_publishers("/answers") == 1
    assert client.service_is_ready()
    publisher.publish(stage.string(stage.node)(data="still here"))
    stage.managed.close()
    assert stage.other.count_publishers("/answers") == 0
    assert not client.service_is_ready()


def test_closing_leaves_the_bare_handle_as_it_was(stage: Stage) -> None:
    stage.listen()
    stage.node.create_timer(0.1, stage.tick)
    stage.managed.activate()
    stage.managed.close()
    stage.say("anybody?")
    assert (stage.heard, stage.ticks) == ([], 0)
    assert stage.bare.get_fully_qualified_name() == stage.node.get_fully_qualified_name()
