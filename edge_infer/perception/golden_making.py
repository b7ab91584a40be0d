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

"""A golden input for a bundle: what all of its weights that run here see in a few pictures.

Required is only what every file of weights sees, with a margin to the threshold, also
when the picture is a little brighter, and what the edge of the picture does not cut off: so
a processor that rounds another way sees it, too.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import closing

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.backends import registry
from edge_infer.backends.base import Options
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import BackendUnavailableError, FrameError, ModelError
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.golden import Expected, Golden, GoldenFrame
from edge_infer.models.manifest import InputSpec, Manifest
from edge_infer.perception.golden import iou, judge
from edge_infer.perception.images import decode_image
from edge_infer.perception.pipeline import Pipeline

MARGIN = 0.2
"""Of a score: engines with eight bits were seen to differ by up to that."""

MOST_PICTURE_BYTES = 96_000
"""Beyond, a picture is stored with loss; what the model sees in it is found after that."""

_ENOUGH = 0.5
"""Share of what is sure that all weights must agree on."""

_BRIGHTER = 2
_EDGE_PX = 1
_SAME = 0.5
_SURELY_SAME = 0.6
"""Of the boxes of one thing, intersection over union."""

_QUALITIES = (95, 90, 80, 60, 40)


# --- pictures ------------------------------------------------------------------------


def encode(frame: CameraFrame, spec: InputSpec) -> bytes:
    """A picture as a small file, no larger than the network looks at it; PNG or else JPEG."""
    image = frame.image
    shrink = min(spec.width / frame.width, spec.height / frame.height)
    if shrink < 1:
        size = max(round(frame.width * shrink), 1), max(round(frame.height * shrink), 1)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    if frame.encoding == "rgb8":
        image = image[:, :, ::-1]
    content = _encoded(image, ".png", cv2.IMWRITE_PNG_COMPRESSION, 9)
    for quality in _QUALITIES:
        if len(content) <= MOST_PICTURE_BYTES:
            break
        content = _encoded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality)
    return content


def drawn_picture(spec: InputSpec) -> bytes:
    """A drawn picture, for models that nobody gave one: slopes, discs and rectangles."""
    y, x = np.mgrid[: spec.height, : spec.width].astype(np.float32)
    image = 40 + 120 * x / spec.width + 40 * y / spec.height
    for index in range(12):
        left, top = (index * 5 % 12) * spec.width / 12, (index * 7 % 12) * spec.height / 12
        size = spec.height / (5 + index % 3)
        if index % 2:
            inside = (abs(x - left) < size / 2) & (abs(y - top) < size)
        else:
            inside = (x - left) ** 2 + (y - top) ** 2 < (size / 2) ** 2
        image[inside] = 230 if index % 3 else 15
    return _encoded(image.astype(np.uint8), ".png", cv2.IMWRITE_PNG_COMPRESSION, 9)


def _encoded(image: NDArray[np.uint8], suffix: str, option: int, value: int) -> bytes:
    done, content = cv2.imencode(suffix, image, [option, value])
    if not done:
        raise FrameError("the picture cannot be encoded", "use another one")
    return bytes(content.tobytes())


# --- what is seen --------------------------------------------------------------------


def make(bundle: ModelBundle, pictures: Sequence[bytes]) -> Golden:
    """The golden input of a bundle.

    Args:
        bundle: on disk; its golden input, if it has one, does not matter.
        pictures: image files.

    Raises:
        ModelError: its files of weights see too different things.
        BackendError: none of them runs here, or one fails.
        FrameError: a picture is none.
    """
    threshold = bundle.manifest.score_threshold
    margin = round(min(MARGIN, (1 - threshold) / 2), 4)
    frames = [decode_image(each, f"picture {n}") for n, each in enumerate(pictures, 1)]
    views = _views(bundle, frames, max(threshold - margin, threshold / 2))
    golden = Golden(
        frames=tuple(
            GoldenFrame(
                picture=base64.b64encode(picture).decode(),
                expected=tuple(_expected(seen, threshold + margin, frame)),
            )
            for picture, frame, seen in zip(pictures, frames, views, strict=True)
        ),
        margin=margin,
    )
    for frame, made, seen in zip(frames, golden.frames, views, strict=True):
        if problem := _disagreement(bundle.manifest, golden, frame, made, seen):
            raise ModelError(
                f"the weights of model {bundle.manifest.name} {bundle.manifest.version} do not "
                f"agree on what is in a picture ({problem})",
                "choose another picture, or export the weights again",
            )
    return golden


def _views(
    bundle: ModelBundle, frames: Sequence[CameraFrame], threshold: float
) -> list[list[Detections]]:
    """For each frame what each file of weights sees in it, and sees when it is brighter."""
    views: list[list[Detections]] = [[] for _ in frames]
    manifest = bundle.manifest.with_threshold(threshold)
    for engine in _engines(bundle):
        with closing(Pipeline(manifest, engine.load(), lambda: 0)) as pipeline:
            for frame, seen in zip(frames, views, strict=True):
                seen += [pipeline(frame)[0], pipeline(_brighter(frame))[0]]
    if not all(views):
        raise BackendUnavailableError(
            f"no engine for model {manifest.name} {manifest.version} runs here",
            "install one; see edge-infer doctor",
        )
    return views


def _engines(bundle: ModelBundle) -> Iterator[registry.Engine]:
    """One for each file of weights; ONNX Runtime reads those for TensorRT, too."""
    for weight in bundle.manifest.weights:
        name = "onnx" if weight.format == "tensorrt" else weight.format
        if name in registry.BACKENDS and registry.absence(name) is None:
            first = bundle.weights(*weight.kind)
            second = bundle.classifier_weights(*weight.kind)
            files = (first, second) if second else (first,)
            yield registry.Engine(name, files, Options(threads=1), bundle.manifest.outputs)


def _brighter(frame: CameraFrame) -> CameraFrame:
    image = np.minimum(frame.image, 255 - _BRIGHTER) + np.uint8(_BRIGHTER)
    return CameraFrame(image, frame.encoding, frame.stamp_ns, frame.frame_id)


# --- what is expected ----------------------------------------------------------------


def _expected(views: Sequence[Detections], sure: float, frame: CameraFrame) -> Iterator[Expected]:
    """What the first weights see, and what others see beside it; ``sure`` is a score."""
    known = np.empty((0, 4), np.float32)
    for index, found in enumerate(views):
        fresh = np.flatnonzero(~(iou(known, found.xyxy) >= _SAME).any(axis=0))
        known = np.concatenate([known, found.xyxy[fresh]])
        for at in fresh:
            box, class_id = found.xyxy[at], int(found.class_id[at])
            required = index == 0 and _is_whole(box, frame)
            yield Expected(
                box=tuple(round(float(edge), 1) for edge in box),
                score=round(float(found.confidence[at]), 3),
                class_id=class_id,
                required=required and all(_has(view, box, class_id, sure) for view in views),
            )


def _is_whole(box: NDArray[np.float32], frame: CameraFrame) -> bool:
    """Whether the edge of the picture does not cut a thing off."""
    size = np.array([frame.width, frame.height])
    return bool((box[:2] >= _EDGE_PX).all() and (box[2:] <= size - _EDGE_PX).all())


def _has(found: Detections, box: NDArray[np.float32], class_id: int, sure: float) -> bool:
    """With more overlap than a judge asks for."""
    match = (found.class_id == class_id) & (found.confidence >= sure)
    return bool((iou(box[None], found.xyxy[match]) >= _SURELY_SAME).any())


def _disagreement(
    manifest: Manifest,
    golden: Golden,
    frame: CameraFrame,
    made: GoldenFrame,
    views: Sequence[Detections],
) -> str | None:
    """Why a golden frame says little, or would refuse what it was made of; None when fine."""
    threshold = manifest.score_threshold
    whole = [each for each in made.expected if _is_whole(np.array(each.box, np.float32), frame)]
    sure = sum(each.score >= threshold + golden.margin for each in whole)
    required = sum(each.required for each in whole)
    if required < _ENOUGH * sure:
        return f"only {required} of {sure} things are seen by all"
    judged = (judge(_above(view, threshold), made, golden, manifest) for view in views)
    return next(filter(None, judged), None)


def _above(found: Detections, threshold: float) -> Detections:
    high = found.confidence >= threshold
    return Detections(found.xyxy[high], found.confidence[high], found.class_id[high])
