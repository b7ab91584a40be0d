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

"""One colour for each class, on pictures and in 3D views alike."""

from __future__ import annotations

import colorsys
import zlib

Colour = tuple[float, float, float]
"""Red, green and blue in 0..1."""

_START = 1801
"""Of the checksum: of some thousands the one by which the shipped model's classes differ most."""


def class_colour(name: str) -> Colour:
    """A bright one, the same for a name in every fleet and every run."""
    bits = zlib.crc32(name.encode(), _START)
    hue, saturation = (bits & 0xFFFF) / 0x10000, 0.45 + 0.55 * (bits >> 24) / 0xFF
    return colorsys.hsv_to_rgb(hue, saturation, 1.0)
