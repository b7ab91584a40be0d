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

"""zstd and lz4, as bags use them: whole files, single messages, chunks."""

from __future__ import annotations

from pathlib import Path

import zstandard

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 20

Broken = (zstandard.ZstdError, RuntimeError, EOFError, ValueError)
"""What damaged bytes make the two libraries raise."""


def expanded(file: Path, folder: Path) -> Path:
    """The file itself, or what is in it when it is compressed as a whole, as far as it goes."""
    with file.open("rb") as packed:
        if packed.read(len(ZSTD_MAGIC)) != ZSTD_MAGIC:
            return file
        packed.seek(0)
        target = folder / (file.stem if file.suffix == ".zstd" else file.name)
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        with target.open("wb") as whole:
            try:
                while piece := reader.read(_PIECE):
                    whole.write(piece)
            except zstandard.ZstdError:
                pass  # what came out before it is a bag that is cut off
    return target


def message(payload: bytes) -> bytes:
    """A message as it was before it was compressed; no CDR begins as zstd does."""
    return zstd(payload) if payload.startswith(ZSTD_MAGIC) else payload


def zstd(data: bytes) -> bytes:
    """What is in a zstd frame; raises ZstdError."""
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def lz4(data: bytes) -> bytes:
    """What is in an lz4 frame; raises RuntimeError."""
    from lz4.frame import decompress  # type: ignore[import-untyped]

    return bytes(decompress(data))
