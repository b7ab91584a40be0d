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

"""A process of ours and one of ROS 2, in one domain: what each sees of the other."""

import json
from importlib.util import find_spec

import pytest

from edge_infer.runtime.messages import message_types

pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(find_spec("rclpy") is None, reason="ROS 2 is not sourced"),
]

OURS = """
from edge_infer.runtime import qos
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
runtime = EmbeddedRuntime()
node = runtime.create_node("ours", namespace="drone1")
for topic, name, quality in (
    ("image", "sensor_msgs/msg/Image", qos.SIGHTINGS),
    ("state", "diagnostic_msgs/msg/DiagnosticArray", qos.LATCHED_STATE),
):
    out = node.create_publisher(node.messages[name], f"{topic}_back", quality)
    node.create_subscription(node.messages[name], topic, out.publish, quality)
SetBool = node.messages["std_srvs/srv/SetBool"]
client = node.create_client(SetBool, "/theirs/switch")
def switch(request, response):
    response.success = request.data
    response.message = "ours"
    if request.data:
        client.call_async(SetBool.Request(data=True))
    return response
node.create_service(SetBool, "~/switch", switch)
node.declare_parameter("rate", 1.5)
node.create_guard_condition(lambda: print("ready", flush=True)).trigger()
runtime.spin()
"""

THEIRS = """
import json, time
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.srv import GetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

rclpy.init()
node = rclpy.create_node("theirs")
facts = {}

def until(condition, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.05)
    return bool(condition())

facts["node seen"] = until(lambda: ("ours", "/drone1") in node.get_node_names_and_namespaces())
back, latched = [], QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.create_subscription(Image, "/drone1/image_back", back.append, 10)
image = node.create_publisher(Image, "/drone1/image", 10)
until(lambda: image.get_subscription_count() and node.count_publishers("/drone1/image_back"))
sent = Image(height=900, width=1000, encoding="bgr8", step=3000, data=bytes(range(250)) * 10_800)
sent.header.frame_id = "camera"
image.publish(sent)
until(lambda: back)
facts["image came back whole"] = back[0] == sent

state = node.create_publisher(DiagnosticArray, "/drone1/state", latched)
until(lambda: state.get_subscription_count())
status = DiagnosticStatus(level=b"\\2", name="a", values=[KeyValue(key="k", value="v")])
state.publish(DiagnosticArray(status=[status, DiagnosticStatus()]))
late = []
node.create_subscription(DiagnosticArray, "/drone1/state_back", late.append, latched)
until(lambda: late)
facts["late joiner"] = late[0].status[0] == status and len(late[0].status) == 2

called = []
def serve(request, response):
    called.append(request.data)
    return response
node.create_service(SetBool, "/theirs/switch", serve)
client = node.create_client(SetBool, "/drone1/ours/switch")
until(client.service_is_ready)
until(lambda: node.get_client_names_and_types_by_node("ours", "/drone1"))
answer = client.call_async(SetBool.Request(data=True))
until(lambda: answer.done() and called)
facts["answer"] = [answer.result().success, answer.result().message]
facts["they were called"] = called

parameters = node.create_client(GetParameters, "/drone1/ours/get_parameters")
until(parameters.service_is_ready)
got = parameters.call_async(GetParameters.Request(names=["rate"]))
until(got.done)
facts["parameter"] = got.result().values[0].double_value

info = node.get_publishers_info_by_topic("/drone1/image_back")[0]
facts["endpoint"] = [
    info.node_name, info.node_namespace, info.topic_type, str(info.topic_type_hash),
    info.qos_profile.depth, info.qos_profile.reliability.name,
]
facts["services"] = dict(node.get_service_names_and_types_by_node("ours", "/drone1"))
facts["topics"] = dict(node.get_topic_names_and_types())
print(json.dumps(facts))
"""


def test_ours_and_theirs_work_together_and_see_each_other(start):
    ours = start(OURS)
    assert ours.stdout.readline() == "ready\n"
    out, err = start(THEIRS).communicate(timeout=90)
    assert out, err
    facts = json.loads(out)
    assert facts["node seen"]
    assert facts["image came back whole"]
    assert facts["late joiner"]
    assert facts["answer"] == [True, "ours"]
    assert facts["they were called"] == [True]
    assert facts["parameter"] == 1.5
    image = "sensor_msgs/msg/Image"
    type_hash = message_types().type_hash(image)
    assert facts["endpoint"] == ["ours", "/drone1", image, type_hash, 200, "RELIABLE"]
    assert facts["services"]["/drone1/ours/switch"] == ["std_srvs/srv/SetBool"]
    assert facts["topics"]["/drone1/image_back"] == [image]
    assert "/ros_discovery_info" not in facts["topics"]
