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

"""Drawn modules: every class carries its own mark."""

import cv2
import numpy as np
import pytest

from edge_infer.errors import SimulationError
from edge_infer.simulation.modules import (
    FAULT_CLASSES,
    MODULE_LEVEL,
    NO_ANOMALY,
    DrawnModules,
    draw_module,
)


def rise(class_name: str, seed: int) -> np.ndarray:
    """Grey levels above a healthy module, frame cut away."""
    return draw_module(class_name, np.random.default_rng(seed))[1:-1, 1:-1] - MODULE_LEVEL


def hot_regions(class_name: str, seed: int) -> np.ndarray:
    """(n, 2): height and width of each connected hot region."""
    hot = (rise(class_name, seed) > 30).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(hot)
    return stats[1:, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]]


@pytest.fixture(params=range(12))
def seed(request):
    return request.param


@pytest.mark.parametrize("name", [NO_ANOMALY, *FAULT_CLASSES])
def test_a_seed_decides_every_byte(name):
    one, same, other = (draw_module(name, np.random.default_rng(s)) for s in (3, 3, 4))
    assert one.shape == (40, 24)
    assert one.dtype == np.uint8
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_library_draws(seed):
    drawn = DrawnModules().patch("Diode", np.random.default_rng(seed))
    assert np.array_equal(drawn, draw_module("Diode", np.random.default_rng(seed)))


def test_size_is_a_choice():
    assert draw_module("Cell", np.random.default_rng(0), (20, 12)).shape == (20, 12)


def test_unknown_class_is_named():
    with pytest.raises(SimulationError, match="'Rust' is not known"):
        draw_module("Rust", np.random.default_rng(0))


def test_healthy_is_even(seed):
    assert np.abs(rise(NO_ANOMALY, seed)).max() < 30


def test_cell_is_one_square(seed):
    ((height, width),) = hot_regions("Cell", seed)
    assert 3 <= height <= 6
    assert 3 <= width <= 6


def test_cell_multi_is_several_squares(seed):
    single, several = ((rise(n, seed) > 30).sum() for n in ("Cell", "Cell-Multi"))
    assert several > 2.5 * single


def test_cracking_runs_through_the_module(seed):
    height, width = max(hot_regions("Cracking", seed).tolist())
    assert height >= 18
    assert width >= 5


def test_hot_spot_is_long_and_narrow(seed):
    ((height, width),) = hot_regions("Hot-Spot", seed)
    assert height > 3 * width


def test_hot_spot_multi_is_more_of_it(seed):
    single, several = ((rise(n, seed) > 30).sum() for n in ("Hot-Spot", "Hot-Spot-Multi"))
    assert several > 1.8 * single


def test_shadowing_is_a_cool_part(seed):
    cool = rise("Shadowing", seed) < -35
    assert 0.15 < cool.mean() < 0.95


@pytest.mark.parametrize(("name", "warm_thirds"), [("Diode", 1), ("Diode-Multi", 2)])
def test_diodes_warm_whole_thirds(name, warm_thirds, seed):
    columns = rise(name, seed).mean(axis=0)
    thirds = [columns[1:6].mean(), columns[9:13].mean(), columns[17:21].mean()]
    assert sum(third > 28 for third in thirds) == warm_thirds


def test_vegetation_is_cool_below_hot(seed):
    heat = rise("Vegetation", seed)
    assert heat[-8:].mean() < -20
    assert (heat[18:32] > 35).sum() > 10
    assert abs(heat[:16].mean()) < 15


def test_soiling_warms_the_lower_edge_alone(seed):
    heat = rise("Soiling", seed)
    assert heat[-3:].mean() > 35
    assert abs(heat[:22].mean()) < 15


def test_offline_is_warm_all_over(seed):
    heat = rise("Offline-Module", seed)[2:-2, 2:-2]
    assert heat.min() > 18
    assert heat.std() < 8
