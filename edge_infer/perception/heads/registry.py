"""The heads by the names that manifests call them."""

from __future__ import annotations

from edge_infer.errors import DecodeError
from edge_infer.models.manifest import OUTLINES
from edge_infer.perception.heads import detr, nanodet, ssd, yolov5, yolov6, yolov8, yolov10, yolox
from edge_infer.perception.heads.base import Head

HEADS: dict[str, Head] = {
    head.name: head
    for head in (
        yolov8.HEAD,
        yolov8.NORMALISED,
        yolov5.HEAD,
        yolov5.NORMALISED,
        yolov6.HEAD,
        yolov10.HEAD,
        yolov10.NORMALISED,
        yolox.HEAD,
        yolox.DECODED,
        nanodet.HEAD,
        nanodet.FIRST,
        ssd.HEAD,
        detr.DETR,
        detr.DETR_QUERIES,
        detr.RTDETR,
        detr.RTDETR_LIST,
    )
}
"""All that name what they find; the one that does not is outlines.py."""


def find(name: str) -> Head:
    """A head by its name; raises DecodeError for an unknown one."""
    if name not in HEADS:
        raise DecodeError(
            f"detection head {name!r} is not known",
            f"use a model with one of {', '.join((*HEADS, OUTLINES))}",
        )
    return HEADS[name]
