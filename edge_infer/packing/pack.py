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

"""One file of weights in, one folder out.

What the file does not say is asked for, never guessed: size, labels, and the head where
several fit. How a family of heads wants its pictures is taken to be as usual unless told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from edge_infer.backends import registry
from edge_infer.backends.base import Options, TensorSpec
from edge_infer.errors import ModelError
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import FILE_NAME, Manifest, Precision
from edge_infer.packing import inputs, labels, notes
from edge_infer.packing.inputs import Image
from edge_infer.packing.wishes import Wishes
from edge_infer.perception.decode import decode
from edge_infer.perception.golden_making import encode
from edge_infer.perception.heads.base import Given, Head
from edge_infer.perception.heads.recognise import fit, in_its_units, recognise
from edge_infer.perception.heads.registry import find
from edge_infer.perception.images import read_image
from edge_infer.perception.sealing import seal

ENGINES = {".onnx": "onnx", ".tflite": "tflite"}
"""Suffix of a file of weights -> the engine that reads it."""


def pack(weights: Path, wishes: Wishes) -> ModelBundle:
    """Make a bundle of a file of weights, after a trial with the engine that reads it.

    Raises:
        ModelError: the file is no detector that is known here, or more must be said of it.
        BackendError: the engine is not here, or cannot run the file.
        DecodeError: what the model gives is not what its head gives.
        FrameError: a picture for the golden input is none.
    """
    engine = ENGINES.get(weights.suffix.lower())
    if engine is None:
        raise ModelError(
            f"{weights} is not a file of weights that can be packed",
            f"name a file that ends in {' or '.join(ENGINES)}",
        )
    content = _read(weights)
    with closing(registry.load(engine, weights, Options(threads=1))) as network:
        noted = notes.flat(network.metadata)
        image = inputs.find_image(network.inputs, wishes, noted)
        names = labels.read(weights, wishes.labels, noted)
        tensors = network.infer(inputs.zeros(image, network.inputs))
        given = [spec.name for spec in network.outputs]
        results = {name: tensor.copy() for name, tensor in zip(given, tensors, strict=True)}
    head, outputs = _head(results, image, len(names), wishes, noted)
    file = weights.name if re.match(FILE_NAME, weights.name) else f"model{weights.suffix.lower()}"
    precision = wishes.precision or _precision(engine, content, image.dtype, results.values())
    manifest = _manifest(weights, {
        "name": wishes.name or _name(weights),
        "version": wishes.version,
        "release": wishes.release,
        "labels": labels.of_head(names, head),
        "head": head.name,
        "outputs": () if outputs == tuple(results) else outputs,
        "input": inputs.describe(image, head, wishes),
        "score_threshold": wishes.score_threshold,
        "nms_iou": wishes.nms_iou,
        "weights": (bundle.describe(engine, file, content, precision),),
        "training": {"packed_from": weights.name},
        "licence": wishes.licence,
        "engines": dict(wishes.engines),
    })  # fmt: skip
    decode([results[name] for name in outputs], manifest)
    pictures = [encode(read_image(each), manifest.input) for each in wishes.pictures]
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        packed = bundle.write(folder, manifest, {file: content})
        contents = seal(packed, Path(folder), pictures).contents()
    return _write(wishes.out or Path(manifest.name), contents)


# --- the file ------------------------------------------------------------------------


def _read(weights: Path) -> bytes:
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{weights} cannot be read ({error.strerror})", "name a file that exists"
        ) from None
    # The key under which ONNX keeps the name of a second file.
    if weights.suffix.lower() == ".onnx" and b"\n\x08location\x12" in content:
        raise ModelError(
            f"{weights} keeps its weights in another file beside it",
            "save the model as a single file",
        )
    return content


def _precision(
    engine: str, content: bytes, dtype: str, results: Iterable[NDArray[Any]]
) -> Precision:
    """By the words in the graph, the type of what it takes and of what it gives."""
    whole = engine == "tflite" and dtype in ("int8", "uint8")
    if whole or b"DequantizeLinear" in content:
        return "int8"
    half = any(result.dtype == np.float16 for result in results)
    return "float16" if half else "float32"


def _name(weights: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", weights.stem.lower()).strip("_")
    return name if name[:1].isalpha() else f"model_{name}".rstrip("_")


# --- outputs -------------------------------------------------------------------------


def _head(
    results: Mapping[str, NDArray[Any]],
    image: Image,
    label_count: int,
    wishes: Wishes,
    noted: Mapping[str, str],
) -> tuple[Head, tuple[str, ...]]:
    """The model's head, and names of its outputs in the head's order."""
    missing = [name for name in wishes.outputs if name not in results]
    if missing:
        raise ModelError(
            f"the model gives no output {missing[0]!r}", f"choose of {', '.join(results)}"
        )
    chosen = {name: results[name] for name in wishes.outputs or results}
    specs = tuple(TensorSpec(n, o.shape, o.dtype.name) for n, o in chosen.items())
    given = Given(specs, image.width, image.height, label_count)
    if wishes.head:
        head = find(wishes.head)
    else:
        head = recognise(specs, (image.width, image.height), label_count, noted)
    outputs = wishes.outputs or fit(head, given).outputs
    if not outputs:
        raise ModelError(
            f"the names {', '.join(chosen)} do not tell the outputs of the head {head.name} apart",
            f"name them with --outputs in the order {', '.join(head.roles)}",
        )
    if wishes.head:
        return head, outputs
    return in_its_units(head, [results[name] for name in outputs]), outputs


# --- the bundle ----------------------------------------------------------------------


def _manifest(weights: Path, values: Mapping[str, Any]) -> Manifest:
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ModelError(
            f"{weights} cannot be packed like that ({f'{key}: ' if key else ''}{first['msg']})",
            "change the option or the label that says so",
        ) from None


def _write(out: Path, contents: Mapping[str, bytes]) -> ModelBundle:
    try:
        return bundle.write_contents(out, contents)
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written ({error.strerror})", "name another folder as --out"
        ) from None
