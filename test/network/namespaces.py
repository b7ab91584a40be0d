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

"""Hosts: a network namespace each, plugged into the switch, with processes in it.

The namespaces have no names. They live as long as a descriptor of this process or a
process inside, and the processes end with this one (``setpriv --pdeathsig``), so
nothing is left behind even when the test is killed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from switch import TAP, Switch, hardware_address, missing_for_switch, open_tap

_CLONE_NEWNET = 0x40000000
_PROGRAMS = {"ip": "iproute2", "nsenter": "util-linux", "setpriv": "util-linux"}
_MTU = "1500"


def why_not_here() -> str:
    """Why there can be no namespaces here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            return f"there is no {program}: install {package}"
    if problem := missing_for_switch():
        return problem
    namespace, problem = _in_new_namespace(lambda: os.close(open_tap()))
    if namespace >= 0:
        os.close(namespace)
    return problem


class Host:
    """One machine on the network.

    Args:
        number: from 0, in the order of plugging in.
        switch: what it is plugged into.
    """

    def __init__(self, number: int, switch: Switch) -> None:
        def furnish() -> None:
            switch.plug_in(open_tap())
            _ip("link", "set", "lo", "up")
            _ip("link", "set", TAP, "address", hardware_address(number), "mtu", _MTU)
            _ip("address", "add", f"10.77.0.{number + 1}/24", "dev", TAP)
            ipv6 = Path(f"/proc/sys/net/ipv6/conf/{TAP}/disable_ipv6")
            if ipv6.exists():  # it is of the namespace of whoever looks
                ipv6.write_text("1")
            _ip("link", "set", TAP, "up")

        self._namespace, problem = _in_new_namespace(furnish)
        if problem:
            raise OSError(f"host {number} has no network: {problem}")

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: IO[str],
        output: IO[str] | int = subprocess.PIPE,
    ) -> Process:
        """A process in the namespace, with a pipe as its standard input."""
        namespace = f"/proc/{os.getpid()}/fd/{self._namespace}"
        enter = ("setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={namespace}", "--")
        return Process(
            [*enter, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=log,
            env=dict(environment),
        )

    def close(self) -> None:
        """Let go of the namespace."""
        os.close(self._namespace)


class Process(subprocess.Popen[bytes]):
    """One that can be halted."""

    def halt(self) -> None:
        """Stop it where it is."""
        self.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self.send_signal(signal.SIGCONT)

    def destroy(self) -> None:
        """Kill it and wait for its end."""
        self.kill()
        self.wait()
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                pipe.close()


def _in_new_namespace(furnish: Callable[[], None]) -> tuple[int, str]:
    """A namespace's descriptor, and what went wrong. A thread has its own, so this one stays."""
    found: list[int] = []
    problems: list[str] = []

    def work() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
                problems.append(f"unshare: {os.strerror(ctypes.get_errno())}")
                return
            own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
            found.append(os.open(own, os.O_RDONLY))
            furnish()
        except (OSError, subprocess.CalledProcessError) as error:
            problems.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return (found[0] if found else -1), "; ".join(problems)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
