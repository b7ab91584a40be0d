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

"""A TensorRT plan at work: its context, its buffers, its stream and its graph.

TensorRT and pycuda are handed in: nothing is imported here. All of it has to happen on
one thread, which is tensorrt.py's business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from edge_infer.backends import cuda_driver
from edge_infer.backends.base import Tell, Tensor, TensorSpec
from edge_infer.backends.tensorrt_build import Log, Shape, dtype, trouble
from edge_infer.backends.tensorrt_plans import Plan
from edge_infer.errors import InferenceError, ModelLoadError, first_line

CHECK = "check the model on this machine"


class Modules(NamedTuple):
    """The modules tensorrt and pycuda.driver."""

    trt: Any
    cuda: Any


class _Slot(NamedTuple):
    """An input or output and its buffers, large enough for the largest batch.

    Attributes:
        host: flat, pinned, so that a copy needs no help of the processor.
        device: as much memory on the GPU.
    """

    spec: TensorSpec
    host: Tensor
    device: Any

    def view(self, shape: Shape) -> Tensor:
        """The part of the host's buffer that a tensor of a shape takes."""
        return self.host[: math.prod(shape)].reshape(shape)


class Session:
    """An execution context with its buffers; made, used and freed on the GPU's thread."""

    def __init__(
        self, modules: Modules, log: Log, plan: Plan, runtime: Any, engine: Any, max_batch: int
    ) -> None:
        trt, self._cuda = modules
        self._log = log
        # The context needs both for as long as it lives.
        self._kept: tuple[Any, ...] = (engine, runtime)
        self.inputs = tuple(_spec(trt, engine, name) for name in plan.inputs)
        self.outputs = tuple(_spec(trt, engine, name) for name in plan.outputs)
        self._context = engine.create_execution_context()
        if self._context is None:
            raise self._failed("TensorRT cannot begin")
        self._stream = self._cuda.Stream()
        self._graph: cuda_driver.Graph | None = None
        self._shapes: list[Shape] = []
        self._set_shapes([_filled(spec, max_batch) for spec in self.inputs])
        # No comprehension: its frame would hold on to this session when a buffer fails.
        self._taken = list(map(self._slot, self.inputs))
        self._given = list(map(self._slot, self.outputs))

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Once; raises InferenceError. The results are copies."""
        try:
            return self._run(tensors)
        except self._cuda.Error as error:
            raise trouble(InferenceError, "TensorRT failed", first_line(error), CHECK) from error

    def warm_up(self, tell: Tell) -> None:
        """The first runs, and the graph where nothing can change its shape."""
        tensors = [_pattern(spec) for spec in self.inputs]
        plain = self._run(tensors)
        if any(None in spec.shape for spec in (*self.inputs, *self.outputs)):
            return
        for slot in self._given:
            slot.host.fill(0)
        try:
            self._graph = cuda_driver.record(self._stream.handle, self._enqueue)
            same = all(map(_alike, plain, self._run(tensors)))
            problem = "" if same else "its results differ"
        except InferenceError as error:
            problem = error.problem
        except self._cuda.Error as error:
            problem = first_line(error)
        if problem:
            self._drop_graph()
            tell(f"runs without a CUDA graph ({problem})")

    def free(self) -> None:
        """Give everything back."""
        self._drop_graph()
        self._taken, self._given = [], []
        self._stream = self._context = None
        self._kept = ()

    def _run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        shapes = [tensor.shape for tensor in tensors]
        if shapes != self._shapes:
            self._set_shapes(shapes)
        for slot, tensor in zip(self._taken, tensors, strict=True):
            np.copyto(slot.view(tensor.shape), tensor)
        if self._graph is not None:
            self._graph.launch(self._stream.handle)
        else:
            self._enqueue()
        self._stream.synchronize()
        return [slot.view(self._shape(slot.spec)).copy() for slot in self._given]

    def _enqueue(self) -> None:
        """Copy in, work, copy out: all on the stream, none of it waited for."""
        cuda, stream = self._cuda, self._stream
        for slot, shape in zip(self._taken, self._shapes, strict=True):
            cuda.memcpy_htod_async(slot.device, slot.view(shape), stream)
        if not self._context.execute_async_v3(stream.handle):
            raise self._failed("TensorRT failed")
        for slot in self._given:
            cuda.memcpy_dtoh_async(slot.view(self._shape(slot.spec)), slot.device, stream)

    def _set_shapes(self, shapes: list[Shape]) -> None:
        self._shapes = []
        for spec, shape in zip(self.inputs, shapes, strict=True):
            if not self._context.set_input_shape(spec.name, shape):
                raise self._failed(f"TensorRT takes no {spec.name!r} of {list(shape)}")
        self._shapes = shapes

    def _shape(self, spec: TensorSpec) -> Shape:
        return tuple(self._context.get_tensor_shape(spec.name))

    def _slot(self, spec: TensorSpec) -> _Slot:
        """Buffers for the shapes that are set, and their address made known."""
        shape = self._shape(spec)
        if -1 in shape:
            raise ModelLoadError(
                f"the size of output {spec.name!r} depends on what is seen",
                "export the model without its last sorting out",
            )
        host = self._cuda.pagelocked_empty((math.prod(shape),), np.dtype(spec.dtype))
        slot = _Slot(spec, host, self._cuda.mem_alloc(host.nbytes))
        if not self._context.set_tensor_address(spec.name, int(slot.device)):
            raise self._failed(f"TensorRT takes no buffer for {spec.name!r}")
        return slot

    def _failed(self, what: str) -> Exception:
        reason = self._log.reason()
        return trouble(InferenceError, what, reason, CHECK)

    def _drop_graph(self) -> None:
        if self._graph is not None:
            self._graph.close()
            self._graph = None


def _spec(trt: Any, engine: Any, name: str) -> TensorSpec:
    if engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
        raise ModelLoadError(
            f"tensor {name!r} is a shape that TensorRT reads on the processor",
            "export the model with fixed shapes",
        )
    shape = tuple(None if size < 0 else int(size) for size in engine.get_tensor_shape(name))
    return TensorSpec(name, shape, dtype(name, engine.get_tensor_dtype(name).name))


def _filled(spec: TensorSpec, batch: int) -> Shape:
    return tuple(batch if size is None else size for size in spec.shape)


def _pattern(spec: TensorSpec) -> Tensor:
    """An input of some variety."""
    shape = _filled(spec, 1)
    return (np.arange(math.prod(shape)) % 101).astype(spec.dtype).reshape(shape)


def _alike(one: Tensor, other: Tensor) -> bool:
    """Equal but for the order of sums."""
    return bool(np.allclose(one, other, rtol=1e-2, atol=1e-3, equal_nan=True))
