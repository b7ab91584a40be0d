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

"""A handle whose node hears and acts only while it is active, and leaves nothing behind.

What is created on it stays until it is closed. Subscriptions and timers exist in the
middleware only while the node is active, so that an inactive one costs nothing: they are
made when it is activated, and destroyed when it is deactivated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from edge_infer.runtime.api import Node

_LASTING = ("publisher", "service", "client", "guard_condition")
_WHILE_ACTIVE = ("subscription", "timer")


class ManagedHandle:
    """Makes and destroys what one node creates.

    Args:
        node: the handle under it.

    Attributes:
        node: what the node is given; as that handle but for what is created on it.
    """

    def __init__(self, node: Node) -> None:
        self._under: Any = node
        self._things: list[_Thing] = []
        self._is_active = False
        self.node = cast("Node", _Recorder(node, self))

    def activate(self) -> None:
        """Make subscriptions and timers."""
        self._is_active = True
        for thing in tuple(self._things):
            thing.make()

    def deactivate(self) -> None:
        """Destroy them; what comes from now on is not heard."""
        self._is_active = False
        for thing in self._things:
            if thing.kind in _WHILE_ACTIVE:
                thing.unmake()

    def close(self) -> None:
        """Destroy all that was created, the last first."""
        self._is_active = False
        while self._things:
            self._things.pop().unmake()

    def create(self, kind: str, *args: Any, **options: Any) -> Any:
        """As ``create_<kind>`` of the handle; what is returned may not be there yet."""
        make = partial(getattr(self._under, f"create_{kind}"), *args, **options)
        thing = _Thing(kind, make, getattr(self._under, f"destroy_{kind}"))
        self._things.append(thing)
        if kind in _LASTING:
            thing.make()
            return thing.made
        if self._is_active:
            thing.make()
        return thing

    def destroy(self, created: Any) -> bool:
        """As ``destroy_<kind>`` of the handle."""
        for index, thing in enumerate(self._things):
            if created is thing or created is thing.made:
                del self._things[index]
                thing.unmake()
                return True
        return False


class _Thing:
    """Something that was created; of subscriptions and timers, what stands for them."""

    def __init__(self, kind: str, make: Callable[[], Any], destroy: Callable[[Any], Any]) -> None:
        self.kind = kind
        self.made: Any = None
        self._make = make
        self._destroy = destroy

    def make(self) -> None:
        if self.made is None:
            self.made = self._make()

    def unmake(self) -> None:
        made, self.made = self.made, None
        if made is not None:
            self._destroy(made)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def cancel(self) -> None:
        """Of a timer."""
        if self.made is not None:
            self.made.cancel()

    def reset(self) -> None:
        """Of a timer."""
        if self.made is not None:
            self.made.reset()


class _Recorder:
    """The handle itself, but for what is created on it."""

    def __init__(self, node: Node, managed: ManagedHandle) -> None:
        self._under = node
        for kind in (*_LASTING, *_WHILE_ACTIVE):
            setattr(self, f"create_{kind}", partial(managed.create, kind))
            setattr(self, f"destroy_{kind}", managed.destroy)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)
