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

"""What a model's classes are called: by a file of the user, or by what its exporter wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_infer.errors import ModelError
from edge_infer.packing import notes
from edge_infer.perception.heads.base import Head

PLACEHOLDER = "???"
"""A line in label files of TensorFlow that stands for a class that is not in use."""


def read(weights: Path, file: Path | None, noted: Mapping[str, str]) -> tuple[str, ...]:
    """The labels in a file, or those that were noted in the weights.

    Raises:
        ModelError: there are none, or not as many in the one as in the other.
    """
    own = notes.labels(noted)
    if file is None:
        if own:
            return own
        raise ModelError(
            f"{weights} does not say what its classes are called",
            "give a file with one label a line as --labels",
        )
    labels = _lines(file)
    if own and len(own) != len(labels):
        raise ModelError(
            f"{file} has {len(labels)} labels, and the model {len(own)}",
            "give the labels that the model was trained with, or leave --labels out",
        )
    return labels


def of_head(labels: Sequence[str], head: Head) -> tuple[str, ...]:
    """Without the background that TensorFlow's lists begin with; placeholders told apart."""
    if head.name == "ssd" and labels[0] == PLACEHOLDER and len(labels) > 1:
        labels = labels[1:]
    return tuple(
        f"unused {index}" if label == PLACEHOLDER else label for index, label in enumerate(labels)
    )


def _lines(file: Path) -> tuple[str, ...]:
    try:
        labels = notes.lines(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({error.strerror})", "name a file of labels"
        ) from None
    except UnicodeDecodeError:
        raise ModelError(f"{file} is not text", "name a file with one label a line") from None
    if not labels:
        raise ModelError(f"{file} is empty", "write one label a line into it")
    return labels
