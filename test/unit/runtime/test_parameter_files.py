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

"""ROS parameter files."""

import pytest

from edge_infer.errors import ParameterError
from edge_infer.runtime.parameter_files import Overrides, Setting, read_parameter_file


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "p.yaml"
        path.write_text(text)
        return [(s.pattern, s.name, s.value) for s in read_parameter_file(path)]

    return read


def test_sections_and_nested_keys(read):
    assert read(
        """
/**:
  ros__parameters:
    a: 1
    b: {c: 2.5, d: {e: [x, y]}}
/ns:
  node:
    ros__parameters: {f: true}
other:
  ros__parameters: {}
empty:
  ros__parameters:
"""
    ) == [
        ("/**", "a", 1),
        ("/**", "b.c", 2.5),
        ("/**", "b.d.e", ["x", "y"]),
        ("/ns/node", "f", True),
    ]
    assert read("") == []


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("/**", ["/a", "/a/b/c"], []),
        ("/ns/node", ["/ns/node"], ["/node", "/ns/node/x", "/other/ns/node"]),
        ("node", ["/node", "/ns/node", "/a/b/node"], ["/nodes", "/ns/my_node"]),
        ("/*/node", ["/a/node"], ["/node", "/a/b/node"]),
        ("/**/node", ["/node", "/a/b/node"], ["/node/x"]),
        ("/ns/**", ["/ns/a", "/ns/a/b"], ["/nso/a"]),
        ("/ns/drone*", ["/ns/drone1", "/ns/drone"], ["/ns/drone/1"]),
    ],
)
def test_patterns(pattern, matching, other):
    setting = Setting(pattern, "a", 1, "here")
    assert [name for name in matching + other if setting.matches(name)] == matching


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [1", "line"),
        ("a: 1", "a in"),
        ("- 1", "the whole"),
        ("ros__parameters: {a: 1}", "no node"),
        ("a: {ros__parameters: 5}", "holds no parameters"),
        ("a: {b: }", "a.b"),
    ],
)
def test_what_is_no_parameter_file(read, text, part):
    with pytest.raises(ParameterError) as caught:
        read(text)
    assert part in str(caught.value)
    assert "p.yaml" in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ParameterError, match="not YAML"):
        read_parameter_file(path)


def test_settings_that_no_node_took():
    overrides = Overrides()
    overrides.add(Setting("/**", "a", 1, "here"))
    overrides.add(Setting("/**", "b", 1, "here"))
    overrides.add(Setting("/x", "c", 1, "here"))
    overrides.add(Setting("/**/somebody_else", "d", 1, "here"))
    overrides.for_node("/probe")
    overrides.known_names |= {"a"}
    assert [setting.name for setting in overrides.unknown()] == ["b"]
