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
