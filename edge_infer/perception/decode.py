"""Raw tensors become Detections or outlines in input pixels: one decoder per head, then NMS.

Nothing here knows an engine or the size of the source image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import Detections
from edge_infer.errors import DecodeError
from edge_infer.models.manifest import OUTLINES, Manifest
from edge_infer.outlines import bounds

TOP_K = 400
"""Candidates that NMS looks at: it is quadratic, and hardly a frame shows more faults."""


class Candidates(NamedTuple):
    """Boxes above the threshold, before NMS.

    Attributes:
        xyxy: (n, 4) float32, input pixels.
        score: (n,) float32.
        class_id: (n,) int32.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]


class Found(NamedTuple):
    """Things without a name yet, best first after NMS.

    Attributes:
        outline: (n, 4, 2) float32, corners in input pixels as in outlines.py.
        score: (n,) float32, chance that each is there.
    """

    outline: NDArray[np.float32]
    score: NDArray[np.float32]


Decoder = Callable[[Sequence[NDArray[Any]], Manifest], Candidates]
"""Outputs of the model, and what its manifest says of them -> candidates."""


def decode_yolov8(outputs: Sequence[NDArray[Any]], manifest: Manifest) -> Candidates:
    """Decode one output [1, 4 + classes, n]: cx, cy, w, h in input pixels, then class scores.

    The layout of Ultralytics YOLOv8 and YOLO11 exports. Channel first: the best
    score of each place is one pass over contiguous rows, and only the few places
    above the threshold are looked at again.
    """
    classes = len(manifest.labels)
    shapes = [output.shape for output in outputs]
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][:2] != (1, 4 + classes):
        raise DecodeError(
            f"outputs {shapes} are not the yolov8 head's [1, {4 + classes}, n]",
            "state the model's real head and labels in its manifest",
        )
    boxes, scores = outputs[0][0, :4], outputs[0][0, 4:]
    hits = np.flatnonzero(scores.max(axis=0) >= manifest.score_threshold)
    scores = scores[:, hits]
    class_id = scores.argmax(axis=0).astype(np.int32)
    score = scores[class_id, np.arange(len(hits))].astype(np.float32)
    centre, half = boxes[:2, hits].T, boxes[2:, hits].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return Candidates(xyxy, score, class_id)


def decode_outlines(outputs: Sequence[NDArray[Any]], manifest: Manifest) -> Found:
    """Decode maps [1, 8, h, w] and [1, 1, h, w] of our own finder, then NMS.

    Offsets of a thing's four corners from a place's centre in strides, clockwise from
    the top left one, and the logit of the thing's centre being there: see
    training/networks/finder.py. Only places that no neighbour outbids are looked at
    (Zhou et al., Objects as Points, 2019).
    """
    shapes = [output.shape for output in outputs]
    if [shape[:2] for shape in shapes] != [(1, 8), (1, 1)] or (
        len({shape[2:] for shape in shapes}) != 1 or len(shapes[0]) != 4
    ):
        raise DecodeError(
            f"outputs {shapes} are not the outlines head's [1, 8, h, w] and [1, 1, h, w]",
            "state the model's real head and labels in its manifest",
        )
    logits = outputs[1][0, 0]
    # A score is at most the chance that something is there: what falls short is not looked at.
    peaks = (logits >= logit(manifest.score_threshold)) & (logits >= cv2.dilate(logits, _AROUND))
    outline, score = read_outlines(outputs, manifest, *np.nonzero(peaks))
    group = np.zeros(len(score), np.int32)
    keep = nms(bounds(outline), score, group, manifest.nms_iou)
    return Found(outline[keep], score[keep])


def read_outlines(
    outputs: Sequence[NDArray[Any]], manifest: Manifest, y: NDArray[np.intp], x: NDArray[np.intp]
) -> Found:
    """What the outlines head says at (n,) rows and columns of places.

    The corners are the mean of what the place and its neighbours say, each by the chance that
    it sees the thing: that is a sixteenth more exact than the place alone.
    """
    corners, logits = outputs[0][0], outputs[1][0, 0]
    rows, columns = logits.shape
    near_y = np.clip(y + _NEAR[:, :1], 0, rows - 1)
    near_x = np.clip(x + _NEAR[:, 1:], 0, columns - 1)
    chance = 1 / (1 + np.exp(-np.maximum(logits[near_y, near_x], _LEAST_LOGIT)))
    centre = np.stack([near_x, near_y], axis=-1).astype(np.float32) + np.float32(0.5)
    said = centre[:, :, None] + corners[:, near_y, near_x].transpose(1, 2, 0).reshape(9, -1, 4, 2)
    outline = np.einsum("knci,kn->nci", said, chance / chance.sum(axis=0))
    stride = np.array([manifest.input.width, manifest.input.height]) / [columns, rows]
    return Found((outline * stride).astype(np.float32), chance[_ITSELF])


def logit(probability: float) -> float:
    """Natural log-odds of a chance, 0..1; infinite at the ends."""
    with np.errstate(divide="ignore"):
        return float(np.log(probability) - np.log1p(-probability))


_AROUND = np.ones((3, 3), np.uint8)

_NEAR = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 2), axis=-1).reshape(-1, 2)
_ITSELF = 4
"""Rows and columns from a place to its neighbours, and which of them is the place itself."""

_LEAST_LOGIT = np.float32(-80.0)
"""Below this the chance would be 0 in float32, and a mean by chances has no meaning."""

DECODERS: dict[str, Decoder] = {"yolov8": decode_yolov8}
"""Head that names what it finds -> decoder."""


def decoder(head: str) -> Decoder:
    """The decoder of a head; raises DecodeError for an unknown name."""
    if head not in DECODERS:
        raise DecodeError(
            f"detection head {head!r} is not known",
            f"use a model with one of {', '.join((*DECODERS, OUTLINES))}",
        )
    return DECODERS[head]


def decode(outputs: Sequence[NDArray[Any]], manifest: Manifest) -> Detections:
    """Outputs of the model -> Detections in input pixels, best first.

    Raises:
        DecodeError: the outputs do not have the head's shape.
    """
    found = decoder(manifest.head)(outputs, manifest)
    groups = found.class_id if manifest.nms == "per_class" else np.zeros_like(found.class_id)
    keep = nms(found.xyxy, found.score, groups, manifest.nms_iou)
    return Detections(found.xyxy[keep], found.score[keep], found.class_id[keep])


def nms(
    xyxy: NDArray[np.float32],
    score: NDArray[np.float32],
    group: NDArray[np.int32],
    max_iou: float,
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each group, over the best TOP_K boxes.

    Returns:
        Indices of the boxes that stay, best first; equal scores in their order.
    """
    order = np.argsort(-score, kind="stable")[:TOP_K]
    rival = (pairwise_iou(xyxy[order]) > max_iou) & (group[order, None] == group[order])
    alive = np.ones(len(order), bool)
    for index in range(len(order)):
        if alive[index]:
            alive[index + 1 :] &= ~rival[index, index + 1 :]
    return order[alive]


def pairwise_iou(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n) intersection over union of (n, 4) boxes; 0 where both are empty."""
    left_top = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])
    right_bottom = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    overlap = np.clip(right_bottom - left_top, 0, None).prod(axis=2)
    area = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None).prod(axis=1)
    union = area[:, None] + area[None, :] - overlap
    iou = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return np.asarray(iou, np.float32)
