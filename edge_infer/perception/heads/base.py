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

"""What a detection head is to the rest: its outputs' shapes, how to read them, what it needs.

Nothing here knows an engine or the size of the source image. NMS is not a head's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.backends.base import TensorSpec
from edge_infer.errors import DecodeError
from edge_infer.models.manifest import Manifest, PerChannel

TOP_K = 400
"""Candidates that are looked at: NMS is quadratic, and hardly a frame shows more things."""

FARTHEST_PX = np.float32(1e6)
"""Corners lie within this: an area of a wild box must stay finite."""

Outputs = Sequence[NDArray[Any]]
"""Of one frame, in the head's order."""

Shape = tuple[int | str, ...]
"""Sizes; a letter stands for any size, the same letter for the same one."""


class Candidates(NamedTuple):
    """Boxes above the threshold, before NMS; at most TOP_K, the best.

    Attributes:
        xyxy: (n, 4) float32, input pixels; none is empty.
        score: (n,) float32.
        class_id: (n,) int32, index into the manifest's labels.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]


Decoder = Callable[[Outputs, Manifest], Candidates]
"""Outputs of the model, and what its manifest says of them -> candidates."""


class Usual(NamedTuple):
    """The preprocessing that models of a family are mostly trained with; see InputSpec."""

    colours: Literal["rgb", "bgr"] = "rgb"
    resize: Literal["letterbox", "stretch"] = "letterbox"
    align: Literal["centre", "corner"] = "centre"
    mean: PerChannel = 0.0
    scale: PerChannel = 1 / 255


_MOSTLY = Usual()


class Given(NamedTuple):
    """What is known of a model whose head is not.

    Attributes:
        outputs: in the engine's order.
        width, height: of the input, pixels.
        labels: how many; None where nobody said.
    """

    outputs: tuple[TensorSpec, ...]
    width: int
    height: int
    labels: int | None


class Fit(NamedTuple):
    """How a model's outputs are a head's.

    Attributes:
        outputs: their names in the head's order; () where their names do not tell.
        labels: how many they have scores for; None where the shapes do not say.
        dense: whether there is one box for each place of a grid over the input.
    """

    outputs: tuple[str, ...]
    labels: int | None
    dense: bool = False


@dataclass(frozen=True)
class Head:
    """One family of detection heads.

    Attributes:
        name: in manifests.
        form: its outputs in words.
        roles: of its outputs, in its order.
        decode: outputs -> candidates; raises DecodeError.
        fits: whether a model's outputs can be this head's, and how.
        nms: whether several boxes may be one thing.
        usual: preprocessing.
        normalised: the head with the same shapes whose boxes are in 0..1; "" for none.
        decoded: heads with the same shapes whose boxes are in input pixels.
    """

    name: str
    form: str
    roles: tuple[str, ...]
    decode: Decoder
    fits: Callable[[Given], Fit | None]
    nms: bool = True
    usual: Usual = _MOSTLY
    normalised: str = ""
    decoded: tuple[str, ...] = ()


# --- shapes --------------------------------------------------------------------------


def bind(
    shapes: Sequence[tuple[int | None, ...]], wanted: Sequence[Shape]
) -> Mapping[str, int] | None:
    """What the letters in ``wanted`` stand for; None when these shapes are not that.

    A size that is None fits everything, and says nothing.
    """
    letters: dict[str, int] = {}
    if [len(shape) for shape in shapes] != [len(shape) for shape in wanted]:
        return None
    for shape, want in zip(shapes, wanted, strict=True):
        for have, size in zip(shape, want, strict=True):
            if have is None:
                continue
            expected = letters.setdefault(size, have) if isinstance(size, str) else size
            if have != expected:
                return None
    return letters


def check(head: str, outputs: Outputs, *wanted: Shape) -> Mapping[str, int]:
    """What the letters in ``wanted`` stand for; raises DecodeError when the shapes differ."""
    letters = bind([output.shape for output in outputs], wanted)
    if letters is None:
        raise refusal(head, outputs, " and ".join(f"[{', '.join(map(str, w))}]" for w in wanted))
    return letters


def refusal(head: str, outputs: Outputs, wanted: str) -> DecodeError:
    """The error that says what a head's outputs look like."""
    return DecodeError(
        f"outputs {[output.shape for output in outputs]} are not the {head} head's {wanted}",
        "state the model's real head, labels and size in its manifest",
    )


# --- scores and boxes ----------------------------------------------------------------


class Best(NamedTuple):
    """The best class of the few places that matter.

    Attributes:
        place: (n,) rising.
        score: (n,) float32.
        class_id: (n,) int32.
    """

    place: NDArray[np.intp]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]


def strongest(score: NDArray[Any], threshold: float) -> NDArray[np.intp]:
    """Rising indices of the at most TOP_K best scores from the threshold on; the first of equals.

    Args:
        score: (n,)
        threshold: least score.
    """
    hits: NDArray[np.intp] = np.flatnonzero(score >= threshold)
    if len(hits) <= TOP_K:
        return hits
    reached = score[hits]
    least = np.partition(reached, len(hits) - TOP_K)[len(hits) - TOP_K]
    better = reached > least
    equals = np.flatnonzero(reached == least)[: TOP_K - np.count_nonzero(better)]
    better[equals] = True
    return np.asarray(hits[better])


def best_of_columns(scores: NDArray[Any], threshold: float) -> Best:
    """Of (classes, n) scores: one pass over contiguous rows, then only the few columns."""
    place = strongest(scores.max(axis=0), threshold)
    few = scores[:, place]
    class_id = few.argmax(axis=0)
    score = few[class_id, np.arange(len(place))]
    return Best(place, score.astype(np.float32), class_id.astype(np.int32))


def best_of_rows(
    scores: NDArray[Any], threshold: float, factor: NDArray[Any] | None = None
) -> Best:
    """Of (n, classes) scores, each times the (n,) factor of its row, which is at most one."""
    if factor is None:
        # A maximum along short rows is slow; a row of bits has a place where any is set.
        places = np.flatnonzero(scores >= threshold) // scores.shape[1]
        place = places[np.diff(places, prepend=-1) > 0]
    else:
        place = np.flatnonzero(factor >= threshold)
    few = scores[place].astype(np.float32, copy=False)
    class_id = few.argmax(axis=1)
    score = few[np.arange(len(place)), class_id]
    if factor is not None:
        score = score * factor[place].astype(np.float32, copy=False)
    chosen = strongest(score, threshold)
    return Best(place[chosen], score[chosen], class_id[chosen].astype(np.int32))


def from_centres(cxcywh: NDArray[Any]) -> NDArray[np.float32]:
    """(n, 4) centres and sizes -> (n, 4) left, top, right, bottom."""
    half = cxcywh[:, 2:] / 2
    return np.concatenate([cxcywh[:, :2] - half, cxcywh[:, :2] + half], axis=1)


def candidates(
    xyxy: NDArray[Any], score: NDArray[np.float32], class_id: NDArray[np.int32]
) -> Candidates:
    """Without the empty boxes, and none reaching farther than FARTHEST_PX."""
    boxes = np.clip(xyxy, -FARTHEST_PX, FARTHEST_PX).astype(np.float32, copy=False)
    full = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    if full.all():
        return Candidates(boxes, score, class_id)
    return Candidates(boxes[full], score[full], class_id[full])


def in_pixels(boxes: NDArray[Any], manifest: Manifest) -> NDArray[np.float32]:
    """(n, 4) x and y twice in 0..1 of the input -> in its pixels."""
    size = (manifest.input.width, manifest.input.height)
    return np.asarray(boxes * np.array(size * 2, np.float32), np.float32)


def logit(probability: float) -> float:
    """Natural log-odds of a chance, 0..1; infinite at the ends."""
    with np.errstate(divide="ignore"):
        return float(np.log(probability) - np.log1p(-probability))
