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

"""The ``--ros-args`` of a command line: remapping rules, parameters, log level.

Parsing only. What a rule does to a name is here too, because it is a function
of the rule; parameter files are read by ``parameter_files.py``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from edge_infer.errors import NameRuleError, ParameterError, UsageError
from edge_infer.runtime.names import check_namespace, check_node_name, expand
from edge_infer.runtime.parameter_files import Overrides, Setting, flatten, read_parameter_file

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_RULE = re.compile(
    r"(?:(?P<node>[A-Za-z_]\w*):(?!//))?(?:ros(?P<kind>topic|service)://)?"
    r"(?P<source>[^:]+):=(?P<target>.+)"
)
_PARAMETER = re.compile(r"(?:(?P<node>[\w/*]+):(?!=))?(?P<name>[^:]+):=(?P<value>.*)", re.DOTALL)
_ROSOUT = {"--enable-rosout-logs": True, "--disable-rosout-logs": False}
_WITHOUT_EFFECT = {
    *("--enable-stdout-logs", "--disable-stdout-logs"),
    *("--enable-external-lib-logs", "--disable-external-lib-logs"),
}
"""Flags of ROS 2 that say nothing to a runtime without ROS 2."""
_VALUE_WITHOUT_EFFECT = {"-e", "--enclave", "--log-config-file", "--log-file-name"}


class Remap(NamedTuple):
    """One rule ``[node:]source:=target``.

    Attributes:
        source: a name to look for, or ``__node`` or ``__ns``.
        target: what to use instead.
        node: only for the node of this name; empty for all.
        kind: ``topic`` or ``service`` for only those; empty for both.
    """

    source: str
    target: str
    node: str = ""
    kind: str = ""


@dataclass
class RosArguments:
    """What a command line says to ROS.

    Attributes:
        remaps: in their order; the first that matches counts.
        overrides: parameters from files and from the command line.
        log_levels: by logger; the key "" is for all others.
        tells_rosout: whether logs go to /rosout, too.
        rest: the arguments that are not for ROS.
    """

    remaps: list[Remap] = field(default_factory=list)
    overrides: Overrides = field(default_factory=Overrides)
    log_levels: dict[str, str] = field(default_factory=dict)
    tells_rosout: bool = True
    rest: list[str] = field(default_factory=list)

    def node_name(self, name: str) -> str:
        """A node's name after remapping."""
        return check_node_name(self._special("__node", name) or name)

    def namespace(self, node_name: str, namespace: str) -> str:
        """A node's namespace after remapping, absolute."""
        return check_namespace(self._special("__ns", node_name) or namespace)

    def name(self, name: str, node_name: str, namespace: str, kind: str) -> str:
        """A topic's or service's absolute name after remapping.

        Args:
            name: as the node gives it.
            node_name: of the node, remapped.
            namespace: of the node, remapped.
            kind: ``topic`` or ``service``.
        """
        full = expand(name, node_name, namespace)
        for rule in self.remaps:
            if rule.source.startswith("__") or rule.node not in ("", node_name):
                continue
            if rule.kind in ("", kind) and expand(rule.source, node_name, namespace) == full:
                return expand(rule.target, node_name, namespace)
        return full

    def _special(self, source: str, node_name: str) -> str | None:
        rules = (rule for rule in self.remaps if rule.source == source)
        return next((rule.target for rule in rules if rule.node in ("", node_name)), None)


def parse_ros_arguments(args: Sequence[str]) -> RosArguments:
    """Split a command line into what is for ROS and the rest.

    Args:
        args: without the program's name; ROS arguments stand between ``--ros-args``
            and ``--`` or the end, perhaps several times.

    Raises:
        UsageError: a ROS argument cannot be understood.
        ParameterError: a parameter file or value cannot be read.
    """
    result = RosArguments()
    words = iter(args)
    for word in words:
        if word == "--ros-args":
            _parse_section(words, result)
        else:
            result.rest.append(word)
    return result


def _parse_section(words: Iterator[str], result: RosArguments) -> None:
    """Read ROS arguments up to ``--``."""
    for word in words:
        if word == "--":
            return
        if word in ("--ros-args", *_WITHOUT_EFFECT):
            continue
        if word in _ROSOUT:
            result.tells_rosout = _ROSOUT[word]
            continue
        if word not in _TAKES_VALUE:
            close = difflib.get_close_matches(word, _TAKES_VALUE, n=1)
            remedy = f"did you mean {close[0]}?" if close else "put -- before what is not for ROS"
            raise UsageError(f"{word!r} is no ROS argument", remedy)
        value = next(words, None)
        if value is None:
            raise UsageError(f"{word} has no value", _USAGE.get(word, f"write {word} VALUE"))
        _TAKES_VALUE[word](result, value)


def _remap(result: RosArguments, rule: str) -> None:
    match = _RULE.fullmatch(rule)
    if match is None:
        raise UsageError(f"{rule!r} is no remapping rule", _USAGE["-r"])
    source = "__node" if match["source"] == "__name" else match["source"]
    remap = Remap(source, match["target"], match["node"] or "", match["kind"] or "")
    try:
        _check_remap(remap)
    except NameRuleError as error:
        raise NameRuleError(f"in the remapping {rule!r}, {error.problem}", error.remedy) from error
    result.remaps.append(remap)


def _check_remap(rule: Remap) -> None:
    if rule.source == "__node":
        check_node_name(rule.target)
    elif rule.source == "__ns":
        check_namespace(rule.target)
    else:
        expand(rule.source, "node", "/")
        expand(rule.target, "node", "/")


def _parameter(result: RosArguments, assignment: str) -> None:
    match = _PARAMETER.fullmatch(assignment)
    if match is None:
        raise UsageError(f"{assignment!r} sets no parameter", _USAGE["-p"])
    try:
        value = yaml.safe_load(match["value"])
    except yaml.YAMLError as error:
        raise ParameterError(
            f"the value of -p {assignment} is not YAML", "put it in quotes if it is text"
        ) from error
    for name, part in flatten(match["name"], "" if value is None else value):
        result.overrides.add(Setting(match["node"] or "/**", name, part, f"-p {assignment}", True))


def _parameter_file(result: RosArguments, path: str) -> None:
    for setting in read_parameter_file(path):
        result.overrides.add(setting)


def _log_level(result: RosArguments, assignment: str) -> None:
    logger, _, level = assignment.rpartition(":=")
    if level.lower() not in LOG_LEVELS:
        raise UsageError(f"{level!r} is no log level", f"use one of {', '.join(LOG_LEVELS)}")
    result.log_levels[logger] = level.lower()


def _ignore(_: RosArguments, __: str) -> None:
    """Accepted for the sake of launch files."""


_TAKES_VALUE: dict[str, Callable[[RosArguments, str], None]] = {
    **dict.fromkeys(("-r", "--remap"), _remap),
    **dict.fromkeys(("-p", "--param"), _parameter),
    "--params-file": _parameter_file,
    "--log-level": _log_level,
    **dict.fromkeys(_VALUE_WITHOUT_EFFECT, _ignore),
}
_USAGE = {
    **dict.fromkeys(("-r", "--remap"), "write it as -r from:=to or -r node:from:=to"),
    **dict.fromkeys(("-p", "--param"), "write it as -p name:=value or -p node:name:=value"),
    "--params-file": "name a YAML file",
}
