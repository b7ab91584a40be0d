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

"""``edge-infer detect``: pictures and videos in, boxes out, and what goes wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_infer.cli import detect, inputs
from edge_infer.cli.main import main
from edge_infer.datasets.coco import read_coco
from edge_infer.perception.drawing import colour
from edge_infer.simulation.world import World

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from tiny_bundles import HEIGHT, WIDTH, one_look

Capture = pytest.CaptureFixture[str]

PLACES = [[40, 50, 20, 30, 0.9, 0.1], [100, 90, 30, 20, 0.2, 0.6]]
"""What the tiny model sees in every picture: cx, cy, w, h, and the score of each class."""

BOXES = [[30.0, 35.0, 50.0, 65.0], [85.0, 80.0, 115.0, 100.0]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    places = np.array(PLACES, np.float32).T
    folder = tmp_path_factory.mktemp("tiny") / "model"
    return str(one_look(folder, places, ("Cell", "Diode")).path)


def picture(level: int, width: int = WIDTH) -> np.ndarray:
    return np.full((HEIGHT, width), level, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    root.mkdir()
    for index in range(3):
        cv2.imwrite(str(root / f"{index}.png"), picture(60 * index))
    return root


def video(file: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 5, (WIDTH, HEIGHT))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no videos")
    for index in range(frames):
        writer.write(np.dstack([picture(40 * index)] * 3))
    writer.release()
    return file


def told(capsys: Capture) -> list[dict[str, Any]]:
    return json.loads(capsys.readouterr().out)["images"]


# --- what is found -----------------------------------------------------------------


def test_a_threshold_leaves_the_better_ones(folder: Path, model: str, capsys: Capture) -> None:
    for threshold, expected in (("0.5", BOXES), ("0.7", BOXES[:1]), ("0.95", [])):
        command = ["detect", str(folder / "0.png"), "--model", model, "--json"]
        assert main([*command, "--threshold", threshold]) == 0
        (image,) = told(capsys)
        assert [item["box"] for item in image["detections"]] == expected


def test_tiles_see_more_of_a_large_picture(tmp_path: Path, model: str, capsys: Capture) -> None:
    cv2.imwrite(str(tmp_path / "wide.png"), picture(0, width=288))
    command = ["detect", str(tmp_path / "wide.png"), "--model", model, "--threshold", "0.7"]
    assert main([*command, "--tiles", "2x1", "--json"]) == 0
    (image,) = told(capsys)
    assert [item["box"] for item in image["detections"]] == [
        BOXES[0], [128.0 + 30.0, 35.0, 128.0 + 50.0, 65.0],
    ]  # fmt: skip


@pytest.mark.parametrize("option", [
    ["--threshold", "1.5"], ["--threshold", "-1"], ["--threshold", "nan"], ["--threshold", "all"],
    ["--tiles", "0x2"], ["--tiles", "3"], ["--tiles", "2x-1"], ["--tiles", "1000x1"],
])  # fmt: skip
def test_an_option_that_makes_no_sense_is_a_mistake(option: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["detect", "picture.png", *option])
    assert ended.value.code == 2
    assert f"{option[1]!r} is not" in capsys.readouterr().err


# --- what is written ---------------------------------------------------------------


def test_out_holds_pictures_with_boxes_and_both_files(
    folder: Path, model: str, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "new" / "out"
    assert main(["detect", str(folder), "--model", model, "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert json.loads((out / "detections.json").read_text()) == document
    names = [f"{index}.png" for index in range(3)]
    assert sorted(file.name for file in (out / "annotated").iterdir()) == names
    for index, name in enumerate(names):
        image = cv2.imread(str(out / "annotated" / name))
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert image[64, 40].tolist() == list(colour("Cell"))
        assert image[99, 100].tolist() == list(colour("Diode"))
        assert image[120, 10].tolist() == [60 * index] * 3
        assert np.array_equal(cv2.imread(str(folder / name), 0), picture(60 * index))


def test_coco_json_can_be_opened_elsewhere(folder: Path, model: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["detect", str(folder), "--model", model, "--out", str(out)])
    document = json.loads((out / "coco.json").read_text())
    assert document["categories"] == [{"id": 1, "name": "Cell"}, {"id": 2, "name": "Diode"}]
    assert document["images"][1] == {
        "id": 2, "file_name": str(folder / "1.png"), "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip
    assert document["annotations"][1] == {
        "id": 2, "image_id": 1, "category_id": 2, "bbox": [85.0, 80.0, 30.0, 20.0],
        "area": 600.0, "iscrowd": 0, "score": 0.6,
    }  # fmt: skip
    read = read_coco(out / "coco.json", out)
    assert read.labels == ("Cell", "Diode")
    assert [boxes.xyxy.tolist() for boxes in read.boxes] == [BOXES] * 3


def test_pictures_of_one_name_do_not_replace_each_other(
    folder: Path, model: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "0.tiff"), picture(200))
    out = tmp_path / "out"
    main(["detect", str(folder / "0.png"), str(other), "--model", model, "--out", str(out)])
    levels = {
        file.name: cv2.imread(str(file))[120, 10, 0] for file in (out / "annotated").iterdir()
    }
    assert levels == {"0.png": 0, "0-2.png": 200}


def test_an_output_beside_the_pictures_leaves_them_alone(folder: Path, model: str) -> None:
    main(["detect", str(folder), "--model", model, "--out", str(folder)])
    for index in range(3):
        image = cv2.imread(str(folder / f"{index}.png"), 0)
        assert np.array_equal(image, picture(60 * index))


def test_an_unwritable_output_is_said_before_the_work(
    folder: Path, model: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    assert main(["detect", str(folder), "--model", model, "--out", str(out)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert f"{out} cannot be written" in line
    assert "name another folder as --out" in line


def test_a_flight_is_drawn_with_what_the_shipped_model_finds(
    tmp_path: Path, capsys: Capture
) -> None:
    drone = World.build(seed=0, drones=1).drone(0)
    for index in range(3):
        frame = drone.frame(index, index * 5.0).frame
        cv2.imwrite(str(tmp_path / f"{index}.png"), frame.image)
    out = tmp_path / "out"
    assert main(["detect", str(tmp_path), "--out", str(out), "--json"]) == 0
    for image in told(capsys):
        before = cv2.imread(image["path"])
        after = cv2.imread(str(out / "annotated" / Path(image["path"]).name))
        assert np.array_equal(before, after) == (not image["detections"])


# --- videos ------------------------------------------------------------------------


def test_a_video_is_looked_at_frame_by_frame(tmp_path: Path, model: str, capsys: Capture) -> None:
    file = video(tmp_path / "clip.avi", frames=4)
    out = tmp_path / "out"
    assert main(["detect", str(file), "--model", model, "--out", str(out), "--json"]) == 0
    images = told(capsys)
    assert [image["path"] for image in images] == [f"{file}#{index}" for index in range(4)]
    for index, image in enumerate(images):
        assert [item["box"] for item in image["detections"]] == BOXES
        drawn = cv2.imread(str(out / "annotated" / f"clip.avi#{index}.jpg"))
        assert abs(int(drawn[120, 10, 0]) - 40 * index) <= 4


def test_pictures_and_frames_are_counted_ahead(folder: Path, tmp_path: Path) -> None:
    file = video(tmp_path / "clip.avi", frames=4)
    files = inputs.files([str(folder), str(file)], pytest.fail)
    assert inputs.count(files) == 7
    (tmp_path / "broken.mp4").write_bytes(b"a letter")
    assert inputs.count([*files, tmp_path / "broken.mp4"]) is None


def test_a_bar_shows_how_far_it_is(
    folder: Path, model: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for after_s, shown in ((0.0, True), (float("inf"), False)):
        monkeypatch.setattr(detect, "PROGRESS_AFTER_S", after_s)
        assert main(["detect", str(folder), "--model", model, "--json"]) == 0
        out, err = capsys.readouterr()
        assert len(json.loads(out)["images"]) == 3
        assert ("3/3" in err) == shown


# --- what cannot be read -------------------------------------------------------------


def test_a_broken_image_is_told_and_the_rest_goes_on(
    folder: Path, model: str, tmp_path: Path, capsys: Capture
) -> None:
    (folder / "1.png").write_bytes(b"a letter")
    out = tmp_path / "out"
    paths = [str(folder), str(tmp_path / "absent.png")]
    assert main(["detect", *paths, "--model", model, "--out", str(out), "--json"]) == 2
    shown = capsys.readouterr()
    names = [Path(image["path"]).name for image in json.loads(shown.out)["images"]]
    assert names == ["0.png", "2.png"]
    broken, absent = shown.err.splitlines()
    assert broken.startswith(f"edge-infer detect: {folder / '1.png'} is no readable image")
    assert absent.startswith(f"edge-infer detect: image {tmp_path / 'absent.png'} is not there")
    assert len(json.loads((out / "coco.json").read_text())["images"]) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("empty", "empty holds no images"),
        ("broken.mp4", "broken.mp4 is no readable video"),
        ("absent.mp4", "absent.mp4 is not there"),
        ("letter.txt", "letter.txt is no readable image"),
    ],
)
def test_a_path_that_shows_nothing_is_told_and_the_rest_goes_on(
    folder: Path, model: str, tmp_path: Path, capfd: Capture, name: str, expected: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"a letter" * 100)
    (tmp_path / "letter.txt").write_text("a letter")
    assert main(["detect", str(tmp_path / name), str(folder), "--model", model]) == 2
    shown = capfd.readouterr()
    assert shown.out.count("2 found") == 3
    (line,) = shown.err.splitlines()
    assert expected in line
