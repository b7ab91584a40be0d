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

"""Which of a model's inputs takes the picture, and how the picture is to be brought there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from edge_infer.backends.base import Tensor, TensorSpec
from edge_infer.errors import ModelError
from edge_infer.packing import notes
from edge_infer.packing.wishes import Wishes
from edge_infer.perception.heads.base import Head

_DTYPES = ("float32", "uint8", "int8")
_CHANNELS = (1, 3)


class Image(NamedTuple):
    """The input that takes the picture, as the file has it."""

    name: str
    dtype: str
    layout: str
    channels: int
    width: int
    height: int
    size_input: str


def find_image(specs: Sequence[TensorSpec], wishes: Wishes, noted: Mapping[str, str]) -> Image:
    """Which input takes the picture, and its size.

    Raises:
        ModelError: none does, or the user must say which, or how large.
    """
    spec = _picture(specs, wishes.input_name)
    layout = _layout(spec, wishes)
    batch, *sizes = spec.shape
    channels, height, width = sizes if layout == "nchw" else (sizes[2], sizes[0], sizes[1])
    if batch not in (1, None) or (channels or 3) not in _CHANNELS:
        raise ModelError(
            f"input {spec.name!r} {_shape(spec)} does not take one picture of 1 or 3 channels",
            "export the model for a batch of one, or say its layout with --layout",
        )
    if spec.dtype not in _DTYPES:
        raise ModelError(
            f"input {spec.name!r} is of {spec.dtype}",
            f"export the model with an input of {', '.join(_DTYPES)}",
        )
    width, height = _size(spec, (width, height), wishes, noted)
    size_input = _size_input([other for other in specs if other is not spec])
    return Image(spec.name, spec.dtype, layout, channels or 3, width, height, size_input)


def zeros(image: Image, specs: Sequence[TensorSpec]) -> list[Tensor]:
    """A picture of zeros and its size, in the order of a model's inputs."""
    sizes = (image.height, image.width)
    shape = (1, image.channels, *sizes) if image.layout == "nchw" else (1, *sizes, image.channels)
    tensors: dict[str, Tensor] = {image.name: np.zeros(shape, image.dtype)}
    if image.size_input:
        tensors[image.size_input] = np.array([[image.width, image.height]], np.int64)
    return [tensors[spec.name] for spec in specs]


def describe(image: Image, head: Head, wishes: Wishes) -> dict[str, Any]:
    """The manifest's input; whole pixels stay as they are, and grey ones have one number."""
    usual = head.usual
    mean, scale = usual.mean, usual.scale
    if image.dtype != "float32":
        mean, scale = 0.0, 1.0
    elif image.channels == 1:
        mean, scale = float(np.mean(mean)), float(np.mean(scale))
    return {
        **image._asdict(),
        "colours": wishes.colours or usual.colours,
        "resize": wishes.resize or usual.resize,
        "align": wishes.align or usual.align,
        "mean": mean if wishes.mean is None else wishes.mean,
        "scale": scale if wishes.scale is None else wishes.scale,
    }


def _picture(inputs: Sequence[TensorSpec], name: str) -> TensorSpec:
    chosen = [spec for spec in inputs if (spec.name == name if name else len(spec.shape) == 4)]
    if len(chosen) == 1 and len(chosen[0].shape) == 4:
        return chosen[0]
    held = " and ".join(f"{spec.name!r} {_shape(spec)}" for spec in inputs)
    wanted = f"no input {name!r} that takes" if name else "not one input that takes"
    raise ModelError(f"the model has {wanted} pictures, but {held}", "say which with --input-name")


def _layout(spec: TensorSpec, wishes: Wishes) -> str:
    first, last = spec.shape[1] in _CHANNELS, spec.shape[3] in _CHANNELS
    if wishes.layout or first != last:
        return wishes.layout or ("nchw" if first else "nhwc")
    if spec.shape[1] is None and spec.shape[3] is None:
        return "nchw"
    raise ModelError(
        f"input {spec.name!r} {_shape(spec)} does not show where its channels are",
        "say it with --layout nchw or --layout nhwc",
    )


def _size(
    spec: TensorSpec,
    held: tuple[int | None, int | None],
    wishes: Wishes,
    noted: Mapping[str, str],
) -> tuple[int, int]:
    """Width and height: the file's, else as told, else as its exporter noted."""
    wanted = wishes.size or notes.size(noted) or held
    width, height = (have or want for have, want in zip(held, wanted, strict=True))
    if not width or not height:
        raise ModelError(
            f"input {spec.name!r} {_shape(spec)} takes pictures of any size",
            "say at which it is to run with --size, such as --size 640x640",
        )
    if wishes.size not in (None, (width, height)):
        raise ModelError(
            f"the model takes pictures of {width}x{height} only",
            "leave --size out, or export the model for another size",
        )
    return width, height


def _size_input(others: Sequence[TensorSpec]) -> str:
    """The second input, if there is one; "" for none."""
    if not others:
        return ""
    spec = others[0]
    if len(others) > 1 or not TensorSpec(spec.name, (1, 2), "int64").fits(spec):
        held = " and ".join(f"{other.name!r} {other.dtype} {_shape(other)}" for other in others)
        raise ModelError(
            f"beside the picture the model takes {held}",
            "export it with no more than one int64 [1, 2] for the picture's size",
        )
    return spec.name


def _shape(spec: TensorSpec) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in spec.shape)}]"
