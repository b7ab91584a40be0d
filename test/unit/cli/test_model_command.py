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

"""``edge-infer model``: answers on standard output, pictures in a folder, mistakes told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import pytest
from bundle_variants import variant

from edge_infer.cli.main import main
from edge_infer.datasets.folders import write_coco
from edge_infer.datasets.simulated import render
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.models.manifest import Precision
from edge_infer.simulation.modules import FAULT_CLASSES

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four frames of a simulated farm as a folder in COCO form."""
    folder = tmp_path_factory.mktemp("frames")
    write_coco(folder, render(4, seed=77_000_002), FAULT_CLASSES)
    return str(folder)


def probe(folder: Path, version: str, kinds: list[tuple[str, Precision]]) -> str:
    """The shipped ONNX weights as another bundle."""
    model = ModelBundle.load(shipped())
    return str(variant(model, folder, kinds, name="probe", version=version).path)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> str:
    return probe(tmp_path_factory.mktemp("one"), "0.1", [("onnx", "float32")])


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Also for an engine that nobody has."""
    folder = tmp_path_factory.mktemp("other")
    return probe(folder, "9.9", [("abacus", "int8"), ("onnx", "int8")])


@pytest.mark.parametrize("arguments", [[], ["shipped"], [str(shipped())]])
def test_inspect_shows_the_shipped_bundle(arguments: list[str], capsys: Capture) -> None:
    manifest = ModelBundle.load(shipped()).manifest
    assert main(["model", "inspect", *arguments]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{manifest.name} {manifest.version}  ")
    for weight in manifest.all_weights:
        assert f"  {weight.format:8} {weight.precision}" in out


def test_inspect_shows_engine_precision_size_and_file(other: str, capsys: Capture) -> None:
    assert main(["model", "inspect", other]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    names = [f"{part}.{engine}.int8" for part in ("finder", "classifier")
             for engine in ("abacus", "onnx")]  # fmt: skip
    for line, name in zip(lines[1:5], names, strict=True):
        size = f"{(Path(other) / name).stat().st_size / 1e6:.2f}"
        assert line == [name.split(".")[1], "int8", size, "MB", name]


def test_evaluate_prints_a_row_a_class(data: str, one: str, capsys: Capture) -> None:
    assert main(["model", "evaluate", one, "--data", data]) == 0
    out = capsys.readouterr().out
    assert out.startswith("probe 0.1, onnx float32, ")
    assert "\n4 frames, " in out
    for label in FAULT_CLASSES:
        assert any(line.startswith(f"│ {label} ") for line in out.splitlines())


def test_evaluate_as_json_with_pictures(data: str, capsys: Capture, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is not installed")
    out = tmp_path / "new" / "folder"
    command = ["model", "evaluate", "shipped", "--data", data, "--json", "--out", str(out)]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"] == 4
    assert told["ap50"] > 0.7
    assert told == json.loads((out / "evaluation.json").read_text())
    names = {path.name for path in out.iterdir()}
    assert names == {"evaluation.json", "confusion.png", "mistakes.png"}
    assert all(cv2.imread(str(out / name)) is not None for name in names if name.endswith("png"))


def test_evaluate_takes_the_weights_that_are_asked_for(
    data: str, other: str, capsys: Capture
) -> None:
    command = ["model", "evaluate", other, "--data", data, "--engine", "onnx"]
    assert main([*command, "--precision", "int8", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["engine"], told["precision"], told["model"]) == ("onnx", "int8", "probe 9.9")


def test_compare_prints_figures_and_differences(
    data: str, one: str, other: str, capsys: Capture
) -> None:
    command = ["model", "compare", one, other, "--data", data, "--frames", "3"]
    assert main(command) == 0
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line.startswith("│ probe")]
    assert [row.split()[1:5] for row in rows] == [
        ["probe", "0.1", "│", "onnx"], ["probe", "9.9", "│", "onnx"],
        ["probe", "9.9", "onnx", "int8"],
    ]  # fmt: skip
    assert "+0.0" in rows[2]
    assert "× 1.00" in rows[2]
    assert f"not measured: {other}/finder.abacus.int8: there is no engine called 'abacus'" in out


def test_compare_as_json_with_a_picture(
    data: str, one: str, other: str, capsys: Capture, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is not installed")
    command = ["model", "compare", other, one, "--data", data, "--frames", "3", "--json"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [c["model"] for c in told["contenders"]] == ["probe 9.9", "probe 0.1"]
    assert told == json.loads((tmp_path / "comparison.json").read_text())
    assert cv2.imread(str(tmp_path / "comparison.png")).shape == (500, 1200, 3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["evaluate", "/nowhere", "--data", "DATA"], "model bundle /nowhere is not there"),
        (["evaluate", "shipped", "--data", "/nowhere"], "/nowhere is not there: name a labelled"),
        (["evaluate", "shipped", "--data", __file__], "is no folder: name a folder in COCO or"),
        (
            ["evaluate", "shipped", "--data", "DATA", "--engine", "abacus"],
            "holds no abacus weights",
        ),
        (
            ["evaluate", "shipped", "--data", "DATA", "--engine", "onnx", "--precision", "float16"],
            "float16 weights: choose one that it has: ",
        ),
        (
            ["evaluate", "OTHER", "--data", "DATA", "--engine", "abacus"],
            "no engine called 'abacus'",
        ),
        (["evaluate", "shipped", "--data", "DATA", "--out", __file__], "cannot be written"),
        (["compare", "shipped", "/nowhere", "--data", "DATA"], "/nowhere is not there"),
    ],
    ids=lambda value: " ".join(value[:6]) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_code_2(
    arguments: list[str], expected: str, data: str, other: str, capsys: Capture
) -> None:
    known = {"DATA": data, "OTHER": other}
    assert main(["model", *(known.get(word, word) for word in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert expected in err


def test_without_matplotlib_only_pictures_are_refused(
    data: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command = ["model", "evaluate", "shipped", "--data", data]
    assert main([*command, "--out", str(tmp_path / "new")]) == 2
    assert "pictures need matplotlib, which is not installed" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main(command) == 0
