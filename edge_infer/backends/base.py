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

"""What an inference engine looks like to the rest: load, infer, close.

An engine moves tensors; it knows nothing of images, labels or boxes. Thresholds
and decoding live in perception/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_infer.errors import InferenceError

Tensor = NDArray[Any]


class TensorSpec(NamedTuple):
    """One input or output of a model.

    Attributes:
        name: as the model calls it.
        shape: None where the model leaves a dimension open.
        dtype: numpy's name.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def fits(self, other: TensorSpec) -> bool:
        """Whether a tensor of this shape and type is what ``other`` asks for."""
        return (
            self.dtype == other.dtype
            and len(self.shape) == len(other.shape)
            and all(
                want in (None, have) for have, want in zip(self.shape, other.shape, strict=True)
            )
        )


Tell = Callable[[str], None]
"""Told, in a few words, how far a load is that takes its time."""


class Options(NamedTuple):
    """How an engine is to run a model.

    Attributes:
        threads: of the processor.
        device: what else the engine may use, by the name that it gives it; "" for the processor.
    """

    threads: int = 1
    device: str = ""


def quiet(_: str) -> None:
    """Tells nobody."""


class Network(Protocol):
    """A network that somebody has loaded. Use it from one thread at a time."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metadata: Mapping[str, str]
    """What the exporter wrote into the file, where the engine can read it."""

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Run once.

        Args:
            tensors: one per input, in the order of ``inputs``.

        Returns:
            One per output, in the order of ``outputs``; finite; valid until the next call.

        Raises:
            InferenceError: wrong number, shape or type, or a result with NaN.
        """

    def close(self) -> None:
        """Free the engine; a second call does nothing."""


class InferenceBackend(Network, Protocol):
    """An engine: a network, and how to load one."""

    @classmethod
    def check(cls, device: str = "") -> None:
        """Raise BackendUnavailableError when this machine cannot run the engine there."""

    @classmethod
    def load(
        cls, weights: Path, options: Options = Options(), tell: Tell = quiet
    ) -> InferenceBackend:
        """Load and warm up; raises BackendUnavailableError or ModelLoadError."""


def check_inputs(specs: Sequence[TensorSpec], tensors: Sequence[Tensor]) -> None:
    """Raise InferenceError unless the tensors are what the model takes."""
    if len(tensors) != len(specs):
        raise InferenceError(
            f"the model takes {len(specs)} tensors, not {len(tensors)}",
            "use a bundle whose manifest belongs to its weights",
        )
    for spec, tensor in zip(specs, tensors, strict=True):
        if not TensorSpec(spec.name, tensor.shape, str(tensor.dtype)).fits(spec):
            raise InferenceError(
                f"input {spec.name!r} is {spec.dtype} {list(spec.shape)}, "
                f"but got {tensor.dtype} {list(tensor.shape)}",
                "use a bundle whose manifest belongs to its weights",
            )


def check_outputs(specs: Sequence[TensorSpec], tensors: Sequence[Tensor]) -> None:
    """Raise InferenceError when a result has another shape or holds NaN or infinity."""
    for spec, tensor in zip(specs, tensors, strict=True):
        if not TensorSpec(spec.name, tensor.shape, str(tensor.dtype)).fits(spec):
            raise InferenceError(
                f"output {spec.name!r} is {tensor.dtype} {list(tensor.shape)} instead of "
                f"{spec.dtype} {list(spec.shape)}",
                _ANOTHER,
            )
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise InferenceError(f"output {spec.name!r} holds NaN or infinity", _ANOTHER)


def zeros(spec: TensorSpec) -> Tensor:
    """An input of nothing, with 1 where the model leaves a dimension open."""
    return np.zeros([size or 1 for size in spec.shape], spec.dtype)


_ANOTHER = "go back to a model that was checked on this engine"
