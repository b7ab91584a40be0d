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

"""The model card: what a bundle is, from its manifest and the record of its runs alone.

After Mitchell et al., Model Cards for Model Reporting (2019). Nothing in it is
written by hand, so nothing in it can be forgotten when a model changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_infer.models.bundle import MODEL_CARD, ModelBundle
from edge_infer.models.manifest import Manifest
from edge_infer.training.checkpoint import history
from edge_infer.training.curves import LOSS, NEITHER
from edge_infer.training.export.provenance import Pair

_REAL = (
    "Real modules of the InfraredSolarModules set (Raptor Maps, 2020, MIT licence), cut from drone "
    "flights over solar farms, composed into frames; drawn modules and rendered frames mixed in."
)
_DRAWN = "Drawn modules and rendered frames only: do not inspect a real plant with it."


def write_card(bundle: ModelBundle, pair: Pair) -> None:
    """Write the card into the bundle's folder."""
    (bundle.path / MODEL_CARD).write_text("\n".join(_lines(bundle, pair)) + "\n", encoding="utf-8")


def _lines(bundle: ModelBundle, pair: Pair) -> Iterator[str]:
    manifest = bundle.manifest
    yield f"# {manifest.name} {manifest.version}"
    yield ""
    yield (
        f"Finds {len(manifest.labels)} kinds of faults in {manifest.input.width}x"
        f"{manifest.input.height} thermal frames: {', '.join(manifest.labels)}."
    )
    yield "A finder looks at the whole frame and outlines every module; a classifier looks at each"
    yield "module, cut out upright, and says what it is."
    yield f"Licence of the weights: {manifest.licence}."
    yield from _section(
        "Networks", "| | parameters | multiplications |", "|---|---|---|", *_costs(manifest, pair)
    )
    yield from _section("Files", "| engine | precision | file | bytes |", "|---|---|---|---|", *(
        f"| {w.format} | {w.precision} | {w.file} | {w.bytes:,} |" for w in manifest.all_weights
    ))  # fmt: skip
    yield from _section("Data", *_data(pair.classifier.record["data"]))
    for part, trained in pair._asdict().items():
        yield from _section(f"How the {part} was made", *_steps(trained.record))
    yield from _section("Figures", "| | |", "|---|---|", *(
        f"| {key.replace('_', ' ')} | {value} |"
        for key, value in manifest.training.items() if not isinstance(value, str)
    ))  # fmt: skip
    yield from _section(
        "Limits",
        "Modules 20 to 72 pixels wide, seen from above, fully in the picture. A score is the",
        "chance that a module is faulty where half of the modules are; where faults are rare",
        "it promises too much. Labels of the set are wrong now and then, and so is the model.",
    )


def _costs(manifest: Manifest, pair: Pair) -> Iterator[str]:
    finder, classifier = pair.finder.record, pair.classifier.record
    regions = manifest.training["regions_per_frame"]
    yield (
        f"| finder | {finder['parameters']:,} | "
        f"{finder['multiplications'] / 1e6:.0f} million a frame |"
    )
    yield (
        f"| classifier | {classifier['parameters']:,} | "
        f"{classifier['multiplications'] / 1e6:.1f} million a module; the frames that the files "
        f"were checked on show {regions} |"
    )
    whole = int(manifest.training["frame_multiplications"])
    yield f"| both | | {whole / 1e6:.0f} million such a frame |"


def _section(title: str, *lines: str) -> Iterator[str]:
    yield from ("", f"## {title}", "", *lines)


def _data(data: Mapping[str, Any]) -> Iterator[str]:
    if "pictures" not in data:
        yield _DRAWN if data.get("modules") == "drawn" else f"A labelled folder: {data}."
        return
    parts = ", ".join(f"{count:,} {part}" for part, count in data["pictures"].items())
    yield _REAL
    yield f"Split by picture, never by frame: {parts}. Rule: {data['rule']}."
    yield f"SHA-256 of the pictures and their classes: `{data['sha256']}`."


def _steps(record: Mapping[str, Any]) -> Iterator[str]:
    for number, step in enumerate(history(record), 1):
        look = step["validation"]
        yield (
            f"{number}. `{step['command']}`: seed {step['config']['seed']}, {step['steps']} steps, "
            f"{step['seconds'] / 60:.0f} min; validation: {_figures(look)}."
        )
    versions = ", ".join(f"{name} {value}" for name, value in record["versions"].items())
    yield ""
    yield f"With {versions}."


def _figures(look: Mapping[str, float]) -> str:
    names = [name for name in look if name not in NEITHER and not name.endswith(LOSS)]
    return ", ".join(f"{name.replace('_', ' ')} {look[name]:.4f}" for name in names)
