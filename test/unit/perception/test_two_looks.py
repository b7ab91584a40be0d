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

"""Finder and classifier together in ONNX Runtime: which pixels of what was found are asked."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from tiny_bundles import (
    BATCH,
    HEIGHT,
    REGION,
    WIDTH,
    constant,
    finder_maps,
    one_look,
    two_looks,
    weighted_sums,
)

from edge_infer.backends.onnx import OnnxBackend
from edge_infer.domain import CameraFrame
from edge_infer.errors import DecodeError, InferenceError, ModelError
from edge_infer.outlines import bounds, from_top_left, of_boxes
from edge_infer.perception.pipeline import Pipeline

SURE = 30.0
"""A logit whose chance is 1 in float32."""


def turned(x, y, angle):
    """The outline of a 24 x 40 thing with its centre there."""
    across, along = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = [(-12, -20), (12, -20), (12, 20), (-12, 20)]
    return np.array([(x, y) + a * across + b * along for a, b in corners], np.float32)


UPRIGHT, LYING = of_boxes(np.array([(16, 16, 40, 56), (60, 12, 100, 36)], np.float32))
THINGS = from_top_left(
    np.stack([UPRIGHT, LYING, turned(132, 40, 0.15), turned(40, 95, 0.6), turned(112, 92, -1.2)])
)
GREYS = (60, 90, 128, 170, 220)


def painted(outlines, paint, size=(HEIGHT, WIDTH)):
    """A frame of 40 on which paint(index, across, down) fills each thing and a rim around it."""
    frame = np.full(size, 40, np.uint8)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    for index, outline in enumerate(outlines.astype(float)):
        axes = np.stack([outline[1] - outline[0], outline[3] - outline[0]], axis=1)
        inward = np.linalg.solve(axes, np.stack([x.ravel(), y.ravel()]) - outline[0][:, None])
        across, down = inward.reshape(2, *size)
        inside = (np.abs(across - 0.5) < 0.56) & (np.abs(down - 0.5) < 0.56)
        frame[inside] = paint(index, across, down)[inside]
    return frame


def flat(index, across, _down):
    return np.full(across.shape, GREYS[index])


def looked(bundle, image, **options):
    pipeline = Pipeline.open(bundle, "onnx", lambda: 0, **options)
    found, _ = pipeline(CameraFrame(image, "mono8", 0, "camera"))
    pipeline.close()
    return found


GREY_SCALE = 32.0
MEAN = np.full((1, *REGION), 1 / (GREY_SCALE * REGION[0] * REGION[1]))
MEAN_GREY = weighted_sums(np.concatenate([MEAN, 0 * MEAN]), (-128 / GREY_SCALE, 0.0))
"""One label; its logit against none is the mean grey over 128, in scales."""


def chance_of(grey):
    return 1 / (1 + np.exp((128 - np.asarray(grey)) / GREY_SCALE))


def test_each_thing_is_asked_about_by_its_own_pixels(tmp_path):
    """More things than a batch holds; upright, lying and turned ones."""
    assert len(THINGS) > BATCH
    finder = constant(finder_maps(THINGS, [SURE] * 5))
    model = two_looks(tmp_path, finder, MEAN_GREY, ("Bright",), score_threshold=0.05)
    found = looked(model, painted(THINGS, flat))
    np.testing.assert_allclose(found.confidence, chance_of(GREYS[::-1]), atol=1e-3)
    np.testing.assert_allclose(found.xyxy, bounds(THINGS[::-1]), atol=1e-3)


def half(rows, columns):
    """Weights that find one half of a region brighter than the other one."""
    weights = np.full(REGION, -1.0)
    weights[rows, columns] = 1.0
    return weights * 0.2 / weights.size


FIRST, SECOND, ALL = slice(0, 20), slice(20, 40), slice(None)
SIDES = ("top", "bottom", "left", "right")
BRIGHT_SIDE = weighted_sums(
    np.stack([half(FIRST, ALL), half(SECOND, ALL), half(ALL, slice(0, 12)),
              half(ALL, slice(12, 24)), np.zeros(REGION)]),
    (0.0, 0.0, 0.0, 0.0, 4.0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("outline", "lit", "side"),
    [
        (UPRIGHT, lambda across, down: down < 0.5, "top"),
        (UPRIGHT, lambda across, down: down > 0.5, "bottom"),
        (UPRIGHT, lambda across, down: across < 0.5, "left"),
        (UPRIGHT, lambda across, down: across > 0.5, "right"),
        # Stood up by a quarter turn against the clock.
        (LYING, lambda across, down: across > 0.5, "top"),
        (LYING, lambda across, down: across < 0.5, "bottom"),
        (LYING, lambda across, down: down < 0.5, "left"),
        (LYING, lambda across, down: down > 0.5, "right"),
        (turned(80, 64, 0.5), lambda across, down: down < 0.5, "top"),
        (turned(80, 64, 0.5), lambda across, down: across > 0.5, "right"),
        (turned(80, 64, -0.5), lambda across, down: down > 0.5, "bottom"),
        (turned(80, 64, -0.5), lambda across, down: across < 0.5, "left"),
    ],
)
def test_a_thing_is_asked_about_upright(outline, lit, side, tmp_path):
    finder = constant(finder_maps(outline[None], [SURE]))
    model = two_looks(tmp_path, finder, BRIGHT_SIDE, SIDES)
    frame = painted(outline[None], lambda _i, across, down: np.where(lit(across, down), 220, 40))
    found = looked(model, frame)
    assert [SIDES[index] for index in found.class_id] == [side]
    assert found.confidence[0] > 0.99


def test_a_thing_that_is_none_of_the_classes_is_no_detection(tmp_path):
    finder = constant(finder_maps(UPRIGHT[None], [SURE]))
    model = two_looks(tmp_path, finder, BRIGHT_SIDE, SIDES)
    assert len(looked(model, painted(UPRIGHT[None], lambda _i, across, _d: across * 0 + 150))) == 0


def test_a_score_is_the_chance_that_it_is_there_and_faulty(tmp_path):
    """The third one is there, and hardly faulty."""
    logits = (0.5, 2.0, 3.0)
    greys = (230, 200, 110)
    finder = constant(finder_maps(THINGS[:3], logits))
    model = two_looks(tmp_path, finder, MEAN_GREY, ("Bright",))
    image = painted(THINGS[:3], lambda index, across, _down: across * 0 + greys[index])
    scores = chance_of(greys) / (1 + np.exp(-np.array(logits)))
    assert scores[2] < 0.5 < scores[0] < scores[1]
    np.testing.assert_allclose(looked(model, image).confidence, scores[[1, 0]], atol=1e-3)
    assert len(looked(model, image, score_threshold=0.7)) == 1
    assert len(looked(model, image, score_threshold=0.3)) == 3


def test_boxes_are_in_pixels_of_the_frame_and_end_at_its_edges(tmp_path):
    """A frame of twice the input's size, but for a border of 8 above and below in the input."""
    outline = of_boxes(np.array([(-8, 44, 16, 84)], np.float32))
    finder = constant(finder_maps(outline, [SURE]))
    model = two_looks(tmp_path, finder, MEAN_GREY, ("Bright",))
    found = looked(model, np.full((2 * HEIGHT - 32, 2 * WIDTH), 240, np.uint8))
    np.testing.assert_allclose(found.xyxy, [[0, 72, 32, 152]], atol=0.01)
    # A third of it is outside of the picture, and black.
    np.testing.assert_allclose(found.confidence, chance_of(240 * 2 / 3), atol=0.01)


def test_where_nothing_is_found_nothing_is_asked(tmp_path):
    deaf = constant(finder_maps(THINGS[:0], []))
    nan = weighted_sums(np.full((2, *REGION), np.nan), (0.0, 0.0))
    found = looked(two_looks(tmp_path, deaf, nan, ("Bright",)), painted(THINGS, flat))
    assert found.xyxy.shape == (0, 4)


# --- networks that are not what the manifest says ---------------------------------------


def test_a_finder_with_other_maps_is_refused(tmp_path):
    corners, there = finder_maps(THINGS, [SURE] * 5)
    model = two_looks(tmp_path, constant([corners[:, :4], there]), MEAN_GREY, ("Bright",))
    with pytest.raises(DecodeError, match=r"are not the outlines head's .*: state the"):
        looked(model, painted(THINGS, flat))


def test_a_classifier_of_other_labels_is_refused(tmp_path):
    finder = constant(finder_maps(THINGS, [SURE] * 5))
    model = two_looks(tmp_path, finder, MEAN_GREY, ("Bright", "Dark"))
    with pytest.raises(DecodeError, match=r"\[\(4, 2\)\] are not the classifier's \[4, 3\]"):
        looked(model, painted(THINGS, flat))


def test_a_classifier_that_says_nan_is_refused(tmp_path):
    finder = constant(finder_maps(THINGS, [SURE] * 5))
    nan = weighted_sums(np.full((2, *REGION), np.nan), (0.0, 0.0))
    with pytest.raises(InferenceError, match="'logits' holds NaN"):
        looked(two_looks(tmp_path, finder, nan, ("Bright",)), painted(THINGS, flat))


@pytest.fixture
def closed(monkeypatch):
    """How many engines were closed."""
    counted = []
    close = OnnxBackend.close

    def counting(backend):
        counted.append(backend)
        close(backend)

    monkeypatch.setattr(OnnxBackend, "close", counting)
    return counted


def test_engines_of_networks_that_do_not_fit_are_freed(tmp_path, closed):
    finder = constant(finder_maps(THINGS, [SURE] * 5))
    model = two_looks(tmp_path, finder, finder, ("Bright",))
    with pytest.raises(InferenceError, match=r"the manifest says .*'regions' uint8 \[4, 1, 40, 24"):
        Pipeline.open(model, "onnx", lambda: 0)
    assert len(set(closed)) == 2


def test_closing_frees_both_engines(tmp_path, closed):
    finder = constant(finder_maps(THINGS, [SURE] * 5))
    Pipeline.open(two_looks(tmp_path, finder, MEAN_GREY, ("Bright",)), "onnx", lambda: 0).close()
    assert len(set(closed)) == 2


# --- one look ------------------------------------------------------------------------------


ONE_PLACE = np.array([[40, 50, 20, 30, 0.9, 0.1]], np.float32).T


def test_a_model_of_one_network_takes_no_time_for_a_second(tmp_path):
    ticks = iter(range(0, 10_000_000, 1_000_000))
    model = one_look(tmp_path, ONE_PLACE, ("Cell", "Diode"))
    pipeline = Pipeline.open(model, "onnx", lambda: next(ticks))
    found, times = pipeline(CameraFrame(np.zeros((HEIGHT, WIDTH), np.uint8), "mono8", 0, ""))
    assert found.xyxy.tolist() == [[30, 35, 50, 65]]
    assert times == (1.0, 1.0, 1.0, 0.0)


def test_a_model_of_one_network_knows_no_share_of_faulty_things(tmp_path):
    model = one_look(tmp_path, ONE_PLACE, ("Cell", "Diode"))
    with pytest.raises(ModelError, match=r"tiny 1 has no classifier .*: leave faulty_share at 0"):
        Pipeline.open(model, "onnx", lambda: 0, faulty_share=0.1)
