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

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from edge_infer.dashboard.snapshot import (
    DroneState,
    DroneView,
    FarmOutline,
    Latency,
    RemovalView,
    Snapshot,
    TargetView,
    TruthView,
)

FULL = Snapshot(
    stamp_ns=1_700_000_000_123_456_789,
    elapsed_s=12.5,
    farm=FarmOutline((((0, 0), (24, 0), (24, 3), (0, 3)),), 24, 37.0, -6.0),
    drones=(DroneView("d1", 1.0, 2.0, 20.0, 0.5, ((0, 0), (1, 0), (1, 1)), DroneState.SUSPECT),),
    targets=(TargetView("d1/1/0", "Hot-Spot", 0.9, 3.0, 4.0, ("d1", "d2"), 3, 1, 2),),
    removals=(RemovalView("d2/1/0", "Hot-Spot", "d2", 3.1, 4.1, "d1/1/0"),),
    replicas_agree=True,
    digest="ab12",
    duplicates_removed=2,
    frame_to_target_ms=Latency(20.0, 44.0),
    truth=TruthView(1.0, 0.5, 2, 1, 1, 0),
    topology="mesh",
    seed=7,
)


def test_every_field_reaches_the_document():
    document = json.loads(json.dumps(FULL.to_json(), allow_nan=False))
    assert document["stamp_ns"] == FULL.stamp_ns
    assert document["farm"]["rows"] == [[[0, 0], [24, 0], [24, 3], [0, 3]]]
    assert document["drones"][0]["state"] == "suspect"
    assert document["targets"][0]["sources"] == ["d1", "d2"]
    assert document["removals"][0]["into"] == "d1/1/0"
    assert document["frame_to_target_ms"] == {"p50": 20.0, "p99": 44.0}
    assert document["truth"]["recall"] == 0.5
    assert document["finished"] is False


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_null(value):
    drone = DroneView("d1", value, 2.0, 20.0, 0.0, footprint=((value, 1.0),))
    document = Snapshot(0, 0.0, drones=(drone,)).to_json()
    assert document["drones"][0]["x"] is None
    assert document["drones"][0]["footprint"] == [[None, 1.0]]
    json.dumps(document, allow_nan=False)


def test_numpy_scalars_become_plain_numbers():
    drone = DroneView("d1", np.float32(1.5), np.float64(2), 0.0, 0.0, processed=np.int64(9))
    document = Snapshot(0, 0.0, drones=(drone,)).to_json()
    assert json.dumps(document["drones"][0]["x"]) == "1.5"
    assert json.dumps(document["drones"][0]["processed"]) == "9"


def test_what_has_no_json_form_is_refused():
    with pytest.raises(TypeError, match="bytes"):
        Snapshot(0, 0.0, digest=b"ab").to_json()  # type: ignore[arg-type]
