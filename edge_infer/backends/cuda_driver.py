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

"""NVIDIA's driver asked directly: whether there is a GPU, and the graph of a stream's work.

Asked before anything else of CUDA is touched: without a driver pycuda cannot be imported
and TensorRT's runtime ends the process. pycuda (2026.1) has no functions for graphs.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

from edge_infer.errors import BackendUnavailableError, InferenceError, first_line

LIBRARY = "libcuda.so.1"

_NO_GPU = 100
_STUB = 34
_OF_THIS_THREAD = 1
"""CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads do meanwhile is their affair."""

_pointer = ctypes.c_void_p
_to_pointer = ctypes.POINTER(ctypes.c_void_p)
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "cuInit": (ctypes.c_uint,),
    "cuStreamBeginCapture_v2": (_pointer, ctypes.c_int),
    "cuStreamEndCapture": (_pointer, _to_pointer),
    "cuGraphInstantiateWithFlags": (_to_pointer, _pointer, ctypes.c_ulonglong),
    "cuGraphLaunch": (_pointer, _pointer),
    "cuGraphDestroy": (_pointer,),
    "cuGraphExecDestroy": (_pointer,),
}


def require() -> None:
    """Raise BackendUnavailableError unless a driver runs here and shows a GPU."""
    try:
        code = _ask("cuInit", 0)
    except OSError as error:
        raise BackendUnavailableError(
            f"there is no NVIDIA driver here ({first_line(error)})",
            "fly with onnx or tflite, or install the driver (on a Jetson: JetPack 6 or later)",
        ) from None
    if code:
        raise BackendUnavailableError(*_trouble(code))


def _trouble(code: int) -> tuple[str, str]:
    """What a driver's refusal to start means, and what to do."""
    if code == _NO_GPU:
        return (
            "the NVIDIA driver shows no GPU",
            "look at CUDA_VISIBLE_DEVICES and, in a container, start it with the NVIDIA runtime",
        )
    if code == _STUB:
        return (
            f"{LIBRARY} is the toolkit's stand-in for the driver",
            "take the folder stubs out of LD_LIBRARY_PATH",
        )
    return (
        f"the NVIDIA driver does not start (CUDA error {code})",
        "restart the machine, or install the driver again",
    )


class Graph:
    """The work of a stream, recorded once, started as a whole; of one thread, as its stream."""

    def __init__(self, executable: int) -> None:
        self._executable: int | None = executable

    def launch(self, stream: int) -> None:
        """Do it again, with what the buffers hold now; raises InferenceError."""
        _do("cuGraphLaunch", self._executable, stream)

    def close(self) -> None:
        """Free it; a second call does nothing."""
        if self._executable is not None:
            _ask("cuGraphExecDestroy", self._executable)
            self._executable = None


def record(stream: int, work: Callable[[], None]) -> Graph:
    """Record what is put on a stream, without doing it.

    Args:
        stream: its handle; not the default stream.
        work: puts it there.

    Raises:
        InferenceError: this driver or this work does not allow it; the stream goes on as before.
    """
    graph, executable = _pointer(), _pointer()
    _do("cuStreamBeginCapture_v2", stream, _OF_THIS_THREAD)
    try:
        work()
    finally:
        ended = _ask("cuStreamEndCapture", stream, ctypes.byref(graph))
    if ended or not graph.value:
        raise InferenceError(f"no graph was recorded (CUDA error {ended})", "go on without one")
    try:
        _do("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, 0)
    finally:
        _ask("cuGraphDestroy", graph)
    return Graph(executable.value or 0)


def _do(name: str, *arguments: Any) -> None:
    try:
        code = _ask(name, *arguments)
    except OSError as error:
        raise InferenceError(first_line(error), "install a newer NVIDIA driver") from None
    if code:
        raise InferenceError(f"{name} failed (CUDA error {code})", "load the model again")


def _ask(name: str, *arguments: Any) -> int:
    """A function's answer, 0 when all went well; raises OSError when there is none such."""
    return int(_function(LIBRARY, name)(*arguments))


@functools.cache
def _function(library: str, name: str) -> Callable[..., int]:
    try:
        function = ctypes.CDLL(library)[name]
    except AttributeError as error:
        raise OSError(first_line(error)) from None
    function.argtypes = _ARGUMENTS[name]
    function.restype = ctypes.c_int
    return function
