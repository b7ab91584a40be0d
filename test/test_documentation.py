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

"""What the documentation says of the code is what the code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from edge_infer.nodes.registry import NODES

ROOT = Path(__file__).parent.parent

_spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
assert _spec
assert _spec.loader
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("file", sorted(generate.FILES))
def test_what_is_generated_is_up_to_date(file: str) -> None:
    assert (ROOT / file).read_text() == generate.FILES[file](), "run python docs/generate.py"


@pytest.mark.parametrize("name", sorted(NODES))
def test_each_config_file_states_the_defaults(name: str) -> None:
    document = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    assert document[f"/**/{name}"]["ros__parameters"] == NODES[name].load()[1]().model_dump()


SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "config" / "parameters.schema.json").read_text())
)


OF_OTHERS = {"diagnostics_aggregator"}
"""Parameters of a node that is not ours."""


@pytest.mark.parametrize(
    "file",
    [file for file in sorted((ROOT / "config").glob("*.yaml")) if file.stem not in OF_OTHERS],
    ids=lambda f: f.stem,
)
def test_each_config_file_names_the_schema_and_follows_it(file: Path) -> None:
    assert file.read_text().startswith("# yaml-language-server: $schema=parameters.schema.json\n")
    SCHEMA.validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(
    ("node", "parameters", "word"),
    [
        ("/**/camera", {"rate_hzz": 5.0}, "rate_hzz"),
        ("camera", {"rate_hz": "fast"}, "fast"),
        ("/drone_1/coordinator", {"radius_m": -1.0}, "-1.0"),
    ],
)
def test_the_schema_refuses(node: str, parameters: dict[str, object], word: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match=word):
        SCHEMA.validate({node: {"ros__parameters": parameters}})


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = [part.split(")")[0] for part in page.read_text().split("](")[1:]]
    for target in targets:
        if not target.startswith(("http", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page} links to {target}"
