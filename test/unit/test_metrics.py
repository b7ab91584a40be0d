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

"""Histograms: quantiles within half a bucket, whatever was counted and however it was merged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.metrics import FIRST_MS, GROWTH, Histogram

durations = st.lists(st.floats(FIRST_MS * 1.001, 1e5), min_size=1, max_size=200)


@given(durations, st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_within_half_a_bucket_of_the_true_one(values: list[float], q: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    true = np.quantile(values, q, method="lower")
    assert histogram.quantile(q) == pytest.approx(true, rel=GROWTH**0.51 - 1)


@given(durations, durations)
def test_merged_histograms_are_the_histogram_of_all(a: list[float], b: list[float]) -> None:
    parts = [Histogram(), Histogram(), Histogram()]
    for part, values in zip(parts, (a, b, a + b), strict=True):
        for value in values:
            part.add(value)
    parts[0].merge(parts[1].trimmed())
    assert parts[0] == parts[2]


def test_nothing_counted_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
    assert Histogram().trimmed() == []


@pytest.mark.parametrize("odd", [0.0, -3.0, float("nan")])
def test_what_is_no_duration_counts_as_the_smallest(odd: float) -> None:
    histogram = Histogram()
    histogram.add(odd)
    assert histogram.quantile(0.5) == FIRST_MS / 2


def test_what_takes_days_counts_as_the_longest() -> None:
    histogram = Histogram()
    histogram.add(1e12)
    assert histogram.total == 1
    assert (histogram.quantile(0.5) or 0) > 1e4
