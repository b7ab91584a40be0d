"""A farm small enough to be learnt by heart in seconds."""

import numpy as np
import pytest
from training_helpers import KINDS, SPEC, TINY, Recited, quiet

from edge_infer.datasets.compose import Composer
from edge_infer.datasets.mixture import draw
from edge_infer.datasets.pictures import Pictures, drawn_pictures


@pytest.fixture(scope="session")
def frames():
    """24 frames of a few clear kinds of modules."""
    drawn = drawn_pictures(1, per_class=6)
    clear = drawn.where(np.isin(drawn.class_id, KINDS))
    return draw(Composer(Pictures(*clear), SPEC), 24, 1)


@pytest.fixture(scope="session")
def farm(frames):
    """The frames as a run's data: learnt from and judged on the same ones."""
    from edge_infer.simulation.modules import FAULT_CLASSES
    from edge_infer.training.data import TrainingData

    return TrainingData(FAULT_CLASSES, Recited(frames), frames, {"modules": "tiny"})


@pytest.fixture(scope="module")
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def trained(farm, tmp_path_factory):
    """The folder of a run that learnt the farm by heart."""
    import torch

    from edge_infer.training.network import Network, Size
    from edge_infer.training.run import Run
    from edge_infer.training.trainer import TrainConfig, Trainer

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = TrainConfig(steps=240, batch=8, ema_half_life=10, evaluate_every=60)
    folder = tmp_path_factory.mktemp("trained")
    trainer = Trainer(config, Network(11, Size.parse(TINY)))
    Run(trainer, farm, folder, {"command": "tiny", "kind": "train", "start": None}).go(quiet)
    return folder
