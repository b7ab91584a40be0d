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

"""Work that gives way: loading a model must not take the processor from the one that serves.

Linux knows a priority for each thread, and a thread or process that is started has that
of who started it: so an engine would keep the low one for ever. It is raised again at the
end, which the system allows to who may: RLIMIT_NICE (``LimitNICE=0`` of systemd, ``--ulimit
nice=20`` of Docker) or CAP_SYS_NICE. Where it does not, nothing is lowered.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

STEPS = 7
"""So many steps of niceness; each takes a fifth of the share, so a sixth of it is left."""
_NICEST = 19


@contextmanager
def low_priority() -> Iterator[bool]:
    """The calling thread, and what is started by it meanwhile, gives way to all others.

    Yields:
        Whether it does.
    """
    if not _can_be_undone():
        yield False
        return
    normal = _niceness(threading.get_native_id())
    low = min(normal + STEPS, _NICEST)
    others = set(_at(low))
    os.setpriority(os.PRIO_PROCESS, 0, low)
    try:
        yield True
    finally:
        # Again, for one that was started while the list was read.
        while found := set(_at(low)) - others:
            for thread in found:
                with suppress(ProcessLookupError):
                    os.setpriority(os.PRIO_PROCESS, thread, normal)


def _at(niceness: int) -> Iterator[int]:
    """Threads of this process and of those that it has started."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    for process in processes:
        with suppress(OSError):
            for task in Path(f"/proc/{process.pid}/task").iterdir():
                with suppress(ProcessLookupError):
                    if _niceness(int(task.name)) == niceness:
                        yield int(task.name)


def _niceness(thread: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def _can_be_undone() -> bool:
    """Tried by a thread that ends here, whatever becomes of its priority."""
    if sys.platform != "linux":
        return False
    done = []

    def attempt() -> None:
        normal = _niceness(0)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, min(normal + 1, _NICEST))
            os.setpriority(os.PRIO_PROCESS, 0, normal)
            done.append(True)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(done)
