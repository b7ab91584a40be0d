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

"""Lets a new model look at its golden input in a child process, which may die of it.

Weights are read by large native libraries: what they do with a bad file must not happen
in the process that flies.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from edge_infer.errors import UpdateError

GOLDEN = (sys.executable, "-m", "edge_infer.perception.golden")
REFUSED = 2
"""Exit code of a child that says what is wrong."""
_NICE = 10
_KEPT_BYTES = 4096
_REMEDY = "publish it again, or look at it with edge-infer model verify"


def check_in_child(
    bundle: Path,
    timeout_s: float,
    memory_bytes: int | None = None,
    engines: str = "auto",
    command: Sequence[str] = GOLDEN,
) -> None:
    """Check a bundle in a process of its own, with less priority than the model that flies.

    Args:
        bundle: its folder.
        timeout_s: after which the child, and all that it started, is killed.
        memory_bytes: address space that it may take; None for no limit. An engine reserves
            far more than it uses.
        engines: names, separated by commas; auto for all that run here.
        command: to which the bundle and the engines are added. It ends with 0, or with 2 and a
            sentence on standard error.

    Raises:
        UpdateError: the model is no good: refused, too slow, or the end of the child.
    """
    try:
        child = subprocess.Popen(
            [*command, str(bundle), "--engines", engines],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise UpdateError(
            f"the check of {bundle} cannot start ({error.strerror})", "free memory and processes"
        ) from error
    said = _Tail(child)
    try:
        _bound(child.pid, timeout_s, memory_bytes)
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _kill(child)
        sentence = said.last_line()
    if code != 0:
        raise _refusal(bundle, code, sentence, timeout_s)


class _Tail:
    """The end of what a child says, however much that is."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stderr is not None
        self._stream = child.stderr
        self._kept: deque[int] = deque(maxlen=_KEPT_BYTES)
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def last_line(self) -> str:
        """Once the child has ended."""
        # Whoever left the child's session may hold the pipe open.
        self._thread.join(1.0)
        lines = bytes(self._kept).decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _drain(self) -> None:
        with self._stream:
            while some := os.read(self._stream.fileno(), 65536):
                self._kept.extend(some[-_KEPT_BYTES:])


def _bound(pid: int, timeout_s: float, memory_bytes: int | None) -> None:
    """Bound what the child may take; from here, as a thread may not run code in between."""
    cpu_s = math.ceil(timeout_s * (os.cpu_count() or 1)) + 1
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: cpu_s}
    if memory_bytes is not None:
        limits[resource.RLIMIT_AS] = memory_bytes
    with contextlib.suppress(ProcessLookupError):
        for which, most in limits.items():
            resource.prlimit(pid, which, (most, most))
        os.setpriority(os.PRIO_PROCESS, pid, _NICE)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """The child and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _refusal(bundle: Path, code: int | None, sentence: str, timeout_s: float) -> UpdateError:
    if code is None:
        return UpdateError(
            f"the model in {bundle} did not end its check within {timeout_s:g} s",
            "publish a lighter one, or allow more time",
        )
    if code == REFUSED and sentence:
        problem, _, remedy = sentence.rpartition(": ")
        return UpdateError(problem or sentence, remedy if problem else _REMEDY)
    how = f"with exit code {code}"
    if code < 0:
        how = f"by signal {_signal(-code)}"
    said = f", and said last: {sentence}" if sentence else ""
    return UpdateError(f"the model in {bundle} ended its check {how}{said}", _REMEDY)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
