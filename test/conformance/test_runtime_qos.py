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

"""What every runtime owes to whoever sets, or looks for, quality of service."""

from functools import partial

import pytest
from worlds import publish, subscribe

from edge_infer.errors import ParameterError
from edge_infer.runtime.qos import Durability, History, Liveliness, QoS, Reliability

RELIABLE = QoS(depth=7)
BEST_EFFORT = QoS(depth=7, reliability=Reliability.BEST_EFFORT)
LATCHED = QoS(depth=1, durability=Durability.TRANSIENT_LOCAL)
FOLLOWING = QoS(reliability=Reliability.BEST_AVAILABLE, durability=Durability.BEST_AVAILABLE)
TEXT = "std_msgs/msg/String"


def ignore(_):
    pass


# --- who is there -----------------------------------------------------------------------


def test_endpoints_are_told_with_their_node_and_quality(world):
    talker, listener = world.node("talker", namespace="/drone_1"), world.node("listener")
    asked = QoS(
        depth=7,
        durability=Durability.TRANSIENT_LOCAL,
        deadline_s=0.5,
        lifespan_s=2.0,
        liveliness=Liveliness.MANUAL_BY_TOPIC,
        liveliness_lease_s=3.0,
    )
    publish(talker, TEXT, "/topic", asked)
    subscribe(listener, TEXT, "/topic", ignore, BEST_EFFORT)

    def is_known(node):
        publishers = node.get_publishers_info_by_topic("/topic")
        subscriptions = node.get_subscriptions_info_by_topic("/topic")
        names = [each.node for each in (*publishers, *subscriptions)]
        return names == ["/drone_1/talker", "/listener"]

    for node in (talker, listener):
        assert world.until(lambda node=node: is_known(node))
        (publisher,) = node.get_publishers_info_by_topic("/topic")
        (subscription,) = node.get_subscriptions_info_by_topic("/topic")
        assert publisher.topic_type == subscription.topic_type == TEXT
        assert (publisher.node_name, publisher.node_namespace) == ("talker", "/drone_1")
        assert publisher.qos_profile.reliability is Reliability.RELIABLE
        assert publisher.qos_profile.durability is Durability.TRANSIENT_LOCAL
        assert publisher.qos_profile.deadline_s == 0.5
        assert publisher.qos_profile.lifespan_s == 2.0
        assert publisher.qos_profile.liveliness is Liveliness.MANUAL_BY_TOPIC
        assert publisher.qos_profile.liveliness_lease_s == 3.0
        assert subscription.qos_profile.reliability is Reliability.BEST_EFFORT
        assert subscription.qos_profile.durability is Durability.VOLATILE
        assert subscription.qos_profile.deadline_s is None
    assert talker.get_publishers_info_by_topic("/elsewhere") == []


# --- what does not match -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "requested", "sentence"),
    [
        (
            BEST_EFFORT,
            RELIABLE,
            "offers RELIABILITY best_effort, /listener requests reliable",
        ),
        (
            RELIABLE,
            LATCHED,
            "offers DURABILITY volatile, /listener requests transient_local",
        ),
        (
            RELIABLE,
            QoS(deadline_s=0.5),
            "offers DEADLINE without limit, /listener requests 0.5 s",
        ),
    ],
    ids=["reliability", "durability", "deadline"],
)
def test_both_sides_know_why_they_hear_nothing_of_each_other(world, offered, requested, sentence):
    talker, listener = world.node("talker", namespace="/drone_1"), world.node("listener")
    publish(talker, TEXT, "/topic", offered)
    subscribe(listener, TEXT, "/topic", ignore, requested)
    expected = [f"/topic: /drone_1/talker {sentence}"]
    for node in (talker, listener):
        assert world.until(lambda node=node: [str(each) for each in node.qos_faults()] == expected)
    (fault,) = listener.qos_faults()
    assert (fault.publisher, fault.subscription) == ("/drone_1/talker", "/listener")


def test_a_pair_that_is_gone_is_no_fault_any_more(world):
    talker, listener = world.node("talker"), world.node("listener")
    publisher = publish(talker, TEXT, "/topic", BEST_EFFORT)
    subscribe(listener, TEXT, "/topic", ignore, RELIABLE)
    for node in (talker, listener):
        assert world.until(lambda node=node: node.qos_faults())
    talker.destroy_publisher(publisher)
    for node in (talker, listener):
        assert world.until(lambda node=node: not node.qos_faults())
    publish(talker, TEXT, "/topic", BEST_EFFORT)
    for node in (talker, listener):
        assert world.until(lambda node=node: node.qos_faults())


def test_what_matches_and_what_concerns_others_is_no_fault(world):
    talker, listener, third = (world.node(name) for name in ("talker", "listener", "third"))
    publish(talker, TEXT, "/topic", BEST_EFFORT)
    subscribe(listener, TEXT, "/topic", ignore, RELIABLE)
    received = []
    subscribe(third, TEXT, "/topic", received.append, BEST_EFFORT)
    assert world.until(lambda: talker.qos_faults() and listener.qos_faults())
    assert third.qos_faults() == []
    assert [fault.subscription for fault in talker.qos_faults()] == ["/listener"]


# --- what is asked for ----------------------------------------------------------------------


def override(topic, side, policy, value):
    return ["-p", f"qos_overrides.{topic}.{side}.{policy}:={value}"]


def value(node, topic, side, policy):
    return node.get_parameter(f"qos_overrides.{topic}.{side}.{policy}").value


def test_parameters_tell_what_is_in_force(world):
    node = world.node("probe", "-r", "in:=/radio", namespace="/drone_1")
    publish(node, TEXT, "out", LATCHED)
    subscribe(node, TEXT, "in", ignore, BEST_EFFORT)
    assert value(node, "/drone_1/out", "publisher", "reliability") == "reliable"
    assert value(node, "/drone_1/out", "publisher", "durability") == "transient_local"
    assert value(node, "/drone_1/out", "publisher", "history") == "keep_last"
    assert value(node, "/drone_1/out", "publisher", "depth") == 1
    assert value(node, "/radio", "subscription", "reliability") == "best_effort"
    assert value(node, "/radio", "subscription", "depth") == 7
    assert not node.has_parameter("qos_overrides./radio.subscription.deadline")


def test_parameters_override_what_the_node_asks_for(world):
    settings = [
        *override("/topic", "publisher", "reliability", "best_effort"),
        *override("/topic", "publisher", "lifespan", 1_500_000_000),
        *override("/topic", "publisher", "liveliness", "manual_by_topic"),
        *override("/topic", "publisher", "liveliness_lease_duration", 2_000_000_000),
        *override("/topic", "publisher", "deadline", 0),
        *override("/topic", "subscription", "durability", "volatile"),
        *override("/topic", "subscription", "history", "keep_all"),
    ]
    node = world.node("probe", *settings)
    publish(node, TEXT, "/topic", QoS(deadline_s=1.0))
    subscribe(node, TEXT, "/topic", ignore, LATCHED)
    assert world.until(lambda: len(node.get_subscriptions_info_by_topic("/topic")) == 1)
    (publisher,) = node.get_publishers_info_by_topic("/topic")
    (subscription,) = node.get_subscriptions_info_by_topic("/topic")
    assert publisher.qos_profile.reliability is Reliability.BEST_EFFORT
    assert publisher.qos_profile.lifespan_s == 1.5
    assert publisher.qos_profile.liveliness is Liveliness.MANUAL_BY_TOPIC
    assert publisher.qos_profile.liveliness_lease_s == 2.0
    assert publisher.qos_profile.deadline_s is None
    assert subscription.qos_profile.durability is Durability.VOLATILE
    assert subscription.qos_profile.history is History.KEEP_ALL
    assert value(node, "/topic", "publisher", "lifespan") == 1_500_000_000
    assert value(node, "/topic", "publisher", "deadline") == 0
    assert value(node, "/topic", "subscription", "durability") == "volatile"


def test_an_endpoint_that_is_opened_again_is_overridden_again(world):
    node = world.node("probe", *override("/topic", "publisher", "reliability", "best_effort"))
    node.destroy_publisher(publish(node, TEXT, "/topic", RELIABLE))
    publish(node, TEXT, "/topic", RELIABLE)
    assert world.until(lambda: len(node.get_publishers_info_by_topic("/topic")) == 1)
    (publisher,) = node.get_publishers_info_by_topic("/topic")
    assert publisher.qos_profile.reliability is Reliability.BEST_EFFORT


@pytest.mark.parametrize(
    ("side", "policy", "wrong", "expected"),
    [
        ("publisher", "reliability", "relieble", "one of reliable, best_effort"),
        ("publisher", "durability", "best_available", "one of volatile, transient_local"),
        ("subscription", "depth", 0, "a whole number from 1 on"),
        ("subscription", "deadline", "soon", "a whole number of nanoseconds"),
        ("subscription", "lifespan", 1, "use one of history, depth"),
        ("publisher", "relaibility", "reliable", "use one of history, depth"),
    ],
)
def test_a_wrong_override_is_refused_with_what_was_expected(world, side, policy, wrong, expected):
    node = world.node("probe", *override("/topic", side, policy, wrong))
    open_it = publish if side == "publisher" else partial(subscribe, callback=ignore)
    with pytest.raises(ParameterError, match=expected) as caught:
        open_it(node, TEXT, "/topic", qos=RELIABLE)
    assert f"qos_overrides./topic.{side}.{policy}" in str(caught.value)


@pytest.mark.parametrize(
    ("profiles", "reliability", "durability"),
    [
        ([], Reliability.BEST_EFFORT, Durability.VOLATILE),
        ([RELIABLE], Reliability.RELIABLE, Durability.VOLATILE),
        ([LATCHED], Reliability.RELIABLE, Durability.TRANSIENT_LOCAL),
        ([RELIABLE, BEST_EFFORT], Reliability.BEST_EFFORT, Durability.VOLATILE),
        ([LATCHED, RELIABLE], Reliability.RELIABLE, Durability.VOLATILE),
    ],
)
def test_the_best_available_is_what_all_publishers_offer(world, profiles, reliability, durability):
    talker, listener = world.node("talker"), world.node("listener")
    for profile in profiles:
        publish(talker, TEXT, "/topic", profile)
    assert world.until(
        lambda: len(listener.get_publishers_info_by_topic("/topic")) == len(profiles)
    )
    subscribe(listener, TEXT, "/topic", ignore, FOLLOWING)
    assert world.until(lambda: len(listener.get_subscriptions_info_by_topic("/topic")) == 1)
    (subscription,) = listener.get_subscriptions_info_by_topic("/topic")
    assert subscription.qos_profile.reliability is reliability
    assert subscription.qos_profile.durability is durability
    assert value(listener, "/topic", "subscription", "reliability") == "best_available"
