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

"""Time passes as the clock does, but not backwards, and not farther at once than is allowed."""

from __future__ import annotations

import pytest

from edge_infer.fleet.elapsed import Elapsed


@pytest.mark.parametrize(
    ("most_s", "looks", "expected"),
    [
        (float("inf"), [100.0, 101.5, 104.0], [0.0, 1.5, 4.0]),
        (float("inf"), [100.0, 101.0, 40.0, 41.0], [0.0, 1.0, 1.0, 2.0]),
        (2.0, [100.0, 101.0, 200.0, 201.0, 7.0], [0.0, 1.0, 3.0, 4.0, 4.0]),
    ],
)
def test_it_follows_a_clock_that_is_set(
    most_s: float, looks: list[float], expected: list[float]
) -> None:
    elapsed = Elapsed(most_s)
    assert [elapsed.at(clock_s) for clock_s in looks] == expected
    assert elapsed.now_s == expected[-1]
