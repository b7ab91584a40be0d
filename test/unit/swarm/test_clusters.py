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

"""Contiguous clusters of like size, whatever the numbers; what cannot be is refused."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import UsageError
from edge_infer.swarm.clusters import clusters_of


def test_neighbours_belong_together() -> None:
    assert clusters_of("hybrid", 5, 2) == [f"cluster_{n}" for n in (1, 1, 1, 2, 2)]


@pytest.mark.parametrize(("drones", "clusters"), [(1, 1), (5, 1), (6, 2), (20, 4), (23, 5)])
def test_by_default_a_cluster_has_five_drones_at_most(drones: int, clusters: int) -> None:
    sizes = Counter(clusters_of("hybrid", drones))
    assert len(sizes) == clusters
    assert max(sizes.values()) <= 5


@pytest.mark.parametrize("topology", ["mesh", "star"])
def test_others_have_none(topology: str) -> None:
    assert clusters_of(topology, 3) == ["", "", ""]
    with pytest.raises(UsageError, match=f"a {topology} has no clusters"):
        clusters_of(topology, 3, 2)


@given(st.integers(1, 100), st.data())
def test_clusters_are_contiguous_and_of_like_size(drones: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, drones))
    clusters = clusters_of("hybrid", drones, count)
    sizes = Counter(clusters)
    assert len(clusters) == drones
    assert list(dict.fromkeys(clusters)) == [f"cluster_{n}" for n in range(1, count + 1)]
    assert clusters == sorted(clusters, key=lambda name: int(name.partition("_")[2]))
    assert max(sizes.values()) - min(sizes.values()) <= 1


@pytest.mark.parametrize("clusters", [4, -1])
def test_impossible_numbers_are_refused(clusters: int) -> None:
    with pytest.raises(UsageError, match=f"3 drones cannot make {clusters} clusters"):
        clusters_of("hybrid", 3, clusters)
