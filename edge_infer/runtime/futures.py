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

"""The result of a service call to come, as rclpy's Future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Future:
    """Done once it has a result, an exception or was cancelled."""

    def __init__(self) -> None:
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callable[[Any], None]] = []

    def done(self) -> bool:
        """Whether nothing more will come."""
        return self._done

    def cancelled(self) -> bool:
        """Whether somebody gave it up."""
        return self._cancelled

    def result(self) -> Any:
        """The result, None before it is done; raises the exception if there is one."""
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        """What went wrong, if anything."""
        return self._exception

    def set_result(self, result: Any) -> None:
        """Finish with a result."""
        self._result = result
        self._finish()

    def set_exception(self, exception: BaseException) -> None:
        """Finish with an exception."""
        self._exception = exception
        self._finish()

    def cancel(self) -> None:
        """Give it up, unless it is done."""
        if not self._done:
            self._cancelled = True
            self._finish()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call with this future when it is done; at once when it is."""
        if self._done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def _finish(self) -> None:
        self._done = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
