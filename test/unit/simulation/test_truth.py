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

"""The score counts what it says."""

import numpy as np
import pytest

from edge_infer.domain import CameraModel, Pose
from edge_infer.geometry import quaternion_from_rpy
from edge_infer.simulation.camera import CAMERA_640X512
from edge_infer.simulation.farm import Farm, FarmConfig
from edge_infer.simulation.truth import FaultsInView, Report, Truth, match, score

FARM = Farm.build(FarmConfig(rows=6, tables=3, fault_rate=0.05, seed=7))
LEVEL_EAST = tuple(float(q) for q in quaternion_from_rpy(0, 0, 0))


def over(fault, north_m=0.0, east_m=0.0):
    east, north, _ = fault.position_m
    return Pose(0, (east + east_m, north + north_m, 20.0), LEVEL_EAST)


def report(fault, east_m=0.0, north_m=0.0, class_name=None):
    east, north, _ = fault.position_m
    return Report(class_name or fault.class_name, east + east_m, north + north_m, 0.9)


@pytest.fixture
def all_seen():
    in_view = FaultsInView(FARM, CAMERA_640X512)
    for fault in FARM.faults:
        in_view.add(over(fault))
    assert in_view.whole == FARM.faults
    assert in_view.partly == ()
    return in_view


@pytest.fixture
def one_whole():
    """A narrow camera that sees one fault whole and nothing else."""
    in_view = FaultsInView(FARM, CameraModel(120, 120, 600.0, 600.0, 59.5, 59.5))
    in_view.add(over(FARM.faults[0]))
    assert in_view.whole == (FARM.faults[0],)
    return in_view


def test_all_found(all_seen):
    truth = score([report(f, 0.7, -0.5) for f in FARM.faults], all_seen)
    n = len(FARM.faults)
    assert truth == Truth(n, n, 0, 0, 1.0, 1.0, 1.0, 0)


def test_one_missed(all_seen):
    truth = score([report(f) for f in FARM.faults[1:]], all_seen)
    n = len(FARM.faults)
    assert (truth.found, truth.missed, truth.false) == (n - 1, 1, 0)
    assert truth.recall == pytest.approx((n - 1) / n)
    assert truth.precision == 1.0


def test_a_report_of_nothing_is_false(all_seen):
    truth = score([*map(report, FARM.faults), ("Cell", 500.0, 500.0, 0.9)], all_seen)
    n = len(FARM.faults)
    assert (truth.found, truth.false, truth.reported_twice) == (n, 1, 0)
    assert truth.precision == pytest.approx(n / (n + 1))


def test_a_second_report_is_counted_as_such(all_seen):
    reports = [*map(report, FARM.faults), report(FARM.faults[2], 0.4)]
    truth = score(reports, all_seen)
    assert (truth.found, truth.false, truth.reported_twice) == (len(FARM.faults), 1, 1)


def test_beyond_the_gate_is_no_report(all_seen):
    lone = FARM.faults[0]
    assert score([report(lone, 0.0, 2.9)], all_seen).found == 1
    truth = score([report(lone, 0.0, 3.1)], all_seen)
    assert (truth.found, truth.false, truth.reported_twice) == (0, 1, 0)


def test_class_accuracy_is_of_the_found(one_whole):
    right, wrong = FARM.faults[0].class_name, "No-Anomaly"
    assert score([report(FARM.faults[0], class_name=right)], one_whole).class_accuracy == 1.0
    assert score([report(FARM.faults[0], class_name=wrong)], one_whole).class_accuracy == 0.0


def test_a_fault_partly_in_view_may_be_reported_or_not():
    fault = FARM.faults[0]
    half_view_m = 20.0 * 320 / 600
    in_view = FaultsInView(FARM, CAMERA_640X512)
    in_view.add(over(fault, north_m=half_view_m))
    assert fault in in_view.partly
    others = [report(f) for f in in_view.whole]
    silent, told = score(others, in_view), score([*others, report(fault)], in_view)
    assert silent == told
    assert told.false == 0
    assert score([*others, report(fault), report(fault, 0.2)], in_view).reported_twice == 1


def test_later_frames_can_only_add():
    fault = FARM.faults[0]
    in_view = FaultsInView(FARM, CAMERA_640X512)
    half_view_m = 20.0 * 320 / 600
    in_view.add(over(fault, north_m=half_view_m))
    in_view.add(over(fault))
    assert fault in in_view.whole
    in_view.add(over(fault, north_m=half_view_m))
    assert fault in in_view.whole
    assert fault not in in_view.partly


def test_a_module_at_the_very_border_does_not_count_as_whole():
    fault = FARM.faults[0]
    in_view = FaultsInView(FARM, CAMERA_640X512, margin_px=40.0)
    in_view.add(over(fault, east_m=20.0 * 256 / 600 - 0.5 - 0.5))
    assert fault not in in_view.whole
    assert fault in in_view.partly


def test_a_fault_never_in_view_is_not_missed_but_its_report_is_false(one_whole):
    truth = score([report(FARM.faults[0]), report(FARM.faults[1])], one_whole)
    assert (truth.faults_in_view, truth.found, truth.missed, truth.false) == (1, 1, 0, 1)


def test_nothing_seen_and_nothing_said():
    truth = score([], FaultsInView(FARM, CAMERA_640X512))
    assert truth == Truth(0, 0, 0, 0, 1.0, 1.0, 1.0, 0)


def test_the_closest_pairs_are_matched_first():
    a, b = FARM.faults[:2]
    reports = [report(a, 2.5), report(a, 0.3), report(b, -0.2)]
    assert match(reports, [a, b]) == [(2, 1), (1, 0)]


def test_matching_does_not_depend_on_order():
    rng = np.random.default_rng(0)
    faults = list(FARM.faults)
    reports = [report(f, *rng.normal(0, 0.6, 2)) for f in faults]
    order = rng.permutation(len(reports))
    straight = set(match(reports, faults))
    shuffled = {(int(order[r]), f) for r, f in match([reports[i] for i in order], faults)}
    assert straight == shuffled
