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

"""The bill of materials of a bundle, in CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/.

It names every file with its digest, the licence, the engines that run the weights and what
made them. It hangs on the manifest alone: no times, no random numbers, so the same bundle
always has the same bill.
"""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

from edge_infer.errors import ModelError
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import BundleFile, Manifest, WeightFile

SBOM_FILE = "sbom.json"

TOOLS = (
    "python", "torch", "torch_pruning", "onnx", "onnxruntime", "litert_torch",
    "ai_edge_quantizer", "numpy",
)  # fmt: skip
"""Keys of a manifest's provenance whose values are versions of what made the weights."""

UNSTATED = "NOASSERTION"
"""What SPDX calls a licence that nobody stated."""

_ACCURACY = "accuracy"
_MODEL = "model"


def write_sbom(manifest: Manifest) -> bytes:
    """The bill of a bundle's files; the one that the manifest may name already is not in it."""
    files = _files(manifest)
    tools = [_tool(key, str(manifest.training[key])) for key in TOOLS if key in manifest.training]
    references = [component["bom-ref"] for component in (*files, *tools)]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_serial(manifest)}",
        "version": 1,
        "metadata": {"component": _model(manifest)},
        "components": [*files, *tools],
        "dependencies": [
            {"ref": _MODEL, "dependsOn": references},
            *({"ref": reference} for reference in references),
        ],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def check_sbom(bundle: ModelBundle) -> str | None:
    """Whether a bundle's bill is that of its files.

    Returns:
        The format and its version; None where there is no bill.

    Raises:
        ModelError: it is no bill, or of other files.
    """
    named = bundle.manifest.sbom
    if named is None:
        return None
    file = bundle.path / named.file
    try:
        document = json.loads(file.read_bytes())
        component = document["metadata"]["component"]
        told = component["name"], component["version"]
        listed = {
            each["name"]: _sha256(each) for each in document["components"] if "hashes" in each
        }
        form = f"{document['bomFormat']} {document['specVersion']}"
    except (OSError, ValueError, LookupError, TypeError):
        raise ModelError(f"{file} is no CycloneDX bill of materials", _AGAIN) from None
    if told != (bundle.manifest.name, bundle.manifest.version):
        raise ModelError(f"{file} is the bill of {told[0]} {told[1]}", _AGAIN)
    for each in _billed(bundle.manifest):
        if listed.pop(each.file, None) != each.sha256:
            raise ModelError(f"{file} does not name {each.file} by its digest", _AGAIN)
    if listed:
        raise ModelError(f"{file} names {next(iter(listed))}, which the bundle does not", _AGAIN)
    return form


_AGAIN = "make it again with edge-infer model seal"


# --- parts of the document -----------------------------------------------------------


def _billed(manifest: Manifest) -> tuple[BundleFile, ...]:
    return (*manifest.all_weights, *([manifest.golden] if manifest.golden else []))


def _serial(manifest: Manifest) -> uuid.UUID:
    """The same for the same bundle."""
    digests = " ".join(each.sha256 for each in _billed(manifest))
    told = f"{manifest.name} {manifest.version} {manifest.release} {digests}"
    return uuid.uuid5(uuid.NAMESPACE_OID, f"edge_infer {told}")


def _model(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.input
    engines = {f"engine:{name}": versions for name, versions in manifest.engines.items()}
    return {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": manifest.name,
        "version": manifest.version,
        "licenses": _licences(manifest.licence),
        "modelCard": {
            "modelParameters": {
                "task": "object-detection",
                "architectureFamily": manifest.head,
                "inputs": [{"format": f"image {spec.width}x{spec.height}x{spec.channels}"}],
                "outputs": [{"format": f"boxes of {', '.join(manifest.labels)}"}],
            },
            "quantitativeAnalysis": {"performanceMetrics": _metrics(manifest)},
        },
        "properties": _properties({"release": manifest.release, **engines, **_history(manifest)}),
    }


def _licences(expression: str) -> list[dict[str, Any]]:
    """An expression as SPDX has it, or the word for none."""
    if expression == UNSTATED:
        return [{"license": {"name": UNSTATED}}]
    return [{"expression": expression}]


def _metrics(manifest: Manifest) -> list[dict[str, str]]:
    return [
        {"type": key, "value": str(value)}
        for key, value in manifest.training.items()
        if key.endswith(_ACCURACY)
    ]


def _history(manifest: Manifest) -> dict[str, Any]:
    """Commands, seeds and data: what one needs to make the weights again."""
    return {
        f"training:{key}": value
        for key, value in manifest.training.items()
        if key not in TOOLS and (isinstance(value, str) or key.endswith("_seed"))
    }


def _files(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {
            "type": "file",
            "bom-ref": f"file:{each.file}",
            "name": each.file,
            "hashes": [{"alg": "SHA-256", "content": each.sha256}],
            "licenses": _licences(manifest.licence),
            "properties": _properties(_facts(each)),
        }
        for each in _billed(manifest)
    ]


def _facts(named: BundleFile) -> dict[str, Any]:
    if isinstance(named, WeightFile):
        return {"bytes": named.bytes, "engine": named.format, "precision": named.precision}
    return {"bytes": named.bytes}


def _tool(key: str, version: str) -> dict[str, Any]:
    """A program that made the weights and is not in them."""
    if key == "python":
        link = f"pkg:generic/python@{quote(version)}"
    else:
        link = f"pkg:pypi/{key.replace('_', '-')}@{quote(version)}"
    return {
        "type": "library",
        "bom-ref": link,
        "name": key.replace("_", "-"),
        "version": version,
        "scope": "excluded",
        "purl": link,
    }


def _properties(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": f"edge_infer:{key}", "value": str(value)} for key, value in values.items()]


def _sha256(component: dict[str, Any]) -> str:
    return str(next(h["content"] for h in component["hashes"] if h["alg"] == "SHA-256"))
