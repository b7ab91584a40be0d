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

"""``edge-infer model seal`` and ``derive``: bundles that can be published, and their releases."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from edge_infer.cli.checks import share
from edge_infer.errors import UsageError
from edge_infer.models.bundle import ModelBundle


def configure_seal(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("bundle", help="folder of a bundle")
    add("--out", type=Path, metavar="DIR", help="another folder to write to")
    add_golden(parser.add_argument)


def add_golden(add: Callable[..., argparse.Action]) -> None:
    """Declare what a golden input and the engines' versions are made of."""
    add("--pictures", type=Path, nargs="+", default=(), metavar="FILE",
        help="what every engine must see the same in (default: a drawn one)")  # fmt: skip
    add("--engines", type=needed, nargs="+", default=None, metavar="ENGINE>=V",
        help="versions that run the weights, such as onnx>=1.17")  # fmt: skip


def configure_derive(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("bundle", help="folder of a bundle")
    add("out", type=Path, help="folder of the new one")
    add("--version", required=True, help="for people")
    add("--release", type=int, required=True, metavar="N", help="decides which is newer")
    add("--threshold", type=share, metavar="T", help="score threshold (default: the bundle's)")


def run_seal(bundle: ModelBundle, arguments: argparse.Namespace) -> ModelBundle:
    """Write a bundle with a golden input and a bill of materials."""
    from edge_infer.perception.golden_making import encode
    from edge_infer.perception.images import read_image
    from edge_infer.perception.sealing import seal

    spec = bundle.manifest.input
    pictures = [encode(read_image(each), spec) for each in arguments.pictures]
    engines = None if arguments.engines is None else dict(arguments.engines)
    out = arguments.out or bundle.path
    return _written(out, lambda: seal(bundle, out, pictures, engines))


def run_derive(bundle: ModelBundle, arguments: argparse.Namespace) -> ModelBundle:
    """Write the same networks as another release."""
    from edge_infer.perception.sealing import derive

    return _written(
        arguments.out,
        lambda: derive(
            bundle, arguments.out, version=arguments.version, release=arguments.release,
            score_threshold=arguments.threshold,
        ),
    )  # fmt: skip


def needed(text: str) -> tuple[str, str]:
    """An engine and its versions, ``onnx>=1.17``."""
    from edge_infer.models.manifest import specifier

    start = min((text.find(sign) for sign in "<>=!~" if sign in text), default=0)
    engine, versions = text[:start].strip(), text[start:]
    try:
        specifier(engine, versions)
    except ValueError:
        engine = ""
    if not engine:
        raise argparse.ArgumentTypeError(f"{text!r} is not an engine and versions: onnx>=1.17")
    return engine, versions


def _written(out: Path, write: Callable[[], ModelBundle]) -> ModelBundle:
    try:
        return write()
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({error.strerror})", "name another folder"
        ) from None
