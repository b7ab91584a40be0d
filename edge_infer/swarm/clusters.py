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
