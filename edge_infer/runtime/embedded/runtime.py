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

"""The embedded runtime: nodes of ours on Cyclone DDS, indistinguishable from ROS 2's."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence

from edge_infer.memory import keep_freed_blocks
from edge_infer.runtime.embedded.executor import DdsExecutor
from edge_infer.runtime.embedded.participant import Participant
from edge_infer.runtime.embedded.transport import DdsTransport
from edge_infer.runtime.local import LocalRuntime


class EmbeddedRuntime(LocalRuntime):
    """One process's connection to a DDS domain; a process may have several.

    Args:
        args: command line; what stands after ``--ros-args`` counts.
        environ: the environment variables that choose the domain and its reach.

    Raises:
        RuntimeUnavailableError: Cyclone DDS is not installed or cannot start here.
        UsageError: the command line or the environment makes no sense.
    """

    def __init__(
        self, args: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        keep_freed_blocks()
        participant = Participant(environ)
        try:
            executor = DdsExecutor(participant)
            transport = DdsTransport(participant, executor)
            super().__init__("embedded", transport, executor, args)
        except BaseException:
            participant.close()
            raise
        # The library's threads must be gone before the interpreter is.
        atexit.register(self.shutdown)

    def shutdown(self) -> None:
        """Destroy the nodes and leave the network; a second call does nothing."""
        super().shutdown()
        atexit.unregister(self.shutdown)
