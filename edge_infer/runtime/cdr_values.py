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

"""What the generated code of ``cdr.py`` calls for values that are no single numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A contiguous array of that type with the values of an array, list or buffer.

    Raises:
        ValueError: values that the type cannot hold, or more than one dimension.
    """
    if type(value) is np.ndarray and value.dtype == dtype:
        array = value
    elif dtype.itemsize == 1 and isinstance(value, bytes | bytearray | memoryview):
        array = np.frombuffer(value, dtype)
    else:
        array = _converted(np.asarray(value), dtype)
    if array.ndim != 1:
        raise ValueError(f"an array of shape {array.shape} is not a list of numbers")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _converted(given: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The same numbers in another type."""
    if given.size and given.dtype.kind not in "biuf":
        raise ValueError(f"values of type {given.dtype} are no numbers")
    with np.errstate(invalid="ignore", over="ignore"):
        array = given.astype(dtype)
    if dtype.kind != "f" and not np.array_equal(array, given):
        raise ValueError(f"a value is not a {dtype}")
    return array


def as_bytes(value: Any) -> bytes:
    """A buffer, or a list of single bytes, as bytes."""
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b"".join(value)


def check_length(value: Any, least: int, most: int) -> None:
    """Raise ValueError unless there are as many values as the definition allows."""
    if not least <= len(value) <= most:
        raise ValueError(f"{len(value)} values where {'at most ' * (least == 0)}{most} belong")


def text(data: memoryview, pos: int, size: int) -> tuple[str, int]:
    """A string that takes ``size`` bytes, its final zero included."""
    if not size:
        return "", pos
    end = pos + size
    if end > len(data) or data[end - 1]:
        raise ValueError(f"no string of {size - 1} characters at byte {pos}")
    return str(data[pos : end - 1], "utf-8", "replace"), end


def array(data: memoryview, pos: int, count: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """Numbers as a view of the data, or a copy when their byte order is foreign."""
    if not count:
        return np.empty(0, dtype.newbyteorder("=")), pos
    values = np.frombuffer(data, dtype, count, pos)
    return values.astype(dtype.newbyteorder("="), copy=False), pos + values.nbytes


def octets(data: memoryview, pos: int, count: int) -> tuple[list[bytes], int]:
    """Values of type ``byte``."""
    end = pos + count
    if end > len(data):
        raise ValueError(f"no {count} bytes at byte {pos}")
    return [bytes((value,)) for value in data[pos:end]], end
