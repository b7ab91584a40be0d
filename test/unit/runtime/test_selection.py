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

"""Choosing a runtime."""

import sys

import pytest

from edge_infer.errors import RuntimeUnavailableError, UsageError
from edge_infer.runtime import selection


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """Pretend that only the given packages can be imported beside what is there."""

    def arrange(*present):
        for name in ("rclpy", "edge_infer_msgs"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        for name in present:
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").touch()

    return arrange


def test_there_are_only_these_choices():
    with pytest.raises(UsageError, match="choose one of auto, ros, embedded"):
        selection.open_runtime("dds")


def test_without_ros_it_says_how_to_get_it(modules):
    modules()
    with pytest.raises(RuntimeUnavailableError, match=r"setup\.bash"):
        selection.open_runtime("ros")


def test_without_our_messages_it_says_how_to_build_them(modules, tmp_path):
    modules("rclpy")
    # The folder in a checkout must not be taken for the built package.
    (tmp_path / "edge_infer_msgs" / "msg").mkdir(parents=True)
    with pytest.raises(RuntimeUnavailableError, match="colcon build --base-paths"):
        selection.open_runtime("ros")


def test_what_is_available(modules):
    modules()
    assert set(selection.available()) == {"ros", "embedded"}
    assert "rclpy cannot be imported" in selection.available()["ros"]
    modules("rclpy", "edge_infer_msgs")
    assert selection.available()["ros"] is None
