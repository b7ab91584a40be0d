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

"""A loaded engine in a process of its own, so that what kills it does not kill the flight.

Tensors travel through shared memory, only their places through a pipe. A process that
does not answer is looked at once more before it is killed; one that died says of what.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from edge_infer.backends.arena import Arena, memory
from edge_infer.backends.base import Tell, Tensor, quiet
from edge_infer.backends.registry import BACKENDS, Engine
from edge_infer.backends.workers import NetworkInfo, answer_within
from edge_infer.errors import EngineLostError, InferenceError

_LOADING_S = 600.0
"""A plan may take minutes to build; whoever builds says how far it is, and starts the wait anew."""

_AGAIN = "it is started again by itself where an engine chain serves"


class ProcessWorker:
    """An engine in a child process."""

    def __init__(self, engine: Engine, tell: Tell = quiet) -> None:
        self._name = engine.name
        self._owed = 0
        self._answer: Any = None
        descriptors = memory(), memory()
        self._to_engine, self._from_engine = map(Arena, descriptors)
        ours, theirs = socket.socketpair()
        self._pipe = Connection(ours.detach())
        with theirs:
            self._process = _start(theirs.fileno(), *descriptors)
        try:
            self._pipe.send((dict(BACKENDS), engine))
            self.networks: tuple[NetworkInfo, ...] = self._loaded(tell)
        except BaseException:
            self.close()
            raise

    def infer(self, network: int, tensors: Sequence[Tensor], timeout_s: float) -> list[Tensor]:
        if not self.recovered():
            raise self._lost()
        self._send((network, self._to_engine.write(tensors)))
        self._owed += 1
        if not answer_within(timeout_s, self._poll):
            raise EngineLostError(
                f"{self._name} did not answer within {timeout_s * 1e3:.0f} ms", _AGAIN
            )
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._from_engine.read(self._answer)

    def recovered(self) -> bool:
        try:
            while self._owed and self._poll(0.0):
                pass
        except InferenceError:
            return False
        return not self._owed and self._process.poll() is None

    def close(self) -> None:
        if self._pipe.closed:
            return
        self._pipe.close()
        # A free engine ends with its pipe; a hung one has just been looked at for the last time.
        if self._owed:
            self._process.kill()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._to_engine.close()
        self._from_engine.close()

    def _loaded(self, tell: Tell) -> tuple[NetworkInfo, ...]:
        while True:
            self._owed = 1
            if not answer_within(_LOADING_S, self._poll):
                raise EngineLostError(f"{self._name} does not start", _AGAIN)
            if isinstance(self._answer, Exception):
                raise self._answer
            if not isinstance(self._answer, str):
                return tuple(NetworkInfo(*info) for info in self._answer)
            tell(self._answer)

    def _send(self, message: object) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._lost() from error

    def _poll(self, timeout_s: float) -> bool:
        try:
            if not self._pipe.poll(timeout_s):
                return False
            self._answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._owed = 0
            raise self._lost() from error
        self._owed -= 1
        return True

    def _lost(self) -> InferenceError:
        """What became of the process."""
        if self._pipe.closed:
            return InferenceError("this model was closed", "load it again")
        if self._owed:
            return EngineLostError(f"{self._name} has not answered yet", _AGAIN)
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return EngineLostError(f"the process of {self._name} closed its pipe", _AGAIN)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return EngineLostError(f"the process of {self._name} died ({how})", _AGAIN)


def _start(*descriptors: int) -> subprocess.Popen[bytes]:
    """A Python that finds the same packages as this one."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(dict.fromkeys([package, *filter(None, sys.path)]))
    return subprocess.Popen(
        [sys.executable, "-m", "edge_infer.backends.engine_process", *map(str, descriptors)],
        pass_fds=descriptors, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
