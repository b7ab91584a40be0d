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

"""Which coordinator speaks for its cluster: the one with the first name among those that live.

Nobody is elected and nobody asks: each coordinator hears who else tells digests in
its cluster and finds out for itself whether it is the head. For a moment two may
think so, or none; what heads carry merges in any order, so two only say things
twice, and what was missed while there was none is asked for by the next.
"""

from __future__ import annotations


class Heads:
    """One coordinator's idea of who is the head.

    Args:
        name: of the coordinator.
        memory_s: who told nothing for this long is away. So long it listens itself
            before it takes the lead.
    """

    def __init__(self, name: str, memory_s: float) -> None:
        self._name = name
        self._memory_s = memory_s
        self._heard_s: dict[str, float] = {}
        self._began_s: float | None = None

    def hear(self, name: str, now_s: float) -> None:
        """A coordinator of the cluster told its digest."""
        self._heard_s[name] = now_s

    def is_head(self, now_s: float) -> bool:
        """Whether this one is the head now; to be asked from the start on."""
        if self._began_s is None:
            self._began_s = now_s
        limit_s = now_s - self._memory_s
        self._heard_s = {name: at_s for name, at_s in self._heard_s.items() if at_s > limit_s}
        return self._began_s <= limit_s and all(self._name < name for name in self._heard_s)
