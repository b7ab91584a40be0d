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

"""Types as the library knows them: names, and a layout that agrees with our codec's."""

import dataclasses

import numpy as np
import pytest

from edge_infer.errors import MessageError
from edge_infer.runtime.definitions import definitions
from edge_infer.runtime.embedded.library import release
from edge_infer.runtime.embedded.types import (
    KNOWS_EVERY_TYPE,
    dds_type_name,
    idl_struct,
    ros_type_name,
)
from edge_infer.runtime.messages import message_types


def deserialize(name, payload):
    """What the package's own serialiser reads, for which types need constructors."""
    make_constructors(name)
    return idl_struct(name).deserialize(bytes(payload))


def make_constructors(name):
    for field in definitions()[name].fields:
        if field.is_nested:
            make_constructors(field.type)
    dataclasses.dataclass(idl_struct(name))


def test_names_on_the_wire_and_back():
    assert dds_type_name("std_msgs/msg/Header") == "std_msgs::msg::dds_::Header_"
    assert ros_type_name("std_msgs::msg::dds_::Header_") == "std_msgs/msg/Header"
    assert ros_type_name("pkg::srv::dds_::Do_Request_") == "pkg/srv/Do_Request"
    assert ros_type_name("HelloWorldData::Msg") == "HelloWorldData::Msg"


@pytest.mark.parametrize(
    "name",
    [
        "std_msgs/msg/Empty",
        "std_msgs/msg/ByteMultiArray",
        "sensor_msgs/msg/CameraInfo",
        "sensor_msgs/msg/NavSatFix",
        "sensor_msgs/msg/Image",
        "geometry_msgs/msg/PoseWithCovarianceStamped",
        "vision_msgs/msg/Detection2DArray",
        "rcl_interfaces/msg/ParameterEvent",
        "rmw_dds_common/msg/ParticipantEntitiesInfo",
        "edge_infer_msgs/msg/SightingArray",
    ],
)
def test_the_librarys_own_serialiser_reads_what_ours_writes(name):
    read = deserialize(name, message_types().encode(message_types()[name]()))
    assert set(vars(read)) == set(read.__annotations__)


def test_values_keep_their_places():
    types = message_types()
    image = types["sensor_msgs/msg/Image"](
        height=2, width=3, encoding="mono8", step=3, data=np.arange(6, dtype=np.uint8)
    )
    image.header.frame_id = "camera"
    read = deserialize("sensor_msgs/msg/Image", types.encode(image))
    assert (read.height, read.width, read.step, read.encoding) == (2, 3, 3, "mono8")
    assert read.header.frame_id == "camera"
    assert bytes(read.data) == bytes(range(6))


def test_a_services_halves_start_with_writer_and_number():
    types = message_types()
    request = types["std_srvs/srv/SetBool_Request"](data=True)
    payload = types.encode(request, prefix=(7).to_bytes(8, "little") + (9).to_bytes(8, "little"))
    read = deserialize("std_srvs/srv/SetBool_Request", payload)
    assert (read.rmw_writer_guid, read.rmw_sequence_number, read.data) == (7, 9, True)


def test_a_type_is_described_once():
    assert idl_struct("std_msgs/msg/String") is idl_struct("std_msgs/msg/String")


def test_an_unknown_type_is_named():
    with pytest.raises(MessageError, match="no_msgs/msg/Nothing"):
        idl_struct("no_msgs/msg/Nothing")


def test_a_description_is_announced_only_where_the_library_can_read_those_of_others():
    announced = idl_struct("sensor_msgs/msg/Image").__idl__._xt_bytedata
    assert all(announced) == (release() >= KNOWS_EVERY_TYPE)
