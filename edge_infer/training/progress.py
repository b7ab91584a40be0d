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

"""How far a training is, on standard error: a bar on a terminal, a line a look elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Say = Callable[[str], None]


class Teller:
    """Tells a person what goes on.

    Args:
        console: where.
        bar: of the steps; empty until the first.
    """

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._task = bar.add_task("preparing", total=None)

    def say(self, text: str) -> None:
        """Something that takes a while has begun, or is so far."""
        self._bar.update(self._task, description=text)
        if not self._console.is_terminal:
            self._console.print(text, highlight=False, soft_wrap=True)

    def step(self, done: int, of: int, words: str) -> None:
        """A step is done; ``words`` say what came out where there was a look."""
        self._bar.update(self._task, completed=done, total=of, description="training")
        if words:
            self._console.print(words, highlight=False, soft_wrap=True)


class Silence:
    """Tells nobody: for all processes but the leading one."""

    def say(self, text: str) -> None:
        pass

    def step(self, done: int, of: int, words: str) -> None:
        pass


@contextmanager
def teller(loud: bool = True) -> Iterator[Teller | Silence]:
    """A Teller, or Silence."""
    if not loud:
        yield Silence()
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield Teller(console, bar)
