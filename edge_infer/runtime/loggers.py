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

"""Logs of nodes in ROS 2's form, by the standard logging library, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping

ROOT = "ros"
"""The parent of all nodes' loggers."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
_NAMES = {level: name.upper() for name, level in _LEVELS.items()}


class NodeLogger:
    """The log of one node.

    Args:
        name: namespace and name joined with dots, as rclpy names it.
        now_ns: the time to stamp entries with, since the Unix epoch.

    Attributes:
        also: told stamp, level, name and text of each entry, too; None for nobody.
    """

    def __init__(self, name: str, now_ns: Callable[[], int]) -> None:
        self.name = name
        self.also: Callable[[int, int, str, str], None] | None = None
        self._logger = logging.getLogger(f"{ROOT}.{name}")
        self._now_ns = now_ns

    def debug(self, message: str) -> None:
        self._log(logging.DEBUG, message)

    def info(self, message: str) -> None:
        self._log(logging.INFO, message)

    def warning(self, message: str) -> None:
        self._log(logging.WARNING, message)

    def error(self, message: str) -> None:
        self._log(logging.ERROR, message)

    def fatal(self, message: str) -> None:
        self._log(logging.CRITICAL, message)

    def _log(self, level: int, message: str) -> None:
        if not self._logger.isEnabledFor(level):
            return
        stamp_ns = self._now_ns()
        self._logger.log(level, "%s", message, extra={"stamp_ns": stamp_ns, "node": self.name})
        if self.also:
            self.also(stamp_ns, level, self.name, message)


class _Formatter(logging.Formatter):
    """``[INFO] [1700000000.123456789] [drone1.detector]: text``."""

    def format(self, record: logging.LogRecord) -> str:
        stamp_ns = getattr(record, "stamp_ns", int(record.created * 1e9))
        seconds, rest = divmod(stamp_ns, 1_000_000_000)
        level = _NAMES.get(record.levelno, record.levelname)
        node = getattr(record, "node", record.name)
        return f"[{level}] [{seconds}.{rest:09}] [{node}]: {record.getMessage()}"


class _StandardError(logging.Handler):
    """Writes to standard error as it is at that moment; whoever captures it sees the entry."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")
        sys.stderr.flush()


def set_up_logging(levels: Mapping[str, str]) -> None:
    """Print nodes' logs; once per process, levels as ``--log-level`` gave them.

    Args:
        levels: by logger name; the key "" is for all others.
    """
    root = logging.getLogger(ROOT)
    if not root.handlers:
        handler = _StandardError()
        handler.setFormatter(_Formatter())
        root.addHandler(handler)
        root.propagate = False
        root.setLevel(logging.INFO)
    for name, level in levels.items():
        logging.getLogger(f"{ROOT}.{name}" if name else ROOT).setLevel(_LEVELS[level])
