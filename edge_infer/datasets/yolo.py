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

"""Labels in YOLO form: ``images/`` and ``labels/`` side by side, one text file an image.

A line is ``class cx cy w h`` in shares of the image. Class names stand in data.yaml
or classes.txt. An image whose text file is empty or absent shows nothing. Polygons
and key points are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from edge_infer.datasets.annotations import Annotations, Row, boxes_of, is_box, name_classes
from edge_infer.errors import DatasetError
from edge_infer.perception.images import IMAGE_SUFFIXES

NAME_FILES = ("data.yaml", "classes.txt", "labels/classes.txt", "../data.yaml")
"""Where class names are looked for, from the folder."""

_ROUNDING = 1.01
"""A share may reach so far: annotation tools round."""


def is_yolo(root: Path) -> bool:
    """Whether a folder has this form."""
    names = any((root / name).is_file() for name in NAME_FILES[:2])
    return (root / "labels").is_dir() or (names and (root / "images").is_dir())


def read_yolo(root: Path) -> Annotations:
    """Read the labels of a folder; raises DatasetError."""
    names, origin = _names(root)
    labels, ids = name_classes(names, origin)
    images = root / "images"
    paths = tuple(sorted(p for p in images.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES))
    if not paths:
        raise DatasetError(f"{images} holds no images", f"put {', '.join(IMAGE_SUFFIXES)} there")
    files = [root / "labels" / path.relative_to(images).with_suffix(".txt") for path in paths]
    return Annotations(
        paths, labels, tuple(boxes_of(_rows(file, ids)) for file in files), relative=True
    )


def _rows(file: Path, ids: list[int]) -> list[Row]:
    if not file.is_file():
        return []
    lines = _text(file).splitlines()
    return [
        _row(line.split(), ids, f"line {number} of {file}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def _row(words: list[str], ids: list[int], where: str) -> Row:
    if len(words) != 5:
        raise DatasetError(
            f"{where} has {len(words)} values", "write class cx cy w h, one box a line"
        )
    try:
        index, (x, y, width, height) = int(words[0]), map(float, words[1:])
    except ValueError:
        raise DatasetError(
            f"{where} holds what is no number", "write class cx cy w h, one box a line"
        ) from None
    if not 0 <= index < len(ids):
        raise DatasetError(
            f"{where} is of class {index}, but there are {len(ids)} classes",
            "correct it, or name that class in data.yaml or classes.txt",
        )
    if not is_box((x, y), (width, height)):
        raise DatasetError(
            f"{where} is no box ({' '.join(words[1:])})", "give finite numbers and sides above 0"
        )
    if min(x, y) < 0 or max(x, y, width, height) > _ROUNDING:
        raise DatasetError(
            f"{where} is not in shares of the image ({' '.join(words[1:])})",
            "divide x and w by its width, y and h by its height",
        )
    corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Row(corners, ids[index])


def _names(root: Path) -> tuple[list[str], str]:
    """Class names, and the file that they stand in."""
    for name in NAME_FILES:
        file = root / name
        if file.is_file():
            text = _text(file)
            names = _from_yaml(text, file) if file.suffix == ".yaml" else text.split("\n")
            return [name.strip() for name in names if name.strip()], str(file)
    raise DatasetError(
        f"{root} has labels/ but no class names", "add a data.yaml with names, or a classes.txt"
    )


def _from_yaml(text: str, file: Path) -> list[str]:
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        document = None
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[index] for index in range(len(names))]
    if not isinstance(names, list):
        raise DatasetError(
            f"{file} lists no class names", "write names: [first, second, ...] there"
        )
    return [str(name) for name in names]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"{file} cannot be read ({error.strerror})", "check its permissions"
        ) from error
    except UnicodeDecodeError:
        raise DatasetError(f"{file} is no text", "save it as UTF-8") from None
