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

"""Real module pictures, and files that are none."""

from pathlib import Path

import numpy as np
import pytest

from edge_infer.errors import SimulationError
from edge_infer.simulation.modules import FAULT_CLASSES, MODULE_LEVEL, NO_ANOMALY
from edge_infer.simulation.real_modules import RealModules
from edge_infer.simulation.world import World

CLASSES = (NO_ANOMALY, *FAULT_CLASSES)
DATASET = Path(__file__).parents[4] / "shared/data/infrared_solar_modules/modules.npz"


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    labels = np.array(CLASSES * 3)
    warmer = 40 * (labels == "Offline-Module")
    images = rng.integers(90, 110, (len(labels), 40, 24)) + warmer[:, None, None]
    return {"images": images.astype(np.uint8), "labels": labels}


def saved(path, arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_pictures_keep_their_pattern_and_get_the_farms_scale(tmp_path, arrays):
    library = RealModules.load(saved(tmp_path / "m.npz", arrays))
    healthy = library.patch(NO_ANOMALY, np.random.default_rng(1))
    offline = library.patch("Offline-Module", np.random.default_rng(1))
    assert healthy.mean() == pytest.approx(MODULE_LEVEL, abs=1.5)
    assert offline.mean() - healthy.mean() == pytest.approx(40, abs=1.5)
    sources = arrays["images"][arrays["labels"] == NO_ANOMALY].astype(float)
    likeness = [np.corrcoef(s.ravel(), healthy.ravel())[0, 1] for s in sources]
    assert max(likeness) > 0.99


def test_a_seed_decides_which_picture(tmp_path, arrays):
    library = RealModules.load(saved(tmp_path / "m.npz", arrays))
    first, again = (library.patch("Cell", np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)


def absent(path, arrays):
    return path


def garbage(path, arrays):
    path.write_bytes(b"not an archive at all")
    return path


def empty(path, arrays):
    path.write_bytes(b"")
    return path


def truncated(path, arrays):
    saved(path, arrays)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def damaged(path, arrays):
    saved(path, arrays)
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(data)
    return path


def lone_array(path, arrays):
    with path.open("wb") as file:
        np.save(file, arrays["images"])
    return path


def folder(path, arrays):
    path.mkdir()
    return path


def without_labels(path, arrays):
    return saved(path, {"images": arrays["images"]})


def pickled(path, arrays):
    return saved(path, {**arrays, "labels": arrays["labels"].astype(object)})


def other_size(path, arrays):
    return saved(path, {**arrays, "images": arrays["images"][:, :20]})


def other_type(path, arrays):
    return saved(path, {**arrays, "images": arrays["images"].astype(np.float32)})


def fewer_labels(path, arrays):
    return saved(path, {**arrays, "labels": arrays["labels"][:-1]})


def class_missing(path, arrays):
    kept = arrays["labels"] != "Soiling"
    return saved(path, {name: array[kept] for name, array in arrays.items()})


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (absent, "there is no file"),
        (garbage, "not a readable npz archive"),
        (empty, "not a readable npz archive"),
        (truncated, "not a readable npz archive"),
        (damaged, "not a readable npz archive"),
        (lone_array, "not a readable npz archive"),
        (folder, "not a readable npz archive"),
        (pickled, "not a readable npz archive"),
        (without_labels, "incomplete"),
        (other_size, r"images of shape \(36, 20, 24\)"),
        (other_type, "type float32"),
        (fewer_labels, "for 35 labels"),
        (class_missing, "no picture of Soiling"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, arrays, spoil, problem):
    path = spoil(tmp_path / "modules.npz", arrays)
    with pytest.raises(SimulationError, match=problem) as caught:
        World.build(0, 1, path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.dataset
@pytest.mark.skipif(not DATASET.exists(), reason="the real module images are not here")
def test_a_farm_of_real_modules():
    library = RealModules.load(DATASET)
    assert set(library.pictures) == set(CLASSES)
    assert library.means["Offline-Module"] > library.means[NO_ANOMALY] + 10
    real, drawn = World.build(4, 1, DATASET).drone(0), World.build(4, 1).drone(0)
    assert real.farm.faults == drawn.farm.faults
    one, other = (drone.frame(0, 3.0).frame.image for drone in (real, drawn))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, World.build(4, 1, DATASET).drone(0).frame(0, 3.0).frame.image)
