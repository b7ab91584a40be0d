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

"""Layout, faults and picture of the farm agree with each other."""

from dataclasses import replace

import numpy as np
import pytest

from edge_infer.errors import SimulationError
from edge_infer.simulation.farm import Farm, FarmConfig
from edge_infer.simulation.layout import module_centres_m
from edge_infer.simulation.modules import FAULT_CLASSES, NO_ANOMALY

SMALL = FarmConfig(rows=3, tables=2, fault_rate=0.06, seed=5)


class Marked:
    """Healthy modules are dark, faulty ones white."""

    def patch(self, class_name, rng):
        return np.full((40, 24), 10 if class_name == NO_ANOMALY else 250, np.uint8)


def spacings(farm):
    places = np.array([f.position_m[:2] for f in farm.faults])
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    return apart[~np.eye(len(places), dtype=bool)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rows", 0),
        ("modules_per_table", 0),
        ("module_width_m", 0.0),
        ("tilt_deg", 80.0),
        ("row_pitch_m", 1.0),
        ("fault_rate", 1.5),
        ("fault_rate", float("nan")),
        ("fault_spacing_m", -1.0),
        ("seed", -1),
    ],
)
def test_an_impossible_farm_is_named(field, value):
    with pytest.raises(SimulationError, match=f"cannot have {field}"):
        replace(SMALL, **{field: value})


def test_the_farm_grows_with_the_fleet():
    farms = [Farm.build(FarmConfig.for_drones(n)) for n in (1, 5, 20)]
    assert [f.config.rows for f in farms] == [4, 20, 80]
    assert 40 <= len(farms[1].faults) <= 60


def test_a_seed_decides_the_faults():
    config = FarmConfig.for_drones(5, seed=3)
    assert Farm.build(config).faults == Farm.build(config).faults
    assert Farm.build(config).faults != Farm.build(replace(config, seed=4)).faults


def test_every_class_occurs():
    names = [f.class_name for f in Farm.build(FarmConfig.for_drones(5)).faults]
    counts = [names.count(name) for name in FAULT_CLASSES]
    assert max(counts) - min(counts) <= 1


def test_faults_keep_their_distance():
    assert spacings(Farm.build(FarmConfig.for_drones(5))).min() >= 6.0


def test_independent_faults_may_be_neighbours():
    config = replace(SMALL, fault_rate=0.5, fault_spacing_m=0.0)
    farm = Farm.build(config)
    assert len(farm.faults) == round(0.5 * 3 * 48)
    assert spacings(farm).min() == pytest.approx(config.module_pitch_m)


def test_a_full_farm_takes_what_fits():
    farm = Farm.build(replace(SMALL, fault_rate=1.0))
    assert 0 < len(farm.faults) < 3 * 48
    assert spacings(farm).min() >= 6.0


def test_the_heading_turns_the_rows():
    along, across = module_centres_m(SMALL)
    north_bound = Farm.build(replace(SMALL, heading_deg=0.0))
    fault = north_bound.faults[0]
    expected = (-across[fault.row], along[fault.column], 0.0)
    assert fault.position_m == pytest.approx(expected)


def test_map_and_farm_axes_are_inverse():
    farm = Farm.build(replace(SMALL, heading_deg=37.0))
    points = np.random.default_rng(0).normal(0, 50, (20, 2))
    assert np.allclose(farm.from_map(farm.to_map(points)), points)


def test_the_origin_is_the_farms():
    config = replace(SMALL, latitude_deg=40.5, longitude_deg=3.25, altitude_m=12.0)
    assert np.allclose(config.origin.to_wgs84([0.0, 0.0, 0.0]), [[40.5, 3.25, 12.0]])


@pytest.mark.parametrize("heading_deg", [90.0, 20.0])
def test_faults_are_drawn_where_they_are(heading_deg):
    farm = Farm.build(replace(SMALL, heading_deg=heading_deg), Marked())
    image, scale = farm.texture.image, farm.texture.pixel_from_farm
    for corners, fault in zip(farm.fault_corners_m, farm.faults, strict=True):
        plane = np.column_stack([farm.from_map(corners), np.ones(4)]) @ scale.T
        edges = plane[:, :2] + 0.5
        (left, top), (right, bottom) = np.rint([edges.min(axis=0), edges.max(axis=0)]).astype(int)
        assert np.abs(edges.min(axis=0) - (left, top)).max() < 0.1
        inside = image[top:bottom, left:right]
        assert inside.shape == (40, 24), fault
        assert np.all(inside == 250), fault


def test_a_part_is_the_same_bytes_as_the_whole():
    farm = Farm.build(FarmConfig(rows=9, tables=1, seed=2))
    part = farm.band(-8.0, 3.0).texture
    whole = farm.texture
    offset = round(float(whole.pixel_from_farm[1, 2] - part.pixel_from_farm[1, 2]))
    rows = slice(offset, offset + len(part.image))
    assert len(part.image) < len(whole.image) / 2
    assert np.array_equal(whole.image[rows], part.image)
    reach = (part.pixel_from_farm @ [0, 3.0, 1])[1], (part.pixel_from_farm @ [0, -8.0, 1])[1]
    assert reach[0] >= -0.5
    assert reach[1] <= len(part.image) - 0.5


def test_ambient_temperature_shifts_every_level():
    mild, warm = (Farm.build(replace(SMALL, ambient_c=c)).texture.image for c in (25.0, 30.0))
    dark = mild < 240
    assert np.all(warm[dark].astype(int) - mild[dark] == 10)


def test_other_module_sizes_and_narrow_aisles_are_drawn():
    config = replace(
        SMALL, module_width_m=1.13, module_length_m=2.2, tilt_deg=10.0, row_pitch_m=3.0
    )
    farm = Farm.build(config, Marked())
    for fault in farm.faults:
        x, y, _ = farm.texture.pixel_from_farm @ [*farm.from_map(fault.position_m)[0], 1.0]
        assert farm.texture.image[round(y), round(x)] == 250
