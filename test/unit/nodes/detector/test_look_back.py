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

"""What a new model is asked about the flight before it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from tiny_bundles import HEIGHT, WIDTH
from update_fleet import BRIGHT, Looks, UpdateFleet, release

from edge_infer.domain import CameraFrame
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.look_back import APART_S, LEAST, MOST, LookBack
from edge_infer.nodes.detector.serving_model import ServingModel, open_model

Open = Callable[..., ServingModel]


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Open]:
    opened: list[ServingModel] = []

    def model(number: int, looks: Looks) -> ServingModel:
        bundle = release(tmp_path / str(number), number, looks)
        opened.append(open_model(bundle.path, DetectorConfig(backend="onnx"), ignore))
        return opened[-1]

    yield model
    for each in opened:
        each.close()


def ignore(*_: Any) -> None:
    """Whoever is told does not care."""


def flown(old: ServingModel, frames: int, apart_s: float = APART_S, found: int = 1) -> LookBack:
    """After so many frames with the old model."""
    look_back = LookBack()
    look_back.on_taken(old)
    pixels = np.full((HEIGHT, WIDTH), BRIGHT, np.uint8)
    for number in range(frames):
        stamp_ns = round(number * apart_s * 1e9)
        look_back.keep(CameraFrame(pixels, "mono8", stamp_ns, "cam"), found)
    return look_back


@pytest.mark.parametrize(
    ("things", "words"),
    [
        (0, f"finds nothing in {MOST} frames"),
        (1, ""),
        (4, ""),
        (5, f"finds {5 * MOST} things in {MOST} frames of this flight, in which"),
    ],
)
def test_a_new_model_sees_about_what_the_old_one_saw(model: Open, things: int, words: str) -> None:
    look_back = flown(model(1, Looks()), 2 * MOST)
    refusal = look_back.refusal(model(2, Looks(things=things)))
    assert words in refusal
    assert bool(words) == bool(refusal)


def test_a_new_model_does_not_fail_on_them(model: Open) -> None:
    look_back = flown(model(1, Looks()), LEAST)
    refusal = look_back.refusal(model(2, Looks(breaks=True)))
    assert refusal == f"it fails on {LEAST} of {LEAST} frames of this flight"


@pytest.mark.parametrize(
    ("frames", "apart_s", "found"), [(LEAST - 1, APART_S, 1), (100, 0.1, 1), (100, APART_S, 0)]
)
def test_few_frames_of_few_places_say_nothing(
    model: Open, frames: int, apart_s: float, found: int
) -> None:
    look_back = flown(model(1, Looks()), frames, apart_s, found)
    assert look_back.refusal(model(2, Looks(things=0))) == ""


def test_a_model_that_served_before_may_always_come_back(model: Open) -> None:
    old, new = model(1, Looks(things=0)), model(2, Looks())
    look_back = flown(old, 0)
    look_back.on_taken(new)
    pixels = np.full((HEIGHT, WIDTH), BRIGHT, np.uint8)
    for number in range(MOST):
        stamp_ns = round(number * APART_S * 1e9)
        look_back.keep(CameraFrame(pixels, "mono8", stamp_ns, "cam"), 1)
    assert look_back.refusal(model(3, Looks(things=0))) != ""
    assert look_back.refusal(old) == ""


def test_a_model_of_another_name_may_see_other_things(model: Open, tmp_path: Path) -> None:
    look_back = flown(model(1, Looks()), MOST)
    blind = release(tmp_path / "other", 2, Looks(things=0))
    manifest = blind.manifest.model_copy(update={"name": "wildlife"})
    other = bundle.write(tmp_path / "wildlife", manifest, {"model.onnx": network_of(blind)})
    opened = open_model(other.path, DetectorConfig(backend="onnx"), ignore)
    assert look_back.refusal(opened) == ""
    opened.close()


def network_of(some: ModelBundle) -> bytes:
    return (some.path / "model.onnx").read_bytes()


def test_a_blind_release_goes_back_before_it_has_looked_at_a_frame(tmp_path: Path) -> None:
    fleet = UpdateFleet(tmp_path, ("drone_1",))
    fleet.network.run_for(2 * LEAST * APART_S)
    fleet.publish(2, Looks(things=0))
    assert fleet.reaches(2, "aborted", 30.0)
    fleet.network.run_for(2.0)
    assert "it finds nothing in 8 frames of this flight" in fleet.rollout.reason
    assert [number for _, number in fleet.seen["drone_1"].served] == [1]
    went_s = {state: second for second, state in fleet.seen["drone_1"].states}
    assert went_s["ROLLED_BACK"] - went_s["ON_TRIAL"] < 2.0
    fleet.land()
