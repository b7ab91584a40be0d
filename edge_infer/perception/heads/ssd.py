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

"""Boxes, classes, scores and their number: SSD and EfficientDet with TensorFlow Lite's last step.

Boxes are top, left, bottom and right in 0..1 of the input, already sorted out. A class
without a label is left out.
"""

from __future__ import annotations

import numpy as np

from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads.base import (
    Candidates,
    Fit,
    Given,
    Head,
    Outputs,
    Usual,
    candidates,
    check,
    in_pixels,
    strongest,
)
from edge_infer.perception.heads.lists import LONGEST, named
from edge_infer.perception.heads.roles import Role, arrange

# The names that the detection operator and the signatures of TensorFlow 2 give.
_ROLES = (
    Role("boxes", (1, "n", 4), ("box", "location")),
    Role("classes", (1, "n"), ("class", "categor", "label", "partitionedcall:2", "process:1")),
    Role("scores", (1, "n"), ("score", "conf", "partitionedcall:1", "process:2")),
    Role("count", (1,), ("count", "num")),
)


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    check("ssd", outputs, *(role.shape for role in _ROLES))
    count = max(0, int(outputs[3][0]))
    boxes, classes, scores = (output[0, :count] for output in outputs[:3])
    place = strongest(scores, manifest.score_threshold)
    place = place[named(classes[place], manifest)]
    return candidates(
        in_pixels(boxes[place][:, [1, 0, 3, 2]], manifest),
        scores[place].astype(np.float32),
        classes[place].astype(np.int32),
    )


def fits(given: Given) -> Fit | None:
    """By four outputs of these shapes."""
    found = arrange(given.outputs, _ROLES)
    if found is None or found.letters.get("n", 0) > LONGEST:
        return None
    return Fit(found.names, None)


HEAD = Head(
    "ssd", "boxes [1, n, 4], classes [1, n], scores [1, n] and count [1]",
    tuple(role.name for role in _ROLES), decode, fits, nms=False,
    usual=Usual(resize="stretch", mean=127.5, scale=1 / 127.5),
)  # fmt: skip
