"""Taking samples out of a reader, and telling a replay from news.

A small sample is copied, which costs less than bookkeeping. A large one is
handed on as it lies in the library's memory and freed when the last view of it
is gone.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from ctypes import addressof, c_void_p
from typing import NamedTuple

from edge_infer.runtime.embedded.library import Box, SampleInfo, checked, library

COPY_UP_TO = 32 * 1024
"""Bytes up to which a copy is cheaper than a view that has to be freed."""

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
        self._boxes = (Box * SIZE_OF_BATCH)()
        self._pointers = (c_void_p * SIZE_OF_BATCH)(*(addressof(box) for box in self._boxes))
        self._infos = (SampleInfo * SIZE_OF_BATCH)()

    def take(self, reader: int) -> tuple[list[Sample], bool]:
        """Samples that wait in a reader, oldest first, and whether there may be more."""
        code = library().dds_take(reader, self._pointers, self._infos, SIZE_OF_BATCH, SIZE_OF_BATCH)
        count = checked(code, "take samples")
        samples = []
        for box, info in zip(self._boxes[:count], self._infos[:count], strict=True):
            if info.valid_data:
                payload = _payload(box)
                samples.append(Sample(payload, info.publication_handle, info.source_timestamp))
            elif box.data:
                library().dds_free(box.data)
            box.data = None
        return samples, count == SIZE_OF_BATCH


def _payload(box: Box) -> memoryview:
    """The bytes in a box, which then no longer owns them."""
    if box.size > COPY_UP_TO:
        return lent(box.data, box.size)
    try:
        return memoryview(ctypes.string_at(box.data, box.size))
    finally:
        library().dds_free(box.data)


def lent(address: int, size: int) -> memoryview:
    """A read-only view of memory that the library frees when nobody looks any longer."""
    memory = (ctypes.c_ubyte * size).from_address(address)
    # At exit the process's memory goes as a whole, and views may still be in use.
    weakref.finalize(memory, library().dds_free, address).atexit = False
    return memoryview(memory).cast("B").toreadonly()


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
