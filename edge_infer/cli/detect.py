"""``edge-infer detect PATH…``: images and folders through the pipeline, without a middleware."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_infer.backends import registry
from edge_infer.domain import CameraFrame, Detections
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.images import images_in, read_image
from edge_infer.perception.pipeline import Pipeline


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="images or folders of images")
    parser.add_argument("--model", help="folder of a model bundle; the shipped one by default")
    parser.add_argument("--backend", choices=sorted(registry.BACKENDS), default="onnx")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Look at every image and print what was found."""
    bundle = ModelBundle.load(arguments.model or shipped())
    pipeline = Pipeline.open(bundle, arguments.backend, time.perf_counter_ns)
    results = []
    for path in images(arguments.paths):
        frame = read_image(path)
        found, _ = pipeline(frame)
        results.append(result(path, frame, found, bundle.manifest.labels))
        if not arguments.json:
            _print(results[-1])
    if arguments.json:
        print(json.dumps({"images": results}))
    return 0


def images(paths: Sequence[str]) -> Iterator[Path]:
    """The image files that are named, or lie in the folders that are named."""
    for name in paths:
        if Path(name).is_dir():
            yield from images_in(name)
        else:
            yield Path(name)


def result(
    path: Path, frame: CameraFrame, found: Detections, labels: Sequence[str]
) -> dict[str, Any]:
    """One image's part of the JSON answer; boxes in source pixels."""
    return {
        "path": str(path),
        "width": frame.width,
        "height": frame.height,
        "detections": [
            {
                "class": labels[int(found.class_id[i])],
                "score": round(float(found.confidence[i]), 4),
                "box": [round(float(value), 1) for value in found.xyxy[i]],
            }
            for i in range(len(found))
        ],
    }


def _print(image: dict[str, Any]) -> None:
    print(f"{image['path']}: {len(image['detections'])} found")
    for item in image["detections"]:
        box = " ".join(f"{value:7.1f}" for value in item["box"])
        print(f"  {item['class']:16} {item['score']:.2f}  {box}")
