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

"""A model that is ready to look at frames: a bundle, its engines and the way through them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge_infer.backends import registry
from edge_infer.backends.base import Tell, quiet
from edge_infer.backends.chain import Health, Level, Policy
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import InferenceError, ModelError
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Manifest
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.model_figures import ModelFigures
from edge_infer.perception.pipeline import Pipeline, StageTimes
from edge_infer.perception.serving import AUTO, Choice, choose, serve
from edge_infer.perception.tiles import TiledPipeline, Tiling

Look = Callable[[Sequence[CameraFrame]], list[tuple[Detections, StageTimes]]]


class ServingModel:
    """Engines of one bundle that stand in for each other, warm.

    Args:
        bundle: on disk, checked.
        choice: the engines for it.
        config: the detector's parameters.
        on_health: told, from any thread, of this model and each change of its engines' health.

    Attributes:
        bundle, manifest: what it is.
        config: by whose thresholds it looks.
        engines: that serve it.
        order: their names, the preferred one first.
        health: of the engines, as it was last told; written by the slot that holds the model.
        figures: of the frames that it looked at.

    Raises:
        ModelError, BackendError, DecodeError: it cannot be used, or not with these parameters.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        choice: Choice,
        config: DetectorConfig,
        on_health: Callable[[ServingModel, Health], None],
    ) -> None:
        self.bundle = bundle
        self.config = config
        self.manifest = bundle.manifest.with_threshold(config.score_threshold or None)
        self.order = tuple(engine.name for engine in choice.engines)
        self.health = Health(Level.WARN, "no engine serves yet", None)
        self.figures = ModelFigures()
        self.is_closed = False
        policy = Policy(timeout_s=config.watchdog_ms / 1e3, standby=config.standby)
        self.engines = serve(
            choice, policy, isolated=config.isolated, on_change=lambda h: on_health(self, h)
        )
        try:
            self._look = self._open_pipeline(self.manifest, config)
            self._warm_up(config.batch)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Name and version, for people."""
        return f"{self.manifest.name} {self.manifest.version}"

    def look(self, frames: Sequence[CameraFrame]) -> list[tuple[Detections, StageTimes]]:
        """Detections of each frame, in pixels of the frame, and how long they took.

        Raises:
            InferenceError, DecodeError: as Pipeline does.
        """
        most = self.manifest.input.batch
        starts = range(0, len(frames), most)
        return [seen for start in starts for seen in self._look(frames[start : start + most])]

    def follow(self, config: DetectorConfig) -> None:
        """Look at frames by other thresholds from the next one on.

        Raises:
            ModelError: this model cannot be asked for that.
        """
        manifest = self.bundle.manifest.with_threshold(config.score_threshold or None)
        self._look = self._open_pipeline(manifest, config)
        self.manifest, self.config = manifest, config

    def close(self) -> None:
        """Free the engines and the buffers; only a garbage collection would find these."""
        self.is_closed = True
        self.engines.close()
        self._look = _closed

    def _open_pipeline(self, manifest: Manifest, config: DetectorConfig) -> Look:
        share = config.faulty_share or None
        networks = self.engines.networks
        pipeline = Pipeline(manifest, networks, time.perf_counter_ns, share)
        if config.tiles == "1x1":
            return pipeline.batch
        return TiledPipeline(pipeline, Tiling.parse(config.tiles)).batch

    def _warm_up(self, frames: int) -> None:
        """What a first frame allocates or builds, and what it would fail on, comes now."""
        size = self.manifest.input.height, self.manifest.input.width
        self.look([CameraFrame(np.zeros(size, np.uint8), "mono8", 0, "")] * frames)


def open_model(
    folder: Path,
    config: DetectorConfig,
    on_health: Callable[[ServingModel, Health], None],
    *,
    digest: str = "",
    order: Sequence[str] = (),
    tell: Tell = quiet,
) -> ServingModel:
    """Load a model into its engines.

    Args:
        folder: of the bundle.
        config: the detector's parameters.
        on_health: as ServingModel takes it.
        digest: SHA-256 that its manifest must have; empty for any.
        order: engines of the model that serves meanwhile, see ``engines_for``.
        tell: told of engines that are left out.

    Raises:
        ModelError: the bundle is damaged, or another one.
        BackendError, DecodeError: it cannot be used here.
    """
    # A link may be set to another folder, and an engine is started again from where it was.
    bundle = ModelBundle.load(folder.resolve())
    if digest and bundle.digest != digest:
        raise other_model(folder, bundle.digest, digest)
    choice = choose(bundle, engines_for(bundle, config.backend, order), config.threads)
    for name, why in choice.left_out.items():
        tell(f"engine {name} is left out: {why}")
    return ServingModel(bundle, choice, config, on_health)


def _closed(_: Sequence[CameraFrame]) -> list[tuple[Detections, StageTimes]]:
    raise InferenceError("this model was closed", "load it again")


def engines_for(bundle: ModelBundle, asked: str, order: Sequence[str]) -> str:
    """Names of engines as ``choose`` takes them: in an order that was measured before.

    Measuring takes the processor from the model that serves, so it is done again only for
    an engine that the model before did not have.

    Args:
        bundle: the one to be loaded.
        asked: what the node was told.
        order: names of engines, measured for another model; empty for none.
    """
    if asked.strip() != AUTO:
        return asked
    formats = {weight.format for weight in bundle.manifest.weights}
    here = {name for name in registry.BACKENDS if name in formats and not registry.absence(name)}
    return ", ".join(name for name in order if name in here) if here <= set(order) else AUTO


def other_model(folder: Path, digest: str, wanted: str) -> ModelError:
    """A folder that holds another bundle than was asked for."""
    return ModelError(
        f"model bundle {folder} has the digest {digest[:12]}…, not {wanted[:12]}…",
        "fetch the bundle again, or give the digest that edge-infer model inspect shows",
    )
