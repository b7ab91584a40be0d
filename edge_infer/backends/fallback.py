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

"""Several engines that stand in for each other: what a flight uses instead of one engine.

The best one that is ready serves. A frame on which an engine fails is given to the next,
which is started for it where it was not kept ready, so it is late but not lost. Which engine
serves is decided in chain.py; how long a call may take, and what becomes of one that
does not come back, in workers.py and processes.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from edge_infer.backends.base import Network, Tensor, TensorSpec, zeros
from edge_infer.backends.chain import Chain, Health, Policy
from edge_infer.backends.registry import Engine
from edge_infer.backends.workers import NetworkInfo, StartWorker, ThreadWorker, Worker
from edge_infer.errors import (
    BackendError,
    EngineLostError,
    InferenceError,
    ModelLoadError,
    first_line,
)

CLOSING_S = 2.0
"""How long closing waits for engines that are being started."""

OnChange = Callable[[Health], None]
"""Told, from any thread, when the health is another than before."""


class Fallback:
    """All networks of a model, in the best engine that is ready.

    Args:
        engines: in the order of preference; at least one.
        policy: when to step down and to climb back.
        start: makes a worker; in this process unless told otherwise.
        on_change: told of each change of health.

    Raises:
        BackendError: not one engine could be started; what the last one said.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        policy: Policy = Policy(),
        start: StartWorker = ThreadWorker,
        on_change: OnChange = lambda _: None,
    ) -> None:
        self._engines = tuple(engines)
        self._policy = policy
        self._start_worker = start
        self._on_change = on_change
        self._chain = Chain([engine.name for engine in engines], policy)
        self._workers: dict[int, Worker] = {}
        self._aside: dict[int, tuple[Worker, bool]] = {}
        self._last_error: BackendError | None = None
        self._told: Health | None = None
        self._changed = threading.Condition()
        self._telling = threading.RLock()
        self._closed = False
        self._starts: list[threading.Thread] = []
        self._infos: tuple[NetworkInfo, ...] = ()
        self._start_all()
        self.networks: tuple[Network, ...] = tuple(
            _Serving(self, index, self._infos[index]) for index in range(len(self._infos))
        )
        self._keeper = threading.Thread(target=self._keep, name="engine-keeper", daemon=True)
        self._keeper.start()

    @property
    def health(self) -> Health:
        """OK while the first choice serves."""
        with self._changed:
            return self._chain.health

    def wait_for(self, served_by: str, timeout_s: float) -> bool:
        """Wait until an engine of this name serves, and that was told; whether it came to be."""

        def serves() -> bool:
            told = self._told.serving if self._told else None
            return told == served_by == self._chain.health.serving

        with self._changed:
            return self._changed.wait_for(serves, timeout_s)

    def settle(self, timeout_s: float) -> bool:
        """Wait until no engine is being started; whether that came to be."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_starting(), timeout_s)

    def infer(self, network: int, tensors: Sequence[Tensor]) -> list[Tensor]:
        """As InferenceBackend.infer; an engine that fails is followed by the next.

        An input on which every engine fails is at fault itself: the engines stay.
        """
        failed: list[tuple[int, Worker, InferenceError]] = []
        index = -1
        while (found := self._next(index)) is not None:
            index, worker = found
            try:
                results = worker.infer(network, tensors, self._policy.timeout_s)
            except EngineLostError as error:
                self._give_up(index, worker, error)
                failed.append((index, worker, error))
            except InferenceError as error:
                failed.append((index, worker, error))
            else:
                for at, blamed, why in failed:
                    self._give_up(at, blamed, why)
                return results
        raise failed[-1][2] if failed else self._nobody()

    def close(self) -> None:
        """Free all engines; a second call does nothing."""
        with self._changed:
            self._closed = True
            workers = [*self._workers.values(), *(worker for worker, _ in self._aside.values())]
            self._workers.clear()
            self._aside.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.close()
        # A process must not end while an engine is in the middle of loading.
        deadline = time.monotonic() + CLOSING_S
        for start in self._starts:
            start.join(max(0.0, deadline - time.monotonic()))

    # --- which engine ------------------------------------------------------------------

    def _next(self, index: int) -> tuple[int, Worker] | None:
        with self._changed:
            if self._closed:
                raise InferenceError("this model was closed", "load it again")
            following = self._chain.next_coming(index, time.monotonic())
            if following is None:
                return None
            if not self._chain.is_ready(following):
                self._spawn(following)
                self._wait_for_start(following)
            ready = self._chain.next_ready(index)
            return None if ready is None else (ready, self._workers[ready])

    def _give_up(self, index: int, worker: Worker, error: InferenceError) -> None:
        """A worker is set aside; what becomes of it is seen when its engine is due again."""
        with self._changed:
            if self._workers.get(index) is not worker:
                return  # it was given up already
            self._aside[index] = self._workers.pop(index), isinstance(error, EngineLostError)
            self._chain.failed(index, error.problem, time.monotonic())
        self._tell()

    def _nobody(self) -> InferenceError:
        return InferenceError(self.health.message, "wait for an engine to be started again")

    # --- starting engines --------------------------------------------------------------

    def _start_all(self) -> None:
        """Engines until one serves, each with a head start on those below it."""
        with self._changed:
            for index in range(len(self._engines)):
                self._spawn(index)
                self._wait_for_start(index)
                if self._infos:
                    return
            self._changed.wait_for(lambda: bool(self._infos) or not self._is_starting())
            if not self._infos:
                self._closed = True
                raise self._last_error or self._nobody()

    def _wait_for_start(self, index: int) -> None:
        """Until an engine is ready or was given up, but not for ever."""
        self._changed.wait_for(
            lambda: self._closed or not self._chain.is_starting(index), self._policy.patience_s
        )

    def _is_starting(self) -> bool:
        return any(map(self._chain.is_starting, range(len(self._engines))))

    def _spawn(self, index: int) -> None:
        """Start an engine, unless that is under way."""
        if self._chain.is_starting(index):
            return
        self._chain.starting(index)
        name = f"start-{self._engines[index].name}"
        thread = threading.Thread(target=self._start, args=(index,), name=name, daemon=True)
        self._starts = [start for start in self._starts if start.is_alive()] + [thread]
        thread.start()

    def _start(self, index: int) -> None:
        """Load an engine, or look again at the one that was set aside, and let it prove itself."""
        worker = self._recovered(index)
        try:
            worker = worker or self._start_worker(self._engines[index], self._teller(index))
            self._check(worker)
        # An engine may raise what it likes.
        except Exception as error:
            if worker is not None:
                worker.close()
            self._not_started(index, error)
            return
        with self._changed:
            closed = self._closed
            if not closed:
                self._infos = self._infos or worker.networks
                self._workers[index] = worker
                self._chain.started(index)
        if closed:
            worker.close()
        self._tell()

    def _recovered(self, index: int) -> Worker | None:
        """The worker that was set aside, if it had only hung and has come back since."""
        with self._changed:
            worker, only_hung = self._aside.pop(index, (None, False))
        if worker is None or (only_hung and worker.recovered()):
            return worker
        worker.close()
        return None

    def _not_started(self, index: int, error: Exception) -> None:
        if not isinstance(error, BackendError):
            error = ModelLoadError(f"{first_line(error)}", "see edge-infer doctor")
        with self._changed:
            self._last_error = error
            self._chain.failed(index, error.problem, time.monotonic())
        self._tell()

    def _check(self, worker: Worker) -> None:
        """The same networks as the other engines have, and answers to some calls in a row."""
        if self._infos and not _alike(self._infos, worker.networks):
            raise ModelLoadError(
                "takes or gives other tensors than the engines beside it",
                "export the weights for all engines from one network",
            )
        for _ in range(self._policy.probes):
            for index, info in enumerate(worker.networks):
                worker.infer(index, [zeros(spec) for spec in info.inputs], self._policy.timeout_s)

    def _teller(self, index: int) -> Callable[[str], None]:
        def tell(words: str) -> None:
            with self._changed:
                self._chain.note(index, f"is {words}")
            self._tell()

        return tell

    def _keep(self) -> None:
        """Start engines anew when their time has come."""
        while True:
            with self._changed:
                due = self._chain.due(time.monotonic())
                if due is None and not self._closed:
                    next_due = self._chain.next_due()
                    self._changed.wait(None if next_due is None else _until(next_due))
                if self._closed:
                    return
                if due is not None:
                    self._spawn(due)

    def _tell(self) -> None:
        """Wake whoever waits, and tell of another health."""
        with self._telling:  # so that words come in the order of what happened
            with self._changed:
                self._changed.notify_all()
                health = self._chain.health
                news = health != self._told and not self._closed
            if news:
                self._on_change(health)
            with self._changed:
                self._told = health
                self._changed.notify_all()


class _Serving:
    """One network of a chain, with the verbs of an engine."""

    def __init__(self, fallback: Fallback, index: int, info: NetworkInfo) -> None:
        self._fallback = fallback
        self._index = index
        self.inputs, self.outputs, self.metadata = info

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return self._fallback.infer(self._index, tensors)

    def close(self) -> None:
        self._fallback.close()


def _alike(some: Sequence[NetworkInfo], others: Sequence[NetworkInfo]) -> bool:
    """Whether networks can stand in for each other: shapes and types, whatever the names."""
    return [_shapes(info) for info in some] == [_shapes(info) for info in others]


def _shapes(info: NetworkInfo) -> list[list[tuple[tuple[int | None, ...], str]]]:
    def of(specs: Sequence[TensorSpec]) -> list[tuple[tuple[int | None, ...], str]]:
        return [(spec.shape, spec.dtype) for spec in specs]

    return [of(info.inputs), of(info.outputs)]


def _until(moment: float) -> float:
    return max(0.0, moment - time.monotonic())
