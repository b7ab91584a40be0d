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

"""Which other coordinators do not come together with this one, and since when.

Digests differ for a moment whenever a sighting is on its way; when that means something is
judged by ``fleet/agreement.py``. Here it is asked from one replica's place. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge_infer.fleet.agreement import Agreement
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.ranges import LogRange


class Divergence:
    """Follows the digests that one coordinator hears, its own among them.

    Args:
        name: of that coordinator.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._agreement = Agreement()
        self._since_s: dict[str, float] = {}

    def hear(
        self,
        name: str,
        digest: str,
        ranges: Iterable[LogRange],
        floors: Iterable[Floor],
        now_s: float,
    ) -> None:
        """A coordinator told its digest; ``now_s`` is of any one clock."""
        self._agreement.hear(name, digest, ranges, floors, now_s)

    def peers(self, now_s: float) -> Mapping[str, float]:
        """Those that are heard and hold another truth, and for how many seconds by now."""
        apart = self._agreement.apart_from(self._name, now_s)
        self._since_s = {name: self._since_s.get(name, now_s) for name in apart}
        return {name: now_s - since_s for name, since_s in self._since_s.items()}
