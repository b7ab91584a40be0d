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

"""From raw tensors to detections: the head of the manifest, then NMS where it is wanted."""

import numpy as np
import pytest
from tiny_detectors import manifest

from edge_infer.errors import DecodeError
from edge_infer.perception.decode import decode, decoder
from edge_infer.perception.heads.base import TOP_K


def output_of(*places):
    return np.array(places, np.float32).T[None]


TWO_ON_ONE_PLACE = output_of(
    (30, 30, 20, 20, 0.9, 0.1, 0.1), (31, 30, 20, 20, 0.1, 0.8, 0.1), (31, 31, 20, 20, 0.7, 0, 0)
)


def test_classes_do_not_suppress_each_other_unless_the_manifest_says_so():
    assert decode([TWO_ON_ONE_PLACE], manifest("yolov8")).class_id.tolist() == [0, 1]
    found = decode([TWO_ON_ONE_PLACE], manifest("yolov8", nms="agnostic"))
    assert found.class_id.tolist() == [0]
    assert found.xyxy.tolist() == [[20, 20, 40, 40]]
    assert found.confidence.tolist() == [np.float32(0.9)]


def test_nothing_found_is_an_empty_result():
    found = decode([np.zeros((1, 7, 100), np.float32)], manifest("yolov8"))
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)


def test_no_more_than_top_k_boxes_are_looked_at():
    boxes = np.zeros((1, 7, 2 * TOP_K), np.float32)
    boxes[0, 0] = np.arange(2 * TOP_K) * 10
    boxes[0, 2:4] = 5
    boxes[0, 4] = 0.9
    assert len(decode([boxes], manifest("yolov8"))) == TOP_K


def test_a_list_is_sorted_but_not_thinned_out():
    rows = np.float32([[10, 10, 30, 30, 0.6, 1], [10, 10, 30, 30, 0.9, 1], [0, 0, 9, 9, 0.4, 0]])
    found = decode([rows[None]], manifest("yolov10"))
    assert found.confidence.tolist() == [np.float32(0.9), np.float32(0.6)]
    assert found.class_id.tolist() == [1, 1]
    assert found.xyxy.tolist() == [[10, 10, 30, 30]] * 2


def test_an_unknown_head_is_refused():
    with pytest.raises(DecodeError, match="'abacus' is not known"):
        decoder("abacus")
