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

"""Which version of an engine is installed, as far as its package says so; nothing is loaded."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTIONS = {
    "onnx": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "tflite": ("ai-edge-litert", "tflite-runtime", "tensorflow"),
    "tensorrt": ("tensorrt",),
}
"""Engine -> the packages that may bring it, the preferred one first."""


def version_of(engine: str) -> str | None:
    """Of an engine without its device; None where no package that is known here brings it."""
    return next(filter(None, map(_version, DISTRIBUTIONS.get(engine, ()))), None)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
