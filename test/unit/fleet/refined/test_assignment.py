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

"""The cheapest assignment against all that there are."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.fleet.refined.assignment import assign


@st.composite
def tables(draw: st.DrawFn) -> list[list[int]]:
    rows = draw(st.integers(0, 4))
    columns = draw(st.integers(rows, rows + 2))
    costs = st.one_of(st.integers(-3, 3), st.integers(-(10**9), 10**9), st.just(1 << 80))
    row = st.lists(costs, min_size=columns, max_size=columns)
    return draw(st.lists(row, min_size=rows, max_size=rows))


@given(tables())
def test_no_other_assignment_costs_less(table: list[list[int]]) -> None:
    columns = assign(table)
    assert len(set(columns)) == len(table)
    every = permutations(range(len(table[0]) if table else 0), len(table))
    least = min(sum(row[c] for row, c in zip(table, some, strict=True)) for some in every)
    assert sum(row[c] for row, c in zip(table, columns, strict=True)) == least
