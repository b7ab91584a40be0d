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

"""Parameter settings from ROS YAML files and the command line, and which node gets which.

A file has sections by node (``/ns/node``, ``node``, ``/**``, ``/*/node``), below each
``ros__parameters`` and keys, nested ones joined with dots. Here values are
whatever YAML says; ``parameters.py`` checks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from edge_infer.errors import ParameterError

_SECTION = "ros__parameters"


class Setting(NamedTuple):
    """One value for one parameter of the nodes that a pattern matches.

    Attributes:
        pattern: ``/ns/node``, ``node`` (in any namespace) or with ``*`` (one part) and
            ``**`` (any number of parts).
        name: of the parameter.
        value: as YAML gives it.
        origin: where it stands, to show to a user.
        is_explicit: given on the command line, not in a file.
    """

    pattern: str
    name: str
    value: Any
    origin: str
    is_explicit: bool = False

    @property
    def is_wildcard(self) -> bool:
        """Whether it may be meant for other nodes than the one that reads it."""
        return "*" in self.pattern

    def matches(self, node: str) -> bool:
        """Whether it is for the node of this fully qualified name."""
        return _expression(self.pattern).fullmatch(node) is not None


class Overrides:
    """All settings of one process, and which parameters its nodes turned out to have."""

    def __init__(self) -> None:
        self._settings: list[Setting] = []
        self._nodes: set[str] = set()
        self.known_names: set[str] = set()
        """Every parameter that a node of this process has; nodes add theirs."""
        self.are_checked = False
        """Whether it was looked at what no node has."""

    def add(self, setting: Setting) -> None:
        """A later one wins over an earlier one like it."""
        self._settings.append(setting)

    def for_node(self, node: str) -> dict[str, Setting]:
        """The settings for a node by parameter name.

        A node's own name wins over a pattern, the command line over files.

        Args:
            node: fully qualified name.
        """
        self._nodes.add(node)
        found = [setting for setting in self._settings if setting.matches(node)]
        found.sort(key=lambda setting: (setting.is_explicit, not setting.is_wildcard))
        return {setting.name: setting for setting in found}

    def unknown(self) -> list[Setting]:
        """Settings meant for nodes here, among others, of which none so far has the parameter."""
        return [
            setting
            for setting in self._settings
            if setting.is_wildcard
            and setting.name not in self.known_names
            and any(setting.matches(node) for node in self._nodes)
        ]


def read_parameter_file(path: str | Path) -> list[Setting]:
    """The settings in a ROS parameter file, in their order.

    Raises:
        ParameterError: the file is missing, is not YAML or not of this form.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(
            f"the parameter file {path} cannot be read ({error.strerror})", "check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ParameterError(
            f"the parameter file {path} is not YAML{where}", "correct it there"
        ) from error
    return list(_sections((), content or {}, str(path)))


def _sections(parts: tuple[str, ...], content: Any, path: str) -> Iterator[Setting]:
    """Walk down to ``ros__parameters``; the keys on the way are namespaces and the node."""
    if not isinstance(content, Mapping):
        raise ParameterError(
            f"{'.'.join(parts) or 'the whole'} in {path} has no {_SECTION}",
            f"put parameters under /**: {_SECTION}: or NODE: {_SECTION}:",
        )
    for key, value in content.items():
        if key != _SECTION:
            yield from _sections((*parts, str(key)), value, path)
            continue
        if not isinstance(value, Mapping | None) or not parts:
            raise ParameterError(
                f"{_SECTION} of {'/'.join(parts) or 'no node'} in {path} holds no parameters",
                f"put NAME: VALUE lines under NODE: {_SECTION}:",
            )
        pattern = "/".join(part.strip("/") if index else part for index, part in enumerate(parts))
        for name, inner in (value or {}).items():
            for full, leaf in flatten(str(name), inner):
                yield Setting(pattern, full, leaf, path)


def flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Nested keys joined with dots."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}", inner)
    else:
        yield name, value


def _expression(pattern: str) -> re.Pattern[str]:
    """The fully qualified names that a pattern matches, as a regular expression."""
    absolute = pattern if pattern.startswith("/") else f"/**/{pattern}"
    text = ""
    for part in absolute.split("/")[1:]:
        text += "(?:/[^/]+)*" if part == "**" else "/" + re.escape(part).replace(r"\*", "[^/]*")
    return re.compile(text)
