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

"""Loads models beside the one that serves, one at a time; what does not load changes nothing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from edge_infer.errors import EdgeInferError, ModelError, first_line
from edge_infer.memory import give_back_freed_blocks
from edge_infer.models.bundle import MANIFEST_FILE
from edge_infer.nodes.detector.model_slot import ModelSlot
from edge_infer.nodes.detector.serving_model import ServingModel, other_model
from edge_infer.nodes.workers.priority import low_priority

CLOSING_S = 2.0
"""How long closing waits for a model that is being loaded."""

Open = Callable[[Path, str, tuple[str, ...]], ServingModel]
"""Loads the bundle of a folder with this digest into engines that were measured in this order;
may raise what an engine raises."""


class Refusal(NamedTuple):
    """A model that was not taken, by the digest that it was asked for with, and why."""

    digest: str
    message: str


NONE = Refusal("", "")


class ModelLoader:
    """Fills a slot.

    Args:
        slot: with a model in it.
        open_model: loads one.
        refusal: what speaks against one that was loaded; empty when nothing does.
        on_refused: told, from any thread, of each model that is not taken.
        name: of the thread; empty loads within ``load``, where time is virtual.

    Attributes:
        refusal: the last one since a model was taken.
    """

    def __init__(
        self,
        slot: ModelSlot,
        open_model: Open,
        refusal: Callable[[ServingModel], str],
        on_refused: Callable[[Refusal], None],
        name: str = "",
    ) -> None:
        self._slot = slot
        self._open = open_model
        self._refusal = refusal
        self._on_refused = on_refused
        self._name = name
        self._thread: threading.Thread | None = None
        self.refusal = NONE

    def load(self, folder: Path, digest: str) -> str:
        """Begin to load a model; to be called from one thread.

        Args:
            folder: of its bundle.
            digest: SHA-256 of its manifest; empty takes what is there.

        Returns:
            Why it is not being loaded; empty when it is, or when it serves already.
        """
        if self._thread is not None and self._thread.is_alive():
            return "another model is being loaded: ask again when it serves"
        try:
            found = _manifest_digest(folder)
            if digest and found != digest:
                raise other_model(folder, found, digest)
        except ModelError as error:
            self._refuse(digest, error)
            return str(error)
        serving = self._slot.serving.bundle
        if (folder.resolve(), found) != (serving.path, serving.digest):
            self._begin(folder, found)
        return ""

    def close(self) -> None:
        """Wait a while for a model that is being loaded; close the slot after it."""
        if self._thread is not None:
            self._thread.join(CLOSING_S)

    def _begin(self, folder: Path, digest: str) -> None:
        if not self._name:
            self._work(folder, digest)
            return
        self._thread = threading.Thread(
            target=self._work, args=(folder, digest), name=self._name, daemon=True
        )
        self._thread.start()

    def _work(self, folder: Path, digest: str) -> None:
        try:
            with low_priority() if self._name else nullcontext():
                model = self._opened(folder, digest)
        # An engine may raise what it likes, and the model that serves has no part in it.
        except Exception as error:
            self._refuse(digest, error)
            return
        left_over = self._slot.take(model)
        self.refusal = NONE
        if left_over is not None:
            left_over.close()
            give_back_freed_blocks()

    def _opened(self, folder: Path, digest: str) -> ServingModel:
        """A model that may serve; raises what it is refused for."""
        model = self._open(folder, digest, self._slot.serving.order)
        try:
            why = self._refusal(model)
        except BaseException:
            model.close()
            raise
        if why:
            model.close()
            raise ModelError(f"model {model.name} is not taken ({why})", "publish another one")
        return model

    def _refuse(self, digest: str, error: Exception) -> None:
        message = str(error) if isinstance(error, EdgeInferError) else first_line(error)
        self.refusal = Refusal(digest, message)
        self._on_refused(self.refusal)


def _manifest_digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"model bundle {folder} cannot be read ({error.strerror})",
            "name a folder that edge-infer model inspect can read",
        ) from None
