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

"""The shipped detector trained a little further, in several ways, as a new release each.

What a fleet gets every week: the same networks with some or all of their layers moved by
a short training. The frames are composed of drawn modules, since those are there on every
machine. Needs what training needs, and says so by ImportError.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.bench.harness import Progress
from edge_infer.models.bundle import ModelBundle, shipped

if TYPE_CHECKING:
    from edge_infer.training.checkpoint import Trained
    from edge_infer.training.data import TrainingData
    from edge_infer.training.networks.parts import Network, Part

STEPS = 60
"""Of each training."""
LEARNING_RATE = 1.5e-3
"""As after pruning: a few steps shall move the weights as far as many small ones would."""
BATCH = {"finder": 8, "classifier": 64}
SEED = 20
JUDGED_FRAMES = 8
EPSILON = 1e-5
"""What torch adds to a variance before it divides."""

Floats = NDArray[np.float32]
Files = dict[str, bytes]


class Way(NamedTuple):
    """What a fine-tune moves.

    Attributes:
        name: for the table.
        finder, classifier: beginnings of the names of the layers; empty for all.
        rounded: whether it learns under the rounding of eight bits.
    """

    name: str
    finder: tuple[str, ...] = ()
    classifier: tuple[str, ...] = ()
    rounded: bool = False


WAYS = (
    Way("head only", ("corners", "there"), ("kinds",)),
    Way("last layers", ("corners", "there", "neck", "up", "join"), ("kinds", "stages.2")),
    Way("whole network"),
    Way("whole network, under the rounding of eight bits", rounded=True),
)


class Tuner:
    """Fine-tunes and exports; everything that is not learnt is the same in all its bundles.

    Args:
        steps: of each training.
        progress: told what is being done.
    """

    def __init__(self, steps: int, progress: Progress) -> None:
        self._steps = steps
        self._progress = progress
        self._data = _frames()

    def base(self) -> Files:
        """The shipped networks as they are, exported by what exports the others."""
        return self._exported("the shipped networks", 1, *(_of_file(part) for part in _parts()))

    def tuned(self, way: Way) -> Files:
        """The same, moved."""
        made = [self._train(part, way) for part in _parts()]
        return self._exported(way.name, 2, *made)

    def _train(self, part: Part, way: Way) -> Network:
        from edge_infer.training.eight_bits import EightBits
        from edge_infer.training.steps import LESSONS
        from edge_infer.training.trainer import TrainConfig, Trainer

        network = _of_file(part)
        moved = way.finder if part.name == "finder" else way.classifier
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(not moved or name.startswith(moved))
        config = TrainConfig(
            steps=self._steps, batch=BATCH[part.name], learning_rate=LEARNING_RATE, seed=SEED
        )
        rounding = EightBits() if way.rounded else _settled(EightBits)()
        trainer = Trainer(config, LESSONS[part](self._data), network, None, rounding)
        for step in range(self._steps):
            self._progress(f"{way.name}: {part.name}, step {step + 1} of {self._steps}")
            trainer.learn()
        tuned: Network = trainer.average
        return tuned

    def _exported(self, name: str, release: int, finder: Network, classifier: Network) -> Files:
        from edge_infer.training.export.bundles import export
        from edge_infer.training.export.provenance import Pair
        from edge_infer.training.export.shipping import calibration_of

        self._progress(f"{name}: writing the files of every engine")
        pair = Pair(*(self._trained(network, name) for network in (finder, classifier)))
        with TemporaryDirectory(prefix="edge_infer_") as folder:
            bundle = export(
                pair, calibration_of(self._data), self._data.validation, Path(folder),
                name="solar_thermal", version=f"1.{release}.0", release=release,
                score_threshold=0.5,
            )  # fmt: skip
            return bundle.contents()

    def _trained(self, network: Network, name: str) -> Trained:
        from edge_infer.training.checkpoint import Trained

        return Trained(network.twin(), self._data.labels, {"command": name})


def _parts() -> tuple[Part, Part]:
    from edge_infer.training.networks.parts import CLASSIFIER, FINDER

    return FINDER, CLASSIFIER


def _frames() -> TrainingData:
    from edge_infer.datasets.compose import JUDGED, TAUGHT, Composer
    from edge_infer.datasets.mixture import draw
    from edge_infer.datasets.pictures import drawn_pictures
    from edge_infer.simulation.modules import FAULT_CLASSES
    from edge_infer.training.data import TrainingData

    judged = draw(Composer(drawn_pictures(SEED + 1), JUDGED), JUDGED_FRAMES, SEED)
    return TrainingData(FAULT_CLASSES, Composer(drawn_pictures(SEED), TAUGHT), judged, {})


def _settled(rounding: type[Any]) -> type[Any]:
    """Training that leaves the statistics of batch normalisation alone, and rounds nothing."""

    class Settled(rounding):  # type: ignore[misc]
        def __call__(self, network: Network, images: Any) -> Any:
            for layer in network.modules():
                if hasattr(layer, "running_mean"):
                    layer.eval()
            return network(images)

    return Settled


# --- the shipped networks as torch has them --------------------------------------------------


def _of_file(part: Part) -> Network:
    """A network with the weights of its float ONNX file."""
    from edge_infer.training.networks.parts import FINDER

    layers = dict(_convolutions(ModelBundle.load(shipped()), part.name))
    size = _finder_size(layers) if part is FINDER else _classifier_size(layers)
    network = part.build(len(layers["kinds"][1]) - 1 if "kinds" in layers else 0, size)
    state = network.state_dict()
    for name, (weight, bias) in layers.items():
        _put(state[f"{name}.weight"], weight)
        if f"{name}.bias" in state:
            _put(state[f"{name}.bias"], bias)
            continue
        # The file has batch normalisation folded into the convolution: here it changes nothing.
        normalisation = f"{name[:-1]}{int(name[-1]) + 1}"
        _put(state[f"{normalisation}.weight"], np.full_like(bias, np.sqrt(1 + EPSILON)))
        _put(state[f"{normalisation}.bias"], bias)
    network.load_state_dict(state)
    return network


def _put(tensor: Any, value: Floats) -> None:
    tensor.numpy()[...] = value


def _convolutions(bundle: ModelBundle, part: str) -> Iterator[tuple[str, tuple[Floats, Floats]]]:
    """Name of a layer, its weights and biases."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(bundle.path / f"{part}.float32.onnx")).graph
    values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            yield _layer(node.name), (values[node.input[1]], values[node.input[2]])


def _layer(node: str) -> str:
    """``/stem/stem.0/Conv`` is the layer ``stem.0``: each scope says its list's name again."""
    scopes = node.split("/")[1:-1]
    kept = [
        scope for scope, inner in zip(scopes, [*scopes[1:], ""], strict=True)
        if not inner.startswith(f"{scope}.")
    ]  # fmt: skip
    return ".".join(kept)


def _finder_size(layers: dict[str, tuple[Floats, Floats]]) -> Any:
    from edge_infer.training.networks.finder import FinderSize, Stage

    def stage(name: str) -> Stage:
        enter, inner, past, leave = (
            len(layers[f"{name}.{layer}.0"][1]) for layer in ("halve", "enter", "past", "leave")
        )
        return Stage(enter, inner, past, _hidden(layers, f"{name}.residuals"), leave)

    fine, joined, neck = (len(layers[f"{name}.0"][1]) for name in ("stem", "join", "neck"))
    return FinderSize(fine, stage("middle"), stage("coarse"), joined, neck)


def _classifier_size(layers: dict[str, tuple[Floats, Floats]]) -> Any:
    from edge_infer.training.networks.classifier import ClassifierSize

    outer = tuple(len(layers[name][1]) for name in ("stem.0", "narrow.0.0", "narrow.1.0"))
    return ClassifierSize(outer, tuple(_hidden(layers, f"stages.{n}") for n in range(len(outer))))


def _hidden(layers: dict[str, tuple[Floats, Floats]], prefix: str) -> tuple[int, ...]:
    """Channels within each residual block."""
    names = sorted(n for n in layers if n.startswith(f"{prefix}.blocks.") and n.endswith(".0.0"))
    return tuple(len(layers[name][1]) for name in names)
