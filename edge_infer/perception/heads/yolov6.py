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

"""One output [1, n, 5 + labels] with one box at each place: YOLOv6.

Centre, width and height in input pixels, a one, then a chance for each label. The shape is
that of YOLOX, but the ones tell.
"""

from __future__ import annotations

import numpy as np

from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads.base import (
    Candidates,
    Head,
    Outputs,
    best_of_rows,
    candidates,
    check,
    from_centres,
)
from edge_infer.perception.heads.yolox import fits


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    check("yolov6", outputs, (1, "n", 5 + len(manifest.labels)))
    rows = outputs[0][0]
    best = best_of_rows(rows[:, 5:], manifest.score_threshold)
    cxcywh = rows[best.place, :4].astype(np.float32, copy=False)
    return candidates(from_centres(cxcywh), best.score, best.class_id)


HEAD = Head(
    "yolov6", "[1, n, 5 + labels], n the places on the input, the fifth number always 1",
    ("boxes and scores",), decode, fits,
)  # fmt: skip
