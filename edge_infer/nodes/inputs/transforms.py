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

"""Hears /tf and /tf_static."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from edge_infer.errors import EdgeInferError
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.transforms import Transform, transforms_from_msg
from edge_infer.perception.transforms import TransformBuffer
from edge_infer.runtime.api import Node


class TransformInput:
    """The tree of frames that a node hears of.

    Args:
        node: the handle.
        tolerance_s: as of ``TransformBuffer``.
        refuse: told of a transform that is none: the name of a counter, and why.

    Attributes:
        buffer: what was heard.
    """

    def __init__(
        self, node: Node, tolerance_s: float, refuse: Callable[[str, EdgeInferError], None]
    ) -> None:
        self.buffer = TransformBuffer(tolerance_s)
        self._refuse = refuse
        topics.TRANSFORMS.subscription(node, partial(self._hear, False))
        topics.STATIC_TRANSFORMS.subscription(node, partial(self._hear, True))

    def _hear(self, is_static: bool, msg: Any) -> None:
        for link in transforms_from_msg(msg):
            self._add(link, is_static)

    def _add(self, link: Transform, is_static: bool) -> None:
        try:
            self.buffer.add(link.parent, link.child, link.pose, is_static)
        except EdgeInferError as error:
            self._refuse("transforms_refused", error)
