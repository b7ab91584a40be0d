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

"""Candidates see what is in a frame at their own scale, and the best of them are told apart."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.training import search  # noqa: E402
from edge_infer.training.networks.parts import CLASSIFIER, FINDER  # noqa: E402
from edge_infer.training.search import Candidate, Row  # noqa: E402


@pytest.mark.parametrize("scale", [1.0, 0.75, 0.5])
def test_what_is_in_a_frame_shrinks_with_it(frames, scale):
    seen = search.shrunk(frames[0], scale)
    assert seen.image.shape == tuple(int(n * scale) for n in frames[0].image.shape)
    np.testing.assert_allclose(seen.boxes.xyxy, frames[0].boxes.xyxy * scale)
    np.testing.assert_allclose(seen.boxes.outline, frames[0].boxes.outline * scale)


def test_the_best_are_those_that_nothing_faster_beats():
    rows = [Row(Candidate(str(ms), 1, 1), 1, 1, ms, worth, {})
            for ms, worth in ((3.0, 0.8), (1.0, 0.5), (2.0, 0.4), (4.0, 0.8))]  # fmt: skip
    assert [(row.latency_ms, row.best) for row in search.mark_best(rows)] == [
        (1.0, True), (2.0, False), (3.0, True), (4.0, False)
    ]  # fmt: skip


@pytest.mark.parametrize("part", [FINDER, CLASSIFIER], ids=lambda part: part.name)
def test_every_candidate_can_be_built(part):
    space = search.SPACES[part]
    every = len(space.widths) * len(space.depths) * len(space.inputs)
    candidates = search.choose(part, every, 0)
    assert len(set(candidates)) == every
    for candidate in candidates:
        part.build(11, part.size.parse(candidate.size))
    with pytest.raises(TrainingError, match="there are no"):
        search.choose(part, every + 1, 0)


@pytest.mark.parametrize(
    ("part", "candidate"),
    [
        (FINDER, Candidate("8,16,16,1,1,16", 320, 256)),
        (CLASSIFIER, Candidate("8,16,16,0,0,1", 12, 20)),
    ],
    ids=["finder", "classifier"],
)
def test_a_candidate_is_trained_and_timed(part, candidate, farm, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "open_data", lambda *_: farm)
    monkeypatch.setattr(search, "choose", lambda *_: [candidate])
    rows = search.search(part, "", tmp_path, 1, 2, 0)
    assert rows[0].best
    assert rows[0].latency_ms > 0
    table = json.loads((tmp_path / search.TABLE).read_text())
    assert table[0]["multiplications"] == rows[0].multiplications
    assert (tmp_path / search.PICTURE).read_bytes().startswith(b"\x89PNG")
