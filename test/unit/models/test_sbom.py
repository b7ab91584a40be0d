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

"""The bill of materials: what it names, that it is the same twice, and when it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_infer.errors import ModelError
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.models.manifest import InputSpec, Manifest
from edge_infer.models.sbom import check_sbom, write_sbom

CONTENT = b"weights of a network"


def manifest(**changes: Any) -> Manifest:
    values = {
        "name": "probe", "version": "1.0", "release": 2, "labels": ("Cell",), "head": "yolov8",
        "input": InputSpec(name="image", width=32, height=32, channels=1, dtype="uint8"),
        "score_threshold": 0.4, "nms_iou": 0.5,
        "weights": (bundle.describe("onnx", "m.onnx", CONTENT, "int8"),),
        "training": {"step_1": "edge-infer train run", "seed": 3, "finder_seed": 3,
                     "class_accuracy": 0.8, "score_difference": 0.01, "torch": "2.13.0+cpu"},
        "licence": "Apache-2.0", "engines": {"onnx": ">=1.17"},
    }  # fmt: skip
    return Manifest(**{**values, **changes})


def bill(**changes: Any) -> dict[str, Any]:
    return json.loads(write_sbom(manifest(**changes)))


def properties(component: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in component["properties"]}


def test_it_names_the_model_and_what_it_was_made_of() -> None:
    model = bill()["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == (
        "machine-learning-model", "probe", "1.0",
    )  # fmt: skip
    assert model["licenses"] == [{"expression": "Apache-2.0"}]
    told = properties(model)
    assert told["edge_infer:release"] == "2"
    assert told["edge_infer:engine:onnx"] == ">=1.17"
    assert told["edge_infer:training:step_1"] == "edge-infer train run"
    assert told["edge_infer:training:finder_seed"] == "3"
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert metrics == [{"type": "class_accuracy", "value": "0.8"}]


def test_it_names_every_file_by_its_digest_and_every_tool_by_its_version() -> None:
    golden = bundle.describe_file("golden.json", b"{}")
    weights, seen, tool = bill(golden=golden)["components"]
    assert weights["hashes"] == [
        {"alg": "SHA-256", "content": bundle.describe_file("m.onnx", CONTENT).sha256}
    ]
    assert properties(weights)["edge_infer:precision"] == "int8"
    assert (seen["name"], seen["hashes"][0]["content"]) == ("golden.json", golden.sha256)
    assert tool["purl"] == "pkg:pypi/torch@2.13.0%2Bcpu"
    assert tool["scope"] == "excluded"


def test_a_licence_that_nobody_stated_is_no_expression() -> None:
    model = bill(licence="NOASSERTION")["metadata"]["component"]
    assert model["licenses"] == [{"license": {"name": "NOASSERTION"}}]


def test_it_hangs_on_the_bundle_alone() -> None:
    assert write_sbom(manifest()) == write_sbom(manifest())
    serials = {bill(**change)["serialNumber"] for change in (
        {}, {"version": "1.1"}, {"release": 3},
        {"weights": (bundle.describe("onnx", "m.onnx", b"others"),)},
    )}  # fmt: skip
    assert len(serials) == 4


def test_no_two_parts_have_one_reference_and_all_are_referred_to() -> None:
    document = json.loads(write_sbom(ModelBundle.load(shipped()).manifest))
    references = [each["bom-ref"] for each in document["components"]]
    assert len(set(references)) == len(references)
    assert document["dependencies"][0]["dependsOn"] == references


def test_it_is_what_the_schema_says() -> None:
    schema = pytest.importorskip("cyclonedx.schema", reason="needs cyclonedx-python-lib")
    validation = pytest.importorskip("cyclonedx.validation.json")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    for each in (ModelBundle.load(shipped()).manifest, manifest(licence="NOASSERTION")):
        assert validator.validate_str(write_sbom(each).decode()) is None


# --- checking ------------------------------------------------------------------------


def saved(folder: Path, content: bytes) -> ModelBundle:
    """A bundle with this for a bill."""
    told = manifest(sbom=bundle.describe_file("sbom.json", content))
    return bundle.write(folder, told, {"m.onnx": CONTENT, "sbom.json": content})


def test_its_own_bill_is_good_and_none_is_none(tmp_path: Path) -> None:
    assert check_sbom(saved(tmp_path, write_sbom(manifest()))) == "CycloneDX 1.6"
    assert check_sbom(bundle.write(tmp_path, manifest(), {})) is None


OTHER = (bundle.describe("onnx", "m.onnx", b"others"),)
MORE = (*manifest().weights, bundle.describe("tflite", "m.tflite", b"more"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is no CycloneDX bill"),
        (b"[]", "is no CycloneDX bill"),
        (b'{"metadata": {}}', "is no CycloneDX bill"),
        (b'{"metadata": 3}', "is no CycloneDX bill"),
        (write_sbom(manifest(version="0.9")), "is the bill of probe 0.9"),
        (write_sbom(manifest(weights=OTHER)), "does not name m.onnx by its digest"),
        (write_sbom(manifest(weights=MORE)), "names m.tflite, which the bundle does not"),
    ],
    ids=["cut off", "list", "empty", "wrong type", "version", "digest", "more files"],
)
def test_the_bill_of_something_else_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        check_sbom(saved(tmp_path, content))
    assert "\n" not in str(caught.value)
