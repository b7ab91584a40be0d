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

"""Writes what the documentation and editors take from the code: `python docs/generate.py`.

A test compares what stands in the files with what this makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge_infer.models.manifest import PerChannel
from edge_infer.nodes import topics
from edge_infer.nodes.config import ManagedConfig
from edge_infer.nodes.drone import DroneConfig
from edge_infer.nodes.registry import NODES
from edge_infer.perception.heads.base import Head
from edge_infer.perception.heads.registry import HEADS
from edge_infer.runtime.parameters import Change, change_of
from edge_infer.runtime.qos import QoS

ROOT = Path(__file__).parent.parent
CHANGES = {Change.ANY_TIME: "any time", Change.UNCONFIGURED: "unconfigured", Change.NEVER: "never"}


def topics_page() -> str:
    """The table of topics."""
    rows = [value for value in vars(topics).values() if isinstance(value, topics.Topic)]
    lines = [
        "# Topics",
        "",
        "Names without a leading slash are relative to a drone's namespace, so they can be",
        "remapped and moved; those under `/fleet` are shared by all. Made by `docs/generate.py`",
        "from `edge_infer/nodes/topics.py`.",
        "",
        "| topic | type | quality of service |",
        "|---|---|---|",
        *(f"| `{row.name}` | `{row.type}` | {quality(row.qos)} |" for row in rows),
        "",
        "Readers that a whole fleet writes to keep 200 samples: a topic without keys is one",
        "instance, so twenty writers fill one queue. Images keep one: the newest counts.",
        "",
    ]
    return "\n".join(lines)


def quality(qos: QoS) -> str:
    """A contract in words."""
    parts = [qos.reliability.value, qos.durability.value, f"{qos.history.value} {qos.depth}"]
    if qos.lifespan_s is not None:
        parts.append(f"lifespan {qos.lifespan_s:g} s")
    return ", ".join(parts).replace("_", " ")


def parameters_page() -> str:
    """One table of parameters per node."""
    lines = [
        "# Parameters",
        "",
        "Set them with `-p name:=value`, in a parameter file, or in a launch file. In a process",
        "of several nodes say whose you mean: `-p camera:rate_hz:=10.0`. A name that a node does",
        "not know ends it with a sentence that names the nearest one. Made by",
        "`docs/generate.py`.",
        "",
        "`ros2 param set` changes what may change at any time at once. What a managed node takes",
        "while it is unconfigured counts from its next `configure` on. All else is read-only.",
    ]
    for name, config in configs().items():
        lines += ["", f"## {name}", "", "| parameter | default | changes | meaning |"]
        lines += ["|---|---|---|---|"]
        lines += parameter_rows(config)
    return "\n".join([*lines, ""])


def configs() -> Mapping[str, type[BaseModel]]:
    """What each node can be told."""
    return {"drone": DroneConfig, **{name: entry.load()[1] for name, entry in NODES.items()}}


def parameters_schema() -> str:
    """A JSON schema of parameter files: whoever writes one has names and ranges in the editor."""
    models = configs()
    found, schema = models_json_schema([(model, "validation") for model in models.values()])
    definitions: dict[str, Any] = schema["$defs"]
    for definition in definitions.values():
        definition["properties"]["use_sim_time"] = {"type": "boolean", "default": False}
    node_files = {
        f"(^|/){name}$": {"properties": {"ros__parameters": found[model, "validation"]}}
        for name, model in models.items()
    }
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Parameters of edge_infer's nodes",
        "type": "object",
        "patternProperties": node_files,
        "$defs": definitions,
    }
    return json.dumps(document, indent=2) + "\n"


def parameter_rows(config: type[BaseModel]) -> list[str]:
    """A row per field, with its unit."""
    rows = []
    is_managed = issubclass(config, ManagedConfig)
    for name, field in config.model_fields.items():
        extra = field.json_schema_extra
        unit = f", {extra['unit']}" if isinstance(extra, dict) and "unit" in extra else ""
        default = "(empty)" if field.default == "" else f"`{field.default}`"
        change = CHANGES[change_of(field, is_managed)]
        rows.append(f"| `{name}` | {default} | {change} | {field.description}{unit} |")
    return rows


def heads_page() -> str:
    """The table of detection heads."""
    lines = [
        "# Detection heads",
        "",
        "What `edge-infer model pack` recognises by the shapes of a file's outputs, or is told",
        "with `--head`. Letters stand for any size; boxes are in pixels of the input where nothing",
        "else is said. Made by `docs/generate.py` from `edge_infer/perception/heads/`.",
        "",
        "| head | outputs | form | NMS follows | usual input |",
        "|---|---|---|---|---|",
        *(
            f"| `{head.name}` | {', '.join(head.roles)} | {head.form} | "
            f"{'yes' if head.nms else 'no'} | {usual(head)} |"
            for head in HEADS.values()
        ),
        "",
        "The shipped model has a head of its own, `outlines`, which finds things for a second",
        "network to name.",
        "",
    ]
    return "\n".join(lines)


def usual(head: Head) -> str:
    """A head's usual preprocessing in words."""
    spec = head.usual
    place = spec.resize + (f" at the {spec.align}" if spec.resize == "letterbox" else "")
    return f"{spec.colours}, {place}, (pixel - {numbers(spec.mean)}) x {numbers(spec.scale)}"


def numbers(value: PerChannel) -> str:
    """One number, or three."""
    values = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"{number:.5g}" for number in values)


FILES = {
    "docs/topics.md": topics_page,
    "docs/parameters.md": parameters_page,
    "docs/heads.md": heads_page,
    "config/parameters.schema.json": parameters_schema,
}

if __name__ == "__main__":
    for file, content in FILES.items():
        (ROOT / file).write_text(content())
