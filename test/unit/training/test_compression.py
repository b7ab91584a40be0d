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

"""Each step of compression keeps what it claims, on a network that is small already."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import config, lesson, network, quiet, worth  # noqa: E402

from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.training.checkpoint import load_trained  # noqa: E402
from edge_infer.training.eight_bits import (  # noqa: E402
    WEIGHT_STEPS,
    EightBits,
    rounded,
    rounded_weights,
)
from edge_infer.training.networks.layers import cost  # noqa: E402
from edge_infer.training.pruning import prune  # noqa: E402
from edge_infer.training.run import Run  # noqa: E402
from edge_infer.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


BOTH = pytest.mark.parametrize("name", ["finder", "classifier"])
IMAGE = {"finder": (128, 160), "classifier": (40, 24)}


@pytest.fixture
def big(runs, name):
    return load_trained(runs[name]).network


def fine_tune(name, start, farm, folder, teacher=None, rounding=None, **settings):
    trainer = Trainer(config(name, **settings), lesson(name, farm), start, teacher, rounding)
    Run(trainer, folder, {"command": "x", "data": farm.provenance}).go(quiet)
    return trainer, load_trained(folder).network


@BOTH
def test_pruning_really_removes_what_it_says(big, name):
    whole = cost(big, *IMAGE[name])
    smaller = prune(big, 0.5, *IMAGE[name])
    assert 0.2 * whole < cost(smaller, *IMAGE[name]) <= 0.5 * whole
    fewer, many = (sum(p.numel() for p in n.parameters()) for n in (smaller, big))
    assert fewer < 0.75 * many
    assert type(smaller) is type(big)


@BOTH
def test_a_pruned_network_learns_again_from_the_one_it_was(big, name, farm, tmp_path):
    smaller = prune(big, 0.5, *IMAGE[name])
    before, whole = worth(name, farm, smaller).worth, worth(name, farm, big).worth
    _, tuned = fine_tune(name, smaller, farm, tmp_path, big.twin(), learning_rate=3e-3)
    after = worth(name, farm, tuned).worth
    assert after > 0.93 * whole
    assert after > before
    assert tuned.size == smaller.size


@pytest.mark.parametrize("name", ["classifier"])
@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_cannot_stay_is_refused(big, share):
    with pytest.raises(TrainingError, match="cannot stay"):
        prune(big, share, 40, 24)


@pytest.mark.parametrize("name", ["classifier"])
def test_so_little_that_nothing_is_left_is_refused(big):
    with pytest.raises(TrainingError, match="no pruning leaves only 1%"):
        prune(big, 0.01, 40, 24)


@pytest.mark.parametrize("name", ["classifier"])
def test_a_student_learns_from_its_teachers_answers(big, name, farm, tmp_path):
    torch.manual_seed(5)
    student = network(name, "8,16,16,0,0,1")
    _, learnt = fine_tune(name, student, farm, tmp_path, big.twin(), learning_rate=5e-3)
    assert worth(name, farm, learnt).worth > worth(name, farm, big).worth - 0.1
    assert cost(learnt, 40, 24) < 0.6 * cost(big, 40, 24)


@BOTH
def test_training_under_rounding_gives_back_what_rounding_took(big, name, farm, tmp_path):
    rounding = EightBits()
    trainer, tuned = fine_tune(
        name, big.twin(), farm, tmp_path, rounding=rounding, steps=40, learning_rate=3e-4
    )
    plain = worth(name, farm, big).worth
    assert worth(name, farm, tuned, rounding).worth >= plain - 0.03
    assert rounding.ranges.keys() == trainer.state["ranges"].keys()
    assert len(rounding.ranges) > 6


@BOTH
def test_rounded_weights_have_one_scale_a_channel(big):
    for name, weight in rounded_weights(big).items():
        original = dict(big.named_parameters())[name]
        for channel, source in zip(weight.detach(), original.detach(), strict=True):
            step = source.abs().max() / WEIGHT_STEPS
            assert ((channel / step) - (channel / step).round()).abs().max() < 1e-3
            assert (channel - source).abs().max() <= step / 2 + 1e-7


def test_rounding_keeps_zero_and_passes_gradients():
    value = torch.linspace(-1.0, 3.0, 50, requires_grad=True)
    result = rounded(value, torch.tensor([-1.0, 3.0]))
    assert (result - value).abs().max() <= 4.0 / 255 / 2 + 1e-6
    assert rounded(torch.zeros(1), torch.tensor([-1.0, 3.0])).item() == 0.0
    result.sum().backward()
    assert torch.equal(value.grad, torch.ones(50))


@BOTH
def test_batch_normalisation_stands_still_under_rounding(big):
    before = {n: b.clone() for n, b in big.named_buffers()}
    EightBits()(big.train(), torch.randint(0, 255, (2, 1, 64, 64), dtype=torch.uint8))
    assert all(torch.equal(b, before[n]) for n, b in big.named_buffers())
