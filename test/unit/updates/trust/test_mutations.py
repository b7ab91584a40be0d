"""No mutated set is taken for what it is not, whatever was done to it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mutations import mutated, mutated_set
from trust_scene import MODEL, Fleet, decision, started, tree
from tuf.api.metadata import Metadata

from edge_infer.errors import TrustError
from edge_infer.updates.trust.client import TrustClient
from edge_infer.updates.trust.keys import renew_root

SETS, ROOTS = 1700, 300


def signed(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What is signed in each file: beside it there may be a space, or a spare signature."""
    return {name: Metadata.from_bytes(content).signed for name, content in files.items()}


def fresh(fleet: Fleet, pristine: Path) -> TrustClient:
    shutil.rmtree(fleet.folder / "drone")
    shutil.copytree(pristine, fleet.folder / "drone")
    return fleet.drone()


def attempt(drone: TrustClient, files: Mapping[str, bytes]) -> str:
    """``refused``, ``old`` for nothing new, or ``new``."""
    try:
        return "new" if drone.update(files) else "old"
    except TrustError:
        return "refused"


def test_mutated_sets_are_refused_or_say_the_same(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    fleet.publish(3)
    gateway.refresh()
    gateway.decide(decision(3, "drone_1"))
    genuine = gateway.metadata(since_root=1)
    pristine = shutil.copytree(tmp_path / "drone", tmp_path / "pristine")
    before = drone.versions, drone.packages(MODEL), drone.decision(MODEL)
    disk = tree(pristine)
    count = dict.fromkeys(("refused", "old", "new"), 0)
    for seed in range(SETS):
        came = attempt(drone, mutated_set(genuine, seed))
        count[came] += 1
        if came == "new":
            assert signed(drone.metadata(since_root=1)) == signed(genuine), seed
            drone = fresh(fleet, pristine)
        assert (drone.versions, drone.packages(MODEL), drone.decision(MODEL)) == before, seed
    assert tree(tmp_path / "drone") == disk
    assert count["refused"] > 0.9 * SETS, count
    assert drone.update(genuine)


def test_mutated_roots_are_refused_or_say_the_same(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    renew_root(fleet.keys, wall_s=fleet.clock)
    genuine = {"2.root.json": (fleet.keys / "root.json").read_bytes()}
    pristine = shutil.copytree(tmp_path / "drone", tmp_path / "pristine")
    disk, refused = tree(pristine), 0
    for seed in range(ROOTS):
        came = attempt(drone, {"2.root.json": mutated(genuine["2.root.json"], seed)})
        refused += came == "refused"
        if came == "new":
            assert signed(drone.metadata())["2.root.json"] == signed(genuine)["2.root.json"], seed
            drone = fresh(fleet, pristine)
        assert drone.versions == (1, 2)
    assert tree(tmp_path / "drone") == disk
    assert refused > 0.6 * ROOTS
    assert drone.update(genuine)
