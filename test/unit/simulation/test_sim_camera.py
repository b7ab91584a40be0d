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

"""What the camera shows lies where edge_infer.geometry says, and is the same every time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_infer.domain import Pose
from edge_infer.geometry import (
    BASE_FROM_OPTICAL_NADIR,
    ground_intersection,
    pixel_rays,
    project,
    quaternion_from_rpy,
    rotation_matrix,
)
from edge_infer.simulation.camera import CAMERA_640X512, ThermalCamera
from edge_infer.simulation.farm import Farm, FarmConfig
from edge_infer.simulation.labels import visible_faults, visible_modules
from edge_infer.simulation.modules import FAULT_CLASSES, NO_ANOMALY

CLEAN = ThermalCamera(noise_levels=0.0, vignette=0.0, gain_drift=0.0)


class Lamps:
    """Healthy modules are dark; faulty ones are dark with a white square in the middle."""

    def patch(self, class_name, rng):
        patch = np.full((40, 24), 10, np.uint8)
        if class_name != NO_ANOMALY:
            patch[16:24, 8:16] = 250
        return patch


class Boards:
    """Healthy modules are black, faulty ones white."""

    def patch(self, class_name, rng):
        return np.full((40, 24), 5 if class_name == NO_ANOMALY else 250, np.uint8)


def farm_of(modules, **changes):
    layout = {"rows": 6, "tables": 3, "fault_rate": 0.1, "fault_spacing_m": 3.0, "seed": 7}
    return Farm.build(FarmConfig(**layout, **changes), modules)


def pose_over(x_m, y_m, roll=0.0, pitch=0.0, yaw=0.0, height_m=20.0):
    x, y, z, w = (float(q) for q in quaternion_from_rpy(roll, pitch, yaw))
    return Pose(0, (x_m, y_m, height_m), (x, y, z, w))


POSES = [
    pose_over(0.0, 0.0),
    pose_over(5.0, 3.0, yaw=0.8),
    pose_over(-12.0, -4.0, roll=0.03, pitch=-0.02, yaw=-2.0),
    pose_over(14.0, 8.0, roll=-0.05, pitch=0.04, yaw=3.0, height_m=17.0),
]


def centroid(image, box):
    """(x, y) of the light inside a box."""
    left, top, right, bottom = (round(float(v)) for v in box)
    window = image[top : bottom + 1, left : right + 1].astype(float)
    window[window < 150] = 0
    y, x = np.mgrid[top : top + window.shape[0], left : left + window.shape[1]]
    return np.array([(x * window).sum(), (y * window).sum()]) / window.sum()


@pytest.mark.parametrize("heading_deg", [90.0, 65.0])
@pytest.mark.parametrize("pose", POSES)
def test_a_fault_is_seen_where_geometry_projects_it(pose, heading_deg):
    farm = farm_of(Lamps(), heading_deg=heading_deg)
    image = CLEAN.render(farm, pose).image
    turn = rotation_matrix(pose.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR
    seen = visible_faults(farm, pose, CAMERA_640X512)
    whole = seen.fraction > 0.999
    assert whole.sum() >= 2
    for fault_id, box in zip(seen.fault_id[whole], seen.xyxy[whole], strict=True):
        truth_m = np.array(farm.faults[fault_id].position_m)
        pixel = centroid(image, box)
        expected = project(CAMERA_640X512, (truth_m - pose.position_m) @ turn)
        assert np.abs(pixel - expected).max() < 0.4
        ray = pixel_rays(CAMERA_640X512, pixel) @ turn.T
        assert np.linalg.norm(ground_intersection(pose.position_m, ray)[0] - truth_m) < 0.02


@pytest.mark.parametrize("pose", POSES[:2])
def test_boxes_bound_the_modules(pose):
    farm = farm_of(Boards())
    image = CLEAN.render(farm, pose).image
    seen = visible_faults(farm, pose, CAMERA_640X512)
    for box in seen.xyxy[seen.fraction > 0.999]:
        left, top, right, bottom = (round(float(v)) for v in box)
        around = image[max(top - 5, 0) : bottom + 6, max(left - 5, 0) : right + 6]
        y, x = np.nonzero(cv2.medianBlur(around, 3) > 128)
        lit = np.array([x.min(), y.min(), x.max(), y.max()]) + np.tile(
            [max(left - 5, 0), max(top - 5, 0)], 2
        )
        assert np.abs(lit - box).max() < 3.0


def test_labels_cut_boxes_at_the_border():
    farm = farm_of(Boards())
    fault = farm.faults[0]
    east, north, _ = fault.position_m
    half_view_m = 20.0 * 320 / 600
    seen = visible_faults(farm, pose_over(east + half_view_m, north, yaw=np.pi / 2), CAMERA_640X512)
    row = list(seen.fault_id).index(0)
    assert seen.xyxy[row, 0] == 0.0
    assert 0.15 < seen.fraction[row] < 0.9
    assert seen.class_index[row] == FAULT_CLASSES.index(fault.class_name)


def test_nothing_is_visible_far_away():
    seen = visible_faults(farm_of(Boards()), pose_over(500.0, 0.0), CAMERA_640X512)
    assert [len(column) for column in seen] == [0, 0, 0, 0]
    assert seen.xyxy.shape == (0, 4)


def test_a_farm_without_faults_has_no_labels():
    farm = Farm.build(FarmConfig(rows=2, tables=1, fault_rate=0.0))
    assert len(visible_faults(farm, POSES[0], CAMERA_640X512).fault_id) == 0


def test_a_frame_states_what_it_is():
    frame = ThermalCamera(frame_id="d1/optical").render(
        farm_of(Boards()), replace(POSES[1], stamp_ns=42)
    )
    assert (frame.width, frame.height, frame.encoding) == (640, 512, "mono8")
    assert (frame.stamp_ns, frame.frame_id) == (42, "d1/optical")


def test_a_module_is_thirty_pixels_wide():
    seen = visible_faults(farm_of(Boards()), POSES[0], CAMERA_640X512)
    boxes = seen.xyxy[seen.fraction > 0.999]
    sides = np.sort(boxes[:, 2:] - boxes[:, :2], axis=1)
    assert np.all((sides[:, 0] > 26) & (sides[:, 0] < 34))


def test_noise_changes_from_frame_to_frame_and_repeats_with_the_number():
    farm, camera = farm_of(Boards()), ThermalCamera(seed=3)
    first, again, other = (camera.render(farm, POSES[0], n).image.astype(int) for n in (5, 5, 6))
    assert np.array_equal(first, again)
    assert 1.0 < (first - other).std() < 4.0
    assert abs((first - other).mean()) < 0.2


def test_motion_smears_along_the_flight():
    farm = farm_of(Lamps())
    slow = replace(CLEAN, exposure_s=0.03)
    still, moving = (slow.render(farm, POSES[0], 0, v).image for v in ((0.0, 0.0), (8.0, 0.0)))
    down, right = (
        np.abs(np.diff(moving.astype(float), axis=axis)).mean()
        / np.abs(np.diff(still.astype(float), axis=axis)).mean()
        for axis in (0, 1)
    )
    assert down < 0.6  # yaw 0: the nose, the top of the image, points east
    assert right > 0.85


def test_gain_drifts_slowly():
    farm, camera = farm_of(Boards()), ThermalCamera(noise_levels=0.0)
    levels = [
        camera.render(farm, replace(POSES[0], stamp_ns=t * 10**9)).image.mean()
        for t in (0, 1, 20, 40, 60, 80)
    ]
    assert abs(levels[1] - levels[0]) < 1.5
    assert max(levels) - min(levels) > 3.0


def test_corners_are_darker():
    flat = Farm.build(FarmConfig(rows=1, tables=1, fault_rate=0.0))
    far_off = pose_over(0.0, 0.0, height_m=20.0)
    bright = replace(CLEAN, vignette=0.0).render(flat, far_off).image.astype(float)
    dim = replace(CLEAN, vignette=0.3).render(flat, far_off).image.astype(float)
    assert dim[256, 320] == pytest.approx(bright[256, 320], abs=1.0)
    assert dim[:20, :20].mean() == pytest.approx(0.71 * bright[:20, :20].mean(), rel=0.03)


@pytest.mark.parametrize("pose", POSES[:2])
def test_modules_hold_the_faults_and_the_healthy_ones_between_them(pose):
    farm = farm_of(Boards())
    faults = visible_faults(farm, pose, CAMERA_640X512)
    modules = visible_modules(farm, pose, CAMERA_640X512)
    faulty = modules.class_index >= 0
    assert 2 * len(faults.fault_id) < len(modules.class_index)
    order, other = (np.lexsort(xyxy.T) for xyxy in (modules.xyxy[faulty], faults.xyxy))
    np.testing.assert_allclose(modules.xyxy[faulty][order], faults.xyxy[other])
    assert (modules.class_index[faulty][order] == faults.class_index[other]).all()


@pytest.mark.parametrize("pose", POSES)
def test_outlines_of_modules_go_round_clockwise_and_fit_their_boxes(pose):
    modules = visible_modules(farm_of(Boards()), pose, CAMERA_640X512)
    along, across = np.diff(modules.outline[:, :3], axis=1).transpose(1, 2, 0)
    assert (along[0] * across[1] > along[1] * across[0]).all()
    low, high = modules.outline.min(axis=1), modules.outline.max(axis=1)
    cut = np.clip(np.hstack([low, high]), 0, [639, 511, 639, 511])
    np.testing.assert_allclose(cut, modules.xyxy)
    assert (low < 0).any() or (high > [639, 511]).any()


def test_a_healthy_farm_is_seen_as_such():
    farm = Farm.build(FarmConfig(rows=2, tables=1, fault_rate=0.0))
    classes = visible_modules(farm, POSES[0], CAMERA_640X512).class_index
    assert len(classes) > 10
    assert (classes == -1).all()
