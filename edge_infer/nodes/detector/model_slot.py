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

"""The place of the model that serves, and another one taken into it between two frames.

Frames and swaps meet here only. Whatever is told of the serving model is told by one
thread at a time and in the order of what happened, so that nobody hears of a model
after the one that followed it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_infer.backends.chain import Health
from edge_infer.nodes.detector.serving_model import ServingModel


class ModelSlot:
    """Holds one model; frames come from one thread, other models from another.

    Args:
        on_taken: told of a model when it begins to serve, before its first frame.
        on_health: told of the serving model when its health has changed.
    """

    def __init__(
        self,
        on_taken: Callable[[ServingModel], None],
        on_health: Callable[[ServingModel], None],
    ) -> None:
        self._on_taken = on_taken
        self._on_health = on_health
        self._changed = threading.Condition()
        self._serving: ServingModel | None = None
        self._next: ServingModel | None = None
        self._is_busy = False
        self._is_closed = False

    @property
    def serving(self) -> ServingModel:
        """The model that looks at the next frame; there must be one."""
        assert self._serving is not None
        return self._serving

    @contextmanager
    def frame(self) -> Iterator[ServingModel]:
        """The model for one frame or one batch; no other is taken meanwhile."""
        with self._changed:
            self._is_busy = True
            model = self.serving
        try:
            yield model
        finally:
            with self._changed:
                self._is_busy = False
                self._take_next()

    def take(self, model: ServingModel) -> ServingModel | None:
        """Let a model serve as soon as no frame is being looked at, and wait for that.

        Returns:
            The model that nobody needs any more: the one before, None where there was none,
            or this one where the slot is closed.
        """
        with self._changed:
            before = self._serving
            self._next = model
            if self._is_closed or not self._is_busy:
                self._take_next()
            self._changed.wait_for(lambda: self._next is None)
            return before if self._serving is model else model

    def hear(self, model: ServingModel, health: Health) -> bool:
        """Note the health of a model; whether it serves, so that this was told."""
        with self._changed:
            is_news, model.health = health != model.health, health
            serves = model is self._serving and not self._is_closed
            if serves and is_news:
                self._on_health(model)
            return serves

    def close(self) -> None:
        """Free the model that serves, and take no other."""
        with self._changed:
            self._is_closed = True
            self._take_next()
        self.serving.close()

    def _take_next(self) -> None:
        """Between two frames, and with the lock held."""
        if self._next is not None and not self._is_closed:
            self._serving = self._next
            self._serving.health = self._serving.engines.health
            self._on_taken(self._serving)
        self._next = None
        self._changed.notify_all()
