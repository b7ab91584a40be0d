"""Images in, detections out: the newest frame wins, and every frame is accounted for.

An empty result is published too, the header is the image's own, boxes are in
source pixels and classes have names, so that whoever listens needs no model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import Field

from edge_infer.domain import CameraFrame
from edge_infer.errors import EdgeInferError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.nodes import topics
from edge_infer.nodes.complaints import Complaints
from edge_infer.nodes.config import NodeConfig
from edge_infer.nodes.conversions import detections_to_msg, frame_from_msg, header_to_msg
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.newest import NewestWorker
from edge_infer.nodes.status import StatusReporter
from edge_infer.perception.pipeline import Pipeline
from edge_infer.runtime.api import Node

Delivery = Callable[[], tuple[CameraFrame, Any]]
"""Gives a frame and the header to answer it with; may raise FrameError."""


class DetectorConfig(NodeConfig):
    """Parameters of the detector."""

    model: str = Field("", description="Folder of the model bundle; empty for the shipped one")
    backend: str = Field("onnx", description="Inference engine")
    threads: int = Field(1, ge=1, le=64, description="Processor threads of the engine")
    score_threshold: float = Field(
        0.0, ge=0.0, le=1.0, description="Lowest score; 0 takes the model's own"
    )
    faulty_share: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="Share of modules expected to be faulty: the fewer, the surer a detection "
        "must be; 0 takes the model's own",
    )


class DetectorNode:
    """Runs the model of one drone.

    Args:
        node: the handle.
        config: its parameters.
        identity: of the drone, when a composition already has one.
        subscribe: False when frames come by ``submit`` from the same process.

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
        bundle = ModelBundle.load(Path(config.model) if config.model else shipped())
        self._labels = bundle.manifest.labels
        self._pipeline = Pipeline.open(
            bundle, config.backend, time.perf_counter_ns,
            threads=config.threads, score_threshold=config.score_threshold or None,
            faulty_share=config.faulty_share or None,
        )  # fmt: skip
        self._complaints = Complaints(node)
        identity = identity or identify(node, config.state_dir)
        self._status = StatusReporter(node, identity, self._refresh_status)
        self._publisher = topics.DETECTIONS.publisher(node)
        self._worker: NewestWorker[Delivery] = NewestWorker(
            self._detect, f"{node.get_name()}-inference", node.runtime_name != "loopback"
        )
        self._announce(bundle, config.backend)
        if subscribe:
            topics.IMAGE.subscription(node, self._on_image)

    def submit(self, frame: CameraFrame) -> None:
        """Take a frame from the same process, without a middleware in between."""
        header = header_to_msg(self._node.messages, frame.stamp_ns, frame.frame_id)
        self._worker.submit(lambda: (frame, header))

    def close(self) -> None:
        """Stop the worker and tell the last counts."""
        self._worker.close()
        self._status.publish()
        self._pipeline.close()

    def _on_image(self, msg: Any) -> None:
        self._worker.submit(lambda: (frame_from_msg(msg), msg.header))

    def _detect(self, delivery: Delivery) -> None:
        try:
            frame, header = delivery()
            detections, times = self._pipeline(frame)
        except EdgeInferError as error:
            self._status.count("frames_failed")
            self._complaints.warn(error)
            return
        self._publisher.publish(
            detections_to_msg(self._node.messages, header, detections, self._labels)
        )
        self._status.count("detections", len(detections))
        self._status.time("preprocess", times.preprocess_ms)
        self._status.time("infer", times.infer_ms)
        self._status.time("decode", times.decode_ms)
        if self._pipeline.manifest.classifier:
            self._status.time("classify", times.classify_ms)
        self._status.since("frame_to_detections", frame.stamp_ns)

    def _refresh_status(self) -> None:
        self._status.set("frames_received", self._worker.received)
        self._status.set("frames_processed", self._worker.processed)
        self._status.set("frames_dropped", self._worker.dropped)

    def _announce(self, bundle: ModelBundle, backend: str) -> None:
        """Say, latched, what model serves."""
        messages = self._node.messages
        now_ns = self._node.get_clock().now().nanoseconds
        self._labels_publisher = topics.LABELS.publisher(self._node)
        self._labels_publisher.publish(
            messages["edge_infer_msgs/msg/Labels"](
                header=header_to_msg(messages, now_ns, ""),
                model_name=bundle.manifest.name,
                model_version=bundle.manifest.version,
                digest=bundle.digest,
                backend=backend,
                class_names=list(self._labels),
            )
        )
