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

"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Write beside a file, then rename: a reader finds the old or the new one, whole.

    Raises:
        OSError: the disk does not take it; the old file stays.
    """
    fresh = file.with_name(f"{file.name}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
