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

"""The pytest plugin as a user's project has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

MakeBag = Callable[..., Path]
Recorded = tuple[str, str, int, bytes]

PROJECT = """
def test_the_flight(replay):
    seen = replay("bag").through("detector", params={"detector:score_threshold": THRESHOLD})
    assert seen.report["frames"] == {"received": 12, "processed": 12, "dropped": 0, "failed": 0}
    assert len(seen.frames) == 12
    assert len(seen.detections) == seen.report["detections"]["total"] > 0
    assert seen.digest == seen.report["digest"]
    assert seen.targets == ()
    assert seen.matches("golden.json")
"""


@pytest.fixture
def project(flight: list[Recorded], make_bag: MakeBag) -> Path:
    """A folder with a bag and a test."""
    folder = make_bag(flight).parent
    write(folder, "0.3")
    return folder


def write(folder: Path, threshold: str) -> None:
    (folder / "test_flight.py").write_text(PROJECT.replace("THRESHOLD", threshold))


def run(folder: Path, *options: str) -> str:
    """What pytest says in a process of its own, which loads no other plugin."""
    plugin = ["-p", "edge_infer.testing", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", str(folder), *plugin, *options, str(folder)],
        cwd="/",
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_golden_is_written_then_compared_with(project: Path) -> None:
    absent = run(project)
    assert "1 failed" in absent
    assert "write it with pytest --edge-infer-update-goldens" in absent
    assert "1 passed" in run(project, "--edge-infer-update-goldens")
    assert (project / "golden.json").exists()
    assert "1 passed" in run(project)
    write(project, "0.99")
    changed = run(project)
    assert "1 failed" in changed
    assert "golden.json: changed: " in changed
    assert "lost Cell" in changed
    assert "edge_infer/testing.py" not in changed


def test_a_whole_drone_and_its_mistakes(project: Path) -> None:
    (project / "test_flight.py").write_text(
        """
import pytest
from edge_infer.errors import EdgeInferError

def test_all(replay, tmp_path):
    again = [
        replay("bag").through(remap={"/camera/image_raw": "/scout/image"}) for _ in range(2)
    ]
    assert again[0].targets
    assert again[0].digest == again[1].digest
    assert again[0].report["outputs"]["/scout/detector/detections"] == 12

@pytest.mark.parametrize("case", [
    ("nowhere", {}, "there is no bag"),
    ("bag", {"detector:score_treshold": 0.4}, "score_threshold"),
])
def test_mistakes(replay, case):
    bag, params, expected = case
    with pytest.raises(EdgeInferError, match=expected):
        replay(bag).through("detector", params=params)

def test_unknown(replay):
    with pytest.raises(EdgeInferError, match="'camera' cannot be replayed"):
        replay("bag").through("camera")
"""
    )
    assert "4 passed" in run(project)


def test_pytest_finds_it_by_itself() -> None:
    found = {each.name: each.value for each in entry_points(group="pytest11")}
    assert found.get("edge_infer") == "edge_infer.testing", "install edge_infer again: make setup"


def test_pytest_starts_without_anything_heavy() -> None:
    heavy = ["numpy", "cv2", "rosbags", "onnxruntime", "pydantic", "rclpy", "cyclonedds"]
    script = f"import sys, edge_infer.testing; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
