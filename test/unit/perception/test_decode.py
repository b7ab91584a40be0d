"""Decoding and NMS against plain, slow references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import DecodeError
from edge_infer.models.manifest import ClassifierSpec, InputSpec, Manifest, WeightFile
from edge_infer.outlines import bounds
from edge_infer.perception.decode import (
    TOP_K,
    decode,
    decode_outlines,
    decode_yolov8,
    decoder,
    nms,
)


def manifest(classes=3, nms_mode="per_class", head="yolov8", threshold=0.5):
    return Manifest(
        name="probe",
        version="1",
        release=1,
        labels=tuple(f"class {index}" for index in range(classes)),
        head=head,
        input=InputSpec(name="image", width=64, height=64, channels=1, dtype="uint8"),
        score_threshold=threshold,
        nms_iou=0.45,
        nms=nms_mode,
        weights=(WeightFile(format="onnx", file="m.onnx", sha256="0" * 64, bytes=1),),
        training={},
        licence="Apache-2.0",
    )


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


def slow_decode(output, classes, threshold):
    found = []
    for place in output[0].T.tolist():
        scores = place[4 : 4 + classes]
        best = max(range(classes), key=lambda c: scores[c])
        if scores[best] >= threshold:
            cx, cy, w, h = place[:4]
            box = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
            found.append((box, scores[best], best))
    return found


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


@given(seed=st.integers(0, 10_000), places=st.integers(0, 60), classes=st.integers(1, 5))
def test_decode_equals_the_reference(seed, places, classes):
    rng = np.random.default_rng(seed)
    output = rng.random((1, 4 + classes, places), dtype=np.float32)
    output[:, :4] *= 64
    found = decode_yolov8([output], manifest(classes, threshold=0.8))
    expected = slow_decode(output, classes, 0.8)
    assert len(found.score) == len(expected)
    np.testing.assert_allclose(
        found.xyxy, np.array([box for box, _, _ in expected]).reshape(-1, 4), atol=1e-4
    )
    assert found.score.tolist() == [score for _, score, _ in expected]
    assert found.class_id.tolist() == [best for _, _, best in expected]


def output_of(*places):
    return np.array(places, np.float32).T[None]


TWO_ON_ONE_PLACE = output_of(
    (30, 30, 20, 20, 0.9, 0.1, 0.1), (31, 30, 20, 20, 0.1, 0.8, 0.1), (31, 31, 20, 20, 0.7, 0, 0)
)


def test_classes_do_not_suppress_each_other_unless_the_manifest_says_so():
    assert decode([TWO_ON_ONE_PLACE], manifest()).class_id.tolist() == [0, 1]
    found = decode([TWO_ON_ONE_PLACE], manifest(nms_mode="agnostic"))
    assert found.class_id.tolist() == [0]
    assert found.xyxy.tolist() == [[20, 20, 40, 40]]
    assert found.confidence.tolist() == [np.float32(0.9)]


def test_nothing_found_is_an_empty_result():
    found = decode([np.zeros((1, 7, 100), np.float32)], manifest())
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)


def test_no_more_than_top_k_boxes_are_looked_at():
    boxes = np.zeros((1, 7, 2 * TOP_K), np.float32)
    boxes[0, 0] = np.arange(2 * TOP_K) * 10
    boxes[0, 2:4] = 5
    boxes[0, 4] = 0.9
    assert len(decode([boxes], manifest())) == TOP_K


@pytest.mark.parametrize("shape", [(1, 8, 10), (7, 10), (2, 7, 10), (1, 10, 7)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(DecodeError, match="are not the yolov8 head's"):
        decode([np.zeros(shape, np.float32)], manifest())


# --- the outlines head ------------------------------------------------------------


def finder(threshold=0.5):
    spec = ClassifierSpec(
        input="regions", width=24, height=40, batch=4,
        weights=(WeightFile(format="onnx", file="c.onnx", sha256="0" * 64, bytes=1),),
    )  # fmt: skip
    return manifest(threshold=threshold).model_copy(update={"head": "outlines", "classifier": spec})


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


def test_an_unknown_head_is_refused():
    with pytest.raises(DecodeError, match="'ssd' is not known"):
        decoder("ssd")
