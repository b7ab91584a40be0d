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

"""The cheapest way to give each row a column of its own, in whole numbers.

The Hungarian method with potentials, rows one after the other (Kuhn 1955;
Jonker and Volgenant 1987). Equal answers are settled by the order of rows and
columns alone. For frames with a handful of things: time grows with the cube.
"""

from __future__ import annotations

from collections.abc import Sequence

_NEVER = 1 << 200


def assign(cost: Sequence[Sequence[int]]) -> list[int]:
    """The column of each row, all different, with the least sum of costs.

    Args:
        cost: a row of costs per row; at least as many columns as rows.
    """
    columns = len(cost[0]) if cost else 0
    column_price = [0] * columns
    row_price = [0] * len(cost)
    owner: list[int | None] = [None] * columns
    for row in range(len(cost)):
        _place(row, cost, row_price, column_price, owner)
    chosen = [0] * len(cost)
    for column, taken in enumerate(owner):
        if taken is not None:
            chosen[taken] = column
    return chosen


def _place(
    row: int,
    cost: Sequence[Sequence[int]],
    row_price: list[int],
    column_price: list[int],
    owner: list[int | None],
) -> None:
    """Give one more row a column; rows placed before may have to move."""
    slack = [_NEVER] * len(owner)
    came_from: list[int | None] = [None] * len(owner)
    tree: list[int] = []
    free = set(range(len(owner)))
    at, last = row, None
    while True:
        best = -1
        for column in sorted(free):
            reduced = cost[at][column] - row_price[at] - column_price[column]
            if reduced < slack[column]:
                slack[column], came_from[column] = reduced, last
            if best < 0 or slack[column] < slack[best]:
                best = column
        step = slack[best]
        row_price[row] += step
        for column in tree:
            taken = owner[column]
            assert taken is not None
            row_price[taken] += step
            column_price[column] -= step
        for column in free:
            slack[column] -= step
        tree.append(best)
        free.remove(best)
        next_row = owner[best]
        if next_row is None:
            break
        at, last = next_row, best
    _shift(row, best, came_from, owner)


def _shift(row: int, column: int, came_from: Sequence[int | None], owner: list[int | None]) -> None:
    """Move the rows along the path that ends at a free column."""
    at: int | None = column
    while at is not None:
        before = came_from[at]
        owner[at] = row if before is None else owner[before]
        at = before
