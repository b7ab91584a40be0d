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

"""Images in, detections out: the newest frames win, and every frame is accounted for.

An empty result is published too, the header is the image's own, boxes are in
source pixels and classes have names, so that whoever listens needs no model. Several
cameras share one loaded model; when an engine fails, another one serves. Another model
is loaded beside the one that serves and taken between two frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from edge_infer.backends.chain import Health, Level
from edge_infer.backends.fallback import Fallback
from edge_infer.domain import CameraFrame
from edge_infer.errors import EdgeInferError
from edge_infer.models.bundle import shipped
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.detections import detections_to_msg
from edge_infer.nodes.conversions.images import frame_from_compressed_msg, frame_from_msg
from edge_infer.nodes.detector.annotated import AnnotatedImages
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.look_back import LookBack
from edge_infer.nodes.detector.model_health import ModelHealthReporter
from edge_infer.nodes.detector.model_loader import ModelLoader, Refusal
from edge_infer.nodes.detector.model_slot import ModelSlot
from edge_infer.nodes.detector.serving_model import ServingModel, open_model
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.inputs.image_input import ImageInput
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.input_watch import InputWatch
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.nodes.workers.newest import NewestWorker
from edge_infer.perception.encodings import Radiometric
from edge_infer.perception.pipeline import StageTimes
from edge_infer.runtime.api import Node, Publisher

LOAD_MODEL = "detector/load_model"
"""The service that another model is asked for with; edge_infer_msgs/srv/LoadModel."""


class Delivery(NamedTuple):
    """An image that waits to be looked at.

    Attributes:
        camera: its name; "" where there is only one.
        unpack: gives the frame; may raise FrameError.
    """

    camera: str
    unpack: Callable[[], CameraFrame]


class DetectorNode:
    """Runs the model of one drone.

    Args:
        node: the handle.
        config: its parameters.
        identity: of the drone, when a composition already has one.
        subscribe: False when frames come by ``submit`` from the same process.
        status: where its counts go; one of its own when None.

    Raises:
        ModelError, BackendError, DecodeError: the model or the engine cannot be used.
    """

    def __init__(
        self,
        node: Node,
        config: DetectorConfig,
        identity: Identity | None = None,
        subscribe: bool = True,
        status: StatusReporter | None = None,
    ) -> None:
        self._node = node
        self._config = config
        self._complaints = Complaints(node)
        identity = identity or identify(node, config.state_dir)
        threaded = node.runtime_name != "loopback"
        self._status = status or StatusReporter(node, identity)
        self._status.refresh_with(self._refresh_status)
        self._labels_publisher = topics.LABELS.publisher(node)
        self._publishers = {camera: _detections(node, camera) for camera in config.camera_names}
        self._annotated = {camera: AnnotatedImages(node, camera) for camera in config.camera_names}
        self._radiometric = Radiometric(config.counts_low, config.counts_high)
        self._look_back = LookBack()
        self._slot = ModelSlot(self._on_taken, self._on_changed)
        self._slot.take(self._open(Path(config.model) if config.model else shipped()))
        self._worker: NewestWorker[Delivery] = NewestWorker(
            self._detect, f"{node.get_name()}-inference", threaded,
            config.batch, config.batch_window_ms / 1e3,
        )  # fmt: skip
        self._loader = ModelLoader(
            self._slot, self._open, self._look_back.refusal, self._on_refused,
            f"{node.get_name()}-loading" if threaded else "",
        )  # fmt: skip
        self._health = ModelHealthReporter(
            node, identity, lambda: self._slot.serving, lambda: self._loader.refusal
        )
        node.create_service(
            node.messages["edge_infer_msgs/srv/LoadModel"], LOAD_MODEL, self._on_load
        )
        self._watch = InputWatch("image", config.stale_s, config.min_rate_hz)
        cameras = config.camera_names if subscribe else ()
        self._inputs = {camera: self._subscribe(camera) for camera in cameras}

    @property
    def engines(self) -> Fallback:
        """Those of the serving model, which stand in for each other."""
        return self._slot.serving.engines

    def submit(self, frame: CameraFrame) -> None:
        """Take a frame from the same process, without a middleware in between."""
        camera = next(iter(self._publishers))
        self._worker.submit(Delivery(camera, lambda: frame), camera)

    def follow(self, config: DetectorConfig) -> None:
        """Look at frames by other thresholds from the next one on; raises ModelError."""
        self._slot.serving.follow(config)
        self._radiometric = Radiometric(config.counts_low, config.counts_high)
        self._config = config

    def close(self) -> None:
        """Stop the worker and tell the last counts."""
        self._worker.close()
        self._loader.close()
        self._status.publish()
        self._health.publish()
        self._slot.close()

    # --- frames --------------------------------------------------------------------------

    def _subscribe(self, camera: str) -> ImageInput:
        topic, unpack = topics.IMAGE, frame_from_msg
        if self._config.transport == "compressed":
            topic, unpack = topics.COMPRESSED_IMAGE, frame_from_compressed_msg
        name = f"{camera}/{topic.name}" if camera else topic.name
        topic = replace(topic, name=name, qos=self._config.images)
        take, is_wanted = partial(self._on_image, camera, unpack), partial(self._is_wanted, camera)
        return ImageInput(self._node, topic, take, is_wanted if self._config.lazy else None)

    def _is_wanted(self, camera: str) -> bool:
        """Whether somebody listens to what is seen there."""
        listeners = self._publishers[camera].get_subscription_count()
        return listeners > 0 or self._annotated[camera].is_wanted

    def _on_image(self, camera: str, unpack: Callable[..., CameraFrame], msg: Any) -> None:
        delivery = Delivery(camera, lambda: unpack(msg, self._radiometric))
        self._worker.submit(delivery, camera)

    def _detect(self, deliveries: Sequence[Delivery]) -> None:
        """Look at a batch; what fails is counted, and the flight goes on."""
        fresh = [shot for delivery in deliveries if (shot := self._unpacked(delivery))]
        if not fresh:
            return
        with self._slot.frame() as model:
            self._look(model, fresh)

    def _look(self, model: ServingModel, shots: Sequence[tuple[str, CameraFrame]]) -> None:
        """Publish what a model sees; the names are those of that model."""
        try:
            seen = model.look([frame for _, frame in shots])
        except EdgeInferError as error:
            self._status.count("frames_failed", len(shots))
            model.figures.failed_on(len(shots))
            self._complaints.warn(error)
            return
        messages, labels = self._node.messages, model.manifest.labels
        for (camera, frame), (detections, times) in zip(shots, seen, strict=True):
            header = header_to_msg(messages, frame.stamp_ns, frame.frame_id)
            self._publishers[camera].publish(
                detections_to_msg(messages, header, detections, labels)
            )
            model.figures.looked(detections.confidence, times.total_ms)
            self._look_back.keep(frame, len(detections))
            self._count(model, frame, len(detections), times)
        for (camera, frame), (detections, _) in zip(shots, seen, strict=True):
            self._annotated[camera].show(frame, detections, labels)

    def _unpacked(self, delivery: Delivery) -> tuple[str, CameraFrame] | None:
        """A delivery that is worth looking at."""
        try:
            frame = delivery.unpack()
        except EdgeInferError as error:
            self._status.count("frames_failed")
            self._complaints.warn(error)
            return None
        age_ns = self._node.get_clock().now().nanoseconds - frame.stamp_ns
        if 0 < self._config.max_age_ms * 1e6 < age_ns:
            self._status.count("frames_stale")
            return None
        return delivery.camera, frame

    def _count(
        self, model: ServingModel, frame: CameraFrame, detections: int, times: StageTimes
    ) -> None:
        self._status.count("detections", detections)
        self._status.time("preprocess", times.preprocess_ms)
        self._status.time("infer", times.infer_ms)
        self._status.time("decode", times.decode_ms)
        if model.manifest.classifier:
            self._status.time("classify", times.classify_ms)
        self._status.since("frame_to_detections", frame.stamp_ns)

    def _refresh_status(self) -> None:
        self._status.set("frames_received", self._worker.received)
        self._status.set("frames_processed", self._worker.processed)
        self._status.set("frames_dropped", self._worker.dropped)
        is_wanted = not self._config.lazy or any(map(self._is_wanted, self._publishers))
        now_ns = self._node.get_clock().now().nanoseconds
        self._status.set_input(self._watch.look(self._worker.received, now_ns, is_wanted))
        for camera, images in self._inputs.items():
            self._status.describe(f"subscription to {camera or 'image'}", images.state)

    # --- models --------------------------------------------------------------------------

    def _open(self, folder: Path, digest: str = "", order: tuple[str, ...] = ()) -> ServingModel:
        return open_model(
            folder, self._config, self._on_health,
            digest=digest, order=order, tell=self._node.get_logger().info,
        )  # fmt: skip

    def _on_load(self, request: Any, response: Any) -> Any:
        response.message = self._loader.load(Path(request.path), request.digest)
        response.success = not response.message
        return response

    def _on_refused(self, refusal: Refusal) -> None:
        self._status.count("models_refused")
        self._node.get_logger().warning(f"{self._slot.serving.name} goes on: {refusal.message}")

    def _on_taken(self, model: ServingModel) -> None:
        """Another model looks at the next frame."""
        if model.config is not self._config:  # it changed while the model was loaded
            model.follow(self._config)
        self._look_back.on_taken(model)
        self._status.count("models_taken")
        self._node.get_logger().info(f"model {model.name} serves")
        self._announce(model)
        self._tell(model.health)

    def _on_health(self, model: ServingModel, health: Health) -> None:
        """The engines of a model are doing better or worse, or another one serves."""
        serves = self._slot.hear(model, health)
        if not serves and not model.is_closed and health.level is not Level.OK:
            self._node.get_logger().info(f"model {model.name} is being loaded: {health.message}")

    def _on_changed(self, model: ServingModel) -> None:
        """That model serves."""
        self._tell(model.health)
        if model.health.serving:
            self._announce(model)

    def _tell(self, health: Health) -> None:
        self._status.set_health(health.level, health.message)
        logger = self._node.get_logger()
        # One place each: rclpy lets no place log with two severities.
        if health.level is Level.OK:
            logger.info(health.message)
        elif health.level is Level.WARN:
            logger.warning(health.message)
        else:
            logger.error(health.message)

    def _announce(self, model: ServingModel) -> None:
        """Say, latched, what model serves, and in which engine."""
        messages, manifest = self._node.messages, model.manifest
        self._status.describe("model", manifest.name)
        self._status.describe("model version", manifest.version)
        self._status.describe("model digest", model.bundle.digest)
        self._status.describe("engine", model.health.serving or "none")
        now_ns = self._node.get_clock().now().nanoseconds
        self._labels_publisher.publish(
            messages["edge_infer_msgs/msg/Labels"](
                header=header_to_msg(messages, now_ns, ""),
                model_name=manifest.name,
                model_version=manifest.version,
                digest=model.bundle.digest,
                backend=model.health.serving or "",
                class_names=list(manifest.labels),
            )
        )


def _detections(node: Node, camera: str) -> Publisher:
    """Where a camera's detections go."""
    topic = topics.DETECTIONS
    return topic.named(f"detector/{camera}/detections" if camera else topic.name).publisher(node)
