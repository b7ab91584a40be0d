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

"""The benchmark of duplicates, small: its oracle is right and its report says what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from edge_infer.bench.duplicates import Scene, brute_force, measure


def plain(scene: Scene, radius_mm: int) -> list[bool]:
    kept: list[int] = []
    for row in sorted(range(len(scene.score)), key=lambda row: (-scene.score[row], row)):
        clash = any(
            scene.frame[row] != scene.frame[other]
            and int(scene.x_mm[row] - scene.x_mm[other]) ** 2
            + int(scene.y_mm[row] - scene.y_mm[other]) ** 2
            <= radius_mm**2
            for other in kept
        )
        if not clash:
            kept.append(row)
    return [row in kept for row in range(len(scene.score))]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_oracle_follows_the_definition(seed: int) -> None:
    scene = Scene.draw(150, seed)
    assert brute_force(scene, 5000).tolist() == plain(scene, 5000)


def test_a_scene_is_the_same_for_the_same_seed_and_in_columns_and_objects() -> None:
    scene, again, other = Scene.draw(200, 7), Scene.draw(200, 7), Scene.draw(200, 8)
    assert np.array_equal(scene.x_mm, again.x_mm)
    assert not np.array_equal(scene.x_mm, other.x_mm)
    by_number = sorted(scene.sightings(), key=lambda s: s.id.sequence)
    assert by_number == sorted(by_number, key=lambda s: s.id)
    assert [s.x_mm for s in by_number] == scene.x_mm.tolist()
    assert [s.score for s in by_number] == scene.score.tolist()
    frames = {(s.id.source, s.frame): k for s, k in zip(by_number, scene.frame, strict=True)}
    assert len(frames) == len(set(scene.frame.tolist()))


def test_the_report_has_every_way_and_every_goal() -> None:
    told: list[str] = []
    report = measure((60, 200), 2, told.append)
    ours = {"batch, columns", "batch, objects", "incremental", "brute force"}
    assert ours <= {row["what"] for row in report.rows}
    assert {"batch, objects, 99 % gate", "incremental, 99 % gate"} <= {
        row["what"] for row in report.rows
    }
    checked = [row for row in report.rows if row["what"] in ours]
    assert len(checked) == 8
    assert all(row["equal"] for row in checked)
    assert len({row["kept"] for row in checked if row["sightings"] == 200}) == 1
    assert [goal.name for goal in report.goals] == [
        "batch against DBSCAN at 10,000",
        "incremental at 60",
        "incremental at 200",
        "kept sets that differ from brute force",
    ]
    assert all(row["CPU ms"] > 0 for row in report.rows)
    assert report.goals[0].value is None
    assert report.goals[-1].met
    assert any("brute force" in line for line in told)
