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

"""The import rules of the house, read from the source as text: nothing is imported here."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "edge_infer"
FILES = sorted(PACKAGE.rglob("*.py"))

ONLY_IN = {
    "rclpy": ["runtime/ros.py", "bench/"],
    "cyclonedds": ["runtime/embedded/", "bench/"],
    "onnxruntime": ["backends/onnx.py", "training/", "bench/"],
    "torch": ["training/"],
    "onnx": ["training/", "bench/"],
    "ai_edge_litert": ["backends/tflite.py", "training/"],
    "tflite_runtime": ["backends/tflite.py"],
    "tensorflow": ["backends/tflite.py"],
    "litert_torch": ["training/"],
    "ai_edge_quantizer": ["training/"],
    "tensorrt": ["backends/tensorrt"],
    "pycuda": ["backends/tensorrt", "backends/cuda_driver.py"],
    "sklearn": ["bench/"],
    "pymap3d": ["geometry.py"],
    "rosbags": ["runtime/", "replay/"],
    "matplotlib": ["evaluation/", "training/"],
    "tuf": ["updates/trust/"],
    "securesystemslib": ["updates/trust/"],
    "zstandard": ["updates/packages/", "replay/", "bench/"],
    "lz4": ["replay/"],
    "bsdiff4": ["updates/packages/", "bench/"],
    "fsspec": ["updates/store.py"],
    "foxglove": ["nodes/foxglove/"],
    "rich": ["cli/", "swarm/table.py", "bench/", "training/"],
}
"""Which files may import a library that not every room may know."""

GROUND = {
    "bucket",
    "errors",
    "domain",
    "files",
    "geometry",
    "lenses",
    "outlines",
    "metrics",
    "memory",
    "energy",
}

MAY_IMPORT = {
    "errors": set(),
    "domain": {"errors"},
    "geometry": {"errors", "domain", "lenses"},
    "lenses": {"domain"},
    "outlines": set(),
    "files": set(),
    "bucket": set(),
    "metrics": set(),
    "memory": set(),
    "energy": set(),
    "perception": GROUND | {"models", "backends"},
    "backends": GROUND,
    "models": GROUND,
    "packing": GROUND | {"models", "backends", "perception"},
    "fleet": GROUND,
    "updates": GROUND | {"models"},
    "simulation": GROUND,
    "datasets": GROUND | {"simulation", "perception", "models"},
    "evaluation": GROUND | {"datasets", "models", "perception", "backends", "simulation"},
    "training": GROUND
    | {"simulation", "models", "perception", "backends", "datasets", "evaluation"},
    "runtime": GROUND,
    "dashboard": GROUND,
    "swarm": GROUND | {"dashboard", "fleet", "simulation", "updates"},
    "nodes": GROUND
    | {"perception", "backends", "models", "fleet", "updates"}
    | {"runtime", "simulation", "dashboard", "swarm"},
    "replay": GROUND | {"runtime", "nodes"},
    "testing": GROUND | {"replay"},
    "bench": GROUND
    | {"perception", "backends", "models", "fleet", "updates", "runtime", "simulation", "nodes"}
    | {"datasets", "training", "replay", "swarm"},
}
"""Room -> the rooms that it may import; cli and __main__ may import all."""


def imports(file: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, at its top or late."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def name(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("file", FILES, ids=name)
def test_libraries_are_imported_only_where_they_belong(file: Path) -> None:
    for module in imports(file):
        allowed = ONLY_IN.get(module.partition(".")[0])
        if allowed is not None:
            assert name(file).startswith(tuple(allowed)), f"{name(file)} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=name)
def test_rooms_know_only_the_rooms_below(file: Path) -> None:
    allowed = MAY_IMPORT.get(room(file))
    if allowed is None:
        assert room(file) in {"cli", "__init__", "__main__"}, f"{room(file)} has no rule"
        return
    allowed = allowed | {room(file)}
    for module in imports(file):
        top, _, inside = module.partition(".")
        if top == "edge_infer" and inside:
            known = any(inside == rule or inside.startswith(f"{rule}.") for rule in allowed)
            partial = any(rule.startswith(f"{inside}.") for rule in allowed)
            assert known or partial, f"{name(file)} imports {module}"


def test_messages_meet_domain_values_in_one_place() -> None:
    for file in FILES:
        if "nodes/conversions/" in name(file):
            continue
        if room(file) in {"nodes", "cli"} and "_to_msg(" in file.read_text():
            defined = {
                node.name
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.FunctionDef)
            }
            conversions = {f for f in defined if f.endswith(("_to_msg", "_from_msg"))}
            assert not conversions, (name(file), conversions)


def test_nodes_know_no_concrete_runtime() -> None:
    allowed = {"api", "qos", "parameters", "parameter_changes", "qos_matching"}
    managed = allowed | {"lifecycle", "lifecycle_services", "managed_handle"}
    for file in FILES:
        if room(file) != "nodes" or file.name == "entry.py":
            continue
        for module in imports(file):
            if module.startswith("edge_infer.runtime."):
                known = managed if file.name == "managed.py" else allowed
                known = known | {"definitions"} if "foxglove" in name(file) else known
                assert module.split(".")[2] in known, f"{name(file)} imports {module}"


def test_there_are_no_import_circles() -> None:
    modules = {}
    for file in FILES:
        dotted = "edge_infer." + name(file)[:-3].replace("/", ".")
        modules[dotted.removesuffix(".__init__")] = file
    edges = {
        module: {
            target
            for target in imports(file)
            if target in modules and target != module and not module.startswith(f"{target}.")
        }
        for module, file in modules.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for target in sorted(edges[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in sorted(edges):
        visit(module, ())


def test_importing_the_package_imports_no_engine_and_no_middleware() -> None:
    heavy = ["rclpy", "cyclonedds", "onnxruntime", "cv2", "torch", "rosbags", "numpy"]
    script = f"import sys, edge_infer; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
