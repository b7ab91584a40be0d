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

"""The split is fixed by the pictures themselves, and classes are what the file says."""

import numpy as np
import pytest

from edge_infer.datasets.frames import HEALTHY
from edge_infer.datasets.pictures import PARTS, Split, drawn_pictures
from edge_infer.errors import DatasetError, SimulationError
from edge_infer.simulation.modules import FAULT_CLASSES, NO_ANOMALY


def write(path, images, labels):
    np.savez(path, images=images, labels=np.array(labels), ids=np.arange(len(images)))
    return path


@pytest.fixture
def some():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (400, 40, 24)).astype(np.uint8)
    names = (NO_ANOMALY, *FAULT_CLASSES)
    return images, [names[i % len(names)] for i in range(400)]


def test_a_picture_belongs_to_the_same_part_in_any_company(tmp_path, some):
    images, labels = some
    whole = Split.load(write(tmp_path / "whole.npz", images, labels))
    back = Split.load(write(tmp_path / "back.npz", images[:99:-1], labels[:99:-1]))
    assert np.array_equal(whole.part[100:], back.part[::-1])


def test_equal_pictures_are_in_one_part(tmp_path, some):
    images, labels = some
    split = Split.load(write(tmp_path / "m.npz", np.tile(images[:1], (50, 1, 1)), labels[:50]))
    assert len(set(split.part.tolist())) == 1


def test_parts_are_whole_and_about_as_large_as_said(tmp_path, some):
    split = Split.load(write(tmp_path / "m.npz", *some))
    sizes = {part: len(split.take(part).images) for part in PARTS}
    assert sum(sizes.values()) == 400
    assert sizes == split.to_json()["pictures"]
    assert 310 < sizes["train"] < 365
    assert 20 < sizes["test"] < 65


def test_the_record_tells_when_a_label_changes(tmp_path, some):
    images, labels = some
    one = Split.load(write(tmp_path / "a.npz", images, labels)).to_json()
    other = Split.load(write(tmp_path / "b.npz", images, [*labels[1:], labels[1]])).to_json()
    assert one["sha256"] != other["sha256"]


def test_a_label_outside_the_classes_is_named(tmp_path, some):
    images, labels = some
    labels[7] = "Bird"
    with pytest.raises(DatasetError, match="class 'Bird'"):
        Split.load(write(tmp_path / "m.npz", images, labels))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SimulationError, match=r"absent\.npz"):
        Split.load(tmp_path / "absent.npz")


def test_drawn_pictures_are_half_healthy_and_even():
    pictures = drawn_pictures(3, per_class=4)
    counts = np.bincount(pictures.class_id + 1)
    assert counts[HEALTHY + 1] == 44
    assert (counts[1:] == 4).all()
    assert np.array_equal(pictures.images, drawn_pictures(3, per_class=4).images)


def test_pictures_become_a_library_for_the_simulation():
    library = drawn_pictures(3, per_class=4).library
    assert set(library.pictures) == {NO_ANOMALY, *FAULT_CLASSES}
    assert len(library.pictures["Diode"]) == 4
