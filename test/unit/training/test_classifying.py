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

"""The classifier learns from the regions that a finder would cut out."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from edge_infer.evaluation.scores import FULLY_VISIBLE  # noqa: E402
from edge_infer.outlines import of_boxes  # noqa: E402
from edge_infer.training.checkpoint import load_trained  # noqa: E402
from edge_infer.training.lessons import classifying  # noqa: E402
from edge_infer.training.lessons.classifying import Classifying, Kinds, Regions  # noqa: E402
from edge_infer.training.ranks import Ranks  # noqa: E402


@pytest.fixture
def lesson(farm):
    return Classifying(farm)


def test_regions_are_the_modules_of_a_frame_with_their_kinds(frames):
    frame = frames[0]
    regions = classifying.cut(frame, 11, FULLY_VISIBLE)
    whole = frame.boxes.where(frame.boxes.visible >= FULLY_VISIBLE)
    assert regions.images.shape == (len(whole.frame), 40, 24)
    assert regions.kind.tolist() == np.where(whole.class_id < 0, 11, whole.class_id).tolist()
    x0, y0, x1, y1 = whole.xyxy[0].round().astype(int)
    assert regions.images[0].mean() == pytest.approx(frame.image[y0:y1, x0:x1].mean(), abs=8)


def test_inexact_outlines_stay_near():
    exact = of_boxes(np.tile(np.array([[10, 10, 34, 50]], np.float32), (500, 1)))
    off = classifying.inexact(exact, np.random.default_rng(0)) - exact
    assert 0.5 < np.abs(off).mean() < 2.0
    assert np.abs(off.mean(axis=0)).max() < 0.3


def test_a_batch_follows_from_seed_and_step_alone(farm, lesson):
    early, late = (lesson.batch(1, step, 16, Ranks()) for step in (3, 40))
    again = Classifying(farm).batch(1, 40, 16, Ranks())
    assert torch.equal(late.images, again.images)
    assert torch.equal(late.labels.share, again.labels.share)
    assert not torch.equal(early.images, late.images)


def test_processes_learn_from_different_regions(lesson):
    shares = [lesson.batch(1, 0, 16, Ranks(index, 2)) for index in range(2)]
    assert [len(share.images) for share in shares] == [8, 8]
    assert not torch.equal(shares[0].images, shares[1].images)


def test_what_shines_through_counts_by_its_share():
    images = np.stack([np.zeros((40, 24), np.uint8), np.full((40, 24), 200, np.uint8)])
    kinds = np.array([0, 11])
    regions = Regions(np.repeat(images, 200, axis=0), np.repeat(kinds, 200))
    batch = classifying.mixed(regions, 11, np.random.default_rng(0))
    grey = batch.images.float().mean(dim=(1, 2, 3))
    torch.testing.assert_close(grey / 200, batch.labels.share[:, 11], atol=0.01, rtol=0)
    torch.testing.assert_close(batch.labels.share.sum(dim=1), torch.ones(400))
    untouched = batch.labels.share.amax(dim=1) == 1.0
    assert 0.4 < untouched.float().mean() < 0.9


@pytest.mark.parametrize("kind", [0, 5, 11])
def test_the_right_kind_costs_least(lesson, kind):
    labels = Kinds(torch.eye(12)[[kind]])
    costs = [
        lesson.losses(5.0 * torch.eye(12)[[said]], labels)["kind"].item() for said in range(12)
    ]
    assert int(np.argmin(costs)) == kind


def test_the_same_answer_as_the_teacher_costs_nothing(lesson):
    answer = torch.randn(4, 12)
    assert lesson.imitation(answer, answer, None).item() == pytest.approx(0.0, abs=1e-6)
    assert lesson.imitation(answer, -answer, None).item() > 0.1


def test_a_module_is_faulty_where_all_faults_together_outweigh_none(lesson):
    logits = np.full((3, 12), -9.0, np.float32)
    logits[:, 11], logits[:, 3], logits[:, 4] = 1.0, 0.9, 0.8
    assert classifying.answers(logits).tolist() == [3, 3, 3]


@pytest.mark.parametrize("timid", [0.4, 1.0, 1.7])
def test_logits_are_sharpened_until_they_say_how_likely_each_kind_is(timid):
    rng = np.random.default_rng(0)
    right = rng.normal(0, 2, (4000, 12))
    chance = np.exp(right) / np.exp(right).sum(axis=1, keepdims=True)
    kind = (rng.random((4000, 1)) < chance.cumsum(axis=1)).argmax(axis=1)
    found = classifying.sharpness((timid * right).astype(np.float32), kind)
    assert found == pytest.approx(1 / timid, rel=0.08)


def test_a_sharpened_network_says_the_same_more_surely(runs):
    network = load_trained(runs["classifier"]).network
    regions = torch.randint(0, 255, (3, 1, 40, 24), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(network.sharpened(2.0)(regions), 2 * network(regions))
