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

"""The benchmark of changes, on two small files whose values are moved at random."""

import numpy as np
import pytest

from edge_infer.bench import harness
from edge_infer.bench.delta import EIGHT_BITS, MADE_UP, OTHERS, OURS, WAYS, Change, made_up, measure
from edge_infer.models.bundle import shipped

NAMES = ("finder.int8.onnx", "finder.int8.tflite", "manifest.json")
BASE = {name: (shipped() / name).read_bytes() for name in NAMES}


def test_every_way_is_measured_and_ours_is_the_smallest():
    report = measure([made_up(BASE)], 1, lambda _: None)
    assert {row["change"] for row in report.rows} == {MADE_UP}
    for row in report.rows:
        sizes = {way.name: row[f"{way.name}: %"] for way in (OURS, *OTHERS)}
        assert 0 < min(sizes.values()) == sizes["ours"]
    assert "delta" in harness.BENCHES


def test_goals_are_held_against_the_changes_that_they_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edge_infer.bench.delta.APPLIED_BYTES", 400_000)
    moved = made_up(BASE).files
    kept = {**BASE, "manifest.json": moved["manifest.json"]}
    report = measure(
        [Change(WAYS[0].name, BASE, kept), Change(WAYS[-1].name, BASE, moved)], 1, lambda _: None
    )
    head, rounded, applied = report.goals
    assert 0 < head.value < 1
    assert rounded.value == next(
        row["ours: %"]
        for row in report.rows
        if (row["change"], row["sent"]) == (WAYS[-1].name, EIGHT_BITS)
    )
    assert applied.value > 0


def test_what_was_not_measured_is_left_open():
    report = measure([made_up({"manifest.json": BASE["manifest.json"]})], 1, lambda _: None)
    assert [goal.met for goal in report.goals] == [None, None, None]


@pytest.mark.parametrize("name", NAMES[:2])
def test_what_is_made_up_differs_in_values_and_nowhere_else(name: str):
    moved = made_up(BASE).files[name]
    share = np.mean(np.frombuffer(moved, np.uint8) != np.frombuffer(BASE[name], np.uint8))
    assert len(moved) == len(BASE[name])
    assert 0.1 < share < 0.8
    assert made_up(BASE).files[name] == moved
