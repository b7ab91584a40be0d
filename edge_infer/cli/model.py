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

"""``edge-infer model …``: make a model bundle, check it, release it, measure how good it is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge_infer.cli import pack, seal, verify
from edge_infer.cli.checks import positive_int
from edge_infer.errors import UsageError
from edge_infer.files import write_whole
from edge_infer.models.bundle import ModelBundle, shipped

SHIPPED = "shipped"
"""Stands for the bundle that comes with the package."""

_MODEL = f"folder of a bundle, or the word {SHIPPED}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "check a bundle and print its manifest"
    inspect = actions.add_parser("inspect", help=text, description=text)
    inspect.add_argument("bundle", nargs="?", default=SHIPPED, help=f"{_MODEL} (default)")
    inspect.add_argument("--json", action="store_true", help="print one JSON object")
    text = "measure how good a bundle is on labelled frames"
    _configure_evaluate(actions.add_parser("evaluate", help=text, description=text))
    text = "measure how good, large and fast the weights of several bundles are"
    _configure_compare(actions.add_parser("compare", help=text, description=text))
    text = "make a bundle of an .onnx or .tflite detector from elsewhere"
    pack.configure(actions.add_parser("pack", help=text, description=text))
    text = "check a bundle's files, bill, golden input and signature"
    verify.configure(actions.add_parser("verify", help=text, description=text))
    text = "give a bundle a golden input and a bill of materials"
    seal.configure_seal(actions.add_parser("seal", help=text, description=text))
    text = "write the same networks as another release"
    seal.configure_derive(actions.add_parser("derive", help=text, description=text))


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out and print what came out."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "inspect": _inspect,
        "evaluate": _evaluate,
        "compare": _compare,
        "pack": pack.run,
        "verify": lambda arguments: verify.run(load(arguments.bundle), arguments),
        "seal": lambda arguments: _written(seal.run_seal(load(arguments.bundle), arguments)),
        "derive": lambda arguments: _written(seal.run_derive(load(arguments.bundle), arguments)),
    }
    return actions[arguments.action](arguments)


def load(name: str) -> ModelBundle:
    """The bundle of a folder, or the shipped one; raises ModelError."""
    return ModelBundle.load(shipped() if name == SHIPPED else name)


# --- inspect -------------------------------------------------------------------------


def _inspect(arguments: argparse.Namespace) -> int:
    bundle = load(arguments.bundle)
    manifest = bundle.manifest
    if arguments.json:
        described = {"path": str(bundle.path), "digest": bundle.digest}
        _print_json({**described, **json.loads(manifest.to_json())})
        return 0
    _print_title(bundle)
    for weight in manifest.all_weights:
        size = f"{weight.bytes / 1e6:.2f} MB"
        print(f"  {weight.format:8} {weight.precision:8} {size:>8}  {weight.file}")
    shape = manifest.input
    print(f"  input    {shape.width}x{shape.height}x{shape.channels} {shape.dtype}")
    print(f"  labels   {', '.join(manifest.labels)}")
    print(f"  release  {manifest.release}, licence {manifest.licence}")
    for engine, versions in manifest.engines.items():
        print(f"  needs    {engine} {versions}")
    for name, named in (("golden", manifest.golden), ("sbom", manifest.sbom)):
        held = f"{named.bytes / 1e3:.0f} kB  {named.file}" if named else "none"
        print(f"  {name:8} {held}")
    return 0


def _written(bundle: ModelBundle) -> int:
    _print_title(bundle)
    return 0


def _print_title(bundle: ModelBundle) -> None:
    manifest = bundle.manifest
    print(f"{manifest.name} {manifest.version}  {bundle.digest[:12]}  {bundle.path}")


# --- evaluate ------------------------------------------------------------------------


def _configure_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    _add_data(parser)
    parser.add_argument("--engine", help="the first of the bundle that runs here when left out")
    parser.add_argument("--precision", help="of the weights; the engine's first when left out")
    _add_output(parser, "evaluation.json, confusion.png and mistakes.png")


def _evaluate(arguments: argparse.Namespace) -> int:
    from edge_infer.cli.model_tables import print_evaluation, progress_bar
    from edge_infer.evaluation import pictures
    from edge_infer.evaluation.data import open_data
    from edge_infer.evaluation.evaluate import choose, evaluate

    bundle = load(arguments.model)
    weights = choose(bundle, arguments.engine, arguments.precision)
    _prepare(arguments.out)
    with progress_bar() as tell:
        data = open_data(arguments.data, arguments.part)
        evaluation = evaluate(bundle, weights, data, lambda done, of: tell("judging", done, of))
    document = evaluation.to_json()
    if arguments.out:
        _write(arguments.out, {
            "confusion.png": pictures.confusion_png(evaluation.modules, evaluation.labels),
            "mistakes.png": pictures.mistakes_png(evaluation.mistakes),
            "evaluation.json": _json(document),
        })  # fmt: skip
    if arguments.json:
        _print_json(document)
    else:
        print_evaluation(evaluation)
    return 0


# --- compare -------------------------------------------------------------------------


def _configure_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", nargs="+", metavar="MODEL", help=_MODEL)
    _add_data(parser)
    parser.add_argument("--frames", type=positive_int, default=200, metavar="N",
                        help="frames that each engine is timed on (default 200)")  # fmt: skip
    _add_output(parser, "comparison.json and comparison.png")


def _compare(arguments: argparse.Namespace) -> int:
    from edge_infer.cli.model_tables import print_comparison, progress_bar
    from edge_infer.energy import EnergyMeter
    from edge_infer.evaluation import pictures
    from edge_infer.evaluation.compare import compare
    from edge_infer.evaluation.data import open_data

    bundles = [load(name) for name in arguments.models]
    _prepare(arguments.out)
    with progress_bar() as tell:
        data = open_data(arguments.data, arguments.part)
        comparison = compare(bundles, data, arguments.frames, tell, EnergyMeter.open())
    document = comparison.to_json()
    if arguments.out:
        _write(arguments.out, {
            "comparison.png": pictures.comparison_png(comparison),
            "comparison.json": _json(document),
        })  # fmt: skip
    if arguments.json:
        _print_json(document)
    else:
        print_comparison(comparison)
    return 0


# --- arguments and files -------------------------------------------------------------


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", required=True, metavar="PATH",
        help="a folder in COCO or YOLO form, or a modules.npz to compose frames of")  # fmt: skip
    add("--part", choices=("train", "validation", "test"),
        help="of training's split; when left out, all of a folder and test of modules")  # fmt: skip


def _add_output(parser: argparse.ArgumentParser, files: str) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder for {files}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _prepare(out: Path | None) -> None:
    """Find out before the work whether its pictures can be drawn and written."""
    if out is None:
        return
    from edge_infer.evaluation import pictures

    pictures.check()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, content in files.items():
            write_whole(out / name, content)
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> UsageError:
    return UsageError(f"{out} cannot be written ({error.strerror})", "name another folder as --out")


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=2))
