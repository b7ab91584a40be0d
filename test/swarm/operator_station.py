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

"""An operator beside a fleet: drives lifecycles and sets parameters from another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_infer.runtime.embedded.runtime import EmbeddedRuntime

PATIENCE_S = 60.0


class Operator:
    """A node of the embedded runtime in the test's own process, whatever the fleet runs on."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.runtime = EmbeddedRuntime([], environ)
        self.node = self.runtime.create_node("operator")
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *_: object) -> None:
        self.runtime.shutdown()

    def sees(self, name: str, namespace: str) -> bool:
        """Whether a node comes up."""
        names = self.node.get_node_names_and_namespaces
        return self.runtime.spin_until(lambda: (name, namespace) in names(), PATIENCE_S)

    def call(self, service: str, srv: str, **fields: Any) -> Any:
        srv_type: Any = self.node.messages[srv]
        if service not in self._clients:
            self._clients[service] = self.node.create_client(srv_type, service)
        client = self._clients[service]
        assert self.runtime.spin_until(client.service_is_ready, PATIENCE_S), service
        future = client.call_async(srv_type.Request(**fields))
        assert self.runtime.spin_until(future.done, PATIENCE_S), service
        return future.result()

    def change(self, node: str, label: str) -> bool:
        transition: Any = self.node.messages["lifecycle_msgs/msg/Transition"]
        answer = self.call(
            f"{node}/change_state",
            "lifecycle_msgs/srv/ChangeState",
            transition=transition(label=label),
        )
        return bool(answer.success)

    def state(self, node: str) -> str:
        answer = self.call(f"{node}/get_state", "lifecycle_msgs/srv/GetState")
        return str(answer.current_state.label)
