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

"""The targets of the refined layer: groups on corrected positions, fused without the offsets."""

from __future__ import annotations

from collections.abc import Iterable

from edge_infer.domain import Sighting, Target
from edge_infer.fleet.fusion import fuse
from edge_infer.fleet.refined.refine import DEFAULT, Refinement, refine


def refined_targets(
    sightings: Iterable[Sighting], record: Refinement = DEFAULT
) -> tuple[Target, ...]:
    """The targets of these sightings, ordered by id; identities must differ.

    A pure function of both: the order of the sightings does not matter. Places are
    without the drones' offsets, which are known up to what all are off together.
    """
    refined = refine(sightings, record)
    offsets = dict(refined.offsets_mm)
    targets = (
        fuse(group, offsets, refined.noise_milli, record.floor_mm2) for group in refined.groups
    )
    return tuple(sorted(targets, key=lambda target: target.id))
