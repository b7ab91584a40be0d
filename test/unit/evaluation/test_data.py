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

"""What a model is judged on, and whose class ids its boxes have."""

from pathlib import Path

import numpy as np
import pytest

from edge_infer.datasets.folders import write_coco
from edge_infer.datasets.frames import HEALTHY, Boxes, LabelledFrames
from edge_infer.datasets.pictures import Split, drawn_pictures
from edge_infer.errors import DatasetError, SimulationError
from edge_infer.evaluation.data import ComposedFrames, joined, open_data, renamed
from edge_infer.simulation.modules import FAULT_CLASSES, NO_ANOMALY

DATASET = Path(__file__).parents[4] / "shared/data/infrared_solar_modules/modules.npz"


def boxes(*class_ids):
    count = len(class_ids)
    return Boxes.upright(
        np.zeros(count, np.int64), np.tile(np.array([0, 0, 4, 4], np.float32), (count, 1)),
        np.array(class_ids, np.int64), np.ones(count, np.float32),
    )  # fmt: skip


def test_composed_frames_are_the_same_every_time_and_show_healthy_modules_too():
    frames = ComposedFrames(drawn_pictures(3, per_class=4), count=2, seed=5)
    one, again = list(frames), list(frames)
    assert len(frames) == 2
    assert frames.labels == FAULT_CLASSES
    for (path, frame), (other_path, other) in zip(one, again, strict=True):
        assert path == other_path
        assert np.array_equal(frame.image, other.image)
        assert (frame.boxes.class_id == HEALTHY).any()
        assert (frame.boxes.class_id >= 0).any()
    assert not np.array_equal(one[0][1].image, one[1][1].image)


def test_a_modules_file_gives_frames_of_its_test_part(tmp_path):
    pictures = drawn_pictures(3, per_class=40)
    names = np.array([*FAULT_CLASSES, NO_ANOMALY])[pictures.class_id]
    np.savez(tmp_path / "modules.npz", images=pictures.images, labels=names)
    frames = open_data(tmp_path / "modules.npz")
    assert len(frames) == 60
    expected = ComposedFrames(Split.load(tmp_path / "modules.npz").take("test"))
    train = open_data(tmp_path / "modules.npz", "train")
    first, wanted, other = (next(iter(data))[1].image for data in (frames, expected, train))
    assert np.array_equal(first, wanted)
    assert not np.array_equal(first, other)


@pytest.mark.dataset
@pytest.mark.skipif(not DATASET.is_file(), reason="needs the real module images")
def test_real_modules_make_frames_of_all_classes():
    found = {i for _, frame in open_data(DATASET) for i in frame.boxes.class_id.tolist()}
    assert found == set(range(HEALTHY, len(FAULT_CLASSES)))


def test_a_folder_is_taken_whole_or_in_part(tmp_path):
    rng = np.random.default_rng(0)
    frames = LabelledFrames(rng.integers(0, 255, (40, 8, 8), np.uint8), boxes())
    write_coco(tmp_path, frames, ("Cell",))
    assert len(open_data(tmp_path)) == 40
    assert 25 < len(open_data(tmp_path, "train")) < 40


def test_data_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="is not there: name a labelled folder"):
        open_data(tmp_path / "modules.npz")
    (tmp_path / "modules.npz").write_bytes(b"no archive")
    with pytest.raises(SimulationError, match="not a readable npz archive"):
        open_data(tmp_path / "modules.npz")


def test_boxes_get_the_class_ids_of_the_model():
    result = renamed(boxes(1, 0, HEALTHY, 1), ("Diode", "Cell"), ("Cell", "Soiling", "Diode"))
    assert result.class_id.tolist() == [0, 2, HEALTHY, 0]
    assert renamed(boxes(), ("Diode",), ("Cell",)).class_id.tolist() == []


def test_a_class_that_is_named_but_not_used_may_be_unknown():
    assert renamed(boxes(0), ("Cell", "Bird"), ("Cell",)).class_id.tolist() == [0]


def test_a_class_that_the_model_does_not_know_is_an_error():
    with pytest.raises(DatasetError, match=r"knows no class 'Bird': .*\(Cell\)"):
        renamed(boxes(0, 1), ("Cell", "Bird"), ("Cell",))


def test_boxes_of_several_frames_are_joined():
    result = joined([boxes(1, 2), boxes(), boxes(3)])
    assert result.frame.tolist() == [0, 0, 2]
    assert result.class_id.tolist() == [1, 2, 3]
    assert result.outline[:, 2].tolist() == [[4, 4]] * 3
