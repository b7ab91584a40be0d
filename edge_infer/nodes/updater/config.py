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

"""What the updater node can be told."""

from __future__ import annotations

import math

from pydantic import Field
from pydantic.config import JsonDict

from edge_infer.nodes.config import LIVE, ManagedConfig
from edge_infer.updates.slots.trial import TrialConfig

_S: JsonDict = {"unit": "s"}


class UpdaterConfig(ManagedConfig):
    """Parameters of the updater."""

    root: str = Field(
        "", description="File of the first root.json of those who publish models; needed"
    )
    model: str = Field(
        "", description="Folder of the bundle to begin with; empty for the shipped one"
    )
    hardware: str = Field(
        "", description="Kind of machine, for releases and waves by hardware; empty for its own"
    )
    bytes_per_s: float = Field(
        2_500_000.0,
        gt=0.0,
        description="What this drone may send of models to others",
        json_schema_extra={"unit": "B/s"},
    )
    check_timeout_s: float = Field(
        60.0,
        gt=0.0,
        le=3600.0,
        description="How long a new model may take for its golden input in a child process",
        json_schema_extra=_S | LIVE,
    )
    trial_s: float = Field(
        10.0,
        gt=0.0,
        le=86_400.0,
        description="How long a new model must do well before it is kept",
        json_schema_extra=_S | LIVE,
    )
    trial_frames: int = Field(
        10,
        ge=1,
        description="Frames that a new model must have looked at before it is kept",
        json_schema_extra=LIVE,
    )
    trial_silence_s: float = Field(
        8.0,
        gt=0.0,
        le=3600.0,
        description="A new model that looks at nothing for so long goes back",
        json_schema_extra=_S | LIVE,
    )
    trial_load_s: float = Field(
        120.0,
        gt=0.0,
        le=3600.0,
        description="How long the detector may take to load a new model",
        json_schema_extra=_S | LIVE,
    )
    trial_median_ms: float = Field(
        0.0,
        ge=0.0,
        description="A new model whose median frame takes longer goes back; 0 for no limit",
        json_schema_extra={"unit": "ms", **LIVE},
    )
    trial_boots: int = Field(
        2, ge=1, le=100, description="Starts of this drone in a trial before it goes back"
    )

    def trial(self) -> TrialConfig:
        """How a new model is judged on this drone."""
        return TrialConfig(
            window_s=self.trial_s,
            least_frames=self.trial_frames,
            silence_s=self.trial_silence_s,
            load_s=self.trial_load_s,
            most_median_ms=self.trial_median_ms or math.inf,
        )
