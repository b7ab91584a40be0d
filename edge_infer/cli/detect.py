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

"""``edge-infer detect PATH…``: images, folders and videos through the pipeline, no middleware."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_infer.cli import inputs
from edge_infer.cli.annotate import Album
from edge_infer.cli.checks import share
from edge_infer.cli.progress import PROGRESS_AFTER_S, late_progress
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import FrameError, PerceptionError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.pipeline import Pipeline
from edge_infer.perception.serving import AUTO, choose
from edge_infer.perception.tiles import TiledPipeline, Tiling


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="images, folders of images, or videos")
    add("--model", help="folder of a model bundle; the shipped one by default")
    add("--backend", default=AUTO, metavar="ENGINE",
        help="inference engine, such as onnx; the fastest here by default")  # fmt: skip
    add("--threshold", type=share, metavar="T",
        help="least score of a detection, 0 to 1; the model's own by default")  # fmt: skip
    add("--tiles", type=_tiling, metavar="CxR",
        help="look at images in so many columns and rows of tiles, for small things")  # fmt: skip
    add("--out", type=Path, metavar="DIR",
        help="folder for annotated images, detections.json and coco.json")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Look at every image and print what was found; 2 when some could not be read."""
    inputs.quiet()
    bundle = ModelBundle.load(arguments.model or shipped())
    labels = bundle.manifest.labels
    album = Album(arguments.out, labels) if arguments.out else None
    complaints: list[FrameError] = []

    def complain(error: FrameError) -> None:
        complaints.append(error)
        print(f"edge-infer detect: {error}", file=sys.stderr)

    engine = choose(bundle, arguments.backend).engines[0].name
    pipeline = Pipeline.open(
        bundle, engine, time.perf_counter_ns, score_threshold=arguments.threshold,
        tell=lambda words: print(f"{engine} is {words}", file=sys.stderr),
    )  # fmt: skip
    look = TiledPipeline(pipeline, arguments.tiles) if arguments.tiles else pipeline
    results = []
    try:
        for picture, found in _look(look, arguments.paths, complain):
            results.append(result(picture.name, picture.frame, found, labels))
            if album:
                album.add(picture, found)
            if not arguments.json:
                _print(results[-1])
    finally:
        pipeline.close()
    document = {"images": results}
    if album:
        album.finish(document)
    if arguments.json:
        print(json.dumps(document))
    return 2 if complaints else 0


def _look(
    look: Pipeline | TiledPipeline, names: Sequence[str], complain: inputs.Complain
) -> Iterator[tuple[inputs.Picture, Detections]]:
    files = inputs.files(names, complain)
    with late_progress(lambda: inputs.count(files), PROGRESS_AFTER_S) as done_one:
        for picture in inputs.pictures(files, complain):
            found, _ = look(picture.frame)
            yield picture, found
            done_one()


def result(
    name: str, frame: CameraFrame, found: Detections, labels: Sequence[str]
) -> dict[str, Any]:
    """One image's part of the JSON answer; boxes in source pixels."""
    return {
        "path": name,
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


def _tiling(text: str) -> Tiling:
    try:
        return Tiling.parse(text)
    except PerceptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
