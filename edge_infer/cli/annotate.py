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

"""The folder that ``edge-infer detect --out`` fills: pictures with boxes, and two JSON files.

``detections.json`` is what ``--json`` prints. ``coco.json`` lists images and categories as
COCO does, and as annotations the results: boxes with a score, which other tools take as
they are.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.cli.inputs import Picture
from edge_infer.domain import Detections
from edge_infer.errors import UsageError
from edge_infer.files import write_whole
from edge_infer.perception.drawing import annotated

PICTURES = "annotated"
"""A folder of its own, so that no picture can take the place of what it was drawn from."""

JPEG_QUALITY = 95


class Album:
    """One run's output.

    Args:
        folder: made where it is not there.
        labels: of the model.

    Raises:
        UsageError: it cannot be written; said before there is anything to write.
    """

    def __init__(self, folder: Path, labels: Sequence[str]) -> None:
        self._folder = folder
        self._labels = labels
        self._names: set[str] = set()
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        try:
            (folder / PICTURES).mkdir(parents=True, exist_ok=True)
            for place in (folder, folder / PICTURES):
                tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            raise self._unwritable(error) from error

    def add(self, picture: Picture, found: Detections) -> None:
        """Draw a picture, and keep what was found for ``finish``; raises UsageError."""
        frame = picture.frame
        image_id = len(self._images) + 1
        size = {"width": frame.width, "height": frame.height}
        self._images.append({"id": image_id, "file_name": picture.name, **size})
        self._annotations += coco_results(image_id, found, len(self._annotations) + 1)
        image = annotated(frame, found, self._labels)
        # A PNG keeps thin lines sharp; of a video's many frames it would fill the disk.
        suffix = ".jpg" if picture.of_video else ".png"
        self._write(f"{PICTURES}/{self._name(picture, suffix)}", _encoded(image, suffix))

    def finish(self, document: dict[str, Any]) -> None:
        """Write both JSON files; raises UsageError.

        Args:
            document: what ``--json`` prints.
        """
        coco = {
            "images": self._images,
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(self._labels)],
            "annotations": self._annotations,
        }
        self._write("detections.json", _json(document))
        self._write("coco.json", _json(coco))

    def _name(self, picture: Picture, suffix: str) -> str:
        """Of the file for a picture; two pictures of one name lie in different folders."""
        path = Path(picture.name)
        stem = path.name if picture.of_video else path.stem
        name, number = stem + suffix, 1
        while name in self._names:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._names.add(name)
        return name

    def _write(self, name: str, content: bytes) -> None:
        try:
            write_whole(self._folder / name, content)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self._folder} cannot be written ({error.strerror})", "name another folder as --out"
        )


def coco_results(image_id: int, found: Detections, first_id: int) -> list[dict[str, Any]]:
    """COCO results of one image: bbox is left, top, width, height in pixels."""
    corners = found.xyxy.astype(float)
    return [
        {
            "id": first_id + index,
            "image_id": image_id,
            "category_id": int(found.class_id[index]) + 1,
            "bbox": [round(v, 2) for v in (left, top, right - left, bottom - top)],
            "area": round((right - left) * (bottom - top), 2),
            "iscrowd": 0,
            "score": round(float(found.confidence[index]), 4),
        }
        for index, (left, top, right, bottom) in enumerate(corners.tolist())
    ]


def _encoded(image: NDArray[np.uint8], suffix: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    return bytes(cv2.imencode(suffix, image, options)[1])


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
