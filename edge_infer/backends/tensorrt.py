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

"""TensorRT on an NVIDIA GPU, above all a Jetson's, with pycuda for memory and streams.

Versions 10 (JetPack 6) and 11. The weights are ONNX: floats, or in eight bits with Q/DQ
pairs of signed values around zero. In 10 all layers may also run in FP16; 11 keeps the
types of the file, so that FP16 there takes a file that is FP16 already: none is converted
here. An input of uint8 needs a Cast to floats right behind it, as the shipped files have;
TensorRT refuses any other use.

Never run on a GPU so far: checked against the Python interfaces of TensorRT 10.3, 10.13
and 11.4 and of pycuda 2026.1, and in a simulation of them. Speed and accuracy on a Jetson
are unknown; docs/jetson.md says how to measure them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from edge_infer.backends import cuda_driver, tensorrt_build
from edge_infer.backends.base import (
    Options,
    Tell,
    Tensor,
    check_inputs,
    check_outputs,
    quiet,
)
from edge_infer.backends.tensorrt_plans import (
    Machine,
    Origin,
    Plan,
    PlanStore,
    Settings,
    default_folder,
)
from edge_infer.backends.tensorrt_session import CHECK, Modules, Session
from edge_infer.errors import (
    BackendUnavailableError,
    InferenceError,
    ModelLoadError,
    first_line,
)

_Result = TypeVar("_Result")

OLDEST = 10
"""Version of TensorRT; earlier ones address tensors by number."""


class TensorrtBackend:
    """A model in TensorRT, on the first GPU that the driver shows (CUDA_VISIBLE_DEVICES)."""

    DEVICES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, gpu: _GpuThread, session: Session) -> None:
        self._gpu = gpu
        self._session: Session | None = session
        self.inputs = session.inputs
        self.outputs = session.outputs
        self.metadata: dict[str, str] = {}

    @classmethod
    def check(cls, device: str = "") -> None:
        _modules(device)

    @classmethod
    def load(
        cls, weights: Path, options: Options = Options(), tell: Tell = quiet
    ) -> TensorrtBackend:
        modules = _modules(options.device)
        content = _read(weights)
        store = PlanStore(default_folder(), tell)
        gpu = _GpuThread(modules.cuda)
        try:
            session = gpu.run(lambda: _open(modules, store, weights, content, tell))
        except BaseException:
            gpu.close()
            raise
        return cls(gpu, session)

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        check_inputs(self.inputs, tensors)
        session = self._session
        if session is None:
            raise InferenceError("this model was closed", "load it again")
        results = self._gpu.run(lambda: session.run(tensors))
        check_outputs(self.outputs, results)
        return results

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._gpu.run(session.free)
            self._gpu.close()


# --- what is here ------------------------------------------------------------------


def _modules(device: str) -> Modules:
    """TensorRT and pycuda's driver, looked for in the order that ends no process."""
    if device:
        raise BackendUnavailableError(
            f"TensorRT knows no device {device!r}",
            "leave it out; CUDA_VISIBLE_DEVICES chooses among several GPUs",
        )
    cuda_driver.require()
    cuda = _imported("pycuda.driver", "pip install pycuda, which takes the CUDA toolkit")
    trt = _imported(
        "tensorrt",
        "on a Jetson apt install python3-libnvinfer and let the environment see system packages",
    )
    version = str(trt.__version__)
    if int(version.partition(".")[0]) < OLDEST:
        raise BackendUnavailableError(
            f"TensorRT {version} is too old",
            f"install TensorRT {OLDEST} or later (on a Jetson: JetPack 6)",
        )
    return Modules(trt, cuda)


def _imported(name: str, remedy: str) -> Any:
    try:
        return importlib.import_module(name)
    # OSError: a library that the package needs is not there.
    except (ImportError, OSError) as error:
        raise BackendUnavailableError(
            f"{name} cannot be imported ({first_line(error)})", remedy
        ) from None


def _read(weights: Path) -> bytes:
    try:
        return weights.read_bytes()
    except OSError as error:
        what = "is not there" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise ModelLoadError(f"{weights} {what}", "name an ONNX file that exists") from None


@functools.cache
def _log(trt: Any) -> Any:
    """The process's one logger: TensorRT goes on with the first that it is given."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._first = ""

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self._first = self._first or msg

        def reason(self) -> str:
            """The first error since the last call."""
            first, self._first = self._first, ""
            return (first.strip() or "it does not say why").splitlines()[0]

    return Log()


def _open(modules: Modules, store: PlanStore, weights: Path, content: bytes, tell: Tell) -> Session:
    """Everything up to the first warm run; on the GPU's thread."""
    trt = modules.trt
    settings = tensorrt_build.settings(trt.BuilderFlag.__members__)
    machine = _machine(modules)
    origin = Origin(hashlib.sha256(content).hexdigest(), machine, settings)
    plan = store.plan(origin)
    if plan is not None:
        try:
            return _warm(modules, plan, settings, tell)
        except _RefusedError as refused:
            tell(f"its stored plan is refused ({refused})")
    built = tensorrt_build.build(
        trt, _log(trt), weights, content, settings, store.timings(machine), tell
    )
    store.keep_plan(origin, built.plan)
    store.keep_timings(machine, built.timings)
    try:
        return _warm(modules, built.plan, settings, tell)
    except _RefusedError as refused:
        raise ModelLoadError(
            f"TensorRT refuses its own plan of {weights} ({refused})", "install TensorRT again"
        ) from None


def _machine(modules: Modules) -> Machine:
    gpu = modules.cuda.Device(0)
    major, minor = gpu.compute_capability()
    return Machine(
        tensorrt=str(modules.trt.__version__),
        gpu=str(gpu.name()),
        compute=f"{major}.{minor}",
        driver=str(modules.cuda.get_driver_version()),
    )


class _RefusedError(Exception):
    """TensorRT does not take a plan, and not for want of memory."""


def _warm(modules: Modules, plan: Plan, settings: Settings, tell: Tell) -> Session:
    """A session that has run; raises _RefusedError or ModelLoadError."""
    log = _log(modules.trt)
    runtime = modules.trt.Runtime(log)
    engine = runtime.deserialize_cuda_engine(plan.content)
    if engine is None:
        reason = log.reason()
        if tensorrt_build.is_memory(reason):
            raise tensorrt_build.trouble(ModelLoadError, "TensorRT cannot begin", reason, CHECK)
        raise _RefusedError(reason)
    try:
        session = Session(modules, log, plan, runtime, engine, settings.max_batch)
        with ExitStack() as opened:
            opened.callback(session.free)
            session.warm_up(tell)
            opened.pop_all()
    except InferenceError as error:
        raise ModelLoadError(error.problem, error.remedy) from error
    except modules.cuda.Error as error:
        raise tensorrt_build.trouble(
            ModelLoadError, "TensorRT cannot run the model", first_line(error), CHECK
        ) from error
    return session


# --- one thread for one model ------------------------------------------------------


class _GpuThread:
    """The only thread that does a model's work on the GPU, whoever asks for it.

    The context is taken up for each job and put down after it: a thread that ends with
    one in its hands ends the process.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._context: Any = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tensorrt")

    def run(self, job: Callable[[], _Result]) -> _Result:
        """Do a job there, and wait for it."""
        return self._pool.submit(self._inside, job).result()

    def close(self) -> None:
        """Let go of the context and end the thread."""
        self._pool.submit(self._let_go).result()
        self._pool.shutdown()

    def _inside(self, job: Callable[[], _Result]) -> _Result:
        if self._context is None:
            self._context = self._first_context()
        self._context.push()
        try:
            return job()
        except BaseException as error:
            _forget_locals(error)
            raise
        finally:
            self._context.pop()

    def _first_context(self) -> Any:
        try:
            self._cuda.init()
            return self._cuda.Device(0).retain_primary_context()
        except self._cuda.Error as error:
            raise BackendUnavailableError(
                f"the GPU cannot be used ({first_line(error)})",
                "close what else uses it, or restart the machine",
            ) from None

    def _let_go(self) -> None:
        if self._context is not None:
            self._context.detach()
            self._context = None


def _forget_locals(error: BaseException | None) -> None:
    """Free, on this thread, what a failed job still holds: no other thread can."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
