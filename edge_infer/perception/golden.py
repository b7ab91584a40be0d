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

"""Whether a bundle does here what it did where it was published: its golden input.

``python -m edge_infer.perception.golden BUNDLE`` is the same as a process of its own, which
may crash, hang or run out of memory without harm to whoever asked. It starts fast: what
is heavy is imported where it is needed, and after the process was told to use one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge_infer.errors import (
    BackendUnavailableError,
    EdgeInferError,
    ModelError,
    PerceptionError,
    first_line,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_infer.domain import CameraFrame, Detections
    from edge_infer.models.bundle import ModelBundle
    from edge_infer.models.golden import Golden, GoldenFrame
    from edge_infer.models.manifest import Manifest

AUTO = "auto"
"""Instead of names: every engine that the bundle has weights for and that runs here."""

_GREY = 114
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def check(bundle: ModelBundle, engine: str) -> None:
    """Let a bundle look at its golden input with one engine and one thread.

    A bundle without one looks at a grey frame, and must then say finite things only.

    Args:
        bundle: on disk, checked.
        engine: by its name in the registry.

    Raises:
        ModelError: it does not see what it must, sees too much, or does not fit its manifest.
        BackendError: the engine is not here, is too old, or cannot run the weights.
    """
    from edge_infer.models.golden import Golden
    from edge_infer.perception.needs import unmet
    from edge_infer.perception.pipeline import Pipeline

    if why := unmet(bundle.manifest, engine):
        raise BackendUnavailableError(why, "install such a version of it")
    golden = Golden.of(bundle)
    try:
        pipeline = Pipeline.open(bundle, engine, time.perf_counter_ns)
        try:
            for picture, frame in _pictures(bundle.manifest, golden):
                found, _ = pipeline(picture)
                if problem := _problem(found, bundle.manifest, golden, frame):
                    raise _refusal(bundle.manifest, engine, problem)
        finally:
            pipeline.close()
    except PerceptionError as error:
        raise ModelError(error.problem, error.remedy) from error


def engines_here(bundle: ModelBundle, names: str = AUTO) -> tuple[tuple[str, ...], dict[str, str]]:
    """The engines that can be asked, and why others cannot.

    Args:
        bundle: on disk, checked.
        names: as serving.choose takes them.

    Raises:
        BackendUnavailableError: none of them runs here, or a name is not known.
    """
    from edge_infer.backends.registry import BACKENDS
    from edge_infer.perception.serving import choose

    formats = {weight.format for weight in bundle.manifest.weights}
    # By name: which of them is the fastest does not matter here.
    asked = ",".join(n for n in BACKENDS if n in formats) if names.strip() == AUTO else names
    choice = choose(bundle, asked)
    return tuple(engine.name for engine in choice.engines), dict(choice.left_out)


# --- judging -------------------------------------------------------------------------


def judge(found: Detections, frame: GoldenFrame, golden: Golden, manifest: Manifest) -> str | None:
    """What is wrong with what was found in a picture, in a few words; None when nothing is.

    Each required thing must be found as what it is, each by a box of its own; and of what
    is found for sure, nearly all must be expected.
    """
    import numpy as np

    boxes = np.array([thing.box for thing in frame.expected], np.float32).reshape(-1, 4)
    classes = np.array([thing.class_id for thing in frame.expected], np.int32)
    overlap = iou(boxes, found.xyxy)
    sure = found.confidence >= manifest.score_threshold + golden.margin
    extras = int((sure & ~(overlap >= golden.iou).any(axis=0)).sum())
    same = np.where(classes[:, None] == found.class_id, overlap, 0.0)
    missing = []
    for row, thing in zip(same, frame.expected, strict=True):
        if not thing.required:
            continue
        if row.size and row.max() >= golden.iou:
            same[:, row.argmax()] = 0
        else:
            missing.append(thing)
    if missing:
        required = sum(thing.required for thing in frame.expected)
        first = missing[0]
        where = ", ".join(f"{edge:.0f}" for edge in first.box)
        label = manifest.labels[min(first.class_id, len(manifest.labels) - 1)]
        return f"{len(missing)} of {required} things are missing, first the {label} at {where}"
    if extras > golden.extras:
        return f"{extras} things are there that nobody expects"
    return None


def iou(some: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """(n, m) intersection over union of (n, 4) and (m, 4) boxes."""
    import numpy as np

    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (some, others)]
    union = areas[0][:, None] + areas[1] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def _pictures(
    manifest: Manifest, golden: Golden | None
) -> Iterator[tuple[CameraFrame, GoldenFrame | None]]:
    import numpy as np

    from edge_infer.domain import CameraFrame
    from edge_infer.perception.images import decode_image

    if golden is None:
        size = manifest.input.height, manifest.input.width
        yield CameraFrame(np.full(size, _GREY, np.uint8), "mono8", 0, "grey"), None
        return
    for number, frame in enumerate(golden.frames, 1):
        yield decode_image(frame.encoded, f"golden picture {number}"), frame


def _problem(
    found: Detections, manifest: Manifest, golden: Golden | None, frame: GoldenFrame | None
) -> str | None:
    import numpy as np

    if not (np.isfinite(found.confidence).all() and np.isfinite(found.xyxy).all()):
        return "scores or boxes are NaN or infinite"
    return judge(found, frame, golden, manifest) if golden and frame else None


def _refusal(manifest: Manifest, engine: str, problem: str) -> ModelError:
    return ModelError(
        f"model {manifest.name} {manifest.version} does not see with {engine} what it was "
        f"published to see ({problem})",
        "leave that engine out, or publish the model again",
    )


# --- as a process --------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Check one bundle in every engine; 0, or 2 and one sentence on standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", help="folder")
    parser.add_argument("--engines", default=AUTO, help="names, separated by commas; or auto")
    arguments = parser.parse_args(argv)
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        with _silence():
            _check_all(arguments.bundle, arguments.engines)
    except EdgeInferError as error:
        sentence = str(error)
    except Exception as error:
        # Nothing that an engine raises may look like an accident of this program.
        kind = type(error).__name__
        sentence = (
            f"{arguments.bundle} cannot be checked ({kind}: {first_line(error)}): "
            "look at it with edge-infer model verify"
        )
    else:
        return 0
    sys.stderr.write(" ".join(sentence.split()) + "\n")
    return 2


def _check_all(folder: str, names: str) -> None:
    from edge_infer.models.bundle import ModelBundle

    bundle = ModelBundle.load(folder)
    engines, _ = engines_here(bundle, names)
    import cv2

    cv2.setNumThreads(1)
    for engine in engines:
        check(bundle, engine)


@contextmanager
def _silence() -> Iterator[None]:
    """Engines write what they like to standard error; the one sentence must stay alone there."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
