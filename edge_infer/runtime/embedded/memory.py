"""Keeps the memory of one image for the next.

The C library's allocator gives a large block back to the system as soon as it is
free, and getting it again costs a page fault every 4 kB: more than all the
copying on an image's way. A process that handles images all the time had
better keep a few.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

KEPT_BYTES = 32 * 1024 * 1024
"""Free memory that may stay with the process; also the most that glibc lets one set."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_USERS_CHOICE = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_blocks(environ: Mapping[str, str] = os.environ) -> bool:
    """Have large blocks reused within the process, unless the environment says how.

    Returns:
        Whether the allocator agreed; only glibc's knows the question.
    """
    if any(name in environ for name in _USERS_CHOICE):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(option, KEPT_BYTES) for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
