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

"""ROS names: what is allowed and what they mean."""

import pytest

from edge_infer.errors import NameRuleError
from edge_infer.runtime import names


@pytest.mark.parametrize(
    ("name", "namespace", "full"),
    [
        ("/fleet/x", "/drone1", "/fleet/x"),
        ("image", "/drone1", "/drone1/image"),
        ("image", "/", "/image"),
        ("~/out", "/drone1", "/drone1/probe/out"),
        ("~", "/drone1", "/drone1/probe"),
        ("~/out", "/", "/probe/out"),
        ("a/{node}/b", "/ns", "/ns/a/probe/b"),
        ("{ns}/b", "/ns/sub", "/ns/sub/b"),
        ("a_1/B2", "/", "/a_1/B2"),
    ],
)
def test_expansion(name, namespace, full):
    assert names.expand(name, "probe", namespace) == full


@pytest.mark.parametrize(
    "name", ["", "a//b", "a/", "/", "1a", "a/2b", "a b", "a~b", "~a", "a/~", "{other}", "é", "a-b"]
)
def test_bad_topic_names(name):
    with pytest.raises(NameRuleError) as caught:
        names.expand(name, "probe", "/ns")
    assert repr(name) in caught.value.problem


@pytest.mark.parametrize("name", ["", "9a", "a/b", "a b", "a-b", "a" * 256])
def test_bad_node_names(name):
    with pytest.raises(NameRuleError):
        names.check_node_name(name)


def test_good_node_names():
    assert names.check_node_name("_detector_2") == "_detector_2"


@pytest.mark.parametrize(
    ("given", "absolute"), [("", "/"), ("/", "/"), ("a", "/a"), ("/a/b", "/a/b"), ("a/b", "/a/b")]
)
def test_namespaces_become_absolute(given, absolute):
    assert names.check_namespace(given) == absolute


@pytest.mark.parametrize("namespace", ["/a/", "//", "/1", "a//b", "~", "/a b"])
def test_bad_namespaces(namespace):
    with pytest.raises(NameRuleError):
        names.check_namespace(namespace)


def test_wire_names():
    assert names.topic_on_wire("/a/b") == "rt/a/b"
    assert names.topic_from_wire("rt/a/b") == "/a/b"
    assert names.topic_from_wire("rq/a/bRequest") is None
    assert names.service_on_wire("/a/b") == ("rq/a/bRequest", "rr/a/bReply")
