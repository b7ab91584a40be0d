"""Images in, detections out: the newest frames win, and every frame is accounted for.

An empty result is published too, the header is the image's own, boxes are in
source pixels and classes have names, so that whoever listens needs no model. Several
cameras share one loaded model; when an engine fails, another one serves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from edge_infer.backends.chain import Health, Level, Policy
from edge_infer.backends.fallback import Fallback
from edge_infer.domain import CameraFrame
from edge_infer.errors import EdgeInferError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.nodes import topics
from edge_infer.nodes.complaints import Complaints
from edge_infer.nodes.conversions import (
    detections_to_msg,
    frame_from_compressed_msg,
    frame_from_msg,
    header_to_msg,
)
from edge_infer.nodes.detector_config import DetectorConfig
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.newest import NewestWorker
from edge_infer.nodes.status import StatusReporter
from edge_infer.perception.encodings import Radiometric
from edge_infer.perception.pipeline import Pipeline, StageTimes
from edge_infer.perception.serving import choose, serve
from edge_infer.perception.tiles import TiledPipeline, Tiling
from edge_infer.runtime.api import Node, Publisher


class Delivery(NamedTuple):
    """An image that waits to be looked at.

    Attributes:
        camera: its name; "" where there is only one.
        unpack: gives the frame and the header to answer it with; may raise FrameError.
    """

    camera: str
    unpack: Callable[[], tuple[CameraFrame, Any]]


class DetectorNode:
    """Runs the model of one drone.

    Args:
        node: the handle.
        config: its parameters.
        identity: of the drone, when a composition already has one.
        subscribe: False when frames come by ``submit`` from the same process.

    Attributes:
        engines: that stand in for each other.

    Raises:
        ModelError, BackendError: the model or the engine cannot be used.
    """

    def __init__(
        self,
        node: Node,
        config: DetectorConfig,
        identity: Identity | None = None,
        subscribe: bool = True,
    ) -> None:
        self._node = node
        self._config = config
        self._bundle = ModelBundle.load(Path(config.model) if config.model else shipped())
        self._complaints = Complaints(node)
        identity = identity or identify(node, config.state_dir)
        self._status = StatusReporter(node, identity, self._refresh_status)
        self._labels_publisher = topics.LABELS.publisher(node)
        self._publishers = {camera: _detections(node, camera) for camera in config.camera_names}
        self._radiometric = Radiometric(config.counts_low, config.counts_high)
        self.engines = self._start_engines()
        self._pipeline = self._open_pipeline()
        self._look = self._pipeline.batch
        if config.tiles != "1x1":
            self._look = TiledPipeline(self._pipeline, Tiling.parse(config.tiles)).batch
        self._worker: NewestWorker[Delivery] = NewestWorker(
            self._detect, f"{node.get_name()}-inference", node.runtime_name != "loopback",
            config.batch, config.batch_window_ms / 1e3,
        )  # fmt: skip
        if subscribe:
            for camera in config.camera_names:
                self._subscribe(camera)

    def submit(self, frame: CameraFrame) -> None:
        """Take a frame from the same process, without a middleware in between."""
        header = header_to_msg(self._node.messages, frame.stamp_ns, frame.frame_id)
        camera = next(iter(self._publishers))
        self._worker.submit(Delivery(camera, lambda: (frame, header)), camera)

    def close(self) -> None:
        """Stop the worker and tell the last counts."""
        self._worker.close()
        self._status.publish()
        self._pipeline.close()

    # --- frames --------------------------------------------------------------------------

    def _subscribe(self, camera: str) -> None:
        topic, unpack = topics.IMAGE, frame_from_msg
        if self._config.transport == "compressed":
            topic, unpack = topics.COMPRESSED_IMAGE, frame_from_compressed_msg
        name = f"{camera}/{topic.name}" if camera else topic.name
        topic.named(name).subscription(self._node, partial(self._on_image, camera, unpack))

    def _on_image(self, camera: str, unpack: Callable[..., CameraFrame], msg: Any) -> None:
        delivery = Delivery(camera, lambda: (unpack(msg, self._radiometric), msg.header))
        self._worker.submit(delivery, camera)

    def _detect(self, deliveries: Sequence[Delivery]) -> None:
        """Look at a batch; what fails is counted, and the flight goes on."""
        fresh = [shot for delivery in deliveries if (shot := self._unpacked(delivery))]
        if not fresh:
            return
        try:
            seen = self._look([frame for _, frame, _ in fresh])
        except EdgeInferError as error:
            self._status.count("frames_failed", len(fresh))
            self._complaints.warn(error)
            return
        for (camera, frame, header), (detections, times) in zip(fresh, seen, strict=True):
            self._publishers[camera].publish(
                detections_to_msg(
                    self._node.messages, header, detections, self._bundle.manifest.labels
                )
            )
            self._count(frame, len(detections), times)

    def _unpacked(self, delivery: Delivery) -> tuple[str, CameraFrame, Any] | None:
        """A delivery that is worth looking at."""
        try:
            frame, header = delivery.unpack()
        except EdgeInferError as error:
            self._status.count("frames_failed")
            self._complaints.warn(error)
            return None
        age_ns = self._node.get_clock().now().nanoseconds - frame.stamp_ns
        if 0 < self._config.max_age_ms * 1e6 < age_ns:
            self._status.count("frames_stale")
            return None
        return delivery.camera, frame, header

    def _count(self, frame: CameraFrame, detections: int, times: StageTimes) -> None:
        self._status.count("detections", detections)
        self._status.time("preprocess", times.preprocess_ms)
        self._status.time("infer", times.infer_ms)
        self._status.time("decode", times.decode_ms)
        if self._bundle.manifest.classifier:
            self._status.time("classify", times.classify_ms)
        self._status.since("frame_to_detections", frame.stamp_ns)

    def _refresh_status(self) -> None:
        self._status.set("frames_received", self._worker.received)
        self._status.set("frames_processed", self._worker.processed)
        self._status.set("frames_dropped", self._worker.dropped)

    # --- engines -------------------------------------------------------------------------

    def _start_engines(self) -> Fallback:
        config = self._config
        choice = choose(self._bundle, config.backend, config.threads)
        for name, why in choice.left_out.items():
            self._node.get_logger().info(f"engine {name} is left out: {why}")
        policy = Policy(timeout_s=config.watchdog_ms / 1e3, standby=config.standby)
        return serve(choice, policy, isolated=config.isolated, on_change=self._on_health)

    def _open_pipeline(self) -> Pipeline:
        config = self._config
        manifest = self._bundle.manifest.with_threshold(config.score_threshold or None)
        share = config.faulty_share or None
        try:
            return Pipeline(manifest, self.engines.networks, time.perf_counter_ns, share)
        except EdgeInferError:
            self.engines.close()
            raise

    def _on_health(self, health: Health) -> None:
        """The engines are doing better or worse, or another one serves."""
        self._status.set_health(health.level, health.message)
        logger = self._node.get_logger()
        # One place each: rclpy lets no place log with two severities.
        if health.level is Level.OK:
            logger.info(health.message)
        elif health.level is Level.WARN:
            logger.warning(health.message)
        else:
            logger.error(health.message)
        if health.serving:
            self._announce(health.serving)

    def _announce(self, engine: str) -> None:
        """Say, latched, what model serves, and in which engine."""
        messages, manifest = self._node.messages, self._bundle.manifest
        now_ns = self._node.get_clock().now().nanoseconds
        self._labels_publisher.publish(
            messages["edge_infer_msgs/msg/Labels"](
                header=header_to_msg(messages, now_ns, ""),
                model_name=manifest.name,
                model_version=manifest.version,
                digest=self._bundle.digest,
                backend=engine,
                class_names=list(manifest.labels),
            )
        )


def _detections(node: Node, camera: str) -> Publisher:
    """Where a camera's detections go."""
    topic = topics.DETECTIONS
    return topic.named(f"detector/{camera}/detections" if camera else topic.name).publisher(node)
