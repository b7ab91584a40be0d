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

"""The head that outlines things, against a plain, slow reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_detectors import manifest

from edge_infer.errors import DecodeError
from edge_infer.models.manifest import ClassifierSpec, WeightFile
from edge_infer.outlines import bounds
from edge_infer.perception.heads.outlines import decode_outlines


def finder(threshold=0.5):
    spec = ClassifierSpec(
        input="regions", width=24, height=40, batch=4,
        weights=(WeightFile(format="onnx", file="c.onnx", sha256="0" * 64, bytes=1),),
    )  # fmt: skip
    return manifest("outlines", score_threshold=threshold, classifier=spec)


def maps(rows=8, columns=8):
    """Of a 64 x 64 image on which nothing is found; every outline would be a square."""
    square = np.array([-1.5, -1.5, 1.5, -1.5, 1.5, 1.5, -1.5, 1.5], np.float32)
    return (
        np.broadcast_to(square[:, None, None], (8, rows, columns))[None].copy(),
        np.full((1, 1, rows, columns), -9.0, np.float32),
    )


def slow_mean(corners, logits, y, x):
    """Of what a place and its neighbours say of the corners, by the chance that they see it."""
    total, weight = np.zeros((4, 2)), 0.0
    for row in (y - 1, y, y + 1):
        for column in (x - 1, x, x + 1):
            inside_y = min(max(row, 0), logits.shape[0] - 1)
            inside_x = min(max(column, 0), logits.shape[1] - 1)
            chance = 1 / (1 + np.exp(-float(logits[inside_y, inside_x])))
            offset = corners[:, inside_y, inside_x].reshape(4, 2)
            total += chance * (offset + np.array([inside_x, inside_y]) + 0.5)
            weight += chance
    return total / weight


def slow_outlines(outputs, threshold, stride):
    """Before NMS."""
    corners, logits = outputs[0][0], outputs[1][0, 0]
    found = []
    for y in range(logits.shape[0]):
        for x in range(logits.shape[1]):
            near = logits[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            score = 1 / (1 + np.exp(-float(logits[y, x])))
            if score >= threshold and logits[y, x] == near.max():
                found.append((slow_mean(corners, logits, y, x) * stride, score))
    return sorted(found, key=lambda thing: -thing[1])


@given(seed=st.integers(0, 10_000))
def test_the_outlines_head_equals_the_reference(seed):
    rng = np.random.default_rng(seed)
    outputs = [rng.normal(0, 0.4, (1, n, 8, 8)).astype(np.float32) for n in (8, 1)]
    # Outlines are so small that none is in another's way.
    outputs[0] += np.tile(np.float32([-0.3, -0.3, 0.3, 0.3]), 2)[None, :, None, None]
    found = decode_outlines(outputs, finder(0.4567).model_copy(update={"nms_iou": 1.0}))
    expected = slow_outlines(outputs, 0.4567, 8)
    np.testing.assert_allclose(found.score, [score for _, score in expected], rtol=1e-5)
    outlines = np.array([outline for outline, _ in expected]).reshape(-1, 4, 2)
    np.testing.assert_allclose(found.outline, outlines, atol=1e-4)


def test_neighbouring_places_are_one_thing_that_all_of_them_see():
    outputs = maps()
    outputs[1][0, 0, 3, 3:5] = 8.0, 9.0
    outputs[0][0, ::2, 3, 3] += 1.2  # both mean the same place, but for a fifth of a stride
    found = decode_outlines(outputs, finder())
    expected = np.array([[24.8, 16], [48.8, 16], [48.8, 40], [24.8, 40]])
    np.testing.assert_allclose(found.outline, expected[None], atol=0.02)


def test_the_better_of_two_outlines_of_one_thing_stays():
    outputs = maps()
    outputs[1][0, 0, 3, 2], outputs[1][0, 0, 3, 4] = 2.0, 1.0
    outputs[0][0, ::2, 3, 4] -= 2.0
    found = decode_outlines(outputs, finder())
    assert found.score.tolist() == pytest.approx([1 / (1 + np.exp(-2.0))])


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_the_outlines_head_takes_any_threshold(threshold):
    outputs = maps()
    outputs[0][:] *= 0.1
    found = decode_outlines(outputs, finder(threshold))
    assert len(found.score) == (64 if threshold == 0.0 else 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_finder_may_be_as_sure_as_it_likes(threshold):
    outputs = maps()
    outputs[1][:] = -500.0
    outputs[1][0, 0, 3, 3] = 500.0
    found = decode_outlines(outputs, finder(threshold))
    assert found.score[0] == 1.0
    np.testing.assert_allclose(bounds(found.outline)[0], [16, 16, 40, 40])
    assert np.isfinite(found.outline).all()
    assert (found.score[1:] < 1e-30).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a, b: (a,),
        lambda a, b: (b, a),
        lambda a, b: (a[:, :4], b),
        lambda a, b: (a, b[..., :4]),
        lambda a, b: (a[0], b[0]),
    ],
    ids=["missing", "order", "corners", "size", "rank"],
)
def test_maps_that_are_no_outlines_are_refused(spoil):
    with pytest.raises(DecodeError, match="are not the outlines head's"):
        decode_outlines(spoil(*maps()), finder())
