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

"""What the user says of a model that is to be packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_infer.models.manifest import PerChannel, Precision

UNKNOWN_LICENCE = "NOASSERTION"
"""What SPDX calls a licence that nobody stated."""


@dataclass(frozen=True)
class Wishes:
    """What the user says of a model; None, "" and () leave it to the file and to what is usual.

    Attributes:
        labels: file, one label a line.
        out: folder of the bundle.
        size: width and height of the input, pixels.
        outputs: names, in the head's order.
        precision: of the weights.
        pictures: files for the golden input; one is drawn when ().
        engines: versions that can run the model; anything when empty.
        Others: as in Manifest and InputSpec.
    """

    labels: Path | None = None
    out: Path | None = None
    name: str = ""
    version: str = "1.0.0"
    release: int = 1
    licence: str = UNKNOWN_LICENCE
    precision: Precision | None = None
    pictures: tuple[Path, ...] = ()
    engines: Mapping[str, str] = field(default_factory=dict)
    head: str = ""
    outputs: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    input_name: str = ""
    layout: Literal["nchw", "nhwc"] | None = None
    colours: Literal["rgb", "bgr"] | None = None
    resize: Literal["letterbox", "stretch"] | None = None
    align: Literal["centre", "corner"] | None = None
    mean: PerChannel | None = None
    scale: PerChannel | None = None
    score_threshold: float = 0.25
    nms_iou: float = 0.45
