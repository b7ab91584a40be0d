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

"""A DDS domain of one test's own, and processes in it."""

import os
import subprocess
import sys

import pytest
from domains import own_domain

pytest.importorskip("cyclonedds")

from edge_infer.runtime.embedded.executor import DdsExecutor
from edge_infer.runtime.embedded.participant import Participant
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.runtime.embedded.transport import DdsTransport


@pytest.fixture
def environ():
    """Variables of a domain that nobody else is in."""
    return {
        "ROS_DOMAIN_ID": str(own_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


@pytest.fixture
def runtimes(environ):
    """Makes runtimes in that domain, and shuts them down."""
    made = []

    def make(*ros_args):
        made.append(EmbeddedRuntime(["--ros-args", *ros_args], environ))
        return made[-1]

    yield make
    for runtime in made:
        runtime.shutdown()


class Place:
    """A transport and its executor, without nodes."""

    def __init__(self, environ):
        self.participant = Participant(environ)
        self.executor = DdsExecutor(self.participant)
        self.transport = DdsTransport(self.participant, self.executor)
        self.transport.node_created("probe", "/")

    def until(self, condition, timeout_s=10.0):
        return self.executor.run_until(
            condition, self.executor.steady_ns() + round(timeout_s * 1e9)
        )


@pytest.fixture
def place(environ):
    place = Place(environ)
    yield place
    place.transport.close()


@pytest.fixture
def start(environ):
    """Starts Python processes in the domain; each gets its code and its standard streams."""
    processes = []

    def start(code, **variables):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
