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

"""Labels in COCO form: one JSON file of images, categories and boxes.

Key points and masks are left out, but that a mask of four corners is a thing's outline,
for things that stand askew. A region marked ``iscrowd`` counts neither as
found nor as missed. What this project writes has one key more, ``visible``: the
share of a thing that is in the picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
from pydantic import BaseModel, Field, ValidationError

from edge_infer.datasets.annotations import Annotations, Row, boxes_of, name_classes
from edge_infer.datasets.frames import Boxes, LabelledFrames
from edge_infer.errors import DatasetError
from edge_infer.files import write_whole
from edge_infer.simulation.modules import NO_ANOMALY

ANNOTATIONS_FILE = "annotations.json"

_Place = Annotated[float, Field(allow_inf_nan=False)]
_Side = Annotated[float, Field(allow_inf_nan=False, gt=0)]
_Id = int | str


class _Category(BaseModel):
    id: _Id
    name: str


class _Image(BaseModel):
    id: _Id
    file_name: str


class _Annotation(BaseModel):
    image_id: _Id
    category_id: _Id
    bbox: tuple[_Place, _Place, _Side, _Side]
    iscrowd: int = 0
    visible: float = Field(1.0, ge=0, le=1)
    segmentation: Any = None


class _Document(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read_coco(file: Path, root: Path) -> Annotations:
    """Read an annotation file.

    Args:
        file: the JSON.
        root: folder that holds the images, or holds them under ``images/`` or ``data/``.

    Raises:
        DatasetError: the file is broken, or an image or a class that it means is absent.
    """
    document = _parse(file)
    categories = sorted(document.categories, key=lambda category: str(category.id).zfill(12))
    labels, ids = name_classes([category.name for category in categories], str(file))
    class_ids = {category.id: i for category, i in zip(categories, ids, strict=True)}
    rows: dict[_Id, list[Row]] = {image.id: [] for image in document.images}
    for number, annotation in enumerate(document.annotations):
        where = f"annotation {number} of {file}"
        if annotation.image_id not in rows:
            raise DatasetError(
                f"{where} is of image {annotation.image_id}, which it does not list",
                "list the image or remove the annotation",
            )
        if annotation.category_id not in class_ids:
            raise DatasetError(
                f"{where} is of category {annotation.category_id}, which it does not list",
                f"use one of {', '.join(str(i) for i in class_ids)}",
            )
        rows[annotation.image_id].append(_row(annotation, class_ids[annotation.category_id]))
    paths = tuple(_find(image.file_name, file, root) for image in document.images)
    boxes = tuple(boxes_of(rows[image.id]) for image in document.images)
    return Annotations(paths, labels, boxes, relative=False)


def write_coco(folder: str | Path, frames: LabelledFrames, labels: Sequence[str]) -> None:
    """Write frames as PNG files with their annotations, which come last.

    Raises:
        DatasetError: the disk does not take them.
    """
    root = Path(folder)
    names = [f"{index:05}.png" for index in range(len(frames.images))]
    try:
        (root / "images").mkdir(parents=True, exist_ok=True)
        for name, image in zip(names, frames.images, strict=True):
            write_whole(root / "images" / name, cv2.imencode(".png", image)[1].tobytes())
        document = _document(frames, names, labels)
        write_whole(root / ANNOTATIONS_FILE, (json.dumps(document) + "\n").encode())
    except OSError as error:
        raise DatasetError(
            f"{root} cannot be written ({error.strerror})", "make room there or name another folder"
        ) from error


def _parse(file: Path) -> _Document:
    try:
        return _Document.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DatasetError(
            f"{file} cannot be read ({error.strerror})", "check its permissions"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        what = f"key {key!r}: {first['msg']}" if key else first["msg"]
        raise DatasetError(
            f"{file} is no COCO annotation file ({what})", "correct it or export it again"
        ) from None


def _row(annotation: _Annotation, class_id: int) -> Row:
    x, y, width, height = annotation.bbox
    visible = 0.0 if annotation.iscrowd else annotation.visible
    return Row((x, y, x + width, y + height), class_id, visible, _corners(annotation.segmentation))


def _corners(segmentation: Any) -> tuple[float, ...] | None:
    """Of a segmentation that is one polygon of four finite corners; None of any other."""
    try:
        (polygon,) = segmentation
        corners = tuple(float(value) for value in polygon)
    except (TypeError, ValueError):
        return None
    return corners if len(corners) == 8 and all(map(math.isfinite, corners)) else None


def _find(name: str, file: Path, root: Path) -> Path:
    """An image: beside the file, or in a folder that bears a usual name or the file's last word."""
    part = file.stem.rpartition("_")[2]
    for folder in (".", "images", "data", part, f"images/{part}"):
        if (root / folder / name).is_file():
            return root / folder / name
    raise DatasetError(
        f"image {name} of {file} is not there", f"put it into {root} or {root / 'images'}"
    )


def _document(
    frames: LabelledFrames, names: Sequence[str], labels: Sequence[str]
) -> dict[str, Any]:
    height, width = frames.images.shape[1:]
    return {
        "images": [
            {"id": index, "file_name": name, "width": width, "height": height}
            for index, name in enumerate(names)
        ],
        "categories": [{"id": i + 1, "name": n} for i, n in enumerate([*labels, NO_ANOMALY])],
        "annotations": _annotations(frames.boxes, len(labels)),
    }


def _annotations(boxes: Boxes, classes: int) -> list[dict[str, Any]]:
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    category = np.where(boxes.class_id < 0, classes, boxes.class_id) + 1
    corners_and_sides = np.concatenate([boxes.xyxy[:, :2], sides], axis=1).astype(np.float64)
    return [
        {
            "id": index + 1,
            "image_id": int(boxes.frame[index]),
            "category_id": int(category[index]),
            "bbox": [round(value, 3) for value in corners_and_sides[index].tolist()],
            "area": round(float(sides[index].prod()), 3),
            "segmentation": [[round(v, 3) for v in boxes.outline[index].ravel().tolist()]],
            "iscrowd": 0,
            "visible": round(float(boxes.visible[index]), 4),
        }
        for index in range(len(boxes.frame))
    ]
