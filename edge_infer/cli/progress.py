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

"""A bar for work that takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PROGRESS_AFTER_S = 2.0
"""Work that takes no longer than this shows no bar."""


@contextmanager
def late_progress(
    count: Callable[[], int | None],
    after_s: float,
    clock_s: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where that is a terminal and the work has taken a while.

    Args:
        count: of all that is to do, or None; asked when the bar comes.
        after_s: so long nothing is shown.
        clock_s: seconds.

    Yields:
        What to call when one more is done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(file=sys.stderr)
    # Results must stay on standard output, but on one terminal not run into the bar.
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty())
    start_s, done = clock_s(), 0

    def done_one() -> None:
        nonlocal done
        done += 1
        if bar.tasks:
            bar.update(bar.task_ids[0], completed=done)
        elif console.is_terminal and clock_s() - start_s >= after_s:
            bar.start()
            bar.add_task("looking", total=count(), completed=done)

    try:
        yield done_one
    finally:
        if bar.tasks:
            bar.stop()
