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

"""The finder's loss asks for what it should, and the pipeline decodes what the loss saw."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import network  # noqa: E402

from edge_infer.outlines import from_top_left, of_boxes  # noqa: E402
from edge_infer.perception.heads.outlines import decode_outlines  # noqa: E402
from edge_infer.training.lessons.finding import Finding, Places, batch_of, outlines  # noqa: E402
from edge_infer.training.lessons.targets import IGNORED, NOTHING  # noqa: E402
from edge_infer.training.manifests import manifest_of  # noqa: E402
from edge_infer.training.networks.finder import Found  # noqa: E402

SQUARE = torch.from_numpy(of_boxes(np.array([[0, 0, 16, 16]], np.float32)))


@pytest.fixture
def finding(farm):
    return Finding(farm)


def says(there=0.0, corners=0.0):
    return Found(torch.full((1, 8, 2, 2), corners), torch.full((1, 1, 2, 2), there))


def places(box):
    return Places(torch.full((1, 2, 2), box), SQUARE)


def test_places_that_are_not_asked_cost_nothing(finding):
    losses = finding.losses(says(5.0), places(IGNORED))
    assert losses["there"].item() == losses["corners"].item() == 0.0


def test_a_false_find_costs_its_cross_entropy(finding):
    losses = finding.losses(says(5.0), places(NOTHING))
    assert losses["there"].item() == pytest.approx(4 * np.log1p(np.exp(5.0)))
    assert losses["corners"].item() == 0.0


def test_the_right_corners_cost_nothing_and_others_the_more_the_farther(finding):
    right = torch.zeros(1, 8, 2, 2)
    for row in range(2):
        for column in range(2):
            place = np.array([column, row]) + 0.5
            right[0, :, row, column] = torch.from_numpy(SQUARE[0].numpy() / 8 - place).flatten()
    costs = [
        finding.losses(Found(right + off, says(9.0).there), places(0))["corners"].item()
        for off in (0.0, 0.1, 0.5)
    ]
    assert costs[0] == 0.0
    assert costs[1] < costs[2]


def test_the_same_answer_as_the_teacher_costs_least(finding):
    same, other = (
        finding.imitation(answer, says(1.0, 0.5), places(0)).item()
        for answer in (says(1.0, 0.5), says(-1.0, 0.7))
    )
    assert same < other


def test_the_pipeline_decodes_what_the_loss_sees():
    torch.manual_seed(1)
    finder = network("finder").eval()
    with torch.no_grad():
        answer = finder(torch.randint(0, 256, (1, 1, 64, 96), dtype=torch.uint8))
    manifest = manifest_of(("thing",), 64, 96)
    # Where one place alone sees a thing, nothing is averaged.
    alone = torch.full_like(answer.there, -40.0)
    alone[0, 0, 2, 5] = 3.0
    maps = [answer.corners.numpy(), alone.numpy()]
    found = decode_outlines(maps, manifest)
    np.testing.assert_allclose(found.outline, outlines(answer)[0, 2, 5][None], atol=1e-4)


def test_a_batch_asks_for_every_module_that_is_in_the_picture(frames):
    images, labels = batch_of(frames)
    assert images.shape == (len(frames.images), 1, *frames.images.shape[1:])
    asked = np.flatnonzero(frames.boxes.visible >= 0.6)
    assert set(labels.box[labels.box >= 0].tolist()) == set(asked.tolist())
    np.testing.assert_array_equal(labels.outline, from_top_left(frames.boxes.outline))


def test_processes_share_a_batch_without_overlap(farm, finding):
    from edge_infer.training.ranks import Ranks

    whole = finding.batch(3, 5, 4, Ranks()).images
    shares = [finding.batch(3, 5, 4, Ranks(i, 2)).images for i in range(2)]
    assert torch.equal(whole[0::2], shares[0])
    assert torch.equal(whole[1::2], shares[1])
