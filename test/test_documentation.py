"""What the documentation says of the code is what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

from edge_infer.nodes.registry import NODES

ROOT = Path(__file__).parent.parent

_spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
assert _spec
assert _spec.loader
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("file", sorted(generate.PAGES))
def test_generated_pages_are_up_to_date(file: str) -> None:
    assert (ROOT / "docs" / file).read_text() == generate.PAGES[file](), (
        "run python docs/generate.py"
    )


@pytest.mark.parametrize("name", sorted(NODES))
def test_each_config_file_states_the_defaults(name: str) -> None:
    document = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    assert document[f"/**/{name}"]["ros__parameters"] == NODES[name].load()[1]().model_dump()


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = [part.split(")")[0] for part in page.read_text().split("](")[1:]]
    for target in targets:
        if not target.startswith(("http", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page} links to {target}"
