"""The network learns, carries on where it stopped, and exports to what it is."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")

from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.models import bundle  # noqa: E402
from edge_infer.models.bundle import ModelBundle  # noqa: E402
from edge_infer.training import export, losses, train  # noqa: E402
from edge_infer.training.data import HEIGHT, WIDTH, render  # noqa: E402
from edge_infer.training.network import Exported, Network, Raw  # noqa: E402
from edge_infer.training.train import CHECKPOINT, TrainConfig, Trainer, run  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def frames():
    return render(4, seed=3)


def weights_of(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.network.parameters()])


def test_it_learns_four_frames(frames):
    trainer = Trainer(TrainConfig(steps=35, batch=4, learning_rate=4e-3), 11)
    course = [sum(trainer.learn(frames)) for _ in range(35)]
    assert np.mean(course[-5:]) < 0.6 * np.mean(course[:5])


def test_it_carries_on_exactly_where_it_stopped(frames, tmp_path):
    config = TrainConfig(steps=4, batch=2)
    whole = Trainer(config, 11)
    run(whole, frames, tmp_path, minutes=5)
    assert whole.step == 4

    first = Trainer(config, 11)
    first.learn(frames)
    first.learn(frames)
    first.save(tmp_path)
    second = Trainer.load(tmp_path)
    run(second, frames, tmp_path, minutes=5)
    assert torch.equal(weights_of(second), weights_of(whole))
    for name, value in whole.average.state_dict().items():
        assert torch.equal(second.average.state_dict()[name], value)


def test_an_absent_or_spoiled_checkpoint_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="is not there"):
        Trainer.load(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"no weights")
    with pytest.raises(TrainingError, match="is no checkpoint"):
        Trainer.load(tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        lambda folder: train.main(["--out", folder, "--resume"]),
        lambda folder: export.main(["--checkpoint", folder, "--out", folder]),
    ],
    ids=["train", "export"],
)
def test_a_command_without_its_checkpoint_says_one_sentence(command, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        command(str(tmp_path))
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_from_frames_to_bundle(tmp_path):
    run_folder, out = tmp_path / "run", tmp_path / "bundle"
    train.main(["--out", str(run_folder), "--frames", "4", "--batch", "2", "--steps", "2"])
    export.main(["--checkpoint", str(run_folder), "--out", str(out), "--frames", "3"])
    manifest = ModelBundle.load(out).manifest
    assert manifest.training["steps"] == 2
    assert manifest.training["held_out_frames"] == 3
    assert "--frames 4 --steps 2 --batch 2" in str(manifest.training["command"])


def test_a_run_can_begin_with_the_weights_of_another(tmp_path):
    common = ["--frames", "2", "--batch", "2"]
    train.main(["--out", str(tmp_path / "one"), *common, "--steps", "1"])
    train.main(
        ["--out", str(tmp_path / "two"), *common, "--steps", "0", "--start", str(tmp_path / "one")]
    )
    one, two = Trainer.load(tmp_path / "one"), Trainer.load(tmp_path / "two")
    assert two.step == 0
    assert two.config.start == one.config.command
    for name, value in one.average.state_dict().items():
        assert torch.equal(two.network.state_dict()[name], value)


def test_the_export_says_what_the_network_says(frames, tmp_path):
    network = Trainer(TrainConfig(), 11).average
    content = export.to_onnx(network)
    file = tmp_path / export.WEIGHTS
    file.write_bytes(content)
    assert export.difference(network, file, frames.images) < export.TOLERANCE
    assert bundle.describe("onnx", file.name, content).bytes < 2_000_000


def test_the_exported_head_decodes_the_boxes_that_the_loss_sees():
    network = Network(3).eval()
    image = torch.randint(0, 256, (1, 1, HEIGHT, WIDTH), dtype=torch.uint8)
    with torch.no_grad():
        raw = network(image)
        output = Exported(network, HEIGHT, WIDTH).eval()(image)
    assert output.shape == (1, 4 + 3, (HEIGHT // 8) * (WIDTH // 8))
    xyxy = losses.boxes(raw).reshape(-1, 4)
    centre, size = output[0, :2].T, output[0, 2:4].T
    torch.testing.assert_close(torch.cat([centre - size / 2, centre + size / 2], 1), xyxy)
    torch.testing.assert_close(output[0, 4:], raw.logits[0].flatten(1).sigmoid())


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
    raw = Raw(torch.ones(1, 4, 2, 2), torch.full((1, 3, 2, 2), 5.0))
    ignored = torch.full((1, 2, 2), -2)
    score_loss, box_loss = losses.detection_loss(raw, ignored, torch.zeros(1, 2, 2, 4))
    assert score_loss.item() == box_loss.item() == 0.0
    nothing = torch.full((1, 2, 2), -1)
    score_loss, _ = losses.detection_loss(raw, nothing, torch.zeros(1, 2, 2, 4))
    assert score_loss.item() > 10
