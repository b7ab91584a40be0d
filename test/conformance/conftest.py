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

"""The worlds that the runtime suite plays in: one per runtime, and two of different ones."""

import sys
from pathlib import Path

import pytest
from domains import own_domain

from edge_infer.runtime import selection

# For the modules beside it, whichever way pytest imports tests.
sys.path.insert(0, str(Path(__file__).parent))

from worlds import World


@pytest.fixture(
    params=[
        "loopback",
        "embedded",
        pytest.param("ros", marks=pytest.mark.ros),
        pytest.param("embedded+ros", marks=pytest.mark.ros),
        pytest.param("ros+embedded", marks=pytest.mark.ros),
    ]
)
def world(request, monkeypatch):
    """Runtimes of one kind, or of two by turns."""
    for absence in filter(None, map(selection.available().get, request.param.split("+"))):
        pytest.skip(absence)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    world = World(request.param)
    yield world
    world.close()
