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

"""``edge-infer train …``: from labelled frames to a small model, one command a step."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_infer.cli.checks import positive_float, positive_int
from edge_infer.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from edge_infer.training.checkpoint import Trained
    from edge_infer.training.networks.parts import Part

PART_NAMES = ("finder", "classifier")

STEPS = {
    "run": ("train", "train a network from nothing"),
    "prune": ("prune", "remove the channels that matter least, then fine-tune"),
    "distil": ("distil", "train a smaller network on a trained one's answers"),
    "qat": ("qat", "fine-tune under the rounding of eight bits"),
}
"""Sub-command -> kind of step and help."""

SHOWN_SEED = 2_000_003


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (_, text) in STEPS.items():
        _configure_step(name, actions.add_parser(name, help=text, description=text))
    text = "measure latency and a short training of many sizes; draw what is worth its time"
    _configure_search(actions.add_parser("search", help=text, description=text))
    text = "write both networks in every engine's format, checked, as a bundle"
    _configure_export(actions.add_parser("export", help=text, description=text))
    text = "compose labelled frames of single modules and write them in COCO form"
    _configure_frames(actions.add_parser("frames", help=text, description=text))


def run(arguments: argparse.Namespace) -> int:
    """Carry the step out; what it was worth goes to standard output."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "search": _search,
        "export": _export,
        "frames": _frames,
    }
    try:
        return actions.get(arguments.action, _step)(arguments)
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"training needs the Python package {error.name}",
            "install the extra: pip install 'edge_infer[train]'",
        ) from error


# --- training steps ----------------------------------------------------------------


def _configure_step(name: str, parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    _add_data(parser)
    if name in ("prune", "qat"):
        add("--start", type=Path, required=True, metavar="DIR", help="the run to begin with")
    if name == "distil":
        add("--teacher", type=Path, required=True, metavar="DIR", help="the run to learn from")
    else:
        add("--teacher", type=Path, metavar="DIR", help="a run to learn from, besides the labels")
    if name == "prune":
        add("--keep", type=_share, default=0.5, metavar="SHARE",
            help="of the multiplications (default 0.5)")  # fmt: skip
    if name in ("run", "distil"):
        add("--part", choices=PART_NAMES, required=True, help="of the detector to train")
        add("--size", metavar="N,N,N,N,N,N",
            help="finder: channels at 1/4, 1/8, 1/16, blocks at the last two, channels of the "
            "neck; classifier: channels of three stages, blocks in each")  # fmt: skip
    add("--steps", type=positive_int, help="batches to learn from")
    add("--batch", type=positive_int, help="images a step")
    add("--learning-rate", type=positive_float)
    add("--evaluate-every", type=positive_int, help="steps between two looks at unseen modules")
    add("--patience", type=positive_int, help="looks without a better figure before it ends")
    add("--seed", type=int, help="of the frames, the first weights and the order")
    add("--minutes", type=positive_float, default=float("inf"), help="stop after so long")
    add("--processes", type=positive_int, default=1, help="that share the work, one core each")
    add("--resume", action="store_true", help="go on where this run stopped")


def _step(arguments: argparse.Namespace) -> int:
    from edge_infer.training.steps import DEFAULTS, Step, carry_out

    kind, _ = STEPS[arguments.action]
    part = _part(arguments)
    default = DEFAULTS[part][kind]
    names = [f.name for f in dataclasses.fields(default)]
    given = {n: getattr(arguments, n) for n in names if getattr(arguments, n, None) is not None}
    config = dataclasses.replace(default, **given)
    if config.batch < arguments.processes:
        raise UsageError(
            f"{arguments.processes} processes cannot share a batch of {config.batch}",
            "give fewer --processes or a larger --batch",
        )
    step = Step(
        kind=kind,
        out=arguments.out,
        command=_command(arguments),
        config=config,
        part=part,
        data=arguments.data,
        start=getattr(arguments, "start", None),
        teacher=arguments.teacher,
        keep=getattr(arguments, "keep", 1.0),
        minutes=arguments.minutes,
        resume=arguments.resume,
        size=_size(part, getattr(arguments, "size", None)),
    )
    _print(arguments.out, carry_out(step, arguments.processes))
    return 0


def _part(arguments: argparse.Namespace) -> Part:
    """The part that is named, or that the run to begin with has trained."""
    from edge_infer.training.checkpoint import load_trained
    from edge_infer.training.networks.parts import PARTS, part_of

    if hasattr(arguments, "part"):
        return PARTS[arguments.part]
    return part_of(load_trained(arguments.start).network)


def _size(part: Part, text: str | None) -> Any:
    try:
        return part.size.parse(text or part.default_size)
    except ValueError:
        raise UsageError(
            f"--size {text} is no size of a {part.name}",
            f"give six whole numbers, such as {part.default_size}",
        ) from None


def _command(arguments: argparse.Namespace) -> str:
    """What decides the result, as one would type it; folders are left to the reader."""
    words = ["edge-infer", "train", arguments.action]
    left_out = {"command", "action", "rest", "out", "start", "teacher", "data", "minutes",
                "processes", "resume"}  # fmt: skip
    for name, value in vars(arguments).items():
        if name not in left_out and value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _print(out: Path, trained: Trained) -> None:
    figures = dict(trained.record["validation"])
    step = figures.pop("step")
    shown = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in figures.items()
                      if not name.endswith("_loss"))  # fmt: skip
    print(f"{out}: {trained.record['parameters']:,} parameters, best at step {step}: {shown}")


# --- search, export, frames --------------------------------------------------------


def _configure_search(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of table and picture")
    _add_data(parser)
    add("--part", choices=PART_NAMES, required=True, help="of the detector to search")
    add("--candidates", type=positive_int, default=8, help="sizes to try (default 8)")
    add("--steps", type=positive_int, default=200, help="of each training (default 200)")
    add("--seed", type=int, default=0)


def _search(arguments: argparse.Namespace) -> int:
    from edge_infer.training.networks.parts import PARTS
    from edge_infer.training.search import search

    rows = search(
        PARTS[arguments.part], arguments.data, arguments.out,
        arguments.candidates, arguments.steps, arguments.seed,
    )  # fmt: skip
    for row in rows:
        print(row.words)
    return 0


def _configure_export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--finder", type=Path, required=True, metavar="DIR", help="the run that trained it")
    add("--classifier", type=Path, required=True, metavar="DIR", help="the run that trained it")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    _add_data(parser)
    add("--name", default="detector", help="of the model (default detector)")
    add("--version", default="0.1.0", help="for people (default 0.1.0)")
    add("--release", type=int, default=1, help="counts up with every release (default 1)")


def _export(arguments: argparse.Namespace) -> int:
    from edge_infer.training.export.shipping import ship

    bundle = ship(
        arguments.finder, arguments.classifier, arguments.data, arguments.out,
        name=arguments.name, version=arguments.version, release=arguments.release,
    )  # fmt: skip
    for weight in bundle.manifest.all_weights:
        print(f"{weight.format:9} {weight.precision:8} {weight.bytes / 1e6:.2f} MB  {weight.file}")
    return 0


def _configure_frames(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the frames")
    _add_data(parser)
    add("--part", choices=("train", "validation", "test"), default="test",
        help="of the modules (default test)")  # fmt: skip
    add("--count", type=positive_int, default=60, help="frames (default 60)")
    add("--seed", type=int, default=SHOWN_SEED)


def _frames(arguments: argparse.Namespace) -> int:
    from edge_infer.datasets.compose import JUDGED, Composer
    from edge_infer.datasets.folders import write_coco
    from edge_infer.datasets.mixture import draw
    from edge_infer.datasets.pictures import Split, drawn_pictures
    from edge_infer.simulation.modules import FAULT_CLASSES

    if arguments.data:
        pictures = Split.load(arguments.data).take(arguments.part)
    else:
        pictures = drawn_pictures(arguments.seed)
    frames = draw(Composer(pictures, JUDGED), arguments.count, arguments.seed)
    write_coco(arguments.out, frames, FAULT_CLASSES)
    print(f"{arguments.out}: {len(frames.images)} frames, {len(frames.boxes.frame)} modules")
    return 0


# --- arguments ----------------------------------------------------------------------


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        default="",
        metavar="PATH",
        help="a modules.npz, or a folder in COCO or YOLO form; drawn modules when left out",
    )


def _share(text: str) -> float:
    value = positive_float(text)
    if value >= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value
