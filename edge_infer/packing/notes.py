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

"""What an exporter wrote into a file of weights, in whichever of the usual forms.

ONNX has keys and texts. TensorFlow Lite has whole files appended, of which one may hold
keys and values again, as JSON or as a Python dictionary.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any


def flat(metadata: Mapping[str, str]) -> dict[str, str]:
    """Keys and texts of the metadata and of the dictionaries in it."""
    notes = dict(metadata)
    for name, text in metadata.items():
        inside = _parsed(text) if name.endswith((".json", ".txt")) else None
        if isinstance(inside, dict):
            notes.update({str(key): str(value) for key, value in inside.items()})
    return notes


def labels(notes: Mapping[str, str]) -> tuple[str, ...]:
    """By ``names``, a dictionary or list, or by a file of labels; () where there is none."""
    names = _parsed(notes.get("names", ""))
    if isinstance(names, dict):
        by_index = {str(index): str(label) for index, label in names.items()}
        names = [by_index.get(str(index), "") for index in range(len(names))]
    if isinstance(names, list) and names and all(str(name) for name in names):
        return tuple(str(name) for name in names)
    files = (text for name, text in notes.items() if re.search(r"label\w*\.txt$", name))
    return lines(next(files, ""))


def lines(text: str) -> tuple[str, ...]:
    """Lines that hold something."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def size(notes: Mapping[str, str]) -> tuple[int, int] | None:
    """Width and height by ``imgsz``, which has them the other way round."""
    match = re.fullmatch(r"\[(\d+), (\d+)\]", notes.get("imgsz", ""))
    return (int(match[2]), int(match[1])) if match else None


def _parsed(text: str) -> Any:
    """JSON or a Python literal; None for anything else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
