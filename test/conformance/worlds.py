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

"""Where the runtime suite plays: runtimes that hear each other, and words for its stories."""

import time

from edge_infer.runtime import selection
from edge_infer.runtime.loopback import LoopbackNetwork

TIMEOUT_S = 15.0


class World:
    """Runtimes that hear each other, as if each were a process of its own."""

    def __init__(self, name):
        self.name = name
        self.network = LoopbackNetwork(seed=7)
        self.runtimes = []

    def runtime(self, *ros_args):
        args = ["--ros-args", *ros_args] if ros_args else []
        if self.name == "loopback":
            runtime = self.network.runtime(f"host{len(self.runtimes)}", args)
        else:
            kinds = self.name.split("+")
            runtime = selection.open_runtime(kinds[len(self.runtimes) % len(kinds)], args)
        self.runtimes.append(runtime)
        return runtime

    def node(self, name="probe", *ros_args, namespace=""):
        return self.runtime(*ros_args).create_node(name, namespace=namespace)

    def until(self, condition, timeout_s=TIMEOUT_S):
        """Let every runtime work until the condition holds."""
        if self.name == "loopback":
            return self.network.run_until(condition, timeout_s)
        deadline = time.monotonic() + timeout_s
        slice_s = timeout_s if len(self.runtimes) == 1 else 0.01
        while time.monotonic() < deadline:
            if any(runtime.spin_until(condition, slice_s) for runtime in self.runtimes):
                return True
        return False

    def close(self):
        for runtime in self.runtimes:
            runtime.shutdown()


def publish(node, type_name, topic, qos):
    """A publisher by the name of its type: each node has message classes of its own."""
    return node.create_publisher(node.messages[type_name], topic, qos)


def subscribe(node, type_name, topic, callback, qos, **options):
    return node.create_subscription(node.messages[type_name], topic, callback, qos, **options)


def plain(value):
    """A message as dicts and lists, whichever runtime made it."""
    if hasattr(value, "__slots__"):
        names = [name.lstrip("_") for name in value.__slots__ if name != "_check_fields"]
        return {name: plain(getattr(value, name)) for name in names}
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
