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

"""Two bundles with the same weights: what is equal, what differs, and what is left out."""

import numpy as np
import pytest
from bundle_variants import variant, without_first

from edge_infer.datasets.frames import LabelledFrames
from edge_infer.energy import EnergyMeter
from edge_infer.errors import BackendUnavailableError
from edge_infer.evaluation.compare import THREADS, compare

from .conftest import Frames


@pytest.fixture(scope="module")
def few(farm):
    boxes = farm.frames.boxes
    return Frames(LabelledFrames(farm.frames.images[:3], boxes.where(boxes.frame < 3)))


@pytest.fixture(scope="module")
def deaf(model, tmp_path_factory):
    """The shipped weights with a threshold that hardly anything reaches, and some for no engine."""
    kinds = [("onnx", "int8"), ("abacus", "int8")]
    folder = tmp_path_factory.mktemp("deaf")
    return variant(model, folder, kinds, score_threshold=1.0, version="0.0.1")


@pytest.fixture(scope="module")
def comparison(model, deaf, few):
    return compare([model, deaf], few, calls=6)


def test_each_weight_file_that_runs_here_is_a_contender(comparison, deaf):
    assert [contender.name for contender in comparison.contenders] == [
        "solar_thermal 0.3.0 onnx float32",
        "solar_thermal 0.0.1 onnx int8",
    ]
    (sentence,) = comparison.left_out
    assert sentence == f"{deaf.path / 'finder.abacus.int8'}: there is no engine called 'abacus'"


def test_figures_are_those_of_each_model(comparison):
    first, other = (contender.evaluation for contender in comparison.contenders)
    assert first.boxes.recall > 0.8
    assert other.boxes.recall == 0.0
    assert np.array_equal(first.average_precision.table, other.average_precision.table,
                          equal_nan=True)  # fmt: skip


def test_differences_are_to_the_first(comparison):
    first, other = comparison.contenders
    assert first.difference(first) == {
        "binary_accuracy": 0.0, "class_accuracy": 0.0, "ap50": 0.0, "bytes": 1.0, "latency": 1.0,
    }  # fmt: skip
    difference = other.difference(first)
    accuracies = [c.evaluation.modules.binary_accuracy for c in (first, other)]
    assert difference["binary_accuracy"] == accuracies[1] - accuracies[0] < -0.1
    assert difference["ap50"] == 0.0
    assert difference["bytes"] == 1.0
    assert difference["latency"] == other.latency[1].median_ms / first.latency[1].median_ms


def test_latency_is_told_for_each_number_of_threads(comparison):
    for contender in comparison.contenders:
        assert tuple(contender.latency) == THREADS
        for latency in contender.latency.values():
            assert 0 < latency.median_ms <= latency.p99_ms


def test_json_holds_all_of_it(comparison):
    told = comparison.to_json()
    first, other = told["contenders"]
    assert set(first["latency_by_threads"]) == {"1", "2"}
    assert first["energy_mj"] is None
    assert told["energy_source"] is None
    assert other["difference_to_first"]["binary_accuracy"] < -0.1
    assert "mistakes" not in first
    assert told["left_out"] == list(comparison.left_out)


def test_energy_is_told_where_the_machine_counts_it(model, few, tmp_path):
    package = tmp_path / "class" / "powercap" / "intel-rapl:0"
    package.mkdir(parents=True)
    for name, content in {
        "name": "package-0", "energy_uj": "1000", "max_energy_range_uj": "9999"
    }.items():  # fmt: skip
        (package / name).write_text(content)
    told = []
    result = compare(
        [model], few, calls=2, energy=EnergyMeter.open(tmp_path),
        progress=lambda what, done, of: told.append((what, done, of)),
    )  # fmt: skip
    assert [contender.energy_mj for contender in result.contenders] == [0.0]
    assert result.to_json()["energy_source"] == "RAPL, 1 processor package"
    assert told[0] == ("judging solar_thermal 0.3.0 onnx float32", 1, 3)
    assert told[-1][0] == "timing 2 threads"


def test_nothing_that_runs_here_is_an_error(deaf, few):
    with pytest.raises(BackendUnavailableError, match=r"no engine .* runs here .*'abacus'"):
        compare([without_first(deaf)], few)
