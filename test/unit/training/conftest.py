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

"""A farm small enough to be learnt by heart in seconds."""

import numpy as np
import pytest
from training_helpers import KINDS, SPEC, TINY, Recited, config, lesson, network, quiet

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
def runs(farm, tmp_path_factory):
    """Part name to the folder of a run that learnt the farm by heart."""
    import torch

    from edge_infer.training.run import Run
    from edge_infer.training.trainer import Trainer

    torch.set_num_threads(1)
    folders = {}
    for name in TINY:
        torch.manual_seed(0)
        folders[name] = tmp_path_factory.mktemp(name)
        trainer = Trainer(config(name), lesson(name, farm), network(name))
        record = {"command": "tiny", "kind": "train", "start": None, "data": farm.provenance}
        Run(trainer, folders[name], record).go(quiet)
    return folders
