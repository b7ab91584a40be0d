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

"""What the detector node can be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator
from pydantic.config import JsonDict

from edge_infer.nodes.config import LIVE, ManagedConfig
from edge_infer.perception.serving import AUTO
from edge_infer.runtime import qos
from edge_infer.runtime.qos import QoS, Reliability

_NAMES = r"^([A-Za-z][A-Za-z0-9_]*(, *[A-Za-z][A-Za-z0-9_]*)*)?$"
_MS: JsonDict = {"unit": "ms"}


class DetectorConfig(ManagedConfig):
    """Parameters of the detector."""

    model: str = Field("", description="Folder of the model bundle; empty for the shipped one")
    backend: str = Field(
        AUTO,
        description="Inference engines in the order of preference, separated by commas, such as "
        "'tensorrt, onnx:cuda, onnx'; auto takes all that run here, the fastest first",
    )
    threads: int = Field(1, ge=1, le=64, description="Processor threads of the engine")
    watchdog_ms: float = Field(
        1000.0,
        ge=10.0,
        le=60_000.0,
        description="An engine that takes longer for one frame counts as lost",
        json_schema_extra=_MS,
    )
    isolated: bool = Field(
        False, description="Whether each engine has a process of its own, which may crash"
    )
    standby: bool = Field(
        False,
        description="Whether the next engine is kept loaded behind the serving one, which takes "
        "memory; else it is loaded when it is needed",
    )
    score_threshold: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="Lowest score; 0 takes the model's own",
        json_schema_extra=LIVE,
    )
    faulty_share: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="Share of modules expected to be faulty: the fewer, the surer a detection "
        "must be; 0 takes the model's own",
        json_schema_extra=LIVE,
    )
    cameras: str = Field(
        "",
        pattern=_NAMES,
        description="Names of cameras, separated by commas: NAME/image in, "
        "detector/NAME/detections out; empty for one camera on the topic image",
    )
    transport: Literal["raw", "compressed"] = Field(
        "raw", description="Whether images come as Image, or on image/compressed as CompressedImage"
    )
    image_qos: Literal["auto", "reliable", "best_effort"] = Field(
        "auto",
        description="How images are asked for: auto takes what all their publishers offer, "
        "reliable or best effort, and follows when that changes",
    )
    lazy: bool = Field(
        False,
        description="Whether images are subscribed to only while somebody listens to the "
        "detections",
    )
    stale_s: float = Field(
        5.0,
        ge=0.0,
        description="After this time without an image the state in /diagnostics is STALE; 0 never",
        json_schema_extra={"unit": "s"},
    )
    min_rate_hz: float = Field(
        0.0,
        ge=0.0,
        description="When fewer images come, the state in /diagnostics is WARN",
        json_schema_extra={"unit": "Hz"},
    )
    counts_low: int = Field(
        0,
        ge=0,
        le=65_535,
        description="16-bit images: what is shown black, in counts",
        json_schema_extra=LIVE,
    )
    counts_high: int = Field(
        0,
        ge=0,
        le=65_535,
        description="16-bit images: what is shown white; both 0 takes each frame's own range",
        json_schema_extra=LIVE,
    )
    max_age_ms: float = Field(
        0.0,
        ge=0.0,
        description="Frames older than this are not looked at; 0 looks at all",
        json_schema_extra=_MS | LIVE,
    )
    tiles: str = Field(
        "1x1",
        pattern=r"^[1-9][0-9]?x[1-9][0-9]?$",
        description="Columns x rows of overlapping tiles that are looked at one by one, for small "
        "things in large images",
    )
    batch: int = Field(
        1,
        ge=1,
        le=10,
        description="Frames that are looked at together, where the model takes more than one",
    )
    batch_window_ms: float = Field(
        0.0,
        ge=0.0,
        le=1000.0,
        description="How long a frame may wait for others of its batch, which adds jitter",
        json_schema_extra=_MS,
    )

    @model_validator(mode="after")
    def _range_is_one(self) -> DetectorConfig:
        if self.counts_low > self.counts_high:
            raise ValueError("counts_low must not be above counts_high")
        return self

    @property
    def images(self) -> QoS:
        """What is asked for where images are subscribed to."""
        if self.image_qos == "auto":
            return qos.IMAGES
        return replace(qos.SENSOR_DATA, reliability=Reliability(self.image_qos))

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Each once; one without a name where none was given."""
        names = (name.strip() for name in self.cameras.split(","))
        return tuple(dict.fromkeys(names))
