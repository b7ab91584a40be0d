"""What a network in training is worth: the pipeline's own decoding over held-out frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from edge_infer.datasets.frames import LabelledFrames, stack
from edge_infer.domain import Detections
from edge_infer.evaluation.scores import ModuleScore, module_score
from edge_infer.models.manifest import InputSpec, Manifest, WeightFile
from edge_infer.perception.decode import decode
from edge_infer.training.network import Network, Raw
from edge_infer.training.ranks import Ranks

INPUT_NAME = "image"
SCORE_THRESHOLD = 0.5
"""A score is the chance of a fault: at a half, mistakes of both kinds are fewest."""

NMS_IOU = 0.45


def manifest_of(labels: tuple[str, ...], height: int, width: int) -> Manifest:
    """The manifest of a network in training: no weights, no provenance yet."""
    return Manifest(
        name="in_training",
        version="0",
        release=0,
        labels=labels,
        head="grid",
        input=InputSpec(name=INPUT_NAME, width=width, height=height, channels=1, dtype="uint8"),
        score_threshold=SCORE_THRESHOLD,
        nms_iou=NMS_IOU,
        nms="agnostic",
        weights=(WeightFile(format="none", file="none", sha256="0" * 64, bytes=1),),
        training={},
        licence="Apache-2.0",
    )


Answer = Callable[[Network, Tensor], Raw]
"""How a network is asked."""


def judge(
    network: Network,
    frames: LabelledFrames,
    labels: tuple[str, ...],
    answer: Answer = Network.__call__,
    ranks: Ranks | None = None,
) -> ModuleScore:
    """Module by module, what the network says of them; processes share the work."""
    ranks = ranks or Ranks()
    share = stack([frames[i] for i in range(ranks.index, len(frames.images), ranks.count)])
    found = detections(network, share, labels, answer)
    score = module_score(found, share.boxes, len(labels))
    return ModuleScore(ranks.total(score.confusion))


def detections(
    network: Network,
    frames: LabelledFrames,
    labels: tuple[str, ...],
    answer: Answer = Network.__call__,
) -> Iterator[Detections]:
    """Of each frame."""
    manifest = manifest_of(labels, *frames.images.shape[1:])
    where = next(network.parameters()).device
    for image in frames.images:
        with torch.no_grad():
            raw = answer(network, torch.from_numpy(image[None, None]).to(where))
        yield decode([part.cpu().numpy() for part in raw], manifest)
