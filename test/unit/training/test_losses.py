"""The loss asks for what it should, and the head decodes to what the loss saw."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from training_helpers import TINY  # noqa: E402

from edge_infer.perception.decode import read_grid  # noqa: E402
from edge_infer.training import losses  # noqa: E402
from edge_infer.training.distillation import distillation_loss  # noqa: E402
from edge_infer.training.losses import Labels  # noqa: E402
from edge_infer.training.network import Network, Raw, Size  # noqa: E402

HEALTHY = 3
BOX = torch.tensor([[0.0, 0.0, 16.0, 16.0]])


def raw_maps(module=0.0, kinds=None):
    kinds = torch.zeros(1, 4, 2, 2) if kinds is None else kinds
    return Raw(torch.ones(1, 4, 2, 2), torch.full((1, 1, 2, 2), module), kinds)


def labels(grid, class_id=HEALTHY, asked=True):
    return Labels(
        torch.full((1, 2, 2), grid), torch.zeros(1, dtype=torch.long), BOX,
        torch.tensor([class_id]), torch.tensor([asked]),
    )  # fmt: skip


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


def test_ignored_places_and_boxes_cost_nothing():
    loss = losses.detection_loss(raw_maps(5.0), labels(-2, asked=False))
    assert loss.total.item() == 0.0


def test_a_false_centre_costs_its_cross_entropy():
    module, kind, box = losses.detection_loss(raw_maps(5.0), labels(-1, asked=False))
    assert module.item() == pytest.approx(4 * np.log1p(np.exp(5.0)))
    assert kind.item() == box.item() == 0.0


def test_healthy_modules_teach_where_they_are_and_that_they_are_healthy():
    module, kind, box = losses.detection_loss(raw_maps(20.0), labels(0))
    assert module.item() == pytest.approx(0.0, abs=1e-6)
    assert kind.item() == pytest.approx(np.log(4))
    assert box.item() > 0.0


@pytest.mark.parametrize("kind", [0, 1, 2, HEALTHY])
def test_the_right_kind_costs_least(kind):
    costs = []
    for said in range(4):
        maps = torch.zeros(1, 4, 2, 2)
        maps[:, said] = 4.0
        costs.append(losses.detection_loss(raw_maps(9.0, maps), labels(0, kind)).kind.item())
    assert int(np.argmin(costs)) == kind


def test_a_mean_over_a_box_weighs_places_by_what_is_covered():
    maps = torch.arange(8.0).reshape(2, 1, 2, 2)
    xyxy = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.5, 0.0, 1.5, 1.0], [1.0, 1.0, 2.0, 2.0]])
    means = losses.box_means(maps, torch.tensor([0, 1, 1]), xyxy)
    assert means.flatten().tolist() == [1.5, 4.5, 7.0]


def test_the_same_answer_as_the_teacher_costs_least():
    kinds = torch.randn(1, 4, 2, 2)
    same, other = (
        distillation_loss(r, raw_maps(1.0, kinds), labels(0, 1)).item()
        for r in (raw_maps(1.0, kinds), raw_maps(-1.0, -kinds))
    )
    assert same < other


def test_the_pipeline_decodes_what_the_loss_sees():
    torch.manual_seed(1)
    network = Network(3, Size.parse(TINY)).eval()
    with torch.no_grad():
        raw = network(torch.randint(0, 256, (1, 1, 64, 96), dtype=torch.uint8))
    y, x = np.array([2, 5]), np.array([3, 9])
    places, chances = read_grid([part.numpy() for part in raw], y, x)
    boxes = losses.boxes(raw)[0, y, x]
    torch.testing.assert_close(torch.from_numpy(places) * 8, boxes)
    kinds = losses.box_means(raw.kinds, torch.zeros(2, dtype=torch.long), boxes / 8).softmax(-1)
    there = raw.module[0, 0, y, x].sigmoid()
    expected = kinds[:, :-1] * there[:, None]
    torch.testing.assert_close(torch.from_numpy(chances), expected, atol=1e-5, rtol=1e-4)
