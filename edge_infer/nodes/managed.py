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

"""A node of ours as a managed node of ROS 2: configured, activated, and the way back.

The node itself knows nothing of it. To configure one is to make it, with its publishers,
services and model; to activate it, to let its subscriptions and timers be; to clean it up,
to close it. So it is as good as new when it is configured again, with what its parameters
say by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from edge_infer.errors import EdgeInferError, LifecycleError
from edge_infer.nodes.config import ManagedConfig
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.reporting.levels import ERROR, OK, WARN
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node
from edge_infer.runtime.lifecycle import Lifecycle, State, Transition
from edge_infer.runtime.lifecycle_services import LifecycleServices
from edge_infer.runtime.managed_handle import ManagedHandle
from edge_infer.runtime.parameter_changes import ChangingConfig


class Manageable(Protocol):
    """What a node offers to be managed, besides being made of handle and config."""

    def follow(self, config: Any) -> None:
        """Go by a config that differs in parameters for any time; raises EdgeInferError."""

    def close(self) -> None:
        """Stop its threads and tell its last counts."""


class ManagedNode:
    """One node and its lifecycle.

    Args:
        node: the handle; parameters and the lifecycle's services stay on it in every state.
        node_class: makes the node of handle, config, ``identity``, ``status`` and the wiring.
        config_class: of its parameters.
        identity: of the drone, when a composition already has one.
        wiring: what a composition hands to the node.

    Raises:
        EdgeInferError: a parameter is wrong, or the node cannot start by itself.
    """

    def __init__(
        self,
        node: Node,
        node_class: Callable[..., Manageable],
        config_class: type[ManagedConfig],
        identity: Identity | None = None,
        **wiring: Any,
    ) -> None:
        self._node = node
        self._class = node_class
        self._wiring = wiring
        self._made: Manageable | None = None
        self._handle: ManagedHandle | None = None
        self._lifecycle = Lifecycle(
            {
                State.CONFIGURING: self._configure,
                State.ACTIVATING: self._activate,
                State.DEACTIVATING: self._deactivate,
                State.CLEANINGUP: self._clean_up,
                State.SHUTTINGDOWN: self._clean_up,
                State.ERRORPROCESSING: self._clean_up,
            },
            self._moved,
        )
        self._parameters = ChangingConfig(
            node, config_class, lambda: self.state is State.UNCONFIGURED, self._follow
        )
        config = self._parameters.config
        self._identity = identity or identify(node, config.state_dir)
        self._is_first = True
        self._status = StatusReporter(node, self._identity)
        self._status.set_idle(WARN, self.state.label)
        self._services = LifecycleServices(node, self._lifecycle, self._refused)
        if config.autostart:
            self.ask("configure")
            self.ask("activate")

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._lifecycle.state

    @property
    def active(self) -> Any | None:
        """The node itself while it is active."""
        return self._made if self.state is State.ACTIVE else None

    def ask(self, label: str) -> None:
        """Go through a transition; raises EdgeInferError when that cannot be."""
        self._lifecycle.ask(0, label)

    def close(self) -> None:
        """Shut it down, whatever its state."""
        if self.state is not State.FINALIZED:
            self.ask("shutdown")

    # --- what is done between two states ---------------------------------------------------

    def _configure(self) -> None:
        if not self._is_first:  # what it says from now on must not be taken for what it said
            self._identity = self._identity.again()
            self._status.begin_again(self._identity)
        self._is_first = False
        self._handle = ManagedHandle(self._node)
        try:
            self._made = self._class(
                self._handle.node,
                self._parameters.config,
                identity=self._identity,
                status=self._status,
                **self._wiring,
            )
        except BaseException:
            self._clean_up()
            raise

    def _activate(self) -> None:
        if self._handle:
            self._handle.activate()

    def _deactivate(self) -> None:
        if self._handle:
            self._handle.deactivate()

    def _clean_up(self) -> None:
        made, self._made = self._made, None
        handle, self._handle = self._handle, None
        self._status.refresh_with(None)
        try:
            if handle:
                handle.deactivate()
            if made:
                made.close()
        finally:
            if handle:
                handle.close()

    def _follow(self, config: Any) -> None:
        if self._made:
            self._made.follow(config)

    # --- what is told of it ----------------------------------------------------------------

    def _moved(self, transition: Transition) -> None:
        self._services.tell(transition)
        is_active = self.state is State.ACTIVE
        self._status.set_idle(OK if is_active else WARN, "" if is_active else self.state.label)

    def _refused(self, error: EdgeInferError) -> None:
        """The service says only no: why stands in the log and in /diagnostics."""
        self._node.get_logger().error(str(error))
        if not isinstance(error, LifecycleError):
            self._status.set_idle(ERROR, f"{self.state.label}: {error}")
