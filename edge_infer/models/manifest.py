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

"""The manifest of a model bundle: what a detector expects, gives, and where it came from.

A manifest is plain JSON; unknown keys are refused, so a misspelt one cannot be
silently ignored in the air. The files that it names are checked in bundle.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_infer.errors import ModelError

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A file beside the manifest: no folders, so a bundle cannot reach outside itself."""

OUTLINES = "outlines"
"""The head that finds things without naming them."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


PerChannel = float | tuple[float, float, float]
"""One number for all channels, or one for each in the order of ``colours``."""


class InputSpec(_Strict):
    """How a camera image becomes the network's input tensor."""

    name: str = Field(description="name of the input tensor")
    width: int = Field(gt=0, le=4096, description="pixels")
    height: int = Field(gt=0, le=4096, description="pixels")
    channels: Literal[1, 3] = Field(description="1 is grey")
    colours: Literal["rgb", "bgr"] = Field("rgb", description="order of three channels")
    dtype: Literal["uint8", "int8", "float32"] = Field(description="int8: pixels less 128")
    layout: Literal["nchw", "nhwc"] = "nchw"
    resize: Literal["letterbox", "stretch"] = "letterbox"
    align: Literal["centre", "corner"] = Field(
        "centre", description="where the image lies in the letterbox; corner is the top left one"
    )
    pad_value: int = Field(114, ge=0, le=255, description="grey level of the letterbox border")
    mean: PerChannel = Field(0.0, description="subtracted from each pixel, before scale")
    scale: PerChannel = Field(1.0, description="multiplies each pixel; float32 inputs only")
    batch: int = Field(
        1, ge=1, le=64, description="frames looked at together; above 1, the file leaves it open"
    )
    size_input: str = Field(
        "", description="second input, int64 [1, 2], that takes the input's width and height"
    )

    @model_validator(mode="after")
    def _pixels_stay_whole(self) -> InputSpec:
        if self.dtype != "float32" and (self.mean, self.scale) != (0.0, 1.0):
            raise ValueError(f"a {self.dtype} input takes pixels as they are: mean 0 and scale 1")
        return self

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the tensor, batch of one."""
        if self.layout == "nchw":
            return (1, self.channels, self.height, self.width)
        return (1, self.height, self.width, self.channels)


Precision = Literal["float32", "float16", "int8"]


class BundleFile(_Strict):
    """One file beside the manifest."""

    file: str = Field(pattern=FILE_NAME)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)


class WeightFile(BundleFile):
    """One file of weights; ``format`` is the name of the engine that reads it."""

    format: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    precision: Precision = Field("float32", description="of the weights, and of the sums for int8")

    @property
    def kind(self) -> tuple[str, Precision]:
        """What tells the files of one network apart."""
        return self.format, self.precision


class ClassifierSpec(_Strict):
    """A second network, which says what each thing is that the first one found.

    It looks at regions, each a thing cut out upright and brought to one size: uint8
    [batch, 1, height, width] to logits [batch, labels + 1], the last for none of them.
    """

    input: str = Field(description="name of the input tensor")
    width: int = Field(gt=0, le=512, description="of a region, pixels")
    height: int = Field(gt=0, le=512, description="of a region, pixels")
    batch: int = Field(gt=0, le=1024, description="regions that are looked at together")
    faulty_share: float = Field(
        0.5, gt=0, lt=1, description="share of things with a label where its chances hold"
    )
    weights: tuple[WeightFile, ...] = Field(
        min_length=1, description="of the same engines and precisions as the first network's"
    )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the tensor, one batch."""
        return (self.batch, 1, self.height, self.width)


class Manifest(_Strict):
    """A detector, as every room that handles one sees it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str = Field(min_length=1, max_length=64, description="for people, such as 1.4.0")
    release: int = Field(ge=0, description="counts up with every release; decides which is newer")
    labels: tuple[str, ...] = Field(min_length=1, description="index is the class id")
    head: str = Field(description="detection head: a file in perception/heads/")
    outputs: tuple[str, ...] = Field(
        (), description="names of the outputs that the head reads, in its order; () as they are"
    )
    input: InputSpec
    score_threshold: float = Field(ge=0, le=1)
    nms_iou: float = Field(gt=0, le=1)
    nms: Literal["per_class", "agnostic"] = Field(
        "per_class", description="agnostic: one place holds at most one thing, whatever its class"
    )
    weights: tuple[WeightFile, ...] = Field(
        min_length=1, description="of several for one engine, the first is what it flies with"
    )
    classifier: ClassifierSpec | None = Field(
        None, description="the second look; None where the first network names what it finds"
    )
    training: dict[str, str | int | float] = Field(description="provenance: command, seed, figures")
    licence: str = Field(description="SPDX expression of the weights")
    engines: dict[str, str] = Field(
        {}, description="engine -> versions that can run the weights, as PEP 440 says it: >=1.17"
    )
    golden: BundleFile | None = Field(
        None, description="pictures, and what every engine must see in them: models/golden.py"
    )
    sbom: BundleFile | None = Field(
        None, description="what the weights were made of and with: models/sbom.py"
    )

    @model_validator(mode="after")
    def _engines_are_versions(self) -> Manifest:
        for engine, versions in self.engines.items():
            specifier(engine, versions)
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Manifest:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are equal")
        kinds = {weight.kind for weight in self.weights}
        if len(kinds) != len(self.weights):
            raise ValueError("two weight files have one format and precision")
        if len({each.file for each in self.files}) != len(self.files):
            raise ValueError("two files have one name")
        return self

    @model_validator(mode="after")
    def _networks_fit(self) -> Manifest:
        if (self.head == OUTLINES) != (self.classifier is not None):
            raise ValueError(f"a classifier and the head {OUTLINES!r} need each other")
        if self.classifier is None:
            return self
        if (self.input.dtype, self.input.channels) != ("uint8", 1):
            raise ValueError("with a classifier the input is grey and of uint8")
        if [w.kind for w in self.classifier.weights] != [w.kind for w in self.weights]:
            raise ValueError("the two networks have weights of different formats or precisions")
        return self

    @property
    def all_weights(self) -> tuple[WeightFile, ...]:
        """Of all networks."""
        return self.weights + (self.classifier.weights if self.classifier else ())

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """All that belong to the bundle, beside the manifest itself."""
        others = (each for each in (self.golden, self.sbom) if each)
        return (*self.all_weights, *others)

    def with_threshold(self, score_threshold: float | None) -> Manifest:
        """The same with another score threshold, unless that is None."""
        if score_threshold is None:
            return self
        return self.model_copy(update={"score_threshold": score_threshold})

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> Manifest:
        """Parse; raises ModelError naming ``origin`` and the first key that is wrong."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            what = f"key {key!r}: {first['msg']}" if key else first["msg"]
            raise ModelError(
                f"{origin} is no model manifest ({what})",
                "export or pack the bundle again with this version of edge_infer",
            ) from None

    def to_json(self) -> str:
        """As it stands on disk."""
        return self.model_dump_json(indent=2) + "\n"


def specifier(engine: str, versions: str) -> SpecifierSet:
    """Versions of an engine, read; raises ValueError."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(versions)
    except InvalidSpecifier:
        raise ValueError(
            f"{versions!r} are no versions of the engine {engine}, such as >=1.17"
        ) from None
