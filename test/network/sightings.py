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

"""What drones see, as a function of its identity alone: so every test knows what there must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge_infer.domain import Sighting, SightingId

RATE_HZ = 1.7
"""What a drone of ``edge-infer swarm --drones 3 --seed 4`` publishes on the average."""
_THINGS = 400
_FIRST_STAMP_NS = 1_700_000_000_000_000_000

Published = Mapping[tuple[str, int], int]
"""(source, boot) to the highest sequence number; they begin with 1."""


def sighting(source: str, boot: int, sequence: int) -> Sighting:
    """One of 400 things that stand 20 m apart, a little off, alone in its frame."""
    east, north = divmod(sequence * 7 % _THINGS, 20)
    return Sighting(
        id=SightingId(source, boot, sequence),
        stamp_ns=_FIRST_STAMP_NS + round(sequence / RATE_HZ * 1e9),
        frame=sequence,
        class_name=("hot_cell", "diode")[sequence % 2],
        score=(sequence * 5 % 8 + 1) / 8,
        x_mm=east * 20_000 + sequence * 13 % 1000,
        y_mm=north * 20_000 + sequence * 17 % 1000,
        z_mm=0,
        covariance_m2=(0.25, 0.0, 0.25),
        model_version="1.0.0",
    )


def all_sightings(published: Published) -> Iterator[Sighting]:
    """Everything that was published."""
    for (source, boot), last in published.items():
        for sequence in range(1, last + 1):
            yield sighting(source, boot, sequence)
