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

"""The services by which ``ros2 param`` and others reach a node's parameters."""

from __future__ import annotations

from typing import Any

from edge_infer.errors import ParameterError
from edge_infer.runtime.api import Node
from edge_infer.runtime.local_parameters import LocalParameters, value_from_msg, value_to_msg

_SEPARATOR = "."


class ParameterServices:
    """Offers the six standard services of one node under ``~/``.

    As rclpy does it, an answer is empty when one of the names asked for is unknown.
    """

    def __init__(self, node: Node, parameters: LocalParameters) -> None:
        self._messages = node.messages
        self._parameters = parameters
        for name, answer in (
            ("DescribeParameters", self._describe),
            ("GetParameterTypes", self._get_types),
            ("GetParameters", self._get),
            ("ListParameters", self._list),
            ("SetParameters", self._set),
            ("SetParametersAtomically", self._set_atomically),
        ):
            topic = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:]
            srv_type = self._messages[f"rcl_interfaces/srv/{name}"]
            node.create_service(srv_type, f"~/{topic}", answer)

    def _describe(self, request: Any, response: Any) -> Any:
        if all(name in self._parameters for name in request.names):
            response.descriptors = [self._parameters.descriptor(name) for name in request.names]
        return response

    def _get_types(self, request: Any, response: Any) -> Any:
        if all(name in self._parameters for name in request.names):
            response.types = [self._parameters.get(name).kind for name in request.names]
        return response

    def _get(self, request: Any, response: Any) -> Any:
        if all(name in self._parameters for name in request.names):
            values = (self._parameters.get(name).value for name in request.names)
            response.values = [value_to_msg(value) for value in values]
        return response

    def _list(self, request: Any, response: Any) -> Any:
        names = [name for name in self._parameters.names() if _is_listed(name, request)]
        response.result.names = names
        parents = {name.rpartition(_SEPARATOR)[0] for name in names}
        response.result.prefixes = sorted(parents - {""})
        return response

    def _set(self, request: Any, response: Any) -> Any:
        response.results = [self._apply([parameter]) for parameter in request.parameters]
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:
        response.result = self._apply(request.parameters)
        return response

    def _apply(self, parameters: list[Any]) -> Any:
        try:
            changes = [(each.name, value_from_msg(each.value)) for each in parameters]
            reason = self._parameters.set_all(changes)
        except ParameterError as error:
            reason = error.problem
        result = self._messages["rcl_interfaces/msg/SetParametersResult"]
        return result(successful=not reason, reason=reason)


def _is_listed(name: str, request: Any) -> bool:
    """Whether a ListParameters request wants that name; depth 0 is without limit."""
    below = [
        name[len(prefix) + 1 :]
        for prefix in request.prefixes
        if name.startswith(prefix + _SEPARATOR)
    ]
    if request.prefixes and not below and name not in request.prefixes:
        return False
    depth = min(rest.count(_SEPARATOR) for rest in below or [name]) + 1
    return bool(request.depth == 0 or depth <= request.depth)
