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

"""Calibration files, as ROS's camera_calibration and camera drivers know them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edge_infer.domain import CameraModel
from edge_infer.errors import FrameError
from edge_infer.perception.calibration import load_calibration, parse_calibration

WRITTEN = {
    "image_width": 640,
    "image_height": 512,
    "camera_name": "thermal",
    "camera_matrix": {
        "rows": 3, "cols": 3,
        "data": [600.5, 0.0, 319.5, 0.0, 601.5, 255.5, 0.0, 0.0, 1.0],
    },
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.1, 0.02, 0.001, -0.001, 0.0]},
}  # fmt: skip
CAMERA = CameraModel(640, 512, 600.5, 601.5, 319.5, 255.5, (-0.1, 0.02, 0.001, -0.001, 0.0))


def test_a_file_is_read_by_path_and_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "share" / "my_drone" / "config" / "thermal.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump(WRITTEN))
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    for url in (str(file), f"file://{file}", "package://my_drone/config/thermal.yaml"):
        assert load_calibration(url) == CAMERA


def test_a_lens_may_be_of_another_kind_or_none() -> None:
    fisheye = WRITTEN | {
        "distortion_model": "equidistant", "distortion_coefficients": {"data": [0.1, 0, 0, 0]}
    }  # fmt: skip
    assert parse_calibration(yaml.safe_dump(fisheye), "f").distortion_model == "equidistant"
    plain = {key: value for key, value in WRITTEN.items() if "distortion" not in key}
    assert parse_calibration(yaml.safe_dump(plain), "f").distortion == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"camera_matrix": {"data": [1.0]}}, "f is no calibration"),
        ({"camera_matrix": {"data": [float("nan")] * 9}}, "f is no calibration"),
        ({"image_width": None}, "f is no calibration"),
        ({"camera_matrix": {"data": [0.0] * 9}}, "f has no usable focal length"),
        ({"distortion_model": "thin_prism"}, "'thin_prism' with 5 coefficients"),
        ({"distortion_model": "equidistant"}, "'equidistant' with 5 coefficients"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(FrameError, match=sentence):
        parse_calibration(yaml.safe_dump(WRITTEN | change), "f")


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "just words"])
def test_what_is_no_calibration_at_all_is_said(text: str) -> None:
    with pytest.raises(FrameError, match="f is no calibration"):
        parse_calibration(text, "f")


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        FrameError, match=r"/nowhere/c\.yaml cannot be read: correct camera_info_url"
    ):
        load_calibration("file:///nowhere/c.yaml")
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    with pytest.raises(FrameError, match=r"'my_drone' has config/c\.yaml"):
        load_calibration("package://my_drone/config/c.yaml")
