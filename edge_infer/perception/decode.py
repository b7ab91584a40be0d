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
