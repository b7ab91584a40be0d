"""Turn a checkpoint into a bundle: ``python -m edge_infer.training.export --checkpoint DIR``.

The ONNX file is compared with the network on rendered frames, and the figures
of the whole pipeline on frames that training never saw go into the manifest.
"""

from __future__ import annotations

import argparse
import io
import logging
import platform
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge_infer.backends import registry
from edge_infer.domain import CameraFrame
from edge_infer.errors import EdgeInferError, TrainingError
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Manifest
from edge_infer.perception.pipeline import Pipeline
from edge_infer.training.data import HEIGHT, INPUT, WIDTH, LabelledFrames, load_or_render
from edge_infer.training.evaluate import Score, score
from edge_infer.training.network import Exported, Network
from edge_infer.training.train import Trainer

WEIGHTS = "model.onnx"
OUTPUT = "detections"
OPSET = 17
TOLERANCE = 1e-2
"""Greatest difference between the two engines: of a pixel for boxes, of 1 for scores."""

SCORE_THRESHOLD = 0.6
"""On the side of precision: a fault is in many frames of a flight and needs to be found in
few of them, but each false box among thousands of frames becomes a false target."""

HELD_OUT_SEED = 1_000_003
_LOG = logging.getLogger(__name__)


def to_onnx(network: Network) -> bytes:
    """The network with the yolov8 head as an ONNX file."""
    model = Exported(network.float().eval(), HEIGHT, WIDTH).eval()
    image = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.uint8)
    target = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is the one that later steps (quantisation) can follow.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model, (image,), target, opset_version=OPSET, dynamo=False,
            input_names=[INPUT.name], output_names=[OUTPUT],
        )  # fmt: skip
    return target.getvalue()


def difference(network: Network, weights: Path, images: NDArray[np.uint8]) -> float:
    """Greatest difference between the engine's output and the network's, over (n, h, w) images."""
    model = Exported(network.float().eval(), HEIGHT, WIDTH).eval()
    backend = registry.load("onnx", weights)
    worst = 0.0
    for image in images[:, None, None]:
        with torch.no_grad():
            expected = model(torch.from_numpy(image)).numpy()
        worst = max(worst, float(np.abs(backend.infer([image])[0] - expected).max()))
    backend.close()
    return worst


def export(trainer: Trainer, out: Path, version: str, release: int, frames: int) -> ModelBundle:
    """Write the bundle, check it, and write its figures into the manifest.

    Raises:
        TrainingError: the ONNX file does not do what the network does.
    """
    held_out = load_or_render(None, frames, HELD_OUT_SEED)
    content = to_onnx(trainer.average)
    manifest = _manifest(trainer, held_out.labels, version, release, content)
    loaded = bundle.write(out, manifest, {WEIGHTS: content})
    gap = difference(trainer.average, loaded.weights("onnx"), held_out.images[:20])
    if gap > TOLERANCE:
        raise TrainingError(
            f"the ONNX file differs from the network by {gap:.3g}",
            "use the versions of torch and onnxruntime that the manifest names",
        )
    result, infer_ms = measure(loaded, held_out)
    _LOG.info("%s, infer %.1f ms, differs from torch by %.2g", result, infer_ms, gap)
    figures = {
        "held_out_frames": frames,
        "held_out_faults": result.labels,
        "recall": round(result.recall, 4),
        "precision": round(result.precision, 4),
        "class_accuracy": round(result.class_accuracy, 4),
    }
    manifest = manifest.model_copy(update={"training": {**manifest.training, **figures}})
    return bundle.write(out, manifest, {WEIGHTS: content})


def measure(model: ModelBundle, frames: LabelledFrames) -> tuple[Score, float]:
    """The whole pipeline on labelled frames: its score, and the median inference in ms."""
    backend = registry.load("onnx", model.weights("onnx"))
    pipeline = Pipeline(model.manifest, backend, time.perf_counter_ns)
    results = [pipeline(CameraFrame(image, "mono8", 0, "camera")) for image in frames.images]
    backend.close()
    found = score((detections for detections, _ in results), frames.boxes)
    return found, float(np.median([times.infer_ms for _, times in results]))


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    try:
        trainer = Trainer.load(options.checkpoint)
        export(trainer, options.out, options.version, options.release, options.frames)
    except EdgeInferError as error:
        parser.exit(2, f"{error}\n")


def _manifest(
    trainer: Trainer, labels: tuple[str, ...], version: str, release: int, content: bytes
) -> Manifest:
    config = trainer.config
    return Manifest(
        name="solar_thermal",
        version=version,
        release=release,
        labels=labels,
        head="yolov8",
        input=INPUT,
        score_threshold=SCORE_THRESHOLD,
        nms_iou=0.45,
        nms="agnostic",
        weights=(bundle.describe("onnx", WEIGHTS, content),),
        training={
            "command": config.command,
            "start": config.start,
            "data": "rendered by edge_infer.simulation",
            "steps": trainer.step,
            "seed": config.seed,
            "parameters": sum(p.numel() for p in trainer.network.parameters()),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        licence="Apache-2.0",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge_infer.training.export", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--out", type=Path, default=bundle.shipped(), help="folder of the bundle")
    parser.add_argument("--version", default="0.1.0", help="for people")
    parser.add_argument("--release", type=int, default=1, help="counts up with every release")
    parser.add_argument("--frames", type=int, default=500, help="held-out frames to measure on")
    return parser


if __name__ == "__main__":
    main()
