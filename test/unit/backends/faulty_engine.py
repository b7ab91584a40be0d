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

"""Engines that fail on demand, for tests: real ones, and a file that says what goes wrong.

The file lies beside the weights and is looked at in every call, so that a test can break
and mend an engine while it flies, in this process or in another one.
"""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import threading
from pathlib import Path

import numpy as np

from edge_infer.backends.base import Options, quiet
from edge_infer.backends.onnx import OnnxBackend
from edge_infer.backends.tflite import TfliteBackend
from edge_infer.errors import InferenceError

BACKENDS = {"first": "faulty_engine:First", "second": "faulty_engine:Second"}
"""Two engines that fail independently of each other."""

# onnx.helper: Add of 1, then Reciprocal, float [1, 4] -> [1, 4], opset 17, IR 8.
NETWORK = base64.b64decode(
    "CAg6bgoTCgF4CgNvbmUSBG1vcmUiA0FkZAoVCgRtb3JlEgF5IgpSZWNpcHJvY2FsEgVwcm9iZSoPCAEQAUID"
    "b25lSgQAAIA/WhMKAXgSDgoMCAESCAoCCAEKAggEYhMKAXkSDgoMCAESCAoCCAEKAggEQgQKABAR"
)


class _Faulty:
    """In front of an engine: does what ``<weights><fault>`` says instead."""

    fault = ""

    @classmethod
    def load(cls, weights, options=Options(), tell=quiet):
        file = weights.with_suffix(cls.fault)
        file.with_suffix(f"{cls.fault}_loads").open("a").write("1")
        if _said(file) == "no start":
            raise InferenceError("it does not start", "mend it")
        if _said(file) == "slow start":
            tell("warming up its valves")
            _wait_while(file, "slow start")
        backend = super().load(weights, options)
        backend.file = file
        return backend

    def infer(self, tensors):
        fault = _said(self.file)
        if fault in FAULTS:
            return FAULTS[fault](self.file)
        return super().infer(tensors)


class First(_Faulty, OnnxBackend):
    """y = 1 / (x + 1)."""

    fault = ".first"


class Second(_Faulty, OnnxBackend):
    """The same with another file."""

    fault = ".second"


class Lite(_Faulty, TfliteBackend):
    """TensorFlow Lite."""

    fault = ".lite"


def loads(weights: Path, engine: type[_Faulty]) -> int:
    """How often an engine was started."""
    file = weights.with_suffix(f"{engine.fault}_loads")
    return len(file.read_text()) if file.exists() else 0


def _said(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def _wait_while(file: Path, word: str) -> None:
    pause = threading.Event()
    while _said(file) == word:
        pause.wait(0.005)


def _hang(file: Path):
    """Until the file says something else."""
    _wait_while(file, "hang")
    return [np.full((1, 4), 7, np.float32)]


def _hang_hard(_):
    """In the C library, with Python's lock held."""
    ctypes.PyDLL(None).sleep(3600)


def _crash(_):
    os.kill(os.getpid(), signal.SIGSEGV)


def _fail(_):
    raise InferenceError("the device is gone", "look for it")


def _slow(_):
    """An honest answer after much work."""
    for _ in range(200):
        np.sort(np.arange(20_000)[::-1])
    return [np.zeros((1, 4), np.float32)]


FAULTS = {
    "slow": _slow,
    "hang": _hang,
    "hang hard": _hang_hard,
    "crash": _crash,
    "error": _fail,
    "nan": lambda _: _checked(np.full((1, 4), np.nan, np.float32)),
    "shape": lambda _: _checked(np.zeros((1, 5), np.float32)),
    "memory": lambda _: [np.ones((1 << 44,), np.float32)],
}


def _checked(result):
    """As every engine checks what it gives."""
    from edge_infer.backends.base import TensorSpec, check_outputs

    check_outputs([TensorSpec("y", (1, 4), "float32")], [result])
    return [result]
