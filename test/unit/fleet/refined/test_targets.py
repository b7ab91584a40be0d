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

"""Refined targets as a function of sightings and record alone."""

from __future__ import annotations

import random

import fleet_oracle as oracle
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting
from edge_infer.fleet.refined.refine import DEFAULT
from edge_infer.fleet.refined.targets import refined_targets


@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_every_order_gives_the_same_bytes(fleet: list[Sighting], rng: random.Random) -> None:
    targets = refined_targets(fleet)
    assert sorted(member for t in targets for member in t.members) == sorted(s.id for s in fleet)
    assert list(targets) == sorted(targets, key=lambda t: t.id)
    rng.shuffle(fleet)
    assert repr(refined_targets(fleet)) == repr(targets)


def test_the_floor_of_the_record_counts() -> None:
    (target,) = refined_targets([oracle.sighting()], DEFAULT._replace(floor_mm2=4_000_000))
    (other,) = refined_targets([oracle.sighting()])
    assert target.covariance_m2[0] > other.covariance_m2[0] + 3.0
