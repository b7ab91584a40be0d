"""Writes the tables that the documentation quotes from the code: `python docs/generate.py`.

A test compares what stands in the files with what this makes.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from edge_infer.models.manifest import PerChannel
from edge_infer.nodes import topics
from edge_infer.nodes.drone import DroneConfig
from edge_infer.nodes.registry import NODES
from edge_infer.perception.heads.base import Head
from edge_infer.perception.heads.registry import HEADS
from edge_infer.runtime.qos import QoS

HERE = Path(__file__).parent


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
    ]
    configs = {"drone": DroneConfig, **{name: entry.load()[1] for name, entry in NODES.items()}}
    for name, config in configs.items():
        lines += ["", f"## {name}", "", "| parameter | default | meaning |", "|---|---|---|"]
        lines += parameter_rows(config)
    return "\n".join([*lines, ""])


def parameter_rows(config: type[BaseModel]) -> list[str]:
    """A row per field, with its unit."""
    rows = []
    for name, field in config.model_fields.items():
        extra = field.json_schema_extra
        unit = f", {extra['unit']}" if isinstance(extra, dict) else ""
        default = "(empty)" if field.default == "" else f"`{field.default}`"
        rows.append(f"| `{name}` | {default} | {field.description}{unit} |")
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


PAGES = {"topics.md": topics_page, "parameters.md": parameters_page, "heads.md": heads_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (HERE / file).write_text(page())
