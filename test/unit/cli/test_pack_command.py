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

"""``edge-infer model pack``: what it prints, and which arguments it takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_detectors import onnx_file

from edge_infer.cli.main import main
from edge_infer.models.bundle import ModelBundle

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A YOLOX for one class that finds nothing; the command runs in its folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.txt").write_text("module\n")
    file = tmp_path / "Finder.onnx"
    file.write_bytes(onnx_file({"output": np.zeros((1, 84, 6), np.float32)}))
    return file


def test_it_prints_what_it_decided(weights: Path, capsys: Capture) -> None:
    assert main(["model", "pack", str(weights), "--labels", "labels.txt"]) == 0
    packed = ModelBundle.load("finder")
    assert capsys.readouterr().out.splitlines() == [
        f"finder 1.0.0  {packed.digest[:12]}  finder",
        "  weights  onnx float32, 0.00 MB",
        "  input    images 64x64x3 float32 nchw, bgr, letterbox corner, mean 0, scale 1",
        "  head     yolox",
        "  labels   1: module",
        "  licence  NOASSERTION",
    ]


def test_every_option_reaches_the_manifest(weights: Path, capsys: Capture) -> None:
    options = [
        "--labels", "labels.txt", "--head", "yolox", "--name", "mine", "--version", "3",
        "--release", "4", "--out", "there", "--size", "64x64", "--input-name", "images",
        "--colours", "rgb", "--resize", "stretch", "--align", "centre", "--mean", "1,2,3",
        "--scale", "0.5", "--layout", "nchw", "--score-threshold", "0.5", "--nms-iou", "0.6",
        "--licence", "MIT", "--precision", "int8", "--outputs", "output",
    ]  # fmt: skip
    assert main(["model", "pack", str(weights), *options, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    manifest = ModelBundle.load("there").manifest
    assert printed["path"] == "there"
    assert printed["name"] == manifest.name == "mine"
    assert (manifest.version, manifest.release, manifest.licence) == ("3", 4, "MIT")
    assert (manifest.score_threshold, manifest.nms_iou) == (0.5, 0.6)
    spec = manifest.input
    assert (spec.colours, spec.resize, spec.align) == ("rgb", "stretch", "centre")
    assert (spec.mean, spec.scale) == ((1.0, 2.0, 3.0), 0.5)
    assert manifest.weights[0].precision == "int8"


def test_what_cannot_be_is_one_sentence(weights: Path, capsys: Capture) -> None:
    assert main(["model", "pack", "none.onnx", "--labels", "labels.txt"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "edge-infer model: none.onnx cannot be read (No such file or directory): "
        "name a file that exists\n"
    )


@pytest.mark.parametrize(
    "option",
    [["--size", "64"], ["--size", "0x64"], ["--size", "axb"], ["--mean", "1,2"],
     ["--scale", "much"], ["--nms-iou", "1.5"], ["--score-threshold", "nan"],
     ["--colours", "cmyk"]],
    ids=" ".join,
)  # fmt: skip
def test_options_that_cannot_be(weights: Path, option: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["model", "pack", str(weights), *option])
    assert option[0] in capsys.readouterr().err
