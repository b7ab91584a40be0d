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

"""The JSON report of a replay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_infer.replay.player import Played
from edge_infer.replay.report import Outcome
from edge_infer.replay.routes import Routes

_FRAMES = ("received", "processed", "dropped", "failed")


def report(
    bag: Path,
    nodes: Sequence[str],
    routes: Routes,
    played: Played,
    outcome: Outcome,
    wall_s: float,
) -> dict[str, Any]:
    """The JSON report; what depends on this run alone is only ``wall_s`` and what follows of it."""
    counters = outcome.counters.get("detector", {})
    frames = {name: counters.get(f"frames_{name}", 0) for name in _FRAMES}
    return {
        "bag": str(bag),
        "complete": played.problem is None,
        "problem": str(played.problem) if played.problem else None,
        "nodes": list(nodes),
        "topics": {route.source: route.target for route in routes.routes},
        "model": outcome.model,
        "messages": played.messages,
        "images": played.images,
        "frames": frames,
        "detections": _by_class(outcome.detections),
        "sightings": outcome.sightings,
        "targets": _by_class(outcome.targets),
        "outputs": dict(sorted(outcome.outputs.items())),
        "bag_s": round(played.bag_s, 3),
        "wall_s": round(wall_s, 3),
        "times_real_time": round(played.bag_s / wall_s, 2),
        "digest": outcome.digest,
        "counters": outcome.counters,
    }


def _by_class(counts: dict[str, int]) -> dict[str, Any]:
    return {"total": sum(counts.values()), "by_class": dict(sorted(counts.items()))}
