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

"""ROS 2's variables as a configuration: as rmw_cyclonedds has them."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import UsageError
from edge_infer.runtime.embedded.discovery import (
    MAX_PARTICIPANTS,
    Discovery,
    Range,
    configuration,
    discovery,
    domain_id,
    one_machine,
)

JAZZYS, NEWEST = 0, 11


def domain(release=JAZZYS, **environ):
    """The domain element of our own part of the configuration."""
    text = configuration(environ, 4711, release)
    return ET.fromstring(text[: text.index("</CycloneDDS>") + len("</CycloneDDS>")])[0]


def peers(element):
    return [peer.get("address") for peer in element.findall("Discovery/Peers/Peer")]


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), ("0", 0), ("42", 42), ("0x10", 16), ("232", 232)]
)
def test_a_domain_is_a_number(text, number):
    assert domain_id({"ROS_DOMAIN_ID": text}) == number


@pytest.mark.parametrize("text", ["seven", "-1", "233", "1.5"])
def test_another_domain_is_a_users_mistake(text):
    with pytest.raises(UsageError, match="ROS_DOMAIN_ID"):
        domain_id({"ROS_DOMAIN_ID": text})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Discovery(Range.SUBNET)),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": ""}, Discovery(Range.SUBNET)),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, Discovery(Range.OFF)),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "somewhere"}, Discovery(Range.LOCALHOST)),
        ({"ROS_STATIC_PEERS": "a;10.0.0.2;"}, Discovery(Range.SUBNET, ("a", "10.0.0.2"))),
        ({"ROS_STATIC_PEERS": "a" * 256}, Discovery(Range.SUBNET)),
        ({"ROS_STATIC_PEERS": "a", "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, Discovery(Range.OFF)),
        ({"ROS_STATIC_PEERS": "a", "ROS_LOCALHOST_ONLY": "1"}, Discovery(Range.LOCALHOST)),
        ({"ROS_STATIC_PEERS": "a", "ROS_LOCALHOST_ONLY": "0"}, Discovery(Range.SUBNET, ("a",))),
    ],
)
def test_the_variables_together_say_whom_to_look_for(environ, expected):
    assert discovery(environ) == expected


def test_the_subnet_is_searched_by_multicast():
    found = domain()
    assert found.find("General") is None
    assert found.findtext("Discovery/ParticipantIndex") == "auto"
    assert found.findtext("Discovery/MaxAutoParticipantIndex") == str(MAX_PARTICIPANTS)
    assert peers(found) == []


def test_localhost_is_searched_without_multicast():
    found = domain(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", ROS_STATIC_PEERS="drone2")
    assert found.findtext("General/AllowMulticast") == "false"
    assert peers(found) == ["localhost", "drone2"]
    assert found.find("General/Interfaces") is None


def test_what_stays_on_the_machine_goes_in_large_datagrams():
    local = domain(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    assert local.findtext("General/MaxMessageSize") == "65500B"
    mixed = domain(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", ROS_STATIC_PEERS="drone2")
    assert mixed.find("General/MaxMessageSize") is None
    assert domain().find("General/MaxMessageSize") is None


def test_a_newer_release_listens_on_the_loopback_interface_and_never_gives_up():
    local = domain(NEWEST, ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    interfaces = [each.attrib for each in local.iter("NetworkInterface")]
    assert interfaces == [{"address": "127.0.0.1"}]
    assert local.findtext("Discovery/InitialLocatorPruneDelay") == "inf"
    assert local.findtext("Discovery/SPDPInterval") == "8s"
    mixed = domain(NEWEST, ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", ROS_STATIC_PEERS="a")
    interfaces = [each.attrib for each in mixed.iter("NetworkInterface")]
    assert interfaces == [{"autodetermine": "true"}, {"address": "127.0.0.1"}]
    subnet = domain(NEWEST)
    assert subnet.find("General") is None
    assert subnet.findtext("Discovery/InitialLocatorPruneDelay") == "inf"
    assert subnet.find("Discovery/SPDPInterval") is None
    assert domain(NEWEST, ROS_STATIC_PEERS="a").findtext("Discovery/SPDPInterval") == "8s"


def test_interfaces_that_the_user_names_are_the_only_ones(tmp_path):
    interface = '<General><Interfaces><NetworkInterface name="lo"/></Interfaces></General>'
    file = tmp_path / "dds.xml"
    file.write_text(f"<CycloneDDS><Domain>{interface}</Domain></CycloneDDS>")
    for uri in (interface, str(file), f"file://{file}", f"<Tracing/>,file://{file}"):
        local = domain(NEWEST, ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", CYCLONEDDS_URI=uri)
        assert local.find("General/Interfaces") is None
        assert peers(local) == ["localhost"]


def test_off_is_a_domain_of_its_own():
    found = domain(ROS_AUTOMATIC_DISCOVERY_RANGE="OFF", ROS_STATIC_PEERS="drone2")
    assert found.findtext("Discovery/Tag") == "ros_discovery_off_4711"
    assert found.findtext("Discovery/ParticipantIndex") == "none"
    assert peers(found) == []


def test_system_default_leaves_everything_to_the_users_configuration():
    environ = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT", "CYCLONEDDS_URI": "<x/>"}
    assert configuration(environ, 1, NEWEST) == "<x/>"


def test_the_users_configuration_comes_last():
    text = configuration({"CYCLONEDDS_URI": "file:///etc/dds.xml"}, 1, NEWEST)
    assert text.endswith("</CycloneDDS>,file:///etc/dds.xml")


@given(st.lists(st.text(min_size=1, max_size=20).filter(lambda t: ";" not in t), max_size=3))
def test_any_peer_name_stays_in_its_attribute(names):
    printable = [name for name in names if name.isprintable()]
    found = domain(ROS_STATIC_PEERS=";".join(printable))
    assert peers(found) == printable


def test_a_swarm_on_one_machine_is_seen_by_ros_2_and_stays_there():
    uri = ET.fromstring(f"<x>{one_machine({})['CYCLONEDDS_URI']}</x>")
    assert uri.findtext("General/MulticastTimeToLive") == "0"
    assert uri.findtext("Discovery/ParticipantIndex") == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CYCLONEDDS_URI", "<x/>"),
        ("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST"),
        ("ROS_LOCALHOST_ONLY", "0"),
        ("ROS_STATIC_PEERS", "drone2"),
    ],
)
def test_what_the_user_said_about_the_network_stays(name, value):
    assert one_machine({name: value}) == {}
    assert one_machine({name: ""}) == one_machine({})


def test_the_range_that_ros_2_sets_in_every_shell_says_nothing():
    assert one_machine({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}) == one_machine({})
