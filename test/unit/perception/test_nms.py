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

"""Suppression against a plain, slow reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.perception.heads.base import TOP_K, strongest
from edge_infer.perception.nms import best_first, nms


def slow_iou(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    overlap = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    union = sum(areas) - overlap
    return overlap / union if union > 0 else 0.0


def slow_nms(xyxy, score, group, max_iou):
    kept = []
    for index in sorted(range(len(score)), key=lambda i: -score[i])[:TOP_K]:
        rivals = [k for k in kept if group[k] == group[index]]
        if all(slow_iou(xyxy[k], xyxy[index]) <= max_iou for k in rivals):
            kept.append(index)
    return kept


def random_boxes(rng, count):
    # Quarters of pixels, so that both implementations compute the same floats.
    corner = rng.integers(0, 160, (count, 2)) / 4
    return np.hstack([corner, corner + rng.integers(1, 80, (count, 2)) / 4]).astype(np.float32)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 40))
def test_nms_equals_the_reference(seed, count):
    rng = np.random.default_rng(seed)
    xyxy = random_boxes(rng, count)
    score = (rng.integers(0, 8, count) / 8).astype(np.float32)
    group = rng.integers(0, 3, count).astype(np.int32)
    # 0.4567 is no quotient of small whole numbers, so no pair lies on the threshold.
    assert nms(xyxy, score, group, 0.4567).tolist() == slow_nms(xyxy, score, group, 0.4567)


@pytest.mark.parametrize("seed", range(5))
def test_more_boxes_than_are_looked_at_give_the_best_ones(seed):
    rng = np.random.default_rng(seed)
    count = TOP_K * 2
    xyxy = random_boxes(rng, count)
    score = (rng.integers(0, 16, count) / 16).astype(np.float32)
    group = rng.integers(0, 80, count).astype(np.int32)
    assert nms(xyxy, score, group, 0.4567).tolist() == slow_nms(xyxy, score, group, 0.4567)


def test_boxes_left_of_the_picture_meet_only_their_own_group():
    xyxy = np.float32([[-100, 0, 50, 50], [-100, 0, 50, 50], [-99, 0, 50, 50]])
    score, group = np.float32([0.9, 0.8, 0.7]), np.int32([1, 0, 1])
    assert nms(xyxy, score, group, 0.5).tolist() == [0, 1]


def test_empty_boxes_suppress_nothing():
    xyxy = np.zeros((3, 4), np.float32)
    assert nms(xyxy, np.ones(3, np.float32), np.zeros(3, np.int32), 0.5).tolist() == [0, 1, 2]


def test_an_overlap_of_just_the_limit_is_allowed():
    xyxy = np.float32([[0, 0, 2, 1], [1, 0, 3, 1], [0, 0, 1, 1]])
    score, group = np.float32([0.9, 0.8, 0.7]), np.zeros(3, np.int32)
    assert nms(xyxy, score, group, 0.5).tolist() == [0, 1, 2]


@given(seed=st.integers(0, 10_000), count=st.integers(0, 3 * TOP_K), levels=st.integers(1, 500))
def test_the_strongest_are_the_first_of_equals(seed, count, levels):
    rng = np.random.default_rng(seed)
    score = (rng.integers(0, levels, count) / levels).astype(np.float32)
    hits = [index for index in range(count) if score[index] >= 0.25]
    best = sorted(hits, key=lambda index: -score[index])[:TOP_K]
    assert strongest(score, 0.25).tolist() == sorted(best)
    everything = sorted(range(count), key=lambda index: -score[index])[:TOP_K]
    assert best_first(score).tolist() == everything
