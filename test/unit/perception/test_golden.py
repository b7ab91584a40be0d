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

"""Golden inputs: what passes, what is refused, and that a process of its own says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bundles import HEIGHT, WIDTH, one_look

from edge_infer.backends import registry
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import BackendUnavailableError, ModelError, ModelLoadError
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.models.golden import GOLDEN_FILE, Expected, Golden, GoldenFrame
from edge_infer.models.manifest import InputSpec
from edge_infer.perception import golden, golden_making
from edge_infer.perception.golden import check, engines_here, iou, judge
from edge_infer.perception.golden_making import MOST_PICTURE_BYTES, drawn_picture, encode, make
from edge_infer.perception.images import decode_image
from edge_infer.perception.sealing import derive, seal
from edge_infer.perception.serving import choose

LABELS = ("Cell", "Diode", "Soiling")

Place = tuple[float, float, float, float, tuple[float, ...]]
"""Centre, size, and a score for each label."""

HERE: Place = (50, 40, 20, 16, (0.1, 0.9, 0.0))
THERE: Place = (100, 80, 24, 30, (0.8, 0.1, 0.0))
FAINT: Place = (30, 100, 20, 20, (0.0, 0.0, 0.55))


def seeing(folder: Path, *places: Place, **changes: Any) -> ModelBundle:
    """A model that sees these things in every picture."""
    columns = [[*place[:4], *place[4]] for place in places] or [[9, 9, 4, 4, 0, 0, 0]]
    return one_look(folder, np.array(columns, np.float32).T, LABELS, **changes)


@pytest.fixture
def sealed(tmp_path: Path) -> ModelBundle:
    return seal(seeing(tmp_path / "sealed", HERE, THERE, FAINT), tmp_path / "sealed")


def swapped(sealed: ModelBundle, other: ModelBundle) -> ModelBundle:
    """The sealed golden input with another network's weights."""
    manifest = sealed.manifest.model_copy(update={"weights": other.manifest.weights})
    return bundle.write(other.path, manifest, sealed.contents() | other.contents())


# --- judging -------------------------------------------------------------------------


def expected(box: tuple[float, ...], class_id: int = 0, required: bool = True) -> Expected:
    return Expected(box=box, score=0.9, class_id=class_id, required=required)


def found(*things: tuple[tuple[float, ...], float, int]) -> Detections:
    boxes, scores, classes = zip(*things, strict=True) if things else ((), (), ())
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(classes, np.int32),
    )


A, B, C = (10.0, 10.0, 30.0, 30.0), (50.0, 10.0, 70.0, 30.0), (10.0, 60.0, 30.0, 80.0)
NEAR_A = (14.0, 10.0, 34.0, 30.0)
OFF_A = (18.0, 10.0, 38.0, 30.0)
ELSEWHERE = [((x, 100.0, x + 10.0, 110.0), 0.9, 1) for x in (0.0, 20.0, 40.0)]


@pytest.mark.parametrize(
    ("things", "words"),
    [
        ([(A, 0.9, 0), (B, 0.8, 1)], None),
        ([(NEAR_A, 0.6, 0), (B, 0.55, 1)], None),
        ([(A, 0.9, 0)], "1 of 2 things are missing, first the Diode at 50, 10, 70, 30"),
        ([(A, 0.9, 2), (B, 0.8, 1)], "1 of 2 things are missing, first the Cell"),
        ([(OFF_A, 0.9, 0), (B, 0.8, 1)], "1 of 2 things are missing, first the Cell"),
        ([], "2 of 2 things are missing"),
        ([(A, 0.9, 0), (B, 0.8, 1), (C, 0.9, 0)], None),
        ([(A, 0.9, 0), (B, 0.8, 1), *ELSEWHERE[:2]], None),
        ([(A, 0.9, 0), (B, 0.8, 1), *ELSEWHERE], "3 things are there that nobody expects"),
        ([(A, 0.9, 0), (B, 0.8, 1), *((b, 0.65, c) for b, _, c in ELSEWHERE)], None),
    ],
    ids=[
        "the same", "a little off", "one missing", "another class", "another place", "nothing",
        "what may be there", "few extras", "many extras", "extras that are not sure",
    ],
)  # fmt: skip
def test_what_is_found_is_judged(things: list[Any], words: str | None, sealed: ModelBundle) -> None:
    frame = GoldenFrame(
        picture="", expected=(expected(A), expected(B, 1), expected(C, 2, required=False))
    )
    held = Golden(frames=(frame,), margin=0.2)
    problem = judge(found(*things), frame, held, sealed.manifest)
    assert problem is None if words is None else words in (problem or "")


def test_each_required_thing_needs_a_box_of_its_own(sealed: ModelBundle) -> None:
    frame = GoldenFrame(picture="", expected=(expected(A), expected(NEAR_A)))
    held = Golden(frames=(frame,), margin=0.2)
    assert "1 of 2" in (judge(found((A, 0.9, 0)), frame, held, sealed.manifest) or "")


def test_overlap_of_boxes_by_hand() -> None:
    some = np.array([[0, 0, 10, 10], [5, 5, 5, 5]], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    np.testing.assert_allclose(iou(some, others), [[1, 1 / 3, 0], [0, 0, 0]], atol=1e-6)
    assert iou(some[:0], others).shape == (0, 3)


# --- making --------------------------------------------------------------------------


def test_what_is_sure_and_whole_is_required(sealed: ModelBundle) -> None:
    held = Golden.of(sealed)
    assert held is not None
    (frame,) = held.frames
    told = {LABELS[each.class_id]: each for each in frame.expected}
    assert told["Diode"].box == (40.0, 32.0, 60.0, 48.0)
    assert told["Diode"].score == 0.9
    assert {name: each.required for name, each in told.items()} == {
        "Diode": True, "Cell": True, "Soiling": False,
    }  # fmt: skip


def test_what_the_edge_cuts_off_is_only_no_surprise(tmp_path: Path) -> None:
    made = make(seeing(tmp_path, (4, 40, 20, 16, (0.9, 0, 0)), THERE), [drawn_picture(SPEC)])
    assert [each.required for each in made.frames[0].expected] == [False, True]


SPEC = InputSpec(name="image", width=WIDTH, height=HEIGHT, channels=1, dtype="uint8")


def test_it_is_the_same_twice_and_sealing_again_changes_nothing(tmp_path: Path) -> None:
    contents = [
        seal(seeing(tmp_path / name, HERE, THERE), tmp_path / name).contents()
        for name in ("one", "two")
    ]
    assert contents[0] == contents[1]
    assert seal(ModelBundle.load(tmp_path / "two"), tmp_path / "two").contents() == contents[0]


@pytest.mark.parametrize(("threshold", "margin"), [(0.0, 0.2), (0.5, 0.2), (0.8, 0.1), (1.0, 0.0)])
def test_the_margin_leaves_room_above_the_threshold(
    threshold: float, margin: float, tmp_path: Path
) -> None:
    made = make(seeing(tmp_path, HERE, score_threshold=threshold), [drawn_picture(SPEC)])
    assert made.margin == margin


def test_weights_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    one, other = seeing(tmp_path / "one", HERE, THERE), seeing(tmp_path / "other")
    content = other.weights("onnx").read_bytes()
    second = bundle.describe("onnx", "other.onnx", content, "int8")
    manifest = one.manifest.model_copy(update={"weights": (*one.manifest.weights, second)})
    both = bundle.write(one.path, manifest, {"other.onnx": content})
    with pytest.raises(ModelError, match=r"do not agree on what is in a picture \(only 0 of 2"):
        make(both, [drawn_picture(SPEC)])


def test_without_an_engine_there_is_nothing_to_make_it_with(tmp_path: Path) -> None:
    weights = (bundle.describe("abacus", "model.onnx", b"beads"),)
    model = seeing(tmp_path, HERE)
    other = bundle.write(
        tmp_path, model.manifest.model_copy(update={"weights": weights}), {"model.onnx": b"beads"}
    )
    with pytest.raises(BackendUnavailableError, match=r"no engine for model tiny 1 runs here"):
        make(other, [drawn_picture(SPEC)])


def test_pictures_are_small_and_keep_their_shape() -> None:
    spec = InputSpec(name="image", width=640, height=512, channels=3, dtype="uint8")
    noise = np.random.default_rng(1).integers(0, 256, (1024, 1600, 3), np.uint8)
    content = encode(CameraFrame(noise, "bgr8", 0, ""), spec)
    assert len(content) <= MOST_PICTURE_BYTES
    assert decode_image(content, "noise").image.shape == (410, 640, 3)
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 0] = 200
    plain = encode(CameraFrame(red, "rgb8", 0, ""), spec)
    assert plain.startswith(b"\x89PNG")
    assert decode_image(plain, "red").image[0, 0].tolist() == [0, 0, 200]


# --- checking ------------------------------------------------------------------------


def test_a_model_that_sees_what_it_must_passes(sealed: ModelBundle) -> None:
    check(sealed, "onnx")


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ((HERE,), "1 of 2 things are missing"),
        ((), "2 of 2 things are missing"),
        ((HERE, (*THERE[:4], (0.1, 0.8, 0))), "first the Cell at 88, 65, 112, 95"),
        ((HERE, THERE, *((x, 10, 8, 8, (0, 0, 0.9)) for x in (70, 90, 120))), "nobody expects"),
    ],
    ids=["one thing lost", "blind", "another class", "sees ghosts"],
)
def test_other_weights_are_refused(
    places: tuple[Place, ...], words: str, sealed: ModelBundle, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        check(swapped(sealed, seeing(tmp_path / "other", *places)), "onnx")
    assert "tiny 1 does not see with onnx what it was published to see" in str(caught.value)


def test_without_a_golden_input_finite_things_are_enough(tmp_path: Path) -> None:
    check(seeing(tmp_path, HERE), "onnx")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is no golden input"),
        (b'{"frames": [], "margin": 0.2}', "is no golden input .frames"),
        (b'{"frames": [{"picture": "?", "expected": []}], "margin": 0.2}', "no base64"),
        (b'{"frames": [{"picture": "AAAA", "expected": []}], "margin": 0.2}',
         "golden picture 1 is no readable image"),
        (b'{"frames": [{"picture": "", "expected": []}], "margin": 0.2}',
         "golden picture 1 is no readable image"),
    ],
    ids=["cut off", "no frames", "no base64", "no picture", "empty picture"],
)  # fmt: skip
def test_a_spoilt_golden_input_is_refused(content: bytes, words: str, sealed: ModelBundle) -> None:
    named = bundle.describe_file(GOLDEN_FILE, content)
    manifest = sealed.manifest.model_copy(update={"golden": named})
    spoilt = bundle.write(sealed.path, manifest, {GOLDEN_FILE: content})
    with pytest.raises(ModelError, match=words) as caught:
        check(spoilt, "onnx")
    assert "\n" not in str(caught.value)


def test_an_engine_that_is_too_old_is_left_out_and_told(tmp_path: Path) -> None:
    model = seeing(tmp_path, HERE, engines={"onnx": ">=99", "abacus": ">=1"})
    with pytest.raises(BackendUnavailableError, match=r"needs the engine onnx >=99, not \d"):
        check(model, "onnx")
    with pytest.raises(BackendUnavailableError, match="needs the engine onnx >=99"):
        choose(model, "onnx")
    check(seeing(tmp_path, HERE, engines={"onnx": ">=1.17,<99"}), "onnx")


def test_weights_that_an_engine_refuses_are_told(tmp_path: Path) -> None:
    model = seeing(tmp_path, HERE)
    broken = bundle.describe("onnx", "model.onnx", b"no network")
    manifest = model.manifest.model_copy(update={"weights": (broken,)})
    with pytest.raises(ModelLoadError):
        check(bundle.write(tmp_path, manifest, {"model.onnx": b"no network"}), "onnx")


# --- the bundle that ships -----------------------------------------------------------


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_the_shipped_model_does_here_what_it_did_there(engine: str) -> None:
    if registry.absence(engine):
        pytest.skip(f"{engine} does not run here")
    check(ModelBundle.load(shipped()), engine)


def test_the_shipped_golden_input_asks_for_much_and_is_small() -> None:
    model = ModelBundle.load(shipped())
    held = Golden.of(model)
    assert held is not None
    assert model.manifest.golden is not None
    assert model.manifest.golden.bytes < 150_000
    required = [each for each in held.frames[0].expected if each.required]
    assert len(required) > 80
    assert {each.class_id for each in required} == set(range(len(model.manifest.labels)))
    assert set(model.manifest.engines) == {weight.format for weight in model.manifest.weights}


def test_a_pair_of_weights_for_tensorrt_helps_to_make_it() -> None:
    engines = [e.name for e in golden_making._engines(ModelBundle.load(shipped()))]
    assert engines.count("onnx") == 3


def test_the_engines_that_can_be_asked() -> None:
    model = ModelBundle.load(shipped())
    here, left_out = engines_here(model)
    assert "onnx" in here
    assert {*here, *left_out} == {"onnx", "tflite", "tensorrt"}
    assert engines_here(model, "onnx") == (("onnx",), {})


# --- another release -----------------------------------------------------------------


def test_a_release_with_other_settings_sees_by_them(sealed: ModelBundle, tmp_path: Path) -> None:
    (sealed.path / "MODEL_CARD.md").write_text("# tiny 1\n\nFinds things.\n")
    plain = derive(sealed, tmp_path / "plain", version="1.1", release=2)
    assert (plain.manifest.version, plain.manifest.release) == ("1.1", 2)
    assert plain.manifest.golden == sealed.manifest.golden
    assert (plain.path / "MODEL_CARD.md").read_text() == "# tiny 1.1\n\nFinds things.\n"
    strict = derive(plain, tmp_path / "strict", version="2", release=3, score_threshold=0.85)
    held = Golden.of(strict)
    assert held is not None
    required = [LABELS[e.class_id] for e in held.frames[0].expected if e.required]
    assert required == []  # 0.9 is not above 0.85 and its margin of 0.075
    assert strict.manifest.score_threshold == 0.85
    check(strict, "onnx")
    assert strict.manifest.weights == sealed.manifest.weights


def test_a_bundle_without_a_golden_input_stays_without(tmp_path: Path) -> None:
    model = seeing(tmp_path / "old", HERE)
    other = derive(model, tmp_path / "new", version="2", release=2, score_threshold=0.3)
    assert other.manifest.golden is None
    assert other.manifest.sbom is not None


def test_a_release_that_cannot_be_is_refused(sealed: ModelBundle, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny cannot be changed like that .release: "):
        derive(sealed, tmp_path / "new", version="2", release=-1)
    with pytest.raises(ModelError, match="no versions of the engine onnx"):
        seal(sealed, sealed.path, engines={"onnx": "newest"})


# --- as a process --------------------------------------------------------------------


def as_process(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "edge_infer.perception.golden", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_process_of_its_own_is_quiet_about_a_good_bundle() -> None:
    assert as_process(str(shipped())) == (0, "", "")


def test_a_process_of_its_own_says_in_one_sentence_what_is_wrong(
    sealed: ModelBundle, tmp_path: Path
) -> None:
    blind = swapped(sealed, seeing(tmp_path / "blind"))
    code, out, err = as_process(str(blind.path), "--engines", "tflite,onnx")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "2 of 2 things are missing" in err


def test_whatever_goes_wrong_is_one_sentence(
    sealed: ModelBundle, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for arguments, words in [
        ([str(tmp_path / "nowhere")], "is not there"),
        ([str(sealed.path), "--engines", "abacus"], "there is no engine called 'abacus'"),
        ([str(sealed.path), "--engines", "tflite"], "no engine for model tiny 1 runs here"),
    ]:
        assert golden.main(arguments) == 2
        err = capfd.readouterr().err
        assert len(err.splitlines()) == 1
        assert words in err

    def explode(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(golden, "check", explode)
    assert golden.main([str(sealed.path)]) == 2
    assert "cannot be checked (MemoryError: MemoryError)" in capfd.readouterr().err
