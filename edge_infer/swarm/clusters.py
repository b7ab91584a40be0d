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

"""Which drone of a hybrid belongs to which cluster: neighbours over the farm belong together."""

from __future__ import annotations

from edge_infer.errors import UsageError

DRONES_PER_CLUSTER = 5
"""How large clusters are when nobody says how many there shall be."""


def clusters_of(topology: str, drones: int, clusters: int = 0) -> list[str]:
    """The cluster of each drone; empty names where the topology has none.

    Args:
        topology: mesh, star or hybrid.
        drones: how many.
        clusters: of a hybrid; 0 for one per five drones.

    Raises:
        UsageError: so many clusters cannot be made.
    """
    if topology != "hybrid":
        if clusters:
            raise UsageError(
                f"a {topology} has no clusters", "choose the topology hybrid, or leave them out"
            )
        return [""] * drones
    count = clusters or -(-drones // DRONES_PER_CLUSTER)
    if not 0 <= count <= drones:
        raise UsageError(
            f"{drones} drones cannot make {count} clusters",
            "give at most as many clusters as drones",
        )
    return [f"cluster_{index * count // drones + 1}" for index in range(drones)]
