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

"""TensorFlow Lite on the processor, from whichever package brings its interpreter.

LiteRT is what TensorFlow Lite is called now, and the first choice; the older
packages stand in where it cannot be had. Convolutions run in XNNPACK, which all of
them switch on by themselves. Other delegates are loaded by name; none was measured here.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from edge_infer.backends.base import (
    Options,
    Tell,
    Tensor,
    TensorSpec,
    check_inputs,
    check_outputs,
    quiet,
)
from edge_infer.errors import BackendUnavailableError, InferenceError, ModelLoadError, first_line

INTERPRETERS = (
    "ai_edge_litert.interpreter",
    "tflite_runtime.interpreter",
    "tensorflow.lite.python.interpreter",
)
"""Modules that have the class Interpreter, the preferred one first."""

DELEGATES = {
    "gpu": "libtensorflowlite_gpu_delegate.so",
    "edgetpu": "libedgetpu.so.1",
}
"""Device -> library of its delegate; any other device is the path of such a library."""

_CAREFUL = INTERPRETERS[:1]
"""Those that check a file before they trust it; the others die of one that is cut off."""

_TRIAL = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
model = module.Interpreter(model_content=sys.stdin.buffer.read())
model.allocate_tensors()
model.invoke()
"""
_TRIAL_TIMEOUT_S = 60

_LISTS = 3
"""Boxes, classes and scores."""

_LONGEST_NOTE = 1_000_000
_IDENTIFIER = slice(4, 8)
_DTYPES = ("uint8", "int8", "int32", "int64", "float16", "float32")


class TfliteBackend:
    """A model in TensorFlow Lite; a quantised output is given as the floats that it stands for."""

    def __init__(self, interpreter: Any, metadata: Mapping[str, str]) -> None:
        self._interpreter: Any = interpreter
        self.metadata = metadata
        self._taken = interpreter.get_input_details()
        self._given = [_Given.of(detail) for detail in interpreter.get_output_details()]
        names = _names(interpreter)
        self.inputs = tuple(_spec(detail, names) for detail in self._taken)
        self.outputs = tuple(_output_spec(given.detail, names) for given in self._given)

    @classmethod
    def check(cls, device: str = "") -> None:
        _delegates(_engine(), device)

    @classmethod
    def load(cls, weights: Path, options: Options = Options(), tell: Tell = quiet) -> TfliteBackend:
        engine = _engine()
        content = _read(weights)
        if options.device:
            tell(f"starting the delegate {options.device}")
        delegates = _delegates(engine, options.device)
        if engine.__name__ not in _CAREFUL:
            _try_apart(engine.__name__, weights, content)
        try:
            interpreter = engine.Interpreter(
                model_content=content,
                num_threads=options.threads,
                experimental_delegates=delegates,
            )
            interpreter.allocate_tensors()
        # ValueError and RuntimeError in practice; the packages promise nothing.
        except Exception as error:
            raise ModelLoadError(
                f"TensorFlow Lite cannot load {weights} ({first_line(error)})",
                "copy or export the model again",
            ) from error
        backend = cls(interpreter, _metadata(weights))
        backend._run([np.zeros(d["shape"], d["dtype"]) for d in backend._taken])
        return backend

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        check_inputs(self.inputs, tensors)
        results = self._run(tensors)
        check_outputs(self.outputs, results)
        return results

    def close(self) -> None:
        self._interpreter = None

    def _run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        engine = self._interpreter
        if engine is None:
            raise InferenceError("this model was closed", "load it again")
        try:
            for detail, tensor in zip(self._taken, tensors, strict=True):
                engine.set_tensor(detail["index"], tensor)
            engine.invoke()
            results = [
                given.real(engine.get_tensor(given.detail["index"])) for given in self._given
            ]
        # As above.
        except Exception as error:
            raise InferenceError(
                f"TensorFlow Lite failed ({first_line(error)})",
                "check the model on this machine",
            ) from error
        return _without_rests(results)


def _without_rests(results: list[Tensor]) -> list[Tensor]:
    """Lists of boxes, two properties and a count, cleared behind the count.

    The operator TFLite_Detection_PostProcess leaves there whatever lay in memory.
    """
    counts = [result for result in results if result.size == 1]
    lists = [result for result in results if result.ndim in (2, 3) and result.size > 1]
    if len(counts) == 1 and len(lists) == len(results) - 1 == _LISTS:
        end = int(np.nan_to_num(counts[0].item()))
        for result in lists:
            result[:, max(end, 0) :] = 0
    return results


def _engine() -> ModuleType:
    """The first of INTERPRETERS that is here."""
    reasons = []
    for name in INTERPRETERS:
        module, reason = _imported(name)
        if module is not None:
            return module
        reasons.append(reason)
    raise BackendUnavailableError(
        f"no TensorFlow Lite interpreter can be imported ({reasons[0]})",
        "pip install 'edge_infer[tflite]'",
    )


def _imported(name: str) -> tuple[ModuleType | None, str]:
    """A module, or why there is none."""
    try:
        return importlib.import_module(name), ""
    except ImportError as error:
        return None, first_line(error)


def _try_apart(module: str, weights: Path, content: bytes) -> None:
    """Run a model in a process of its own first; raises ModelLoadError when that dies."""
    command = [sys.executable, "-c", _TRIAL, module]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=_TRIAL_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelLoadError(
            f"{weights} cannot be tried in a process of its own ({first_line(error)})",
            "look for what holds this machine up",
        ) from error
    if done.returncode < 0:
        raise ModelLoadError(
            f"TensorFlow Lite dies of {weights} (signal {-done.returncode})",
            "copy or export the model again",
        )


def _read(weights: Path) -> bytes:
    """The file, if it can be a model."""
    try:
        content = weights.read_bytes()
    except OSError as error:
        what = "is not there" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise ModelLoadError(f"{weights} {what}", "name a TFLite file that exists") from None
    if content[_IDENTIFIER] != b"TFL3":
        raise ModelLoadError(
            f"{weights} is no TFLite file ({len(content)} bytes, and not the mark TFL3)",
            "copy or export the model again",
        )
    return content


def _names(interpreter: Any) -> dict[int, str]:
    """Tensor index to the name in the model's signature, for a model that has exactly one."""
    signatures = list(interpreter.get_signature_list())
    if len(signatures) != 1:
        return {}
    runner = interpreter.get_signature_runner(signatures[0])
    details: Iterable[tuple[str, Mapping[str, Any]]] = (
        *runner.get_input_details().items(),
        *runner.get_output_details().items(),
    )
    return {int(detail["index"]): name for name, detail in details}


def _spec(detail: Mapping[str, Any], names: Mapping[int, str]) -> TensorSpec:
    name = names.get(int(detail["index"]), detail["name"])
    dtype = np.dtype(detail["dtype"]).name
    if dtype not in _DTYPES:
        raise ModelLoadError(
            f"tensor {name!r} has type {dtype}, which no detector here has",
            f"export the model with one of {', '.join(_DTYPES)}",
        )
    return TensorSpec(name, tuple(int(size) for size in detail["shape"]), dtype)


def _output_spec(detail: Mapping[str, Any], names: Mapping[int, str]) -> TensorSpec:
    spec = _spec(detail, names)
    return spec._replace(dtype="float32") if _quantised(detail) else spec


def _quantised(detail: Mapping[str, Any]) -> bool:
    scale, _ = detail["quantization"]
    return bool(scale) and np.dtype(detail["dtype"]).kind in "iu"


class _Given(NamedTuple):
    """An output: what the interpreter says of it, and what its whole numbers stand for."""

    detail: Mapping[str, Any]
    table: Tensor | None

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> _Given:
        if not _quantised(detail) or np.dtype(detail["dtype"]).itemsize != 1:
            return cls(detail, None)
        every = np.arange(256, dtype=np.uint8).view(detail["dtype"])
        return cls(detail, _scaled(every, detail))

    def real(self, tensor: Tensor) -> Tensor:
        """Floats of a quantised tensor; any other as it is."""
        if self.table is not None:
            # One look into a table of 256 is faster than two steps over all elements.
            return self.table[tensor.view(np.uint8)]
        return _scaled(tensor, self.detail) if _quantised(self.detail) else tensor


def _scaled(tensor: Tensor, detail: Mapping[str, Any]) -> Tensor:
    scale, zero = detail["quantization"]
    return np.asarray((tensor.astype(np.float32) - zero) * scale, np.float32)


def _delegates(engine: ModuleType, device: str) -> list[Any]:
    """The delegate of a device, loaded; none for the processor."""
    if not device:
        return []
    library = DELEGATES.get(device, device)
    try:
        return [engine.load_delegate(library)]
    # ValueError and OSError in practice.
    except Exception as error:
        raise BackendUnavailableError(
            f"the TensorFlow Lite delegate {library} cannot be loaded ({first_line(error)})",
            f"install it, or leave out {device!r}",
        ) from None


def _metadata(weights: Path) -> dict[str, str]:
    """Files that were appended to a model as a ZIP archive, such as labels.txt; name -> text."""
    try:
        with zipfile.ZipFile(weights) as archive:
            return {
                entry.filename: archive.read(entry).decode()
                for entry in archive.infolist()
                if entry.file_size <= _LONGEST_NOTE
            }
    except (zipfile.BadZipFile, UnicodeDecodeError, OSError, RuntimeError):
        return {}
