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

"""Zstandard with a size that is known beforehand: nothing larger is ever unpacked."""

from __future__ import annotations

import zstandard

LEVEL = 19
"""Slow to pack, as quick to unpack as any other."""
MOST_WINDOW_LOG = 27
"""Base and content that together are longer are only partly looked at."""


def compress(content: bytes, prefix: bytes = b"") -> bytes:
    """Pack; with a prefix, what it has need not be told again."""
    reach = max(len(content) + len(prefix) + 1024, 1 << 10).bit_length()
    settings = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, source_size=len(content), dict_size=len(prefix),
        window_log=min(reach, MOST_WINDOW_LOG), write_content_size=True,
        write_checksum=False, write_dict_id=False,
    )  # fmt: skip
    known = _dictionary(prefix)
    return zstandard.ZstdCompressor(dict_data=known, compression_params=settings).compress(content)


def decompress(packed: bytes, size: int, prefix: bytes = b"") -> bytes:
    """Unpack one frame of exactly that many bytes.

    Raises:
        ValueError: it is none.
    """
    try:
        # The library allocates what the frame says, whatever limit it is given.
        if zstandard.get_frame_parameters(packed).content_size != size:
            raise ValueError("a packed part has another size than it should")
        unpacker = zstandard.ZstdDecompressor(
            dict_data=_dictionary(prefix), max_window_size=1 << MOST_WINDOW_LOG
        )
        content = unpacker.decompress(packed, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError:
        raise ValueError("a packed part cannot be unpacked") from None
    if len(content) != size:
        raise ValueError("a packed part has another size than it should")
    return content


def _dictionary(prefix: bytes) -> zstandard.ZstdCompressionDict | None:
    if not prefix:
        return None
    return zstandard.ZstdCompressionDict(prefix, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
