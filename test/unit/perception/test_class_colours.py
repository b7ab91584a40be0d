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

"""Classes have colours of their own, which people learn."""

from __future__ import annotations

from itertools import combinations

import pytest

from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.class_colours import class_colour


def test_the_colours_are_the_same_for_ever() -> None:
    assert class_colour("Diode") == pytest.approx((0.132, 1.0, 0.282), abs=1e-3)


def test_the_shipped_models_classes_look_different() -> None:
    labels = ModelBundle.load(shipped()).manifest.labels
    for one, other in combinations(map(class_colour, labels), 2):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.25
