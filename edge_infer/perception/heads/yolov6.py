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
