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

"""Several processes train one network together, each on one core with its share of every batch.

Two threads of one process wait for each other at every layer, and on a busy machine
mostly wait; two processes meet once a step. Over gloo, on this machine only.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, multiprocessing

from edge_infer.errors import TrainingError

_PATIENCE = timedelta(minutes=10)
_ENDED = "one of the training processes ended"
_FEWER = "go on with --resume, with fewer --processes"


class Ranks:
    """This process's place among those that train together.

    Attributes:
        index: 0 for the one that judges, writes and talks.
        count: of all.
    """

    def __init__(self, index: int = 0, count: int = 1) -> None:
        self.index = index
        self.count = count

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and talks."""
        return self.index == 0

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        _together(distributed.all_reduce, flat)
        flat /= self.count
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def total(self, counts: NDArray[Any]) -> NDArray[Any]:
        """The sum of all processes' counts."""
        if self.count == 1:
            return counts
        tensor = torch.from_numpy(counts.copy())
        _together(distributed.all_reduce, tensor)
        return np.asarray(tensor.numpy())

    def agree(self, stop: bool) -> bool:
        """What the leading process says."""
        if self.count == 1:
            return stop
        tensor = torch.tensor([int(stop)])
        _together(distributed.broadcast, tensor, 0)
        return bool(tensor.item())


def train_together(work: Callable[..., Any], count: int, *arguments: Any) -> Any:
    """Call ``work(ranks, *arguments)`` in so many processes; this one leads.

    Returns:
        What it returned here.

    Raises:
        TrainingError: another process ended.
    """
    if count == 1:
        return work(Ranks(), *arguments)
    spawn = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        meeting = Path(folder) / "ranks"
        here, there = spawn.Pipe(duplex=False)
        others = [
            spawn.Process(target=_follow, args=(there, meeting, index, count, work, arguments))
            for index in range(1, count)
        ]
        for process in others:
            process.start()
        try:
            _await_ready(here, [process.sentinel for process in others])
            with _joined(meeting, 0, count) as ranks:
                return work(ranks, *arguments)
        finally:
            for process in others:
                process.terminate()
                process.join()


def _follow(
    there: Connection,
    meeting: Path,
    index: int,
    count: int,
    work: Callable[..., Any],
    arguments: Sequence[Any],
) -> None:
    """What the processes other than the leading one do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the leading one ends the work
    there.send(index)
    try:
        with _joined(meeting, index, count) as ranks:
            work(ranks, *arguments)
    except TrainingError:
        raise SystemExit(1) from None  # the leading process says why


def _await_ready(here: Connection, sentinels: Sequence[int]) -> None:
    """Wait until all others have begun: who waits for a dead one in gloo waits long."""
    for _ in sentinels:
        if here not in wait([here, *sentinels]):
            raise TrainingError(_ENDED, _FEWER)
        here.recv()


@contextmanager
def _joined(meeting: Path, index: int, count: int) -> Iterator[Ranks]:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=index, world_size=count, timeout=_PATIENCE
    )
    try:
        # Connect now: a process that ends later is noticed at once by those connected to it.
        distributed.barrier()
        yield Ranks(index, count)
    finally:
        distributed.destroy_process_group()


def _together(operation: Callable[..., Any], *arguments: Any) -> None:
    try:
        operation(*arguments)
    except RuntimeError as error:
        raise TrainingError(_ENDED, _FEWER) from error
