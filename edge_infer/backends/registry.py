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

"""The engines by name, imported on first use.

The name is also the ``format`` of the weight file in a bundle that the engine
reads. What an engine may use beside the processor stands behind a colon:
``onnx:cuda``, ``tflite:edgetpu``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, cast

from edge_infer.backends.base import InferenceBackend, Network, Options, Tell, Tensor, quiet
from edge_infer.errors import BackendUnavailableError, ModelLoadError

BACKENDS = {
    "tensorrt": "edge_infer.backends.tensorrt:TensorrtBackend",
    "onnx": "edge_infer.backends.onnx:OnnxBackend",
    "tflite": "edge_infer.backends.tflite:TfliteBackend",
}
"""Engine name -> module:class."""


class Engine(NamedTuple):
    """An engine and what it is to run; small enough to be sent to another process.

    Attributes:
        name: as in BACKENDS, with a device behind a colon or without.
        weights: of all networks of a model.
        options: how they are to run.
        outputs: names of the first network's outputs, in the order that is wanted of them;
            all of them as they are when empty.
    """

    name: str
    weights: tuple[Path, ...]
    options: Options = Options()
    outputs: tuple[str, ...] = ()

    def load(self, tell: Tell = quiet) -> tuple[Network, ...]:
        """All networks; raises BackendError, and then none stays loaded."""
        with ExitStack() as loaded:
            networks: list[Network] = []
            for weights in self.weights:
                network = load(self.name, weights, self.options, tell)
                loaded.callback(network.close)
                networks.append(network)
            if self.outputs:
                networks[0] = _Reordered(networks[0], self.outputs)
            loaded.pop_all()
        return tuple(networks)


class _Reordered:
    """A network whose outputs come in another order, or not all of them."""

    def __init__(self, network: Network, outputs: Sequence[str]) -> None:
        by_name = {spec.name: index for index, spec in enumerate(network.outputs)}
        missing = [name for name in outputs if name not in by_name]
        if missing:
            raise ModelLoadError(
                f"the weights give no output {missing[0]!r}, only {', '.join(by_name)}",
                "use a bundle whose manifest belongs to its weights",
            )
        self._network = network
        self._order = [by_name[name] for name in outputs]
        self.inputs, self.metadata = network.inputs, network.metadata
        self.outputs = tuple(network.outputs[index] for index in self._order)

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        results = self._network.infer(tensors)
        return [results[index] for index in self._order]

    def close(self) -> None:
        self._network.close()


def split(name: str) -> tuple[str, str]:
    """``engine:device`` -> the engine and the device, which may be left out."""
    engine, _, device = name.partition(":")
    return engine, device


def backend_class(name: str) -> type[InferenceBackend]:
    """The class of an engine; raises BackendUnavailableError for an unknown name."""
    engine, _ = split(name)
    if engine not in BACKENDS:
        raise BackendUnavailableError(
            f"there is no engine called {engine!r}", f"choose one of {', '.join(BACKENDS)}"
        )
    module, _, attribute = BACKENDS[engine].partition(":")
    return cast("type[InferenceBackend]", getattr(importlib.import_module(module), attribute))


def load(
    name: str, weights: Path, options: Options = Options(), tell: Tell = quiet
) -> InferenceBackend:
    """Load weights into an engine; raises BackendError.

    Args:
        name: of the engine; a device behind a colon goes before the options' own.
        weights: a file in the engine's format.
        options: how it is to run.
        tell: told how far a load is that takes its time.
    """
    _, device = split(name)
    options = options._replace(device=device or options.device)
    return backend_class(name).load(weights, options, tell)


def absence(name: str) -> str | None:
    """Why an engine cannot run here; None when it can."""
    try:
        backend_class(name).check(split(name)[1])
    except BackendUnavailableError as error:
        return str(error)
    return None


def available() -> dict[str, str | None]:
    """Engine name -> None when it can run here, else the reason why not."""
    return {name: absence(name) for name in BACKENDS}
