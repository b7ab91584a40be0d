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

"""Memory that two processes share, without a name that a crash could leave behind.

One side writes tensors, the other sees them as arrays without a copy. The memory
grows as needed; what was written is valid until the writer writes again.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge_infer.backends.base import Tensor

_ALIGNMENT = 64


class Place(NamedTuple):
    """Where a tensor lies in an arena."""

    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


class Arena:
    """One direction of the traffic between two processes.

    Args:
        descriptor: of the memory, from :func:`memory`, inherited by the other process.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map: mmap.mmap | None = None

    def write(self, tensors: Sequence[Tensor]) -> list[Place]:
        """Copy tensors in, one behind the other."""
        places, offset = [], 0
        for tensor in tensors:
            place = Place(offset, tensor.shape, str(tensor.dtype))
            places.append(place)
            offset = -(-place.end // _ALIGNMENT) * _ALIGNMENT
        self._reach(offset)
        for place, tensor in zip(places, tensors, strict=True):
            np.copyto(self._view(place), tensor)
        return places

    def read(self, places: Sequence[Place]) -> list[Tensor]:
        """The tensors that the other side wrote, as views."""
        self._reach(max((place.end for place in places), default=0))
        return [self._view(place) for place in places]

    def close(self) -> None:
        """Let the memory go; views that are still in use keep it until they are gone."""
        self._map = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _view(self, place: Place) -> Tensor:
        assert self._map is not None
        count = int(np.prod(place.shape))
        flat = np.frombuffer(self._map, place.dtype, count, place.offset)
        return flat.reshape(place.shape)

    def _reach(self, size: int) -> None:
        """See at least so many bytes."""
        if self._map is not None and len(self._map) >= size:
            return
        size = max(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE, mmap.PAGESIZE)
        if os.fstat(self._descriptor).st_size < size:
            os.ftruncate(self._descriptor, size)
        # An older map stays while arrays look into it.
        self._map = mmap.mmap(self._descriptor, size)


def memory() -> int:
    """A descriptor of fresh shared memory."""
    return os.memfd_create("edge_infer", os.MFD_CLOEXEC)
