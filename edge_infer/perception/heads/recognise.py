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

"""Which detection head a model has, told by its outputs and by what its exporter wrote down.

A guess that could be wrong is a question instead: a model read by the wrong head gives
boxes, only not where the things are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edge_infer.backends.base import TensorSpec
from edge_infer.errors import ModelError
from edge_infer.perception.heads.base import Fit, Given, Head, Outputs
from edge_infer.perception.heads.registry import HEADS

_TASK = "detect"
"""What Ultralytics calls the task of a detector, in the metadata of its exports."""

_LARGEST_NORMALISED = 2.0
"""Boxes that are spread over the input reach its edge: 1, or hundreds of pixels."""

_FARTHEST_RAW = 8.0
"""Half of the centres are nearer to their places, in strides; in pixels they are spread out."""


def recognise(
    outputs: Sequence[TensorSpec],
    size: tuple[int, int],
    labels: int | None,
    hints: Mapping[str, str],
) -> Head:
    """The head that has such outputs.

    Args:
        outputs: in the engine's order, shapes of one frame.
        size: width and height of the input, pixels.
        labels: how many; None where nobody said.
        hints: the file's metadata, as exporters write it.

    Raises:
        ModelError: several heads have, or none, or the model is no detector.
    """
    task = hints.get("task", _TASK)
    if task != _TASK:
        raise ModelError(f"the model is made for the task {task!r}", "export a detector")
    given = Given(tuple(outputs), *size, labels)
    fits = _hinted(_likely(given), hints)
    if len(fits) == 1:
        return HEADS[next(iter(fits))]
    if fits:
        raise ModelError(
            f"outputs {_words(outputs)} may be of the heads {' and '.join(fits)}",
            f"say which with {' or '.join(f'--head {name}' for name in fits)}",
        )
    raise _stranger(given)


def fit(head: Head, given: Given) -> Fit:
    """How a model's outputs are those of a head that somebody named; raises ModelError."""
    found = head.fits(given)
    if found is None:
        about = "" if given.labels is None else f" with {given.labels} labels"
        raise ModelError(
            f"outputs {_words(given.outputs)} of a {given.width}x{given.height} input{about} are "
            f"not those of the head {head.name}, {head.form}",
            "name another head, or leave --head out",
        )
    return found


def in_its_units(head: Head, outputs: Outputs) -> Head:
    """The same head, or that of the same shape whose boxes are in the units of a picture's.

    Args:
        head: as recognised.
        outputs: of any picture, in the head's order.
    """
    if not head.normalised and not head.decoded:
        return head
    output = outputs[0][0]
    # Channels are fewer than places.
    rows = output if len(output) > output.shape[1] else output.T
    boxes = rows[:, :4]
    if head.decoded:
        if np.median(boxes[:, :2]) <= _FARTHEST_RAW:
            return head
        # It has no chance that something is there, and fills the place with ones.
        return HEADS["yolov6" if (rows[:, 4] == 1).all() else "yolox_decoded"]
    # Of a grid the centres are sure to reach across the input, of a list the right edges.
    if (boxes[:, :2] if head.nms else boxes).max(initial=0.0) > _LARGEST_NORMALISED:
        return head
    if not head.nms and (boxes[:, 2:] < boxes[:, :2]).any():
        # Nothing ends left of its beginning: these are sizes.
        return HEADS["rtdetr_list"]
    return HEADS[head.normalised]


def _likely(given: Given) -> dict[str, Fit]:
    """Heads that fit, without those that only fit a part of what another explains."""
    twins = {twin for head in HEADS.values() for twin in (head.normalised, *head.decoded)}
    fits = {
        name: found
        for name, head in HEADS.items()
        if name not in twins and (found := head.fits(given)) is not None
    }
    # As many boxes as the grid has places is no accident.
    if any(found.dense for found in fits.values()):
        fits = {name: found for name, found in fits.items() if found.dense}
    most = max((len(HEADS[name].roles) for name in fits), default=0)
    return {name: found for name, found in fits.items() if len(HEADS[name].roles) == most}


def _hinted(fits: dict[str, Fit], hints: Mapping[str, str]) -> dict[str, Fit]:
    """Those that the metadata leaves; all where it says nothing of them."""
    said = " ".join(hints.values()).lower()
    rtdetr = any(word in said for word in ("rtdetr", "rt-detr"))
    if rtdetr or "task" in hints:
        fits = {n: f for n, f in fits.items() if n.startswith("rtdetr") == rtdetr} or fits
    if not rtdetr and "yolov10" in fits:
        # Of the same shape: in_its_units tells them apart by what they give.
        fits.pop("rtdetr_list", None)
    return fits


def _stranger(given: Given) -> ModelError:
    """Why no head fits: the number of labels, or all of it."""
    others = _likely(given._replace(labels=None))
    counts = {found.labels for found in others.values()}
    if given.labels is not None and len(counts) == 1 and (count := counts.pop()) is not None:
        return ModelError(
            f"outputs {_words(given.outputs)} are those of the head "
            f"{' or '.join(others)} with {count} labels, not with {given.labels}",
            "give the labels that the model was trained with",
        )
    forms = "; ".join(f"{head.name} {head.form}" for head in HEADS.values())
    return ModelError(
        f"outputs {_words(given.outputs)} of a {given.width}x{given.height} input are those of "
        f"no detection head that is known here",
        f"export the model with one of these: {forms}",
    )


def _words(outputs: Sequence[TensorSpec]) -> str:
    sizes = (
        f"{spec.name!r} [{', '.join('?' if s is None else str(s) for s in spec.shape)}]"
        for spec in outputs
    )
    return " and ".join(sizes)
