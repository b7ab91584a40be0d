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

"""What heads have in common that give a short list instead of a box for each place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads.base import Fit, Given, Outputs, check, strongest
from edge_infer.perception.heads.roles import Role, arrange

LONGEST = 1000
"""Boxes in a list; whatever gives more is no list, but a grid that nobody here knows."""


def named(class_id: NDArray[Any], manifest: Manifest) -> NDArray[np.bool_]:
    """Which of (n,) classes have a label."""
    return np.asarray((class_id >= 0) & (class_id < len(manifest.labels)))


_LIST = (Role("list", (1, "k", 6)),)


def read_list(head: str, outputs: Outputs, manifest: Manifest) -> NDArray[np.float32]:
    """(n, 6) rows of one output [1, k, 6]: box, score, class; above the threshold and named."""
    check(head, outputs, *(role.shape for role in _LIST))
    rows = outputs[0][0]
    rows = rows[strongest(rows[:, 4], manifest.score_threshold)].astype(np.float32, copy=False)
    return np.asarray(rows[named(rows[:, 5], manifest)])


def fit_list(given: Given) -> Fit | None:
    """Which output is such a list."""
    found = arrange(given.outputs, _LIST)
    if found is None or found.letters.get("k", 0) > LONGEST:
        return None
    return Fit(found.names, None)
