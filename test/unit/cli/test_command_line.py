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

"""The command line: answers on standard output, a mistake is one sentence and code 2."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_infer import __version__
from edge_infer.cli.main import COMMANDS, main
from edge_infer.models.bundle import shipped
from edge_infer.simulation.world import World

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drone = World.build(seed=0, drones=1).drone(0)
    for index in range(6):
        cv2.imwrite(str(tmp_path / f"{index}.png"), drone.frame(index, index * 5.0).frame.image)
    return tmp_path


def test_detect_says_what_is_where_as_json(folder: Path, capsys: Capture) -> None:
    assert main(["detect", str(folder), "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert [Path(image["path"]).name for image in images] == [f"{i}.png" for i in range(6)]
    assert {(image["width"], image["height"]) for image in images} == {(640, 512)}
    found = [item for image in images for item in image["detections"]]
    assert found
    for item in found:
        assert set(item) == {"class", "score", "box"}
        left, top, right, bottom = item["box"]
        assert 0 <= left < right <= 640
        assert 0 <= top < bottom <= 512


def test_detect_prints_a_line_per_find(folder: Path, capsys: Capture) -> None:
    assert main(["detect", str(folder / "0.png")]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{folder / '0.png'}: ")
    assert len(out.splitlines()) == 1 + int(out.split(": ")[1].split()[0])


def test_model_inspect_tells_what_the_manifest_tells(capsys: Capture) -> None:
    assert main(["model", "inspect", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    manifest = json.loads((shipped() / "manifest.json").read_text())
    assert {key: told[key] for key in manifest} == {**manifest, "input": told["input"]}
    assert manifest["input"].items() <= told["input"].items()
    assert all(weight["bytes"] < 5_000_000 for weight in told["weights"])


def test_doctor_finds_the_engine_and_the_model(capsys: Capture) -> None:
    assert main(["doctor", "--json"]) == 0
    findings = {f["what"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["engine onnx"]["present"] is True
    assert findings["shipped model"]["present"] is True
    for finding in findings.values():
        assert finding["detail"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["detect", "/nowhere"], "image /nowhere is not there"),
        (["detect", __file__], "is no readable image"),
        (["model", "inspect", "/nowhere"], "model bundle /nowhere is not there"),
        (["node", "detector", "--ros-args", "-p", "model:=/nowhere"], "/nowhere is not there"),
        (["node", "detector", "--ros-args", "-p", "threads:=zero"], "cannot be 'zero'"),
        (
            ["node", "detector", "--ros-args", "-p", "score_treshold:=1.0"],
            "did you mean 'score_threshold'?",
        ),
        (["node", "camera", "--ros-args", "-p", "source:=folder"], "is no folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_code_2(
    arguments: list[str],
    expected: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    if arguments[0] == "node":
        arguments = [*arguments[:2], "--runtime", "embedded", *arguments[2:]]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    err = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("[INFO]"))
    assert out == ""
    assert len(err.splitlines()) == 1
    assert expected in err


def test_an_empty_folder_is_a_mistake(tmp_path: Path, capsys: Capture) -> None:
    assert main(["detect", str(tmp_path)]) == 2
    assert "holds no images" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_help(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: edge-infer {command}" in capsys.readouterr().out


def test_it_tells_its_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"edge-infer {__version__}"


def test_colour_and_deep_images_are_read(tmp_path: Path, capsys: Capture) -> None:
    cv2.imwrite(str(tmp_path / "colour.png"), np.zeros((100, 120, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "deep.tiff"), np.zeros((100, 120), np.uint16))
    assert main(["detect", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["images"]) == 2
