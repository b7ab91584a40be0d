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

"""Raw tensors become Detections in input pixels: the manifest's head, then NMS where it wants it.

Nothing here knows an engine or the size of the source image. The head that outlines things
without naming them is in heads/outlines.py.
"""

from __future__ import annotations

import numpy as np

from edge_infer.domain import Detections
from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads import registry
from edge_infer.perception.heads.base import Decoder, Outputs
from edge_infer.perception.nms import best_first, nms


def decoder(head: str) -> Decoder:
    """The decoder of a head; raises DecodeError for an unknown name."""
    return registry.find(head).decode


def decode(outputs: Outputs, manifest: Manifest) -> Detections:
    """Outputs of the model, in the head's order -> Detections in input pixels, best first.

    Raises:
        DecodeError: the head is not known, or the outputs do not have its shape.
    """
    head = registry.find(manifest.head)
    found = head.decode(outputs, manifest)
    if head.nms:
        groups = found.class_id if manifest.nms == "per_class" else np.zeros_like(found.class_id)
        keep = nms(found.xyxy, found.score, groups, manifest.nms_iou)
    else:
        keep = best_first(found.score)
    return Detections(found.xyxy[keep], found.score[keep], found.class_id[keep])
