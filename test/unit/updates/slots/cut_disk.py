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

"""A disk that may lose its power at any moment, and then what was not synced.

Everything is done in a real folder: that is what programs see, the page cache. Beside it
stands what would be there after a power cut. POSIX promises nothing of what was not
synced, so there is not one such disk but many: all that is pending is lost, or none of it,
or names without their content, or content without its names, or any part of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from edge_infer.updates.disk import Disk

SECTOR_BYTES = 512


class Loss(Enum):
    """What becomes of what was not synced."""

    ALL = "all is lost"
    NOTHING = "nothing is lost"
    CONTENT = "names are there, content is not"
    NAMES = "content is there, names are not"
    SOME = "some names and some sectors are there"


@dataclass(frozen=True)
class Image:
    """What is on a disk; paths below its root."""

    folders: frozenset[str]
    files: tuple[tuple[str, bytes], ...]

    def restore(self, root: Path) -> None:
        """Let a folder hold just this."""
        root.mkdir(parents=True, exist_ok=True)
        wanted = {root / name for name in (*self.folders, *dict(self.files))}
        for path in sorted(root.rglob("*"), reverse=True):
            if path not in wanted:
                path.rmdir() if path.is_dir() else path.unlink()
        for folder in sorted(self.folders):
            (root / folder).mkdir(exist_ok=True)
        for name, content in self.files:
            (root / name).write_bytes(content)


@dataclass(eq=False)
class _Node:
    """A file or a folder, whatever its name."""

    is_folder: bool = False
    seen: bytes = b""
    synced: bytes = b""


_Names = dict[str, _Node]
_Change = Callable[[_Names], object]


@dataclass
class CutDisk(Disk):
    """The disk that holds a folder.

    Args:
        root: the folder; what is in it counts as synced.
        before: called before each operation.
    """

    root: Path
    before: Callable[[CutDisk], object] = lambda _: None
    operations: int = 0
    _seen: _Names = field(default_factory=dict)
    _synced: _Names = field(default_factory=dict)
    _pending: dict[str, list[_Change]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.root.rglob("*")):
            content = b"" if path.is_dir() else path.read_bytes()
            self._seen[self._name(path)] = _Node(path.is_dir(), content, content)
        self._synced = dict(self._seen)

    # --- operations --------------------------------------------------------------------

    def make_folder(self, folder: Path) -> None:
        self._begin()
        folder.mkdir()
        self._link(folder, _Node(is_folder=True))

    def write(self, file: Path, content: bytes, mode: int = 0o644) -> None:
        self._begin()
        file.write_bytes(content)
        self._node(file).seen = content

    def write_at(self, file: Path, start: int, content: bytes) -> None:
        self._begin()
        node = self._node(file)
        old = node.seen.ljust(start, b"\0")
        node.seen = old[:start] + content + old[start + len(content) :]
        file.write_bytes(node.seen)

    def sync_file(self, file: Path) -> None:
        self._begin()
        node = self._seen[self._name(file)]
        node.synced = node.seen

    def sync_folder(self, folder: Path) -> None:
        self._begin()
        for change in self._pending.pop(self._name(folder), []):
            change(self._synced)

    def replace(self, file: Path, by: Path) -> None:
        self._begin()
        by.replace(file)
        old, new = self._name(by), self._name(file)
        node = self._seen.pop(old)
        self._seen[new] = node

        def rename(names: _Names) -> None:
            names.pop(old, None)
            names[new] = node

        self._change(file, rename)

    def remove(self, file: Path) -> None:
        self._begin()
        file.unlink()
        name = self._name(file)
        del self._seen[name]
        self._change(file, lambda names: names.pop(name, None))

    # --- the power is cut ------------------------------------------------------------------

    def after_cut(self, loss: Loss, seed: int = 0) -> Image:
        """What would be there if the power were cut now."""
        luck = random.Random(seed)
        keeps_names = {Loss.NOTHING: 1.0, Loss.CONTENT: 1.0, Loss.SOME: 0.5}.get(loss, 0.0)
        names = dict(self._synced)
        for changes in self._pending.values():
            for change in changes:
                if luck.random() < keeps_names:
                    change(names)
        there = {name: node for name, node in names.items() if _is_reachable(name, names)}
        files = {n: _content(node, loss, luck) for n, node in there.items() if not node.is_folder}
        folders = frozenset(name for name, node in there.items() if node.is_folder)
        return Image(folders, tuple(sorted(files.items())))

    # --- names -------------------------------------------------------------------------

    def _begin(self) -> None:
        self.before(self)
        self.operations += 1

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _node(self, file: Path) -> _Node:
        name = self._name(file)
        if name not in self._seen:
            self._link(file, _Node())
        return self._seen[name]

    def _link(self, path: Path, node: _Node) -> None:
        name = self._name(path)
        self._seen[name] = node
        self._change(path, lambda names: names.update({name: node}))

    def _change(self, path: Path, change: _Change) -> None:
        self._pending.setdefault(self._name(path.parent), []).append(change)


def _is_reachable(name: str, names: _Names) -> bool:
    parts = name.split("/")
    return all("/".join(parts[:i]) in names for i in range(1, len(parts)))


def _content(node: _Node, loss: Loss, luck: random.Random) -> bytes:
    if loss in (Loss.ALL, Loss.CONTENT):
        return node.synced
    if loss in (Loss.NOTHING, Loss.NAMES) or node.seen == node.synced:
        return node.seen
    size = luck.choice([len(node.synced), len(node.seen)])
    old, new = (each.ljust(size, b"\0") for each in (node.synced, node.seen))
    starts = range(0, size, SECTOR_BYTES)
    sectors = (luck.choice([old, new])[i : i + SECTOR_BYTES] for i in starts)
    return b"".join(sectors)[:size]
