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

"""``edge-infer model pack``: a file of weights from elsewhere becomes a bundle."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge_infer.cli.checks import positive_int, share
from edge_infer.cli.seal import add_golden
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import PerChannel

_SHOWN_LABELS = 8
"""More are counted only."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("weights", type=Path, metavar="FILE", help="an .onnx or .tflite detector")
    add("--labels", type=Path, metavar="TXT", help="one a line; else the file's own")
    add("--out", type=Path, metavar="DIR", help="folder of the bundle (default: its name)")
    add("--name", default="", help="of the model (default: the file's)")
    add("--version", default="1.0.0", help="for people (default 1.0.0)")
    add("--release", type=int, default=1, metavar="N", help="decides which is newer (default 1)")
    add("--licence", default="NOASSERTION", metavar="SPDX", help="of the weights")
    add("--precision", choices=("float32", "float16", "int8"), help="of the weights")
    add("--json", action="store_true", help="print one JSON object")
    add_golden(add)
    _configure_reading(parser.add_argument_group("what the file may leave open"))
    _configure_pictures(parser.add_argument_group("instead of what is usual for the head"))


def run(arguments: argparse.Namespace) -> int:
    """Pack, and print what was decided."""
    from edge_infer.packing.pack import pack
    from edge_infer.packing.wishes import Wishes

    given = vars(arguments)
    given = {**given, "engines": dict(given["engines"] or ())}
    wishes = Wishes(**{key: given[key] for key in Wishes.__dataclass_fields__})
    packed = pack(arguments.weights, wishes)
    if arguments.json:
        described = {"path": str(packed.path), "digest": packed.digest}
        print(json.dumps({**described, **json.loads(packed.manifest.to_json())}, indent=2))
    else:
        _print(packed)
    return 0


def size(text: str) -> tuple[int, int]:
    """Width and height, ``640x480``."""
    width, _, height = text.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 640x480")
    return positive_int(width), positive_int(height)


def per_channel(text: str) -> PerChannel:
    """One number, or three with commas between."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 3:
        return numbers[0], numbers[1], numbers[2]
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number, or three such as 123.7,116.3,103.5"
    )


def _configure_reading(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--head", default="", help="family of the detection head, such as yolov8")
    add("--outputs", nargs="+", default=(), metavar="NAME", help="in the head's order")
    add("--size", type=size, metavar="WxH", help="of the input, where the file takes any")
    add("--input-name", default="", metavar="NAME", help="of the input that takes the picture")
    add("--layout", choices=("nchw", "nhwc"), help="of that input")


def _configure_pictures(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--colours", choices=("rgb", "bgr"), help="order of the channels")
    add("--resize", choices=("letterbox", "stretch"), help="how a picture is brought to size")
    add("--align", choices=("centre", "corner"), help="where it lies in the letterbox")
    add("--mean", type=per_channel, metavar="M", help="subtracted from each pixel, 0 to 255")
    add("--scale", type=per_channel, metavar="S", help="multiplies each pixel after that")
    add("--score-threshold", type=share, default=0.25, metavar="T", help="default 0.25")
    add("--nms-iou", type=share, default=0.45, metavar="IOU", help="default 0.45")


def _print(packed: ModelBundle) -> None:
    manifest, weights = packed.manifest, packed.manifest.weights[0]
    image = manifest.input
    colours = "grey" if image.channels == 1 else image.colours
    placed = f"letterbox {image.align}" if image.resize == "letterbox" else image.resize
    print(f"{manifest.name} {manifest.version}  {packed.digest[:12]}  {packed.path}")
    print(f"  weights  {weights.format} {weights.precision}, {weights.bytes / 1e6:.2f} MB")
    print(
        f"  input    {image.name} {image.width}x{image.height}x{image.channels} {image.dtype} "
        f"{image.layout}, {colours}, {placed}, mean {_number(image.mean)}, "
        f"scale {_number(image.scale)}"
    )
    print(f"  head     {manifest.head}{''.join(f' {name}' for name in manifest.outputs)}")
    shown = ", ".join(manifest.labels[:_SHOWN_LABELS])
    more = ", …" if len(manifest.labels) > _SHOWN_LABELS else ""
    print(f"  labels   {len(manifest.labels)}: {shown}{more}")
    print(f"  licence  {manifest.licence}")


def _number(value: PerChannel) -> str:
    return ",".join(f"{number:g}" for number in (value if isinstance(value, tuple) else (value,)))
