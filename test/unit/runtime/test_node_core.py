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

"""What only nodes of ours do: complaints, clocks, parameters, service ids, logs."""

import io
import logging

import pytest

from edge_infer.errors import ParameterError
from edge_infer.runtime import loggers
from edge_infer.runtime.clocks import Duration, Time
from edge_infer.runtime.futures import Future
from edge_infer.runtime.local_parameters import Kind, kind_of, value_from_msg, value_to_msg
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.qos import LOGS, Durability, QoS, Reliability
from edge_infer.runtime.qos_matching import mismatch
from edge_infer.runtime.transport import Endpoint

RELIABLE = QoS(depth=10)


@pytest.fixture
def network():
    return LoopbackNetwork()


@pytest.fixture
def node(network):
    return network.runtime("a").create_node("probe", namespace="/ns")


@pytest.fixture
def log(node):
    """What nodes log, in the form that users see."""
    stream = io.StringIO()
    root = logging.getLogger(loggers.ROOT)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


class Wire:
    """Endpoints without a node, for bytes that no node of ours would send."""

    def __init__(self, network):
        runtime = network.runtime("b")
        self._transport = runtime._transport

    def writer(self, topic, type_name, qos=RELIABLE, user_data=""):
        endpoint = Endpoint(topic, type_name, qos, "/wire", user_data)
        return self._transport.open_writer(endpoint, lambda policy: None)

    def reader(self, topic, type_name, received, user_data=""):
        endpoint = Endpoint(topic, type_name, RELIABLE, "/wire", user_data)
        take = lambda payload: received.append(bytes(payload))  # noqa: E731
        return self._transport.open_reader(endpoint, take, lambda policy: None)


def test_bytes_that_are_no_message_are_left_out_and_told_once(network, node, log):
    received = []
    node.create_subscription(
        node.messages["std_msgs/msg/String"], "x", lambda m: received.append(m.data), RELIABLE
    )
    writer = Wire(network).writer("rt/ns/x", "std_msgs/msg/String")
    for payload in (b"", b"\0\1\0\0\xff\xff\xff\xff", b"\0\1\0\0\2\0\0\0a\0\0\0"):
        writer.write(payload)
    network.run_for(0.1)
    assert received == ["a"]
    assert log.getvalue().count("subscription to /ns/x left a message out") == 1


def test_an_incompatible_quality_of_service_is_told(network, node, log):
    node.create_subscription(
        node.messages["std_msgs/msg/String"], "x", lambda _: None, QoS(depth=1)
    )
    best_effort = QoS(reliability=Reliability.BEST_EFFORT)
    Wire(network).writer("rt/ns/x", "std_msgs/msg/String", best_effort)
    network.run_for(0.1)
    assert "subscription to /ns/x meets an endpoint with an incompatible RELIABILITY" in (
        log.getvalue()
    )


def test_endpoints_carry_the_hash_of_their_type(network, node):
    text = node.messages["std_msgs/msg/String"]
    node.create_publisher(text, "x", RELIABLE)
    reader = Wire(network).reader("rt/ns/x", "std_msgs/msg/String", [])
    assert reader.matched() == [f"typehash={node.messages.type_hash('std_msgs/msg/String')};"]


def test_requests_and_replies_on_the_wire(network, node):
    flip = node.messages["std_srvs/srv/SetBool"]
    node.create_service(flip, "flip", lambda request, response: response)
    wire, replies = Wire(network), []
    wire.reader("rr/ns/flipReply", "std_srvs/srv/SetBool_Response", replies)
    requests = wire.writer("rq/ns/flipRequest", "std_srvs/srv/SetBool_Request")
    prefix = (0x1122334455667788).to_bytes(8, "little") + (7).to_bytes(8, "little")
    requests.write(b"\0\1\0\0" + prefix + b"\1\0\0\0")
    network.run_for(0.1)
    assert replies == [b"\0\1\0\0" + prefix + b"\0\0\0\0\1\0\0\0\0\0\0\0"]


def test_a_reply_waits_until_its_client_can_hear_it(network, node):
    flip = node.messages["std_srvs/srv/SetBool"]
    node.create_service(flip, "flip", lambda request, response: response)
    wire, replies = Wire(network), []
    requests = wire.writer(
        "rq/ns/flipRequest", "std_srvs/srv/SetBool_Request", user_data="clientid=1.2;"
    )
    requests.write(b"\0\1\0\0" + bytes(16) + b"\1\0\0\0")
    network.run_for(0.05)
    wire.reader("rr/ns/flipReply", "std_srvs/srv/SetBool_Response", replies, "clientid=1.2;")
    network.run_for(0.05)
    assert len(replies) == 1


def test_a_service_known_by_halves_is_not_ready(network, node):
    flip = node.messages["std_srvs/srv/SetBool"]
    client = node.create_client(flip, "flip")
    wire = Wire(network)
    wire.reader("rq/ns/flipRequest", "std_srvs/srv/SetBool_Request", [], "serviceid=1;")
    assert not client.service_is_ready()
    wire.writer("rr/ns/flipReply", "std_srvs/srv/SetBool_Response", user_data="serviceid=2;")
    assert not client.service_is_ready()
    wire.writer("rr/ns/flipReply", "std_srvs/srv/SetBool_Response", user_data="serviceid=1;")
    assert client.service_is_ready()


def test_closing_a_client_gives_its_calls_up(node):
    flip = node.messages["std_srvs/srv/SetBool"]
    client = node.create_client(flip, "flip")
    future, dropped = client.call_async(flip.Request()), client.call_async(flip.Request())
    client.remove_pending_request(dropped)
    assert node.destroy_client(client)
    assert future.cancelled()
    assert not dropped.done()
    assert not node.destroy_client(client)


def test_calls_and_answers_of_a_wrong_type_are_refused(network, node):
    flip = node.messages["std_srvs/srv/SetBool"]
    client = node.create_client(flip, "flip")
    with pytest.raises(TypeError, match="no request to /ns/flip"):
        client.call_async(flip.Response())
    node.create_service(flip, "flip", lambda request, response: None)
    client.call_async(flip.Request())
    with pytest.raises(TypeError, match="callback of /ns/flip returned None"):
        network.run_for(0.1)


def test_a_timer_leaves_missed_occasions_out(network, node):
    ticks = []
    slow = node.create_timer(0.1, lambda: ticks.append(network.now_ns))
    network.run_for(0.05)
    network.now_ns += 330_000_000  # as if a callback had taken that long
    network.run_for(0.2)
    assert ticks == [380_000_000, 400_000_000, 500_000_000]
    slow.cancel()
    assert slow.is_canceled()


def test_a_clock_that_jumps_back_starts_timers_anew(network):
    sleeper = network.runtime("a", ["--ros-args", "-p", "use_sim_time:=true"]).create_node("s")
    clock, ticks = sleeper.get_clock(), []
    sleeper.create_timer(1.0, lambda: ticks.append(clock.now().nanoseconds))
    for seconds in (0.5, 1.0, 5.5, 2.0, 2.5, 3.0):
        clock.advance(round(seconds * 1e9))
    assert ticks == [1_000_000_000, 5_500_000_000, 3_000_000_000]
    sleeper._parameters.set_all([("use_sim_time", False)])
    assert clock.now().nanoseconds == network.start_ns


def test_times():
    time = Time(3_000_000_005)
    assert Time.from_msg(time.to_msg()) == time
    assert time - Time(5) == Duration(3_000_000_000)
    assert Time(-1).to_msg().sec == -1
    assert Time(1) < Time(2)


def test_futures():
    future, seen = Future(), []
    future.add_done_callback(seen.append)
    assert (future.done(), future.result()) == (False, None)
    future.set_result(3)
    future.add_done_callback(seen.append)
    assert seen == [future, future]
    failed = Future()
    failed.set_exception(ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        failed.result()
    future.cancel()
    assert not future.cancelled()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, Kind.NOT_SET),
        (True, Kind.BOOL),
        (1, Kind.INTEGER),
        (1.0, Kind.DOUBLE),
        ("x", Kind.STRING),
        (b"xy", Kind.BYTE_ARRAY),
        ([True], Kind.BOOL_ARRAY),
        ([1, 2], Kind.INTEGER_ARRAY),
        ([1.0, 2], Kind.DOUBLE_ARRAY),
        (["x"], Kind.STRING_ARRAY),
        ([], Kind.STRING_ARRAY),
    ],
)
def test_parameter_values_pass_the_wire(node, value, kind):
    assert kind_of(value) == kind
    message = value_to_msg(value)
    again = node.messages.decode(memoryview(node.messages.encode(message)), type(message))
    assert value_from_msg(again) == value


@pytest.mark.parametrize("value", [{}, object(), [1, "x"], [[1]], {1}])
def test_what_is_no_parameter_value(value):
    with pytest.raises(ParameterError):
        kind_of(value)


def test_parameters_keep_type_range_and_rights(node):
    descriptor = node.messages["rcl_interfaces/msg/ParameterDescriptor"]
    limits = node.messages["rcl_interfaces/msg/IntegerRange"](from_value=1, to_value=5)
    node.declare_parameter("n", 3, descriptor(integer_range=[limits]))
    node.declare_parameter("fixed", 1.0, descriptor(read_only=True))
    node.declare_parameter("any", 1, descriptor(dynamic_typing=True))
    node.declare_parameter("list", ["a"])
    parameters = node._parameters
    assert "between 1 and 5" in parameters.set_all([("n", 6)])
    assert "integer, not string" in parameters.set_all([("n", "x")])
    assert "read-only" in parameters.set_all([("fixed", 2.0)])
    assert "not declared" in parameters.set_all([("absent", 2.0)])
    assert parameters.set_all([("any", "text"), ("list", [])]) == ""
    assert parameters.set_all([("n", 4), ("fixed", 2.0)])
    assert node.get_parameter("n").value == 3
    with pytest.raises(ParameterError, match="twice"):
        node.declare_parameter("n", 3)
    with pytest.raises(ParameterError, match="has not declared"):
        node.get_parameter("absent")


def test_an_override_of_another_type_is_refused(network):
    handle = network.runtime("a", ["--ros-args", "-p", "n:=text"]).create_node("probe")
    with pytest.raises(ParameterError, match=r"'n' of /probe cannot be 'text' \(-p n:=text\)"):
        handle.declare_parameter("n", 3)


def test_parameters_are_listed_by_prefix_and_depth(network, node):
    for name in ("a", "b.c", "b.d.e", "bb"):
        node.declare_parameter(name, 1)
    service = node.messages["rcl_interfaces/srv/ListParameters"]
    client = node.create_client(service, "~/list_parameters")

    def listed(**request):
        future = client.call_async(service.Request(**request))
        assert network.run_until(future.done, 1.0)
        return future.result().result

    assert listed().names == ["a", "b.c", "b.d.e", "bb", "use_sim_time"]
    assert listed().prefixes == ["b", "b.d"]
    assert listed(depth=1).names == ["a", "bb", "use_sim_time"]
    assert listed(prefixes=["b"]).names == ["b.c", "b.d.e"]
    assert listed(prefixes=["b"], depth=1).names == ["b.c"]
    assert listed(prefixes=["a", "zz"]).names == ["a"]


@pytest.mark.parametrize(
    ("offered", "requested", "policy"),
    [
        (QoS(), QoS(), None),
        (QoS(), QoS(reliability=Reliability.BEST_EFFORT), None),
        (QoS(reliability=Reliability.BEST_EFFORT), QoS(), "RELIABILITY"),
        (QoS(), QoS(durability=Durability.TRANSIENT_LOCAL), "DURABILITY"),
        (QoS(durability=Durability.TRANSIENT_LOCAL), QoS(), None),
        (QoS(deadline_s=1.0), QoS(), None),
        (QoS(), QoS(deadline_s=1.0), "DEADLINE"),
        (QoS(deadline_s=2.0), QoS(deadline_s=1.0), "DEADLINE"),
        (QoS(), QoS(liveliness_lease_s=1.0), "LIVELINESS"),
        (QoS(liveliness_lease_s=0.5), QoS(liveliness_lease_s=1.0), None),
    ],
)
def test_which_qualities_of_service_fit(offered, requested, policy):
    assert mismatch(offered, requested) == policy


def test_logs_look_like_those_of_ros(network, node, log):
    node.get_logger().warning("low battery: 3 %")
    node.get_logger().debug("hidden")
    assert log.getvalue() == "[WARN] [1700000000.000000000] [ns.probe]: low battery: 3 %\n"


def test_log_levels_come_from_the_command_line(network, log):
    args = ["--ros-args", "--log-level", "chatty:=debug"]
    chatty = network.runtime("b", args).create_node("chatty")
    chatty.get_logger().debug("shown")
    assert "[DEBUG]" in log.getvalue()


def heard_on_rosout(network, *words):
    """The entries of a node whose log says two things."""
    node = network.runtime("b", ["--ros-args", *words]).create_node("chatty")
    node.get_logger().warning("the lens is dirty")
    node.get_logger().error("it is\0gone")
    entries = []
    listener = network.runtime("c").create_node("listener")
    kind = listener.messages["rcl_interfaces/msg/Log"]
    listener.create_subscription(kind, "/rosout", entries.append, LOGS)
    network.run_for(1.0)
    return [(entry.name, entry.level, entry.msg) for entry in entries]


def test_a_log_is_told_on_rosout_whatever_it_says(network):
    assert heard_on_rosout(network) == [
        ("chatty", 30, "the lens is dirty"), ("chatty", 40, "it is gone"),
    ]  # fmt: skip


def test_a_log_stays_at_home_where_the_user_wants_it_to(network):
    assert heard_on_rosout(network, "--disable-rosout-logs") == []
