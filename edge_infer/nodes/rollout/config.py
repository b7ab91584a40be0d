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

"""What the rollout node can be told."""

from __future__ import annotations

from pydantic import Field
from pydantic.config import JsonDict

from edge_infer.nodes.config import NodeConfig
from edge_infer.updates.rollout.judge import JudgeConfig
from edge_infer.updates.rollout.waves import RolloutConfig

_S: JsonDict = {"unit": "s"}


class RolloutNodeConfig(NodeConfig):
    """Parameters of the rollout node."""

    store: str = Field(
        "",
        description="Where releases are published: a folder, s3://bucket/path or https://host/path",
    )
    root: str = Field("", description="File of the first root.json of those who publish models")
    online_key: str = Field("", description="File of the online private key")
    poll_s: float = Field(
        10.0,
        gt=0.0,
        le=86_400.0,
        description="Time between two looks into the store",
        json_schema_extra=_S,
    )
    auto_start: bool = Field(
        False, description="Whether a new release is rolled out without being told to"
    )
    bytes_per_s: float = Field(
        2_500_000.0,
        gt=0.0,
        description="What the gateway may send of models",
        json_schema_extra={"unit": "B/s"},
    )
    shares: list[float] = Field(
        [0.25, 1.0], description="Shares of the fleet in the waves after the canary, rising to 1"
    )
    wave_s: float = Field(
        10.0,
        ge=0.0,
        le=2_592_000.0,
        description="How long a wave is watched, at least",
        json_schema_extra=_S,
    )
    away_s: float = Field(
        15.0,
        gt=0.0,
        le=86_400.0,
        description="A drone that is not heard for so long is not waited for",
        json_schema_extra=_S,
    )
    harmless_ms: float = Field(
        0.0,
        ge=0.0,
        description="A frame that takes no longer is never called slow, "
        "however much faster the model before was",
        json_schema_extra={"unit": "ms"},
    )
    canaries: list[str] = Field([""], description="Names of drones to prefer as canaries")

    def rollout(self) -> RolloutConfig:
        """How careful a rollout is.

        Raises:
            UpdateError: the shares do not rise to 1.
        """
        return RolloutConfig(
            shares=tuple(self.shares),
            wave_s=self.wave_s,
            away_s=self.away_s,
            canaries=tuple(name for name in self.canaries if name),
            judge=JudgeConfig(harmless_ms=self.harmless_ms),
        )
