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

"""``edge-infer replay --golden``, ``--expect``, ``--picture`` and ``--rate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edge_infer.cli.main import main

MakeBag = Callable[..., Path]
Recorded = tuple[str, str, int, bytes]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def bag(flight: list[Recorded], make_bag: MakeBag) -> Path:
    return make_bag(flight)


@pytest.fixture
def golden(bag: Path, tmp_path: Path, capsys: Capture) -> Path:
    file = tmp_path / "golden.json"
    assert main(["replay", str(bag), "--golden", str(file)]) == 0
    capsys.readouterr()
    return file


def test_the_same_is_code_0(bag: Path, golden: Path, capsys: Capture) -> None:
    assert main(["replay", str(bag), "--expect", str(golden)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1].split(maxsplit=1) == ["expected", "the same, byte for byte"]


def test_a_change_is_code_1_and_words_and_a_picture(
    bag: Path, golden: Path, capsys: Capture, tmp_path: Path
) -> None:
    stricter = ["-p", "detector:score_threshold:=0.99", "--picture", str(tmp_path / "changed.svg")]
    assert main(["replay", str(bag), "--expect", str(golden), "--json", *stricter]) == 1
    told = json.loads(capsys.readouterr().out)["expected"]
    assert told["golden"] == str(golden)
    assert not told["same"]
    assert told["frames"]["compared"] == 12
    before = [
        found["score"]
        for frame in json.loads(golden.read_text())["frames"]
        for found in frame["detections"]
    ]
    assert told["detections"]["lost"] == sum(score < 0.99 for score in before) > 0
    assert told["detections"]["new"] == 0
    frames = [sentence for sentence in told["changes"] if sentence.startswith("frame ")]
    assert len(frames) == told["frames"]["changed"]
    assert all(": lost " in sentence for sentence in frames)
    ET.parse(tmp_path / "changed.svg")


def test_a_wide_tolerance_forgives(bag: Path, golden: Path, capsys: Capture) -> None:
    text = golden.read_text()
    document = json.loads(text)
    for frame in document["frames"]:
        for found in frame["detections"]:
            found["box"] = [edge + 3 for edge in found["box"]]
    golden.write_text(json.dumps(document | {"digest": "another"}))
    assert main(["replay", str(bag), "--expect", str(golden)]) == 1
    assert "moved by 3.0 px" in capsys.readouterr().out
    assert main(["replay", str(bag), "--expect", str(golden), "--tolerance-px", "3.1"]) == 0
    assert "the same within tolerance" in capsys.readouterr().out


def test_of_a_bag_that_is_cut_off_no_golden_is_made(bag: Path, tmp_path: Path) -> None:
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    assert main(["replay", str(bag), "--golden", str(tmp_path / "golden.json")]) == 2
    assert not (tmp_path / "golden.json").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--expect", "/nowhere/golden.json"], "write one by a replay that is right"),
        (["--picture", "changed.svg"], "say since when with --expect GOLDEN"),
        (["--golden", "/dev/null/golden.json"], "the golden /dev/null/golden.json cannot be"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(
    arguments: list[str], expected: str, bag: Path, capsys: Capture
) -> None:
    assert main(["replay", str(bag), *arguments]) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert "Traceback" not in err


def test_the_rate_changes_no_byte(bag: Path, capsys: Capture) -> None:
    digests, walls = set(), []
    for rate in (["--rate", "2"], ["--rate", "20"], []):
        assert main(["replay", str(bag), "--json", "--nodes", "detector", *rate]) == 0
        told = json.loads(capsys.readouterr().out)
        digests.add(told["digest"])
        walls.append(told["wall_s"])
        bag_s = told["bag_s"]
    assert len(digests) == 1
    assert walls[0] >= bag_s / 2
