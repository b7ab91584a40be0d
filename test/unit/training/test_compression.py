"""Each step of compression keeps what it claims, on a network that is small already."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import quiet  # noqa: E402

from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.training.checkpoint import load_trained, network_like  # noqa: E402
from edge_infer.training.eight_bits import (  # noqa: E402
    WEIGHT_STEPS,
    EightBits,
    rounded,
    rounded_weights,
)
from edge_infer.training.judge import judge  # noqa: E402
from edge_infer.training.network import Network, Size, cost  # noqa: E402
from edge_infer.training.pruning import MULTIPLE, prune  # noqa: E402
from edge_infer.training.run import Run  # noqa: E402
from edge_infer.training.trainer import TrainConfig, Trainer  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def network(trained):
    return load_trained(trained).network


def fine_tune(network, farm, folder, steps, teacher=None, rounding=None, rate=2e-3):
    config = TrainConfig(
        steps=steps, batch=8, ema_half_life=10, evaluate_every=steps // 2, learning_rate=rate
    )
    run = Run(Trainer(config, network, teacher, rounding), farm, folder, {"command": "x"})
    run.go(quiet)
    return run, load_trained(folder).network


def test_pruning_really_removes_what_it_says(network):
    whole = cost(network, 128, 160)
    smaller = prune(network, 0.5, 128, 160)
    assert 0.3 * whole < cost(smaller, 128, 160) <= 0.5 * whole
    fewer, many = (sum(p.numel() for p in n.parameters()) for n in (smaller, network))
    assert fewer < 0.7 * many
    assert smaller.size.coarse.leave % MULTIPLE == 0
    assert type(smaller) is Network


def test_a_pruned_network_learns_again_from_the_one_it_was(network, farm, frames, tmp_path):
    smaller = prune(network, 0.5, 128, 160)
    before = judge(smaller, frames, farm.labels).accuracy
    _, tuned = fine_tune(smaller, farm, tmp_path, 200, teacher=network_like(network), rate=3e-3)
    after = judge(tuned, frames, farm.labels).accuracy
    assert after > 0.9
    assert after > before + 0.1
    assert tuned.size == smaller.size


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_cannot_stay_is_refused(network, share):
    with pytest.raises(TrainingError, match="cannot stay"):
        prune(network, share, 128, 160)


def test_so_little_that_nothing_is_left_is_refused(network):
    with pytest.raises(TrainingError, match="no pruning leaves only 1%"):
        prune(network, 0.01, 128, 160)


def test_a_student_learns_from_its_teachers_answers(network, farm, frames, tmp_path):
    torch.manual_seed(5)
    student = Network(11, Size.parse("16,16,24,1,1,16,16"))
    _, learnt = fine_tune(student, farm, tmp_path, 240, teacher=network_like(network), rate=3e-3)
    score = judge(learnt, frames, farm.labels)
    teacher = judge(network, frames, farm.labels)
    assert score.accuracy > teacher.accuracy - 0.1
    assert cost(learnt, 128, 160) < 0.8 * cost(network, 128, 160)


def test_training_under_rounding_gives_back_what_rounding_took(network, farm, frames, tmp_path):
    rounding = EightBits()
    run, tuned = fine_tune(network_like(network), farm, tmp_path, 60, rounding=rounding, rate=3e-4)
    under = judge(tuned, frames, farm.labels, rounding)
    plain = judge(network, frames, farm.labels)
    assert under.accuracy >= plain.accuracy - 0.02
    assert rounding.ranges.keys() == run.trainer.state["ranges"].keys()
    assert len(rounding.ranges) > 15


def test_rounded_weights_have_one_scale_a_channel(network):
    for name, weight in rounded_weights(network).items():
        original = dict(network.named_parameters())[name]
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


def test_batch_normalisation_stands_still_under_rounding(network):
    before = {n: b.clone() for n, b in network.named_buffers()}
    EightBits()(network.train(), torch.randint(0, 255, (2, 1, 64, 64), dtype=torch.uint8))
    assert all(torch.equal(b, before[n]) for n, b in network.named_buffers())
