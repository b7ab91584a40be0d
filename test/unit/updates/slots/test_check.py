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

"""A model is checked in a child process: whatever becomes of that is a sentence."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

from edge_infer.errors import UpdateError
from edge_infer.models.bundle import shipped
from edge_infer.updates.slots.check import check_in_child

BUNDLE = Path("/drone/slots/a")


def python(code: str) -> list[str]:
    """A child that does something else; it may look at its arguments."""
    return [sys.executable, "-S", "-c", f"import os, signal, sys, time\n{code}"]


def refusal(code: str, timeout_s: float = 60, memory_bytes: int | None = None) -> str:
    with pytest.raises(UpdateError) as caught:
        check_in_child(BUNDLE, timeout_s, memory_bytes, command=python(code))
    return str(caught.value)


def test_the_shipped_model_passes() -> None:
    check_in_child(shipped(), 120, engines="onnx")


def test_a_damaged_model_is_refused_with_the_childs_sentence(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(shipped(), bundle)
    weights = next(bundle.glob("finder.float32.onnx"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(UpdateError, match=r"finder.float32.onnx is truncated") as caught:
        check_in_child(bundle, 120)
    assert caught.value.remedy == "copy the bundle again from where it was published"


def test_the_child_is_told_the_bundle_and_the_engines() -> None:
    code = f"sys.exit(sys.argv[1:] != [{str(BUNDLE)!r}, '--engines', 'onnx,tflite'])"
    check_in_child(BUNDLE, 60, engines="onnx,tflite", command=python(code))


def test_the_sentence_of_a_child_becomes_the_error() -> None:
    said = refusal("sys.stderr.write('chatter\\nit is blind: publish it again\\n'); sys.exit(2)")
    assert said == "it is blind: publish it again"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_child_that_dies_is_a_refusal(name: str) -> None:
    assert f"ended its check by signal {name}" in refusal(
        f"os.kill(os.getpid(), signal.{name}); time.sleep(60)"
    )


def test_a_child_that_fails_otherwise_is_a_refusal() -> None:
    assert refusal("sys.exit(7)").startswith(
        "the model in /drone/slots/a ended its check with exit code 7: "
    )
    assert "ValueError: no such thing" in refusal("raise ValueError('no such thing')")


def test_a_child_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """Both hold one end of a pipe, which closes when the last of them dies."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    code = f"w = os.open({str(pipe)!r}, os.O_WRONLY)\nos.fork()\ntime.sleep(600)"
    assert "did not end its check within 0.5 s" in refusal(code, timeout_s=0.5)
    assert select.select([reader], [], [], 30)[0], "one of them lives"
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_child_that_eats_memory_meets_its_limit() -> None:
    said = refusal("time.sleep(0.2)\nx = bytearray(8 << 30)", memory_bytes=1 << 30)
    assert "MemoryError" in said


def test_a_child_that_talks_without_end_is_not_remembered_whole() -> None:
    code = (
        "for _ in range(400): sys.stderr.write('x' * 65536)\nsys.stderr.write('\\nlast: do\\n')\n"
    )
    assert refusal(f"{code}sys.exit(2)") == "last: do"


def test_a_child_that_cannot_start_is_an_error() -> None:
    with pytest.raises(UpdateError, match="cannot start"):
        check_in_child(BUNDLE, 60, command=["/no/such/program"])


def test_the_child_has_less_priority_and_leaves_no_core() -> None:
    code = (
        "import resource\n"
        "while os.nice(0) < 10: time.sleep(0.01)\n"
        "sys.exit(resource.getrlimit(resource.RLIMIT_CORE) != (0, 0))"
    )
    before = signal.getsignal(signal.SIGTERM)
    check_in_child(BUNDLE, 60, command=python(code))
    assert signal.getsignal(signal.SIGTERM) is before
