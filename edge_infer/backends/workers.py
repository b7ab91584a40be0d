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

"""A loaded engine that is waited for no longer than a limit, in a thread of its own.

Whatever thread asks, one thread loads the networks and runs them, as engines with a
context of their own need it. A call that does not come back cannot be stopped: its
worker is set aside, and may prove alive again. An engine that may crash, or hold Python's
lock while it hangs, belongs in a process of its own: see processes.py.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from edge_infer.backends.base import Network, Tell, Tensor, TensorSpec, quiet
from edge_infer.backends.registry import Engine
from edge_infer.errors import EngineLostError, InferenceError

CLOSING_S = 1.0
"""How long closing waits for an engine that is free."""

SLICES = 10
"""A limit is waited for in so many parts: see :func:`answer_within`."""


class NetworkInfo(NamedTuple):
    """What a network of a worker takes and gives, and what its file says of it."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, network: Network) -> NetworkInfo:
        """Of a loaded network."""
        return cls(network.inputs, network.outputs, network.metadata)


class Worker(Protocol):
    """All networks of a model in one engine; use it from one thread at a time."""

    networks: tuple[NetworkInfo, ...]

    def infer(self, network: int, tensors: Sequence[Tensor], timeout_s: float) -> list[Tensor]:
        """As InferenceBackend.infer.

        Raises:
            EngineLostError: no answer within the limit, or none to be expected any more.
            InferenceError: the engine lives, but failed on these tensors.
        """

    def recovered(self) -> bool:
        """Whether a call that was given up has come back since, so that the worker is free."""

    def close(self) -> None:
        """Free the engine, or leave it alone where it cannot be stopped; may be called again."""


StartWorker = Callable[[Engine, Tell], Worker]
"""Loads an engine into a new worker; raises BackendError."""


def answer_within(timeout_s: float, poll: Callable[[float], bool]) -> bool:
    """Wait for an answer, but only as long as this process itself is running.

    A process that was stopped, or a machine that slept, finds its limit passed and the
    engine innocent. So the limit is waited for in parts, and a part counts once, however
    long it took; and the last look comes after the last wait.

    Args:
        timeout_s: the limit.
        poll: waits so many seconds at most; whether the answer is there.
    """
    return any(poll(timeout_s / SLICES) for _ in range(SLICES)) or poll(0.0)


class ThreadWorker:
    """An engine in a thread of this process."""

    def __init__(self, engine: Engine, tell: Tell = quiet) -> None:
        self._name = engine.name
        self._asked: queue.SimpleQueue[tuple[int, Sequence[Tensor]] | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answer: Any = None
        self._owed = 0
        self._closed = False
        self._thread = threading.Thread(
            target=self._run, args=(engine, tell), name=f"engine-{engine.name}", daemon=True
        )
        self._thread.start()
        loaded = self._answered.get()
        if isinstance(loaded, Exception):
            raise loaded
        self.networks: tuple[NetworkInfo, ...] = loaded

    def infer(self, network: int, tensors: Sequence[Tensor], timeout_s: float) -> list[Tensor]:
        if self._closed:
            raise InferenceError("this model was closed", "load it again")
        if not self.recovered():
            raise EngineLostError(f"{self._name} has not answered yet", _START_AGAIN)
        self._owed += 1
        self._asked.put((network, tensors))
        if not answer_within(timeout_s, self._poll):
            raise EngineLostError(
                f"{self._name} did not answer within {timeout_s * 1e3:.0f} ms", _START_AGAIN
            )
        if isinstance(self._answer, Exception):
            raise self._answer
        return list(self._answer)

    def recovered(self) -> bool:
        while self._owed and self._poll(0.0):
            pass
        return not self._owed

    def close(self) -> None:
        self._closed = True
        self._asked.put(None)
        if not self._owed and self._thread is not threading.current_thread():
            self._thread.join(CLOSING_S)

    def _poll(self, timeout_s: float) -> bool:
        try:
            self._answer = self._answered.get(timeout_s > 0, timeout_s or None)
        except queue.Empty:
            return False
        self._owed -= 1
        return True

    def _run(self, engine: Engine, tell: Tell) -> None:
        """The engine's own thread: load, answer, free."""
        try:
            networks = engine.load(tell)
        # Whatever it is, it belongs to who asked.
        except Exception as error:
            self._answered.put(error)
            return
        self._answered.put(tuple(map(NetworkInfo.of, networks)))
        while (call := self._asked.get()) is not None:
            self._answered.put(outcome(networks, *call))
        for network in networks:
            network.close()


def outcome(
    networks: Sequence[Network], network: int, tensors: Sequence[Tensor]
) -> list[Tensor] | Exception:
    """Results, or the error to raise where they were asked for."""
    try:
        return networks[network].infer(tensors)
    except InferenceError as error:
        return error
    except MemoryError:
        return InferenceError("the engine ran out of memory", "use a smaller model or input")


_START_AGAIN = "it is started again by itself where an engine chain serves"
