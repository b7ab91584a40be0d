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

"""Drones as processes: started, watched, started again, ended.

Each is a process of its own (spawned, never forked: DDS threads do not survive
a fork), in a process group of its own, so that Ctrl-C reaches it once, through
us. Its standard input is a pipe from us, so that it ends with us, however we
end. Its log goes to a file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BACK_OFF_S = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Pause before the first, second, ... start again; the last one repeats."""


@dataclass
class ManagedProcess:
    """One process that is to be running.

    Attributes:
        name: of the drone or gateway.
        command: what to run.
        log: file for its output; appended to.
        environment: for it, instead of ours.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    deaths: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _start_again_s: float | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it; its output is added to the log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def tend(self, now_s: float) -> int | None:
        """Start it again when it died and its pause is over.

        Returns:
            The exit code, once per death; negative for a signal.
        """
        if self._process is None or self._process.poll() is None:
            return None
        if self._start_again_s is None:
            pause = BACK_OFF_S[min(self.deaths, len(BACK_OFF_S) - 1)]
            self.deaths += 1
            self._start_again_s = now_s + pause
            return self._process.returncode
        if now_s >= self._start_again_s:
            self._start_again_s = None
            self.start()
        return None

    def interrupt(self) -> None:
        """Ask it to end."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def join(self, deadline_s: float) -> bool:
        """Wait for its end; kill it at the deadline (monotonic). True when it ended by itself."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    def last_words(self) -> str:
        """The last line of its log, for whoever asks why it died."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def node_command(node: str, runtime: str, ros_args: Sequence[str]) -> list[str]:
    """The command line that runs a node of ours with this Python."""
    python = [sys.executable, "-m", "edge_infer", "node", node]
    return [*python, "--until-eof", "--runtime", runtime, "--ros-args", *ros_args]


def child_environment() -> dict[str, str]:
    """Ours, with the thread pools of numeric libraries kept small: one drone, one core."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
