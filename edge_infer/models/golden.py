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

"""The golden input of a bundle: a few pictures, and what every engine must see in them.

It is made from what the model itself sees, so it finds weights, an engine or a machine
that does not do what was published; how good a model is, it does not say. Scores and
corners differ a little between engines, the more with eight bits, so it asks only for
what is well above the threshold. Making and judging are in perception/.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edge_infer.errors import ModelError
from edge_infer.models.bundle import ModelBundle

GOLDEN_FILE = "golden.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(_Strict):
    """One thing that the model sees in a picture."""

    box: tuple[float, float, float, float] = Field(
        description="left, top, right, bottom, pixels of the picture"
    )
    score: float = Field(ge=0, le=1)
    class_id: int = Field(ge=0)
    required: bool = Field(description="every engine must see it; others are only no surprise")


class GoldenFrame(_Strict):
    """One picture and all that may be seen in it."""

    picture: str = Field(description="PNG or JPEG, base64")
    expected: tuple[Expected, ...]

    @field_validator("picture")
    @classmethod
    def _is_base64(cls, text: str) -> str:
        try:
            base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"no base64 ({error})") from None
        return text

    @property
    def encoded(self) -> bytes:
        """The picture as a file."""
        return base64.b64decode(self.picture)


class Golden(_Strict):
    """What a model must see, and how exactly."""

    frames: tuple[GoldenFrame, ...] = Field(min_length=1, max_length=8)
    margin: float = Field(
        ge=0, le=1, description="above the score threshold: from there on a thing is sure"
    )
    iou: float = Field(
        0.5, gt=0, le=1, description="of the boxes of one thing, intersection over union"
    )
    extras: int = Field(
        2, ge=0, description="sure things in a picture that nobody expects, at most"
    )

    @classmethod
    def of(cls, bundle: ModelBundle) -> Golden | None:
        """A bundle's, where it has one; raises ModelError when it is none."""
        named = bundle.manifest.golden
        if named is None:
            return None
        file = bundle.path / named.file
        try:
            return cls.model_validate_json(Path(file).read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ModelError(
                f"{file} is no golden input ({key}: {first['msg']})",
                "make it again with edge-infer model seal",
            ) from None
        except OSError as error:
            raise ModelError(
                f"{file} cannot be read ({error.strerror})", "check its permissions"
            ) from None

    def to_json(self) -> bytes:
        """As it stands on disk."""
        return (self.model_dump_json(indent=1) + "\n").encode()
