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

"""What an update costs: our packages against bsdiff4, Zstandard's patches and whole files.

The changes are fine-tunes of the shipped detector, made here by the training room and
exported for every engine. Where that is not installed, values of the shipped files are
moved at random instead: such rows are called made up, and the goals on sizes are left open.

Times are processor time: each way is one thread of pure computing, and other work on the
machine must not decide.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import bsdiff4
import numpy as np

from edge_infer.bench.fine_tunes import STEPS, WAYS, Tuner
from edge_infer.bench.harness import Goal, Progress, Report, Row, median
from edge_infer.bench.harness import rounded as short
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.updates.packages import tensors, zstd
from edge_infer.updates.packages.package import pack, unpack
from edge_infer.updates.packages.tensor_pairs import elements

REPEATS = 7
HEAD_PERCENT = 1.0
EIGHT_BITS_PERCENT = 35.0
APPLY_MS = 100.0
APPLIED_BYTES = 5_000_000

BUNDLE, EIGHT_BITS, FLOATS = "whole bundle", "int8 of all engines", "float of all engines"
GROUPS: Mapping[str, str] = {
    BUNDLE: r"",
    FLOATS: r"\.float\d+\.",
    EIGHT_BITS: r"\.int8\.",
    "ONNX float32": r"\.float32\.onnx$",
    "ONNX int8": r"(?<!tensorrt)\.int8\.onnx$",
    "TensorRT int8": r"\.tensorrt\.int8\.onnx$",
    "TFLite float32": r"\.float32\.tflite$",
    "TFLite float16": r"\.float16\.tflite$",
    "TFLite int8": r"\.int8\.tflite$",
}
"""What is sent -> pattern in the names of its files, of both networks."""

MADE_UP = "made up: every weight moved at random"

Files = Mapping[str, bytes]
Made = TypeVar("Made")


class Change(NamedTuple):
    """One bundle after another.

    Attributes:
        name: of what changed.
        base: files of the older one.
        files: of the newer one.
    """

    name: str
    base: Files
    files: Files


class Way(NamedTuple):
    """A way to say a change.

    Attributes:
        name: for the table.
        make: from files and base to what is sent.
        apply: from that and the base to the files.
    """

    name: str
    make: Callable[[Files, Files], object]
    apply: Callable[[object, Files], object]


def run(progress: Progress) -> Report:
    """Fine-tune, then pack every change in every way; some minutes."""
    return measure(list(changes(progress)), REPEATS, progress)


def measure(made: Sequence[Change], repeats: int, progress: Progress) -> Report:
    """The same of given changes."""
    rows = []
    for change in made:
        for group in GROUPS:
            if _chosen(change.files, group):
                progress(f"{change.name}: {group}")
                rows.append(_row(change, group, repeats))
    return Report("delta", rows, _goals(rows))


def changes(progress: Progress) -> Iterator[Change]:
    """What is measured here: fine-tunes, or made up."""
    try:
        tuner = Tuner(STEPS, progress)
        base = tuner.base()
    except ImportError as error:
        progress(f"{error.name} is not installed: no fine-tunes")
        yield made_up(ModelBundle.load(shipped()).contents())
        return
    for way in WAYS:
        yield Change(way.name, base, tuner.tuned(way))


def made_up(base: Files, seed: int = 1) -> Change:
    """Each float moved by about a thousandth, a third of the whole numbers by one."""
    rng = np.random.default_rng(seed)
    moved = {name: _moved(content, rng) for name, content in sorted(base.items())}
    return Change(MADE_UP, base, moved)


def _moved(content: bytes, rng: np.random.Generator) -> bytes:
    fresh = np.frombuffer(content, np.uint8).copy()
    for span in tensors.find(content).values():
        part = fresh[span.start : span.end]
        if span.width == 1:
            part += rng.choice(np.array([0, 0, 0, 0, 1, 255], np.uint8), part.shape)
        elif span.width in (2, 4):
            floats = part.view(f"<f{span.width}")
            with np.errstate(over="ignore", invalid="ignore"):
                floats *= (1 + 1e-3 * rng.normal(size=floats.shape)).astype(floats.dtype)
    return bytes(fresh)


# --- ways ------------------------------------------------------------------------------------


def _each(make: Callable[[bytes, bytes], bytes]) -> Callable[[Files, Files], object]:
    """Patches of all files that are not the same: a plain tool knows one file at a time."""

    def patches(files: Files, base: Files) -> dict[str, bytes]:
        changed = {name: content for name, content in files.items() if base[name] != content}
        return {name: make(base[name], content) for name, content in changed.items()}

    return patches


def _apply_each(apply: Callable[[bytes, bytes], object]) -> Callable[[object, Files], object]:
    def files(patches: object, base: Files) -> dict[str, object]:
        assert isinstance(patches, dict)
        return {name: apply(base[name], patch) for name, patch in patches.items()}

    return files


def _unpatched(base: bytes, patch: bytes) -> bytes:
    size = int.from_bytes(patch[:4], "little")
    return zstd.decompress(patch[4:], size, base)


def _unpacked(packed: object, base: Files) -> object:
    assert isinstance(packed, bytes)
    return unpack(packed, base)


OURS = Way("ours", pack, _unpacked)
OTHERS = (
    Way("bsdiff4", _each(bsdiff4.diff), _apply_each(bsdiff4.patch)),
    Way(
        "zstd -19 --patch-from",
        _each(lambda base, new: len(new).to_bytes(4, "little") + zstd.compress(new, base)),
        _apply_each(_unpatched),
    ),
    Way("zstd -19, whole", lambda files, _: pack(files), lambda made, _: _unpacked(made, {})),
)


# --- rows ------------------------------------------------------------------------------------


def _chosen(files: Files, group: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if re.search(GROUPS[group], name)}


def _row(change: Change, group: str, repeats: int) -> Row:
    files, base = _chosen(change.files, group), _chosen(change.base, group)
    full = sum(map(len, files.values()))
    row: dict[str, str | int | float] = {
        "change": change.name,
        "sent": group,
        "bytes": full,
        "weights changed %": short(100 * _changed(files, base)),
    }
    for way in (OURS, *OTHERS):
        row |= _measured(way, files, base, repeats)
    return row


def _changed(files: Files, base: Files) -> float:
    """Share of the elements of all tensors that are not what they were."""
    changed = total = 0
    for name, content in files.items():
        old, known = base[name], tensors.find(base[name])
        for key, new in tensors.find(content).items():
            was = known.get(key)
            if was is None or was.elements != new.elements:
                continue
            total += new.elements
            one, other = (elements(*each) for each in ((content, new), (old, was)))
            changed += int(np.count_nonzero(one != other))
    return changed / max(total, 1)


def _measured(way: Way, files: Files, base: Files, repeats: int) -> dict[str, float]:
    """Three columns: size, and how long it took to make and to apply."""
    sent, pack_s = _timed(lambda: way.make(files, base))
    applied = [_timed(lambda: way.apply(sent, base)) for _ in range(repeats)]
    assert way is not OURS or all(made == files for made, _ in applied)
    return {
        f"{way.name}: %": short(100 * _bytes_of(sent) / sum(map(len, files.values()))),
        f"{way.name}: pack s": short(pack_s),
        f"{way.name}: apply ms": short(median([taken for _, taken in applied]) * 1000),
    }


def _timed(action: Callable[[], Made]) -> tuple[Made, float]:
    start = time.process_time()
    made = action()
    return made, time.process_time() - start


def _bytes_of(sent: object) -> int:
    if isinstance(sent, dict):
        return sum(map(len, sent.values()))
    assert isinstance(sent, bytes)
    return len(sent)


def _goals(rows: Sequence[Row]) -> list[Goal]:
    ours = {(row["change"], row["sent"]): row for row in rows}

    def percent(change: str, sent: str) -> float | None:
        row = ours.get((change, sent))
        return None if row is None else float(row["ours: %"] or 0.0)

    large = [row for row in rows if int(row["bytes"] or 0) >= APPLIED_BYTES]
    slowest = max((float(row["ours: apply ms"] or 0.0) for row in large), default=None)
    return [
        Goal("head only, whole bundle", HEAD_PERCENT, percent(WAYS[0].name, BUNDLE), "% of full"),
        Goal(
            "fine-tune in eight bits, int8 files", EIGHT_BITS_PERCENT,
            percent(WAYS[-1].name, EIGHT_BITS), "% of full",
        ),
        Goal("slowest change of 5 MB applied", APPLY_MS, slowest, "ms"),
    ]  # fmt: skip
