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

"""Our bytes, defaults and type hashes against ROS 2's own, for every type that it has."""

import json
import os
import random
from pathlib import Path

import pytest
from message_strategies import fill

from edge_infer.errors import MessageError
from edge_infer.runtime import selection
from edge_infer.runtime.definitions import PADDING_FIELD, Shape, definitions
from edge_infer.runtime.message_classes import DTYPES
from edge_infer.runtime.messages import message_types

pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(
        selection.available()["ros"] is not None, reason=str(selection.available()["ros"])
    ),
]

MESSAGES = message_types()


def installed(suffix):
    """Interface files of a sourced ROS 2."""
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        for kind in ("msg", "srv"):
            for path in sorted(Path(prefix).glob(f"share/*/{kind}/*.{suffix or kind}")):
                yield f"{path.parts[-3]}/{kind}/{path.stem}", path


def type_names():
    for name, _ in installed(""):
        halves = [f"{name}_Request", f"{name}_Response"] if "/srv/" in name else [name]
        for half in halves:
            if half in MESSAGES:
                yield half


def as_ros(messages, name, message):
    """The same message as an instance of rosidl's class."""
    result = messages[name]()
    for field in definitions()[name].fields:
        if field.name == PADDING_FIELD:
            continue
        value = getattr(message, field.name)
        if field.is_nested and field.shape is Shape.SCALAR:
            value = as_ros(messages, field.type, value)
        elif field.is_nested:
            value = [as_ros(messages, field.type, item) for item in value]
        elif field.type in DTYPES and (field.shape is Shape.SEQUENCE or field.type == "bool"):
            value = value.tolist() if field.shape is not Shape.SCALAR else value
        setattr(result, field.name, value)
    return result


def test_every_type_has_the_same_bytes_and_defaults():
    from rclpy.serialization import serialize_message

    from edge_infer.runtime.ros import ros_messages

    theirs = ros_messages()
    names = list(type_names())
    for name in names:
        message = fill(name, random.Random(name))
        expected = serialize_message(as_ros(theirs, name, message))
        ours = bytes(MESSAGES.encode(message))
        assert ours == expected + bytes(-len(expected) % 4), name
        assert MESSAGES.decode(memoryview(expected), MESSAGES[name]) == message, name
        assert as_ros(theirs, name, MESSAGES[name]()) == theirs[name](), name
    assert "edge_infer_msgs/msg/SightingArray" in names
    assert "vision_msgs/msg/Detection2DArray" in names


def test_every_type_has_the_same_hash():
    checked = set()
    for _, path in installed("json"):
        for entry in json.loads(path.read_text()).get("type_hashes", []):
            name = entry["type_name"]
            try:
                found = MESSAGES.type_hash(name)
            except MessageError:
                continue
            assert found == entry["hash_string"], name
            checked.add(name)
    if not checked:
        pytest.skip("this ROS 2 has no type hashes yet")
    assert "edge_infer_msgs/msg/SightingArray" in checked
