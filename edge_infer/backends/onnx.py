"""ONNX Runtime on the CPU.

One thread unless told otherwise, and no spinning: the drone has other work for
its cores between two frames. Graphics processors are another file's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_infer.backends.base import Tensor, TensorSpec, check_inputs, check_outputs
from edge_infer.errors import BackendUnavailableError, InferenceError, ModelLoadError, first_line

if TYPE_CHECKING:
    import onnxruntime

_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
}
_ERRORS_ONLY = 3


class OnnxBackend:
    """A model in ONNX Runtime."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session: onnxruntime.InferenceSession | None = session
        self.inputs = tuple(_spec(value) for value in session.get_inputs())
        self.outputs = tuple(_spec(value) for value in session.get_outputs())

    @classmethod
    def check(cls) -> None:
        _engine()

    @classmethod
    def load(cls, weights: Path, *, threads: int = 1) -> OnnxBackend:
        engine = _engine()
        if not weights.is_file():
            raise ModelLoadError(f"{weights} is not there", "name an ONNX file that exists")
        options = engine.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = engine.InferenceSession(
                str(weights), options, providers=["CPUExecutionProvider"]
            )
        # The engine's exceptions share no base class but Exception.
        except Exception as error:
            raise ModelLoadError(
                f"ONNX Runtime cannot load {weights} ({first_line(error)})",
                "copy or export the model again",
            ) from error
        backend = cls(session)
        backend._warm_up()
        return backend

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        check_inputs(self.inputs, tensors)
        results = self._run(tensors)
        check_outputs(self.outputs, results)
        return results

    def close(self) -> None:
        self._session = None

    def _run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        if self._session is None:
            raise InferenceError("this model was closed", "load it again")
        feed = {spec.name: tensor for spec, tensor in zip(self.inputs, tensors, strict=True)}
        try:
            results: list[Tensor] = self._session.run(None, feed)
        # As above: no common base class.
        except Exception as error:
            raise InferenceError(
                f"ONNX Runtime failed ({first_line(error)})", "check the model on this machine"
            ) from error
        return results

    def _warm_up(self) -> None:
        """The first run allocates the arena; better now than on the first frame."""
        if all(None not in spec.shape[1:] for spec in self.inputs):
            self._run([_zeros(spec) for spec in self.inputs])


def _engine() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailableError(
            f"ONNX Runtime cannot be imported ({first_line(error)})", "pip install onnxruntime"
        ) from None
    return onnxruntime


def _spec(value: Any) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    if value.type not in _DTYPES:
        raise ModelLoadError(
            f"tensor {value.name!r} has type {value.type}, which no detector here has",
            f"export the model with one of {', '.join(_DTYPES.values())}",
        )
    return TensorSpec(value.name, shape, _DTYPES[value.type])


def _zeros(spec: TensorSpec) -> Tensor:
    return np.zeros([size or 1 for size in spec.shape], spec.dtype)
