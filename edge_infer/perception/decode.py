"""Raw tensors become Detections in input pixels: one decoder per head, then NMS.

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
from edge_infer.models.manifest import Manifest

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


def decode_grid(outputs: Sequence[NDArray[Any]], manifest: Manifest) -> Candidates:
    """Decode raw maps [1, 4, h, w], [1, 1, h, w] and [1, classes + 1, h, w] of our own network.

    Distances from a place to the four sides in strides, the logit of a centre being
    there, and what speaks for each class and, last, for none of them: see
    training/network.py. Only places that no neighbour outbids are looked at (Zhou et
    al., Objects as Points, 2019), and a thing is what the mean over its box says. Its
    score is the chance that it is there and is of any class.
    """
    classes = len(manifest.labels)
    shapes = [output.shape for output in outputs]
    if [shape[:2] for shape in shapes] != [(1, 4), (1, 1), (1, classes + 1)] or (
        len({shape[2:] for shape in shapes}) != 1 or len(shapes[0]) != 4
    ):
        raise DecodeError(
            f"outputs {shapes} are not the grid head's [1, 4, h, w], [1, 1, h, w], "
            f"[1, {classes + 1}, h, w]",
            "state the model's real head and labels in its manifest",
        )
    logits = outputs[1][0, 0]
    # A score is at most the centre's, so what falls short there is not looked at.
    peaks = (logits >= _logit(manifest.score_threshold)) & (logits >= cv2.dilate(logits, _AROUND))
    places, chances = read_grid(outputs, *np.nonzero(peaks))
    score = chances.sum(axis=1)
    hit = score >= manifest.score_threshold
    stride = np.array([manifest.input.width, manifest.input.height]) / logits.shape[::-1]
    return Candidates(
        (places[hit] * np.tile(stride, 2)).astype(np.float32),
        score[hit].astype(np.float32),
        chances[hit].argmax(axis=1).astype(np.int32),
    )


def read_grid(
    outputs: Sequence[NDArray[Any]], y: NDArray[np.intp], x: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the grid head says at some places.

    Args:
        outputs: as of decode_grid.
        y: (n,) rows.
        x: (n,) columns.

    Returns:
        (n, 4) boxes in places, and (n, classes) chances that a thing of the class is there.
    """
    distances, logits, kinds = outputs[0][0], outputs[1][0, 0], outputs[2][0]
    centre = np.stack([x, y], axis=1).astype(np.float32) + np.float32(0.5)
    sides = distances[:, y, x].T
    places = np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], axis=1)
    there = 1 / (1 + np.exp(-logits[y, x]))
    return places, _softmax(_box_means(kinds, places))[:, :-1] * there[:, None]


def _box_means(maps: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, channels) means of (channels, h, w) maps over (n, 4) boxes in places."""
    channels, height, width = maps.shape
    down = _covered(places[:, 1], places[:, 3], height)
    across = _covered(places[:, 0], places[:, 2], width)
    rows = down @ maps.transpose(1, 0, 2).reshape(height, -1)
    means = np.einsum("ncw,nw->nc", rows.reshape(-1, channels, width), across)
    return np.asarray(means, np.float32)


def _covered(
    low: NDArray[np.float32], high: NDArray[np.float32], count: int
) -> NDArray[np.float32]:
    """(n, count) shares of each interval that lie on each place."""
    start = np.arange(count, dtype=np.float32)
    covered = np.minimum(high[:, None], start + 1) - np.maximum(low[:, None], start)
    covered = np.clip(covered, 0, None)
    return np.asarray(covered / np.maximum(covered.sum(axis=1, keepdims=True), np.float32(1e-6)))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _logit(probability: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(probability) - np.log1p(-probability))


_AROUND = np.ones((3, 3), np.uint8)

DECODERS: dict[str, Decoder] = {"grid": decode_grid, "yolov8": decode_yolov8}
"""Head name in the manifest -> decoder."""


def decoder(head: str) -> Decoder:
    """The decoder of a head; raises DecodeError for an unknown name."""
    if head not in DECODERS:
        raise DecodeError(
            f"detection head {head!r} is not known",
            f"use a model with one of {', '.join(DECODERS)}",
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
