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

"""Message classes, and their bytes against rosbags' own codec as a second reference."""

import array
import contextlib
import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_strategies import TYPES, fill, messages
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from edge_infer.errors import MessageError
from edge_infer.runtime import definitions as definitions_module
from edge_infer.runtime.definitions import Shape, definitions
from edge_infer.runtime.messages import message_types

MESSAGES = message_types()
IMAGE = "sensor_msgs/msg/Image"


@pytest.fixture(scope="module")
def reference():
    """A type store of rosbags that knows our messages too, and nothing of our code."""
    store = get_typestore(Stores.ROS2_JAZZY)
    root = definitions_module.Path(__file__).parents[3]
    known = {}
    for folder in (root / "edge_infer_msgs", root / "edge_infer/runtime/interfaces/vision_msgs"):
        for path in (folder / "msg").glob("*.msg"):
            known.update(get_types_from_msg(path.read_text(), f"{folder.name}/msg/{path.stem}"))
    store.register(known)
    return store


def as_reference(store, name, message):
    """The same message as an instance of rosbags' class."""
    values = {}
    for field in definitions()[name].fields:
        value = getattr(message, field.name, 0)
        if field.is_nested:
            inner = value if isinstance(value, list) else [value]
            inner = [as_reference(store, field.type, item) for item in inner]
            value = inner[0] if field.shape is Shape.SCALAR else inner
        elif field.type == "byte":
            value = np.frombuffer(b"".join(value), np.int8) if isinstance(value, list) else value[0]
        values[field.name] = value
    return store.types[name](**values)


@pytest.mark.parametrize("name", [name for name in TYPES if "/srv/" not in name])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_bytes_are_those_of_the_reference(reference, name, data):
    message = data.draw(messages(name))
    ours = bytes(MESSAGES.encode(message))
    theirs = bytes(reference.serialize_cdr(as_reference(reference, name, message), name))
    assert ours[: len(theirs)] == theirs
    assert ours[len(theirs) :] == bytes(-len(theirs) % 4)
    foreign = reference.serialize_cdr(
        as_reference(reference, name, message), name, little_endian=False
    )
    for payload in (ours, theirs, bytes(foreign)):
        assert MESSAGES.decode(memoryview(payload), type(message)) == message


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read_as_something(name, data):
    payload = MESSAGES.encode(data.draw(messages(name)))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    payload = memoryview(payload)[: data.draw(st.integers(0, len(payload)))]
    with contextlib.suppress(MessageError):  # and nothing else
        assert type(MESSAGES.decode(payload, MESSAGES[name])) is MESSAGES[name]


def test_header_by_hand():
    header = MESSAGES["std_msgs/msg/Header"](frame_id="map")
    header.stamp.sec, header.stamp.nanosec = 1, 2
    assert MESSAGES.encode(header) == bytes.fromhex("00010000 01000000 02000000 04000000 6d617000")


def test_prefix_stands_between_header_and_message():
    flag = MESSAGES["std_srvs/srv/SetBool"].Request(data=True)
    payload = MESSAGES.encode(flag, bytes(range(16)))
    assert payload == b"\0\1\0\0" + bytes(range(16)) + b"\1\0\0\0"
    assert MESSAGES.decode(memoryview(payload), type(flag), 16) == flag


def test_defaults_are_those_of_the_definitions():
    assert MESSAGES["geometry_msgs/msg/Quaternion"]().w == 1.0
    assert MESSAGES["sensor_msgs/msg/NavSatStatus"]().status == -2
    image = MESSAGES[IMAGE]()
    assert (image.header.frame_id, image.height, image.encoding, len(image.data)) == ("", 0, "", 0)
    info = MESSAGES["sensor_msgs/msg/CameraInfo"]()
    assert (info.k.dtype, info.k.shape, info.d.shape) == (np.float64, (9,), (0,))
    other = MESSAGES["sensor_msgs/msg/CameraInfo"]()
    info.k[0] = 1.0
    assert other.k[0] == 0.0
    assert other.header is not info.header


def test_constants_are_attributes():
    assert MESSAGES["rcl_interfaces/msg/ParameterType"].PARAMETER_STRING == 4
    assert MESSAGES["diagnostic_msgs/msg/DiagnosticStatus"].ERROR == b"\2"


def test_messages_compare_copy_and_show_their_fields():
    point = MESSAGES["geometry_msgs/msg/Point"]
    assert point(x=1.0) == point(1.0, 0.0, 0.0)
    assert point(x=1.0) != point()
    assert point() != MESSAGES["geometry_msgs/msg/Vector3"]()
    assert repr(point(x=1.0)) == "geometry_msgs.msg.Point(x=1.0, y=0.0, z=0.0)"
    pose = MESSAGES["geometry_msgs/msg/PoseWithCovariance"]()
    twin = copy.deepcopy(pose)
    assert twin == pose
    twin.covariance[3] = 1.0
    assert twin != pose
    with pytest.raises(TypeError):
        point(w=1.0)
    with pytest.raises(AttributeError):
        pose.covarianze = 1


@pytest.mark.parametrize(
    "data",
    [
        b"\1\2\3",
        bytearray(b"\1\2\3"),
        [1, 2, 3],
        (1, 2, 3),
        array.array("B", [1, 2, 3]),
        memoryview(b"\1\2\3"),
        np.array([1, 2, 3], np.int64),
        np.array([1, 0, 2, 0, 3], np.uint8)[::2],
    ],
    ids=lambda data: type(data).__name__,
)
def test_numbers_may_come_in_any_container(data):
    payload = MESSAGES.encode(MESSAGES[IMAGE](data=data))
    image = MESSAGES.decode(memoryview(payload), MESSAGES[IMAGE])
    assert image.data.dtype == np.uint8
    assert image.data.tolist() == [1, 2, 3]


def test_large_arrays_are_views_of_the_payload():
    payload = memoryview(MESSAGES.encode(MESSAGES[IMAGE](data=bytes(1000))))
    image = MESSAGES.decode(payload, MESSAGES[IMAGE])
    assert np.shares_memory(image.data, np.frombuffer(payload, np.uint8))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        (IMAGE, "data", [1, 2, 300]),
        (IMAGE, "data", [1.5]),
        (IMAGE, "data", ["a"]),
        (IMAGE, "data", np.zeros((2, 2), np.uint8)),
        (IMAGE, "height", -1),
        (IMAGE, "height", 1.5),
        (IMAGE, "encoding", 7),
        (IMAGE, "header", None),
        (IMAGE, "header.stamp.sec", 2**31),
        ("sensor_msgs/msg/CameraInfo", "k", [1.0, 2.0]),
        ("edge_infer_msgs/msg/SightingArray", "sightings", [3]),
    ],
)
def test_what_does_not_fit_is_named(name, path, value):
    message = MESSAGES[name]()
    *parents, leaf = path.split(".")
    place = message
    for parent in parents:
        place = getattr(place, parent)
    setattr(place, leaf, value)
    with pytest.raises(MessageError) as caught:
        MESSAGES.encode(message)
    assert name in caught.value.problem
    assert f"({path}: " in caught.value.problem


@pytest.mark.parametrize(
    "payload", [b"", b"\0", b"\0\1\0\0", b"\0\3\0\0" + bytes(12), b"\0\1\0\0" + bytes(20)]
)
def test_what_is_no_header_message_is_refused(payload):
    with pytest.raises(MessageError):
        MESSAGES.decode(memoryview(payload), MESSAGES["std_msgs/msg/Header"])


def test_a_string_needs_its_final_zero_and_may_be_no_utf8():
    text = MESSAGES["std_msgs/msg/String"]
    payload = MESSAGES.encode(text(data="abc"))
    payload[-1] = 1
    with pytest.raises(MessageError):
        MESSAGES.decode(memoryview(payload), text)
    payload[-1], payload[-2] = 0, 0xFF
    assert MESSAGES.decode(memoryview(payload), text).data == "ab\ufffd"


def test_services_have_two_halves():
    service = MESSAGES["edge_infer_msgs/srv/GetTargets"]
    assert service.Request is MESSAGES["edge_infer_msgs/srv/GetTargets_Request"]
    targets = service.Response().targets
    assert type(targets) is MESSAGES["edge_infer_msgs/msg/TargetArray"]
    assert MESSAGES.encode(service.Request()) == b"\0\1\0\0\0\0\0\0"


def test_type_hashes_are_those_of_ros():
    # As rosidl of ROS 2 Jazzy prints them into share/<package>/msg/<Name>.json.
    assert MESSAGES.type_hash("std_msgs/msg/Char") == (
        "RIHS01_3ad2d04dd29ba19d04b16659afa3ccaedd691914b02a64e82e252f2fa6a586a9"
    )
    assert MESSAGES.type_hash("std_srvs/srv/Trigger_Request").startswith("RIHS01_")


@pytest.mark.parametrize(
    "name", ["nothing", "no_msgs/msg/Thing", "std_msgs/msg/Nothing", "std_srvs/srv/Nothing", "a/b"]
)
def test_unknown_types_are_named(name):
    with pytest.raises(MessageError, match=name):
        MESSAGES[name]
    assert name not in MESSAGES


def test_known_types_are_listed():
    assert "std_msgs/msg/Header" in MESSAGES
    assert "std_msgs/msg/Header" in list(MESSAGES)
    assert len(MESSAGES) == len(list(MESSAGES))


def test_encoding_something_else_is_refused():
    with pytest.raises(MessageError, match="no message class"):
        MESSAGES.encode(3)


def test_filling_is_reproducible():
    import random

    assert fill(IMAGE, random.Random(1)) == fill(IMAGE, random.Random(1))
