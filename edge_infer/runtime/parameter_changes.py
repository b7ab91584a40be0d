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

"""Changes of a node's parameters while it runs: judged, taken over, or refused with the reason.

What is set together is judged together, by the same model that reads a parameter file, and
the node follows before the answer is given: a change that was accepted is in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic

from pydantic import ValidationError

from edge_infer.errors import EdgeInferError
from edge_infer.runtime.api import Node
from edge_infer.runtime.parameters import (
    Change,
    Config,
    change_of,
    expectation,
    load_config,
    nested,
    rows_of,
)


class ChangingConfig(Generic[Config]):
    """A managed node's configuration.

    Args:
        node: the handle that its parameters are declared on.
        config_class: its fields are the parameters.
        is_unconfigured: whether those that are not for any time may be changed now.
        follow: takes the new configuration where only what may change at any time has changed;
            raises EdgeInferError to refuse it.

    Attributes:
        config: in force, or at the next configuring.

    Raises:
        ParameterError: as ``load_config`` does.
    """

    def __init__(
        self,
        node: Node,
        config_class: type[Config],
        is_unconfigured: Callable[[], bool],
        follow: Callable[[Config], None],
    ) -> None:
        self._node = node
        self._class = config_class
        self._is_unconfigured = is_unconfigured
        self._follow = follow
        self.config = load_config(node, config_class, is_managed=True)
        self._changes = {
            row.name: change_of(row.field, is_managed=True) for row in rows_of(config_class)
        }
        node.add_on_set_parameters_callback(self._judge)

    def _judge(self, parameters: list[Any]) -> Any:
        wanted = {each.name: each.value for each in parameters if each.name in self._changes}
        reason = self._change(wanted) if wanted else ""
        result: Any = self._node.messages["rcl_interfaces/msg/SetParametersResult"]
        return result(successful=not reason, reason=reason)

    def _change(self, wanted: Mapping[str, Any]) -> str:
        """Take over values, or say why not."""
        if locked := [name for name in wanted if self._is_locked(name)]:
            return (
                f"{locked[0]} changes only {Change.UNCONFIGURED.value}: "
                "deactivate it, clean it up, set it, configure it again"
            )
        values = {name: self._node.get_parameter(name).value for name in self._changes}
        values = {name: _plain(value) for name, value in {**values, **wanted}.items()}
        try:
            config = self._class.model_validate(nested(values))
            self._follow(config)
        except ValidationError as error:
            return _complaint(error)
        except EdgeInferError as error:
            return str(error)
        self.config = config
        return ""

    def _is_locked(self, name: str) -> bool:
        return self._changes[name] is Change.UNCONFIGURED and not self._is_unconfigured()


def _plain(value: Any) -> Any:
    """A list, where rclpy has an array."""
    return value.tolist() if hasattr(value, "tolist") else value


def _complaint(error: ValidationError) -> str:
    """The first of a model's complaints, in the words that a wrong file gets."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    expected = expectation(first)
    return f"{name} cannot be {first['input']!r}: it {expected}" if name else expected
