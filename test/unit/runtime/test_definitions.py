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

"""Where definitions are found, and what is made of them."""

import pytest

from edge_infer.errors import MessageError
from edge_infer.runtime.definitions import (
    Constant,
    Definitions,
    Field,
    Shape,
    search_path,
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A ROS prefix with one package of messages, as AMENT_PREFIX_PATH names it."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))

    def add(file, text):
        path = tmp_path / "share" / "probe_msgs" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return add


def test_fields_constants_and_defaults(package):
    package(
        "msg/Probe.msg",
        """
# about it
uint8 LOW=1      # low
string NAME = "x"
float64 gain 2.5 # factor
string<=8 label "none"
int32[3] triple [1, 2, 3]
int16[<=4] some
Other[] others
builtin_interfaces/Time stamp
char letter
""",
    )
    package("msg/Other.msg", "bool flag true\n")
    definition = Definitions()["probe_msgs/msg/Probe"]
    assert definition.constants == (Constant("LOW", "uint8", 1), Constant("NAME", "string", "x"))
    assert definition.fields == (
        Field("gain", "float64", default=2.5),
        Field("label", "string", string_bound=8, default="none"),
        Field("triple", "int32", Shape.ARRAY, 3, default=[1, 2, 3]),
        Field("some", "int16", Shape.SEQUENCE, 4),
        Field("others", "probe_msgs/msg/Other", Shape.SEQUENCE),
        Field("stamp", "builtin_interfaces/msg/Time"),
        Field("letter", "uint8"),
    )


def test_services_split_at_the_line(package):
    package("srv/Ask.srv", "string question\n# --- not here\n---\nOther answer\n")
    package("msg/Other.msg", "bool flag\n")
    known = Definitions()
    assert known["probe_msgs/srv/Ask_Request"].fields == (Field("question", "string"),)
    assert known["probe_msgs/srv/Ask_Response"].fields == (Field("answer", "probe_msgs/msg/Other"),)
    assert known.type_hash("probe_msgs/srv/Ask_Response").startswith("RIHS01_")
    with pytest.raises(MessageError, match="take probe_msgs/srv/Ask_Request"):
        known["probe_msgs/srv/Ask"]


def test_unreadable_definitions_are_named(package):
    package("msg/Bad.msg", "int32 == 3\n")
    with pytest.raises(MessageError, match="probe_msgs/msg/Bad"):
        Definitions()["probe_msgs/msg/Bad"]


def test_our_messages_are_found_in_a_checkout():
    assert any((folder / "edge_infer_msgs" / "msg").is_dir() for folder in search_path())
    names = [field.name for field in Definitions()["edge_infer_msgs/msg/Sighting"].fields]
    assert names[:3] == ["sequence", "class_index", "score"]


def test_a_folder_that_the_user_names_is_searched(tmp_path, monkeypatch):
    name = "named_msgs/msg/Thing"
    with pytest.raises(
        MessageError, match="name the folder that holds it in EDGE_INFER_INTERFACES"
    ):
        Definitions()[name]
    file = tmp_path / "mine" / f"{name}.msg"
    file.parent.mkdir(parents=True)
    file.write_text("uint32 MESSAGE_VERSION = 0\nuint64 timestamp\nfloat32[4] q\n")
    monkeypatch.setenv("EDGE_INFER_INTERFACES", f"/nowhere:{tmp_path / 'mine'}")
    assert [field.name for field in Definitions()[name].fields] == ["timestamp", "q"]
