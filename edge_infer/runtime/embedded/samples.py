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

"""Taking samples out of a reader, and telling a replay from news.

A small sample is copied, which costs less than bookkeeping. A large one is
handed on as it lies in the library's memory and given back when the last view
of it is gone.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from ctypes import addressof, c_void_p
from typing import NamedTuple

from edge_infer.runtime.embedded.library import ANY_STATE, SampleInfo, Span, checked, library

COPY_UP_TO = 32 * 1024
"""Bytes up to which a copy is cheaper than a view that has to be given back."""

SIZE_OF_BATCH = 32

MOST_WRITERS = 1000
"""Whose samples are remembered; the one known longest is forgotten first."""


class Sample(NamedTuple):
    """One received sample.

    Attributes:
        payload: CDR with its header; valid while somebody holds it.
        writer: the library's handle of the writer that sent it.
        source_timestamp_ns: when it was written, by the sender's clock.
    """

    payload: memoryview
    writer: int
    source_timestamp_ns: int


class Batch:
    """Room for the samples of one call to the library; for use by one thread."""

    def __init__(self) -> None:
        self._samples = (c_void_p * SIZE_OF_BATCH)()
        self._infos = (SampleInfo * SIZE_OF_BATCH)()

    def take(self, reader: int) -> tuple[list[Sample], bool]:
        """Samples that wait in a reader, oldest first, and whether there may be more."""
        dds = library()
        code = dds.dds_takecdr(reader, self._samples, SIZE_OF_BATCH, self._infos, ANY_STATE)
        count = checked(code, "take samples")
        taken = []
        for sample, info in zip(self._samples[:count], self._infos[:count], strict=True):
            if sample and info.valid_data:
                payload = _payload(sample)
                taken.append(Sample(payload, info.publication_handle, info.source_timestamp))
            else:
                dds.ddsi_serdata_unref(sample)
        return taken, count == SIZE_OF_BATCH


def _payload(sample: int) -> memoryview:
    """The bytes of a sample of the library, which is given back now or later."""
    dds = library()
    size = dds.ddsi_serdata_size(sample)
    if size > COPY_UP_TO:
        return _lent(sample, size)
    copy = bytearray(size)
    dds.ddsi_serdata_to_ser(sample, 0, size, addressof(ctypes.c_char.from_buffer(copy)))
    dds.ddsi_serdata_unref(sample)
    return memoryview(copy).toreadonly()


def _lent(sample: int, size: int) -> memoryview:
    """A view of a sample as it lies there, given back when nobody looks any longer."""
    span = Span()
    library().ddsi_serdata_to_ser_ref(sample, 0, size, span)
    memory = (ctypes.c_ubyte * size).from_address(span.start)
    # At exit the process's memory goes as a whole, and views may still be in use.
    weakref.finalize(memory, _give_back, sample, span).atexit = False
    return memoryview(memory).cast("B").toreadonly()


def _give_back(sample: int, span: Span) -> None:
    library().ddsi_serdata_to_ser_unref(sample, span)
    library().ddsi_serdata_unref(sample)


class Replays:
    """Recognises what a writer sends again after a broken connection.

    A TRANSIENT_LOCAL writer that was given up for dead and comes back repeats its
    history. A sample is known by its writer's guid and the time of writing; only
    equality counts, because a drone's clock may be set back.

    Args:
        depth: how many samples per writer to remember.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._seen: dict[bytes, deque[int]] = {}

    def is_replay(self, writer: bytes, source_timestamp_ns: int) -> bool:
        """Whether this sample has been here before; remembers it."""
        seen = self._seen.get(writer)
        if seen is None:
            if len(self._seen) == MOST_WRITERS:
                del self._seen[next(iter(self._seen))]
            seen = self._seen[writer] = deque(maxlen=self._depth)
        if source_timestamp_ns in seen:
            return True
        seen.append(source_timestamp_ns)
        return False
