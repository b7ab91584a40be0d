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

"""A runtime without ROS 2: nodes of ours on one transport and one executor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge_infer.runtime.api import RuntimeName
from edge_infer.runtime.arguments import parse_ros_arguments
from edge_infer.runtime.loggers import set_up_logging
from edge_infer.runtime.node import LocalNode
from edge_infer.runtime.parameters import check_unknown
from edge_infer.runtime.signals import stopped_by_signals
from edge_infer.runtime.transport import Executor, Transport


class LocalRuntime:
    """Makes nodes and runs their callbacks.

    Args:
        name: which runtime this is.
        transport: the process's place in the network.
        executor: runs all callbacks.
        args: command line; what stands after ``--ros-args`` counts.
        parameter_services: whether other programs can reach the nodes' parameters.
    """

    def __init__(
        self,
        name: RuntimeName,
        transport: Transport,
        executor: Executor,
        args: Sequence[str] | None = None,
        *,
        parameter_services: bool = True,
    ) -> None:
        self.name: RuntimeName = name
        self._transport = transport
        self._executor = executor
        self._arguments = parse_ros_arguments(args or ())
        self._parameter_services = parameter_services
        self._nodes: list[LocalNode] = []
        set_up_logging(self._arguments.log_levels)

    @property
    def nodes(self) -> Sequence[LocalNode]:
        """The handles that it has made."""
        return tuple(self._nodes)

    def create_node(self, node_name: str, *, namespace: str = "") -> LocalNode:
        """A handle; remapping rules and parameters of ``--ros-args`` apply to it."""
        node = LocalNode(
            node_name,
            namespace,
            self.name,
            self._transport,
            self._executor,
            self._arguments,
            parameter_services=self._parameter_services,
        )
        self._nodes.append(node)
        return node

    def spin(self) -> None:
        """Run callbacks until ``stop``, SIGINT or SIGTERM.

        Raises:
            ParameterError: a setting names a parameter that no node here has.
        """
        self.check_parameters()
        with stopped_by_signals(self.stop):
            self._executor.run_until(lambda: False)

    def spin_until(self, condition: Callable[[], bool], timeout_sec: float) -> bool:
        """Run callbacks until the condition holds; False when time or a stop came first."""
        self.check_parameters()
        deadline_ns = self._executor.steady_ns() + round(timeout_sec * 1e9)
        return self._executor.run_until(condition, deadline_ns)

    def stop(self) -> None:
        """Make ``spin`` return; from any thread or a signal handler."""
        self._executor.stop()

    def shutdown(self) -> None:
        """Destroy the nodes and leave the network; a second call does nothing."""
        while self._nodes:
            self._nodes.pop().destroy_node()
        self._transport.close()

    def check_parameters(self) -> None:
        """Once, when the nodes are made: is every setting meant for one of them?

        Raises:
            ParameterError: one is not.
        """
        if self._nodes:
            check_unknown(self._arguments.overrides, self._nodes[0].get_logger().warning)
