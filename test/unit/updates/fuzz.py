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

"""Feeds mutated chunks, messages, metadata, packages and patches to what receives them.

``make fuzz`` for 100,000; ``ARGS="--mutations 1000000 --seed 7"`` for more, from another seed;
``ARGS="--only bsdiff --seed 7"`` one again. Nothing may be accepted that was not signed, nothing
may crash, and no process may take more than 64 MB above what it took before.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import multiprocessing
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import fuzzed_messages
import fuzzed_metadata
import fuzzed_packages
from fuzzing import Attempt, Prepare, Tally, tallied

from edge_infer.memory import give_back_freed_blocks

KINDS: Mapping[str, Prepare] = {
    "chunks": fuzzed_messages.chunks,
    "messages": fuzzed_messages.messages,
    "metadata": fuzzed_metadata.sets,
    "roots": fuzzed_metadata.roots,
    "resigned": fuzzed_metadata.resigned,
    "customs": fuzzed_metadata.customs,
    "manifests": fuzzed_packages.manifests,
    "packages": fuzzed_packages.packages,
    "stored": fuzzed_packages.stored_patches,
    "zstd": fuzzed_packages.zstd_patches,
    "prefix": fuzzed_packages.prefix_patches,
    "bsdiff": fuzzed_packages.bsdiff_patches,
    "per-tensor": fuzzed_packages.per_tensor_patches,
    "model-files": fuzzed_packages.model_files,
}
MOST_MB = 64.0
"""Of memory above what was there before."""
BATCH = 100
TELL_S = 2.0
SHOWN = 20
"""Failures of one kind; more are only counted."""


class Batch(NamedTuple):
    """Seeds that one process feeds, one after the other."""

    kind: str
    seeds: range


# --- in a process of its own ---------------------------------------------------------------


class _Inputs:
    """Kinds of input, ready, with the folders that they play in.

    Args:
        kinds: that are needed.

    Attributes:
        attempts: by kind.
        before_mb: memory of this process before anything was mutated.
    """

    def __init__(self, kinds: Sequence[str] = tuple(KINDS)) -> None:
        in_memory = Path("/dev/shm")  # the disk is not what is looked at
        self._place = tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None)
        self.attempts: dict[str, Attempt] = {}
        for kind in kinds:
            folder = Path(self._place.name) / kind
            folder.mkdir()
            self.attempts[kind] = KINDS[kind](folder)
        give_back_freed_blocks()
        self.before_mb = memory_mb("VmRSS")


_inputs = functools.cache(_Inputs)


def feed(batch: Batch) -> tuple[str, Tally]:
    """Feed some seeds; returns their kind and what became of them."""
    inputs = _inputs()
    with contextlib.suppress(OSError):  # where it may not be set back, the peak of all counts
        Path("/proc/self/clear_refs").write_text("5")
    tally = tallied(inputs.attempts[batch.kind], batch.seeds)
    tally.above_mb = memory_mb("VmHWM") - inputs.before_mb
    return batch.kind, tally


def memory_mb(what: str) -> float:
    """``VmRSS``, what this process has, or ``VmHWM``, the most it had; as Linux tells it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) / 1024


# --- all of it -----------------------------------------------------------------------------


def batches(mutations: int, first: int, kinds: Sequence[str] = tuple(KINDS)) -> Iterator[Batch]:
    """As many seeds of each kind, the kinds in turn."""
    each = -(-mutations // len(kinds))
    for start in range(first, first + each, BATCH):
        for kind in kinds:
            yield Batch(kind, range(start, min(start + BATCH, first + each)))


def fuzz(
    mutations: int, first: int = 0, kinds: Sequence[str] = tuple(KINDS), processes: int = 2
) -> dict[str, Tally]:
    """Feed so many mutations in fresh processes; tells on stderr how far it is."""
    tallies = {kind: Tally() for kind in kinds}
    began_s = told_s = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _ignore_interrupts) as pool:
        try:
            for kind, tally in pool.imap_unordered(feed, batches(mutations, first, kinds)):
                for seed, problem in tally.failures[: max(SHOWN - len(tallies[kind].failures), 0)]:
                    say(failed(kind, seed, problem))
                tallies[kind].add(tally)
                if time.monotonic() - told_s > TELL_S:
                    told_s = time.monotonic()
                    sys.stderr.write(f"\r\033[K{_so_far(tallies, told_s - began_s)}")
                    sys.stderr.flush()
        except KeyboardInterrupt:
            _ignore_interrupts()  # a second one would only cut the result short
            pool.terminate()
    return tallies


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def failed(kind: str, seed: int, problem: str) -> str:
    """The line that says what failed, and how to do it again."""
    return f"{kind} {seed}: {problem}; again: make fuzz ARGS='--only {kind} --seed {seed}'"


def say(line: str) -> None:
    """A result, on a line of its own, at once."""
    sys.stderr.write("\r\033[K")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _so_far(tallies: Mapping[str, Tally], taken_s: float) -> str:
    total = sum(tally.total for tally in tallies.values())
    bad = sum(tally.wrong + tally.crashed for tally in tallies.values())
    return f"{total:,} mutations, {total / taken_s:.0f} per second, {bad} failed"


def told(kind: str, tally: Tally) -> str:
    """The line that says what became of a kind."""
    each_ms = 1e3 * tally.taken_s / max(tally.total, 1)
    slowest_s, seed = tally.slowest_s
    return (
        f"{kind:12} {tally.total:9,} fed {tally.refused:9,} refused {tally.harmless:8,} harmless"
        f" {tally.wrong:3} wrong {tally.crashed:3} crashed {tally.above_mb:6.1f} MB above"
        f" {each_ms:6.1f} ms each, slowest {1e3 * slowest_s:.0f} ms (seed {seed})"
    )


def total(tallies: Mapping[str, Tally]) -> Tally:
    """Of all kinds."""
    every = Tally()
    for tally in tallies.values():
        every.add(tally)
    return every


def is_good(tallies: Mapping[str, Tally]) -> bool:
    """Whether nothing was believed, nothing crashed, and memory was enough."""
    every = total(tallies)
    return every.wrong + every.crashed == 0 and every.above_mb < MOST_MB


def repeat(kind: str, seed: int) -> int:
    """One mutation again, here, with all that Python knows of its end."""
    try:
        was_refused = _Inputs([kind]).attempts[kind](seed)
    except Exception:
        say(traceback.format_exc())
        return 1
    say(f"{kind} {seed} is {'refused' if was_refused else 'harmless'}")
    return 0


def main(args: Sequence[str] | None = None) -> int:
    """The command line; 1 when something failed."""
    parser = argparse.ArgumentParser(description="Feed mutated input to what receives updates.")
    parser.add_argument("--mutations", type=int, help="in all; 100,000, with --only 1")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the others follow it")
    parser.add_argument("--only", choices=KINDS, help="this kind of input alone")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args(args)
    if options.only and options.mutations is None:
        return repeat(options.only, options.seed)
    kinds = (options.only,) if options.only else tuple(KINDS)
    began_s = time.monotonic()
    tallies = fuzz(options.mutations or 100_000, options.seed, kinds, options.processes)
    for kind, tally in tallies.items():
        say(told(kind, tally))
    every, taken_s = total(tallies), time.monotonic() - began_s
    say(
        f"{every.total:,} mutations in {taken_s:.0f} s: {every.wrong} accepted wrongly,"
        f" {every.crashed} crashed, {every.above_mb:.1f} of {MOST_MB:.0f} MB above the baseline"
    )
    return 0 if is_good(tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
