"""The loss asks for what it should, and the head decodes to the boxes that it saw."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import TINY  # noqa: E402

from edge_infer.perception.decode import decode  # noqa: E402
from edge_infer.training import losses  # noqa: E402
from edge_infer.training.distillation import distillation_loss  # noqa: E402
from edge_infer.training.judge import manifest_of  # noqa: E402
from edge_infer.training.network import Network, Raw, Size  # noqa: E402

EVERYWHERE = torch.tensor([[[[0.0, 0.0, 16.0, 16.0]] * 2] * 2])


def raw_maps(fault=0.0, kinds=None):
    kinds = torch.zeros(1, 3, 2, 2) if kinds is None else kinds
    return Raw(torch.ones(1, 4, 2, 2), torch.full((1, 1, 2, 2), fault), kinds)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 50 / 150),
        ((20, 0, 30, 10), -100 / 300),
        ((0, 0, 5, 5), 0.25),
    ],
    ids=["same", "overlap", "apart", "inside"],
)
def test_generalised_iou(other, expected):
    one = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    result = losses.generalised_iou(one, torch.tensor([other], dtype=torch.float32))
    assert result.item() == pytest.approx(expected, abs=1e-5)


def test_ignored_places_cost_nothing():
    ignored = torch.full((1, 2, 2), -2)
    assert losses.detection_loss(raw_maps(5.0), ignored, EVERYWHERE * 0).total.item() == 0.0


def test_a_false_alarm_costs_its_cross_entropy():
    nothing = torch.full((1, 2, 2), -1)
    fault, kind, box = losses.detection_loss(raw_maps(5.0), nothing, EVERYWHERE * 0)
    assert fault.item() == pytest.approx(4 * np.log1p(np.exp(5.0)))
    assert kind.item() == box.item() == 0.0


def test_healthy_modules_teach_the_box_and_no_kind():
    healthy = torch.full((1, 2, 2), -1)
    fault, kind, box = losses.detection_loss(raw_maps(-20.0), healthy, EVERYWHERE)
    assert fault.item() == pytest.approx(0.0, abs=1e-6)
    assert kind.item() == 0.0
    assert box.item() > 0.0


def test_the_right_kind_costs_least():
    second = torch.full((1, 2, 2), 1)
    right, wrong = torch.zeros(2, 1, 3, 2, 2)
    right[:, 1] = wrong[:, 2] = 4.0
    cost = [
        losses.detection_loss(raw_maps(9.0, k), second, EVERYWHERE).kind for k in (right, wrong)
    ]
    assert cost[0] + 3 < cost[1]


def test_the_same_answer_as_the_teacher_costs_least():
    class_id = torch.full((1, 2, 2), 1)
    kinds = torch.randn(1, 3, 2, 2)
    same, other = (
        distillation_loss(r, raw_maps(1.0, kinds), class_id, EVERYWHERE).item()
        for r in (raw_maps(1.0, kinds), raw_maps(-1.0, -kinds))
    )
    assert same < other


def test_the_pipeline_decodes_the_boxes_that_the_loss_sees():
    torch.manual_seed(1)
    network = Network(3, Size.parse(TINY)).eval()
    with torch.no_grad():
        raw = network(torch.randint(0, 256, (1, 1, 64, 96), dtype=torch.uint8))
    peak = raw.fault.flatten().argmax().item()
    raw = raw._replace(fault=torch.full_like(raw.fault, -9.0).index_fill_(0, torch.tensor([0]), -9))
    raw.fault.view(-1)[peak] = 2.0
    found = decode([part.numpy() for part in raw], manifest_of(("a", "b", "c"), 64, 96))
    assert len(found) == 1
    torch.testing.assert_close(
        torch.from_numpy(found.xyxy[0]), losses.boxes(raw).reshape(-1, 4)[peak]
    )
    assert found.confidence[0] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert found.class_id[0] == raw.kinds.reshape(3, -1)[:, peak].argmax()
