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

"""From an ONNX file to a TensorRT plan: which precisions, which shapes, how far it is.

TensorRT is handed in: nothing is imported here. Keeping plans is tensorrt_plans.py's
business, running them tensorrt.py's.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from edge_infer.backends.base import Tell
from edge_infer.backends.tensorrt_plans import Plan, Settings
from edge_infer.errors import BackendError, ModelLoadError

Shape = tuple[int, ...]

_DTYPES = {
    "UINT8": "uint8",
    "INT8": "int8",
    "INT32": "int32",
    "INT64": "int64",
    "HALF": "float16",
    "FLOAT": "float32",
}
_MEMORY = ("outofmemory", "failedallocation", "allocationfailed", "couldnotbeallocated",
           "failedtoallocate")  # fmt: skip
_STEP_PERCENT = 10


class Log(Protocol):
    """A logger of TensorRT, which says why only there."""

    def reason(self) -> str:
        """The first error since the last call."""


def dtype(tensor: str, name: str) -> str:
    """Numpy's name of a tensor's type; raises ModelLoadError for one that no detector has."""
    if name not in _DTYPES:
        raise ModelLoadError(
            f"tensor {tensor!r} has type {name}, which no detector here has",
            f"export the model with one of {', '.join(_DTYPES.values())}",
        )
    return _DTYPES[name]


def settings(builder_flags: Collection[str]) -> Settings:
    """How this version of TensorRT builds.

    Up to version 10 a flag allows a precision; after it there is none, and a network
    keeps the types that the file gives it.
    """
    return Settings(flags=tuple(flag for flag in ("FP16", "INT8") if flag in builder_flags))


def flags_for(settings: Settings, *, quantised: bool) -> tuple[str, ...]:
    """The flags to set: INT8 only where the file says with Q/DQ pairs what it means."""
    return tuple(flag for flag in settings.flags if quantised or flag != "INT8")


class Profile(NamedTuple):
    """Shapes that a plan is built for."""

    least: Shape
    usual: Shape
    most: Shape


def profile(name: str, shape: Shape, max_batch: int) -> Profile | None:
    """For an input of a shape with -1 where it is open; None when nothing is.

    Raises:
        ModelLoadError: more than the first dimension is open.
    """
    if -1 not in shape:
        return None
    if -1 in shape[1:]:
        raise ModelLoadError(
            f"input {name!r} leaves its size open ({list(shape)})",
            "export the model with a fixed width and height",
        )
    return Profile((1, *shape[1:]), (1, *shape[1:]), (max_batch, *shape[1:]))


def is_memory(reason: str) -> bool:
    """Whether what TensorRT or CUDA says is that memory is short."""
    text = "".join(filter(str.isalpha, reason.lower()))
    return any(sign in text for sign in _MEMORY)


def trouble(error: type[BackendError], what: str, reason: str, remedy: str) -> BackendError:
    """An error about something that failed, which says so when memory was short."""
    if is_memory(reason):
        return error(
            f"{what}: the GPU's memory is full", "close what else uses it, or fly a smaller model"
        )
    return error(f"{what} ({reason})", remedy)


class Progress:
    """How far a build is, from the phases within phases that TensorRT reports.

    TensorRT calls from threads of its own, and an exception in a call ends the process:
    what ``tell`` raises is kept for whoever started the build.
    """

    def __init__(self, tell: Tell) -> None:
        self.failure: Exception | None = None
        self._tell = tell
        self._told = 0
        self._phases: dict[str, _Phase] = {}
        self._lock = threading.Lock()

    def started(self, name: str, parent: str | None, steps: int) -> None:
        """A phase of so many steps began, in a step of its parent."""
        with self._lock:
            self._phases[name] = _Phase(parent, steps, 0)

    def stepped(self, name: str, step: int) -> bool:
        """A phase has done this step, counted from 0. Whether to go on."""
        with self._lock:
            if name in self._phases:
                self._phases[name] = self._phases[name]._replace(done=step + 1)
                self._say()
            return self.failure is None

    def finished(self, name: str) -> None:
        """A phase is over."""
        with self._lock:
            self._phases.pop(name, None)

    def _say(self) -> None:
        roots = [name for name, phase in self._phases.items() if phase.parent not in self._phases]
        percent = int(100 * max(self._share(name) for name in roots))
        rounded = percent - percent % _STEP_PERCENT
        if rounded > self._told:
            self._told = rounded
            try:
                self._tell(f"building its plan: {rounded} %")
            # Whatever it is, it must not reach TensorRT.
            except Exception as error:
                self.failure = error

    def _share(self, name: str) -> float:
        phase = self._phases[name]
        inside = [self._share(child) for child, of in self._phases.items() if of.parent == name]
        return min(1.0, (phase.done + max(inside, default=0.0)) / max(1, phase.steps))


class _Phase(NamedTuple):
    parent: str | None
    steps: int
    done: int


class Built(NamedTuple):
    """A plan, and what TensorRT timed for it."""

    plan: Plan
    timings: bytes


def build(
    trt: Any,
    log: Log,
    weights: Path,
    content: bytes,
    settings: Settings,
    timings: bytes,
    tell: Tell,
) -> Built:
    """Build a plan, which takes minutes.

    Args:
        trt: the module tensorrt.
        log: what it writes its reasons to.
        weights: where the content is from, for errors.
        content: of an ONNX file.
        settings: how to build.
        timings: of an earlier build on this machine, or empty.
        tell: how far it is.

    Raises:
        ModelLoadError: TensorRT does not read the file or finds no plan for it.
    """
    tell("building its plan")
    builder = trt.Builder(log)
    # The parser owns the weights of the network.
    network, parser = _parsed(trt, builder, log, weights, content, settings)
    config = _configured(trt, builder, network, settings)
    cache = _timing_cache(config, timings)
    progress = Progress(tell)
    config.progress_monitor = _monitor(trt, progress)
    serialised = builder.build_serialized_network(network, config)
    del parser
    if progress.failure is not None:
        raise progress.failure
    if serialised is None:
        raise trouble(
            ModelLoadError, f"TensorRT finds no plan for {weights}", log.reason(),
            "export the model for TensorRT again",
        )  # fmt: skip
    plan = Plan(
        tuple(tensor.name for tensor in _inputs(network)),
        tuple(network.get_output(index).name for index in range(network.num_outputs)),
        bytes(serialised),
    )
    return Built(plan, bytes(cache.serialize()))


def _parsed(
    trt: Any, builder: Any, log: Log, weights: Path, content: bytes, settings: Settings
) -> tuple[Any, Any]:
    """The network, and the parser that read it."""
    typed = 0 if settings.flags else 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(content):
        reason = parser.get_error(0).desc() if parser.num_errors else log.reason()
        raise trouble(
            ModelLoadError, f"TensorRT cannot read {weights}", reason.strip().splitlines()[0],
            "export the model for TensorRT: signed Q/DQ pairs or floats",
        )  # fmt: skip
    return network, parser


def _configured(trt: Any, builder: Any, network: Any, settings: Settings) -> Any:
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, settings.workspace_bytes)
    layers = (network.get_layer(index) for index in range(network.num_layers))
    quantised = any(layer.type == trt.LayerType.DEQUANTIZE for layer in layers)
    for flag in flags_for(settings, quantised=quantised):
        config.set_flag(getattr(trt.BuilderFlag, flag))
    shapes = {
        tensor.name: profile(tensor.name, tuple(tensor.shape), settings.max_batch)
        for tensor in _inputs(network)
    }
    if any(shapes.values()):
        chosen = builder.create_optimization_profile()
        for name, shape in shapes.items():
            if shape is not None:
                chosen.set_shape(name, shape.least, shape.usual, shape.most)
        config.add_optimization_profile(chosen)
    return config


def _inputs(network: Any) -> list[Any]:
    return [network.get_input(index) for index in range(network.num_inputs)]


def _timing_cache(config: Any, timings: bytes) -> Any:
    """What was timed before, or an empty one where TensorRT does not take it."""
    cache = config.create_timing_cache(timings)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _monitor(trt: Any, progress: Progress) -> Any:
    """TensorRT's end of a Progress."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.started(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return progress.stepped(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            progress.finished(phase_name)

    return Monitor()
