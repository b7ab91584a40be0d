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

"""Where published files lie: a folder, an object store or a web server, by fsspec.

Laid out as a repository of The Update Framework with consistent snapshots::

    metadata/1.root.json, 2.root.json, ...
    metadata/7.targets.json, ..., and targets.json: the newest
    targets/models/<model>/<release>/<sha256>.whole.package, ...

Nobody trusts it: what is read here is checked by who reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_infer.errors import UpdateError, first_line
from edge_infer.updates.disk import write_durably


class Store:
    """One location.

    Args:
        location: a folder, or an address that fsspec knows, such as ``s3://bucket/fleet`` or
            ``https://example.org/fleet`` (which can only be read).

    Raises:
        UpdateError: nothing that is installed can reach it.
    """

    def __init__(self, location: str) -> None:
        from fsspec.core import url_to_fs

        self.location = location
        try:
            self._files, self._base = url_to_fs(location)
        except ImportError as error:
            raise UpdateError(
                f"{location} cannot be reached without another package ({first_line(error)})",
                "install it with pip",
            ) from error
        except ValueError as error:
            raise UpdateError(
                f"{location} is no location ({first_line(error)})",
                "name a folder, or an address such as s3://bucket/fleet or https://host/fleet",
            ) from error

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """Read a file; None where there is none.

        Raises:
            UpdateError: it is longer than it may be, or the store does not answer.
        """
        try:
            with self._files.open(self._path(name), "rb") as stream:
                content: bytes = stream.read(most_bytes + 1)
        except FileNotFoundError:
            return None
        except Exception as error:  # each store has errors of its own
            raise self._failure(name, "read", error) from error
        if len(content) > most_bytes:
            raise UpdateError(
                f"{name} in {self.location} is longer than {most_bytes} bytes", "publish it again"
            )
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole; raises UpdateError."""
        path = self._path(name)
        try:
            if _is_local(self._files):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_durably(Path(path), content)
            else:
                self._files.pipe_file(path, content)
        except Exception as error:  # each store has errors of its own
            raise self._failure(name, "written", error) from error

    def names(self, under: str) -> list[str]:
        """The names of all files below a folder, in order; raises UpdateError."""
        start = self._path(under)
        try:
            found = self._files.find(start)
        except FileNotFoundError:
            return []
        except Exception as error:  # each store has errors of its own
            raise self._failure(under, "listed", error) from error
        return sorted(f"{under}/{path.removeprefix(start).lstrip('/')}" for path in found)

    def _path(self, name: str) -> str:
        return f"{self._base.rstrip('/')}/{name}"

    def _failure(self, name: str, done: str, error: Exception) -> UpdateError:
        return UpdateError(
            f"{name} cannot be {done} in {self.location} ({first_line(error)})",
            "see that it is there, that this machine reaches it, and who may use it",
        )


def _is_local(files: Any) -> bool:
    return "file" in ((files.protocol,) if isinstance(files.protocol, str) else files.protocol)
