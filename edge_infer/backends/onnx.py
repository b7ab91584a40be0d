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

"""ONNX Runtime on the processor, or on what another of its execution providers drives.

One thread unless told otherwise, and no spinning: the drone has other work for
its cores between two frames. Results are written into the same buffers each time,
where the model fixes their size. CUDA, TensorRT and OpenVINO were not measured here:
they come with other builds of the package.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_infer.backends.base import (
    Options,
    Tell,
    Tensor,
    TensorSpec,
    check_inputs,
    check_outputs,
    quiet,
    zeros,
)
from edge_infer.errors import BackendUnavailableError, InferenceError, ModelLoadError, first_line

if TYPE_CHECKING:
    import onnxruntime

PROVIDERS = {
    "": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""Device -> execution provider."""

_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
}
_ELSEWHERE = re.compile(rb"\x0a(?:\x08|\x88\x80*\x00)location")
"""How a tensor begins to name a file that holds its data (TensorProto.external_data), with the
length of the word in any way that protobuf takes. Not every release of ONNX Runtime keeps to the
model's folder."""
_SILENT = 4
"""What goes wrong is told by exceptions, once."""


class OnnxBackend:
    """A model in ONNX Runtime."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session: onnxruntime.InferenceSession | None = session
        self.inputs = tuple(_spec(value) for value in session.get_inputs())
        self.outputs = tuple(_spec(value) for value in session.get_outputs())
        self.metadata = dict(session.get_modelmeta().custom_metadata_map)
        self._binding = session.io_binding()
        self._results = self._bound_results()

    @classmethod
    def check(cls, device: str = "") -> None:
        _provider(_engine(), device)

    @classmethod
    def load(cls, weights: Path, options: Options = Options(), tell: Tell = quiet) -> OnnxBackend:
        engine = _engine()
        provider = _provider(engine, options.device)
        if not weights.is_file():
            raise ModelLoadError(f"{weights} is not there", "name an ONNX file that exists")
        if _ELSEWHERE.search(weights.read_bytes()):
            raise ModelLoadError(
                f"ONNX Runtime cannot load {weights} (its weights are in other files, which could "
                "be any of this machine)",
                "export the model into one file",
            )
        if options.device:
            tell(f"starting {provider}")
        try:
            session = engine.InferenceSession(
                str(weights), _settings(engine, options), providers=[provider], enable_fallback=0
            )
            _check_provider(session, provider)
            backend = cls(session)
            backend._warm_up()
        except (BackendUnavailableError, ModelLoadError):
            raise
        # The engine's exceptions share no base class but Exception.
        except Exception as error:
            raise ModelLoadError(
                f"ONNX Runtime cannot load {weights} ({first_line(error)})",
                "copy or export the model again",
            ) from error
        return backend

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        check_inputs(self.inputs, tensors)
        results = self._run(tensors)
        check_outputs(self.outputs, results)
        return results

    def close(self) -> None:
        self._session = None
        self._binding = None
        self._results = None

    def _run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        if self._session is None:
            raise InferenceError("this model was closed", "load it again")
        try:
            if self._results is None:
                names = (spec.name for spec in self.inputs)
                return list(self._session.run(None, dict(zip(names, tensors, strict=True))))
            for spec, tensor in zip(self.inputs, tensors, strict=True):
                self._binding.bind_cpu_input(spec.name, np.ascontiguousarray(tensor))
            self._session.run_with_iobinding(self._binding)
        # As above: no common base class.
        except Exception as error:
            raise InferenceError(
                f"ONNX Runtime failed ({first_line(error)})", "check the model on this machine"
            ) from error
        return self._results

    def _bound_results(self) -> list[Tensor] | None:
        """Buffers that every run writes into; None where the model leaves a size open."""
        if any(None in spec.shape for spec in (*self.inputs, *self.outputs)):
            return None
        results = [zeros(spec) for spec in self.outputs]
        for spec, result in zip(self.outputs, results, strict=True):
            self._binding.bind_output(
                spec.name, "cpu", 0, result.dtype, result.shape, result.ctypes.data
            )
        return results

    def _warm_up(self) -> None:
        """The first run allocates the arena; better now than on the first frame."""
        if all(None not in spec.shape[1:] for spec in self.inputs):
            self._run([zeros(spec) for spec in self.inputs])


def _engine() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailableError(
            f"ONNX Runtime cannot be imported ({first_line(error)})", "pip install onnxruntime"
        ) from None
    return onnxruntime


def _provider(engine: Any, device: str) -> str:
    """The execution provider of a device, if this build of ONNX Runtime has it."""
    if device not in PROVIDERS:
        raise BackendUnavailableError(
            f"ONNX Runtime knows no device {device!r} here",
            f"choose one of {', '.join(filter(None, PROVIDERS))}, or none",
        )
    provider = PROVIDERS[device]
    if provider not in engine.get_available_providers():
        raise BackendUnavailableError(
            f"this ONNX Runtime was built without {provider}",
            f"install the build of onnxruntime that has it, or leave out {device!r}",
        )
    return provider


def _check_provider(session: onnxruntime.InferenceSession, provider: str) -> None:
    """ONNX Runtime goes on with the processor when a provider fails; that must not pass as one."""
    if session.get_providers()[0] != provider:
        raise BackendUnavailableError(
            f"{provider} does not start on this machine", "check its driver and libraries"
        )


def _settings(engine: Any, options: Options) -> Any:
    settings = engine.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _SILENT
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return settings


def _spec(value: Any) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    if value.type not in _DTYPES:
        raise ModelLoadError(
            f"tensor {value.name!r} has type {value.type}, which no detector here has",
            f"export the model with one of {', '.join(_DTYPES.values())}",
        )
    return TensorSpec(value.name, shape, _DTYPES[value.type])
