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

"""The benchmarks around the detector, small: what they measure is what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.backends.onnx import OnnxBackend
from edge_infer.bench import detector_rig, engine_table, inference, side_by_side, soak
from edge_infer.bench.detector_networks import (
    CLASSES,
    HITS,
    SCORE_THRESHOLD,
    Networks,
    picture,
    write_networks,
)
from edge_infer.bench.detector_rig import EMBEDDED, ROS, USUAL, WAYS, Turn
from edge_infer.bench.engine_table import Difference, difference, greatest
from edge_infer.bench.inference import Case, drawn_output
from edge_infer.bench.side_by_side import Model, Tally, backlog
from edge_infer.bench.usual_detector import UsualDetector, prepare, read
from edge_infer.domain import Detections
from edge_infer.perception.decode import decode
from edge_infer.perception.pipeline import Pipeline
from edge_infer.perception.preprocess import Preprocessor

SIZE = 160
PLACES = 20**2 + 10**2 + 5**2
MS = 1_000_000


def told(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    return write_networks(tmp_path_factory.mktemp("networks"), SIZE)


def answer(weights: Path, tensor: np.ndarray) -> np.ndarray:
    backend = OnnxBackend.load(weights)
    output = backend.infer([tensor])[0].copy()
    backend.close()
    return output


# --- the networks ------------------------------------------------------------------


def test_a_network_has_about_the_size_of_a_small_yolov8(networks: Networks) -> None:
    assert 0.9e6 < networks.parameters < 1.1e6
    assert networks.macs / SIZE**2 == pytest.approx(0.46e9 / 320**2, rel=0.02)
    assert len(networks.bundle.manifest.labels) == CLASSES


def test_the_usual_file_and_the_bundle_say_the_same(networks: Networks) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (1, 3, SIZE, SIZE), np.uint8)
    floats = pixels.astype(np.float32) / np.float32(255)
    for precision, usual in networks.usual.items():
        ours = answer(networks.bundle.weights("onnx", precision), pixels)
        theirs = answer(usual, floats)
        assert ours.shape == theirs.shape == (1, 4 + CLASSES, PLACES)
        assert np.allclose(ours[0, 4:], theirs[0, 4:], atol=1e-4)
        assert np.allclose(ours[0, :4], theirs[0, :4], atol=0.05)


def test_as_many_places_pass_the_threshold_as_it_says(networks: Networks) -> None:
    tensor = prepare(picture().image, SIZE).tensor
    output = answer(networks.usual["float32"], tensor)
    best = output[0, 4:].max(axis=0)
    assert np.count_nonzero(best >= SCORE_THRESHOLD) == HITS
    rounded = answer(networks.usual["int8"], tensor)[0, 4:].max(axis=0)
    assert HITS / 2 < np.count_nonzero(rounded >= SCORE_THRESHOLD) < 2 * HITS
    # Without VNNI, ONNX Runtime's sums of eight-bit products saturate: a few are further off.
    assert np.quantile(np.abs(rounded - best), 0.99) < 0.2


def test_boxes_hold_their_places(networks: Networks) -> None:
    output = answer(networks.usual["float32"], prepare(picture().image, SIZE).tensor)[0]
    centre, extent = output[:2, :400].T, output[2:4, :400].T
    y, x = np.divmod(np.arange(400), 20)
    place = (np.stack([x, y], axis=1) + 0.5) * 8
    assert (np.abs(place - centre) <= extent / 2 + 1e-3).all()
    assert (extent <= 2 * 8 * 8).all()


def test_further_blocks_make_it_larger_and_keep_the_hits(tmp_path: Path) -> None:
    small = write_networks(tmp_path / "a", SIZE, precisions=("float32",))
    large = write_networks(tmp_path / "b", SIZE, precisions=("float32",), more_blocks=40)
    block = 2 * 9 * 64 * 32
    assert large.macs - small.macs == 40 * block * 20**2
    assert [weight.precision for weight in large.bundle.manifest.weights] == ["float32"]
    output = answer(large.usual["float32"], prepare(picture().image, SIZE).tensor)
    assert np.count_nonzero(output[0, 4:].max(axis=0) >= SCORE_THRESHOLD) == HITS


def test_the_same_seed_makes_the_same_files(tmp_path: Path, networks: Networks) -> None:
    again = write_networks(tmp_path, SIZE)
    assert again.bundle.digest == networks.bundle.digest
    assert np.array_equal(picture(3).image, picture(3).image)
    assert not np.array_equal(picture(3).image, picture(4).image)


# --- the usual way -----------------------------------------------------------------


def test_the_usual_way_places_the_picture_as_ours_does(networks: Networks) -> None:
    frame = picture(5)
    ours, box = Preprocessor(networks.bundle.manifest.input)(frame)
    theirs = prepare(frame.image, SIZE)
    assert (theirs.left, theirs.top) == (box.pad_x, box.pad_y)
    assert theirs.scale == pytest.approx(box.scale_x)
    assert theirs.tensor.shape == ours.shape
    apart = np.abs(theirs.tensor * 255 - ours)
    assert apart[:, :, : box.pad_y].max() < 1e-3  # the border
    assert apart.mean() < 10  # the picture, shrunk by another method


@given(st.integers(0, 30), st.integers(0, 2**16))
def test_the_usual_way_reads_the_boxes_that_ours_reads(
    networks: Networks, hits: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    output = np.zeros((1, 4 + CLASSES, 100), np.float32)
    grid = np.stack(np.divmod(np.arange(100), 10)) * 16 + 8
    output[0, :2], output[0, 2:4] = grid, 12  # they do not touch
    where = rng.choice(100, hits, replace=False)
    output[0, 4 + rng.integers(0, CLASSES, hits), where] = rng.permutation(hits) / 100 + 0.5
    ours = decode([output], networks.bundle.manifest)
    prepared = prepare(np.zeros((160, 160, 3), np.uint8), 160)
    theirs = read(output, prepared, SCORE_THRESHOLD, 0.45)
    xyxy = np.concatenate([theirs.xywh[:, :2], theirs.xywh[:, :2] + theirs.xywh[:, 2:]], axis=1)
    assert np.allclose(ours.xyxy, xyxy)
    assert ours.class_id.tolist() == theirs.class_id.tolist()
    assert np.allclose(ours.confidence, theirs.score)


def test_both_detectors_find_something_in_the_picture(networks: Networks) -> None:
    usual = UsualDetector(networks.usual["float32"], SIZE, 1)
    theirs = usual(picture().image, SCORE_THRESHOLD, 0.45)
    pipeline = Pipeline.open(networks.bundle, "onnx", lambda: 0, precision="float32")
    ours = pipeline(picture())[0]
    pipeline.close()
    assert 0 < len(theirs.score) <= HITS
    assert 0 < len(ours) <= 2 * HITS


# --- inference ---------------------------------------------------------------------


@pytest.mark.parametrize("hits", [0, 7, 50])
def test_a_drawn_output_has_so_many_hits(networks: Networks, hits: int) -> None:
    output = drawn_output(hits, networks.bundle.manifest, 100)
    best = output[0, 4:].max(axis=0)
    assert output.shape == (1, 4 + CLASSES, 100)
    assert np.count_nonzero(best >= SCORE_THRESHOLD) == hits


def test_a_case_counts_frames_and_calls_alike(networks: Networks) -> None:
    case = inference.measured(networks, Case(SIZE, "int8", 1), 3, told)
    assert len(case.frame_ms) == len(case.bare_ms) == len(case.stages_ms) == 3
    assert case.row()["precision"] == "int8"
    assert case.ratio > 0


def test_the_goals_are_the_worst_that_was_measured() -> None:
    stages = [(1.0, 10.0, 1.0)] * 3
    cases = [
        Case(320, "int8", 2, [9.0, 9.0, 9.0], [5.0] * 3, stages),
        Case(640, "int8", 2, [23.0, 23.0, 46.0], [20.0] * 3, stages),
        Case(640, "float32", 2, [55.0] * 3, [50.0] * 3, stages),
    ]
    before = [{"way": "ours", "median ms": 0.5}, {"way": "usual numpy", "median ms": 5.0}]
    after = [
        {"way": "ours", "hits": 60, "median ms": 0.4},
        {"way": "ours", "hits": 1500, "median ms": 4.0},
    ]
    found = inference.goals(cases, before, after)
    assert [goal.value for goal in found] == [1.15, 1.98, 10.0, 0.4, 4.0, 9.0, 23.0]
    assert [goal.met for goal in found] == [True, False, True, True, False, True, True]


def test_the_stages_are_measured_both_ways(networks: Networks) -> None:
    before = inference.preprocessing(networks.bundle.manifest, 2, told)
    after = inference.decoding(networks.bundle.manifest, 2, told)
    assert [row["way"] for row in before] == ["ours", "usual numpy", "careful numpy"]
    assert [(row["hits"], row["way"]) for row in after] == [
        (60, "ours"), (60, "usual numpy"), (1500, "ours"), (1500, "usual numpy"),
    ]  # fmt: skip


# --- every engine ------------------------------------------------------------------


def detections(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    columns = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        columns[:, :4].astype(np.float32),
        columns[:, 4].astype(np.float32),
        columns[:, 5].astype(np.int32),
    )


def test_detections_are_compared_box_by_box() -> None:
    one = detections((0, 0, 10, 10, 0.9, 1), (50, 50, 60, 60, 0.8, 1), (5, 5, 9, 9, 0.7, 2))
    other = detections((50, 50, 60, 62, 0.75, 1), (0, 0, 10, 11, 0.6, 1), (5, 5, 9, 9, 0.7, 3))
    found = difference(one, other)
    assert found.score == pytest.approx(0.3)
    assert (found.px, found.alone) == (2.0, 2)
    assert difference(one, one) == Difference(0.0, 0.0, 0)
    assert difference(one, Detections.empty()).alone == 3
    assert greatest([one, one], [other, one]) == found


def test_a_fresh_process_looks_at_every_frame(tmp_path: Path) -> None:
    frames = engine_table.drawn_frames(2)
    np.save(tmp_path / "frames.npy", frames)
    answered = engine_table._ask("onnx", "int8", tmp_path / "frames.npy")
    assert "error" not in answered
    assert len(answered["times_ms"]) == 2 * engine_table.ROUNDS
    assert len(answered["detections"]) == 2
    assert answered["resident_mb"] > answered["model_mb"] > 0


def test_what_an_engine_cannot_do_is_an_answer_too(tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", np.zeros((1, 8, 8), np.uint8))
    answered = engine_table._ask("onnx", "float16", tmp_path / "frames.npy")
    assert "float16" in answered["error"]


# --- side by side ------------------------------------------------------------------


def test_backlog_counts_frames_that_waited_while_others_were_answered() -> None:
    queue = [(k * 33 * MS, (k + 1) * 100 * MS, 0) for k in range(8)]
    assert backlog(queue, 0.033) == 5  # 3 to 7, when 2 is answered
    newest = [(0, 100 * MS, 0), (99 * MS, 200 * MS, 0), (165 * MS, 300 * MS, 0)]
    assert backlog(newest, 0.033) == 1
    assert backlog([], 0.033) == 0


def test_a_tally_leaves_the_warm_up_out() -> None:
    tally = Tally()
    heard = [(5, 5 + 900 * MS, 3), (10, 10 + 20 * MS, 2), (20, 20 + 40 * MS, 4)]
    tally.add(Turn([10, 20, 30], heard, 1.5))
    tally.add(Turn([40], [(40, 40 + 60 * MS, 0)], 0.5))
    row = tally.row(USUAL, model())
    assert tally.ages_ms == [20, 40, 60]
    assert (row["sent"], row["answered"], row["dropped"]) == (4, 3, 1)
    assert (row["age median ms"], row["age worst ms"]) == (40, 60)
    assert (row["CPU s"], row["boxes/answer"]) == (2.0, 2)


def model() -> Model:
    return Model("slow", None, "float32", 100.0)


def test_goals_are_ours_and_stand_there_without_a_value_too() -> None:
    tally = Tally(1, [230.0], 2)
    found = side_by_side.goals([model()], {(EMBEDDED, "slow"): tally, (USUAL, "slow"): Tally()})
    assert [(goal.goal, goal.value, goal.met) for goal in found] == [
        (220.0, 230.0, False), (1, 2, False), (220.0, None, None), (1, None, None),
    ]  # fmt: skip
    assert ROS in found[2].name


def test_what_is_left_out_says_why() -> None:
    for way, why in detector_rig.absent().items():
        assert way in WAYS
        assert way != EMBEDDED
        assert ": " in why


def test_three_processes_answer_frames(networks: Networks, tmp_path: Path) -> None:
    pytest.importorskip("cyclonedds")
    with detector_rig.rig(EMBEDDED, networks, "int8", tmp_path) as rig:
        turn = rig.turn(6)
    answered = {stamp for stamp, _, _ in turn.heard}
    assert len(turn.stamps_ns) == 6
    assert answered & set(turn.stamps_ns)
    assert all(arrival > stamp for stamp, arrival, _ in turn.heard)


# --- soak --------------------------------------------------------------------------


def test_the_slope_is_that_of_the_line() -> None:
    samples = [(1_000 * k, 50 + 0.3 * k) for k in range(1, 20)]
    assert soak.slope_mb(samples) == pytest.approx(3.0)
    assert soak.slope_mb(samples[:1]) == 0.0


def test_a_short_soak_has_all_its_figures() -> None:
    lines: list[str] = []
    report = soak.measure(30, 10, 6, lines.append)
    frames, swaps = report.rows
    assert frames["what"] == "30 frames"
    assert swaps["what"] == "6 models opened and closed"
    assert sum("frames" in line for line in lines) == 3
    assert sum("model" in line for line in lines) == 6
    assert [goal.value for goal in report.goals] == [
        frames["MB per 10,000 frames"], swaps["growth MB"],
    ]  # fmt: skip
