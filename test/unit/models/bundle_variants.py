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

"""The shipped networks as other bundles, for tests of what handles bundles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Precision


def variant(
    model: ModelBundle, folder: Path, kinds: Sequence[tuple[str, Precision]], **changes: Any
) -> ModelBundle:
    """Write a model's first ONNX weights as if they were of these engines and precisions.

    Args:
        model: whose networks.
        folder: of the new bundle.
        kinds: engine and precision of each file.
        changes: of the manifest.
    """
    contents = {
        "finder": model.weights("onnx").read_bytes(),
        "classifier": model.classifier_weights("onnx").read_bytes(),
    }
    files = {f"{name}.{e}.{p}": content for name, content in contents.items() for e, p in kinds}
    first, second = (
        tuple(bundle.describe(e, f"{name}.{e}.{p}", content, p) for e, p in kinds)
        for name, content in contents.items()
    )
    classifier = model.manifest.classifier.model_copy(update={"weights": second})
    changes |= {"weights": first, "classifier": classifier, "golden": None, "sbom": None}
    return bundle.write(folder, model.manifest.model_copy(update=changes), files)


def without_first(model: ModelBundle) -> ModelBundle:
    """The same without the first kind of weights."""
    return _kept(model, slice(1, None))


def only_first(model: ModelBundle) -> ModelBundle:
    """The same with the first kind of weights alone."""
    return _kept(model, slice(1))


def _kept(model: ModelBundle, which: slice) -> ModelBundle:
    second = model.manifest.classifier
    second = second.model_copy(update={"weights": second.weights[which]})
    update = {"weights": model.manifest.weights[which], "classifier": second}
    return ModelBundle(model.path, model.manifest.model_copy(update=update), model.digest)
