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

"""Message and service classes by name, and their bytes, without ROS 2.

``message_types()["sensor_msgs/msg/Image"]`` is a class like the one that rosidl
generates; ``encode`` and ``decode`` turn its instances into the bytes that ROS 2
sends and back. Under ROS 2 itself rclpy does all this and nobody asks here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from edge_infer.errors import MessageError
from edge_infer.runtime.cdr import HEADER, Decoder, Encoder, make_decoder, make_encoder
from edge_infer.runtime.definitions import definitions
from edge_infer.runtime.message_classes import MessageBase, message_class

Wrong = (struct.error, ValueError, TypeError, AttributeError, OverflowError)
"""What a value of the wrong type makes the generated code raise."""


class MessageTypes(Mapping[str, type]):
    """Classes of all types that can be found, made when they are first asked for.

    ``pkg/srv/Name`` gives a class with ``Request`` and ``Response``, which are also
    found as ``pkg/srv/Name_Request`` and ``pkg/srv/Name_Response``.
    """

    def __init__(self) -> None:
        self._definitions = definitions()
        self._classes: dict[str, type] = {}
        self._encoders: dict[type, Encoder] = {}
        self._decoders: dict[tuple[type, int], Decoder] = {}

    def __getitem__(self, name: str) -> type:
        found = self._classes.get(name)
        if found is None:
            found = self._classes[name] = self._make(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._classes))

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self[name])
        except MessageError:
            return False

    def encode(self, message: Any, prefix: bytes = b"") -> bytearray:
        """CDR with its header, padded to a multiple of four bytes.

        Args:
            message: an instance of one of the classes.
            prefix: what stands between header and message, a multiple of 8 bytes.

        Raises:
            MessageError: a field holds what its type cannot.
        """
        out = bytearray(HEADER + prefix)
        try:
            self._encoder(type(message))(message, out)
        except Wrong as error:
            raise MessageError(
                f"a {type(message).__msgtype__} cannot be sent ({self._culprit(message)}{error})",
                "assign a value of the field's type",
            ) from error
        out += bytes(-len(out) % 4)
        return out

    def decode(self, payload: memoryview, msg_type: type, skip: int = 0) -> Any:
        """The message in a payload; its numpy arrays are views of the payload.

        Args:
            payload: CDR with its header, up to three bytes of padding behind it.
            msg_type: one of the classes.
            skip: the length of a prefix, as in ``encode``.

        Raises:
            MessageError: the bytes are not a message of that type.
        """
        data = payload[len(HEADER) + skip :]
        if len(payload) < len(HEADER) or payload[0] != 0 or payload[1] > 1:
            raise _undecodable(msg_type, f"header {bytes(payload[:4]).hex()} is not CDR's")
        try:
            message, end = self._decoder(msg_type, payload[1])(data)
        except (struct.error, ValueError, IndexError, OverflowError) as error:
            raise _undecodable(msg_type, str(error)) from error
        if not 0 <= len(data) - end <= 3:
            raise _undecodable(msg_type, f"{len(data)} bytes where {end} belong")
        return message

    def type_hash(self, name: str) -> str:
        """The RIHS01 hash of ``pkg/msg/Name`` or ``pkg/srv/Name_Request``."""
        return self._definitions.type_hash(name)

    def _make(self, name: str) -> type:
        if "/srv/" in name and not name.endswith(("_Request", "_Response")):
            halves = {half: self[f"{name}_{half}"] for half in ("Request", "Response")}
            return type(name.rpartition("/")[2], (), {**halves, "__srvtype__": name})
        return message_class(self._definitions[name], self.__getitem__)

    def _encoder(self, msg_type: Any) -> Encoder:
        found = self._encoders.get(msg_type)
        if found is None:
            definition = self._definitions[_type_name(msg_type)]
            found = make_encoder(definition, self._definitions.__getitem__)
            self._encoders[msg_type] = found
        return found

    def _decoder(self, msg_type: Any, little_endian: int) -> Decoder:
        found = self._decoders.get((msg_type, little_endian))
        if found is None:
            found = make_decoder(
                self._definitions[_type_name(msg_type)],
                self._definitions.__getitem__,
                self.__getitem__,
                little_endian=bool(little_endian),
            )
            self._decoders[msg_type, little_endian] = found
        return found

    def _culprit(self, message: Any) -> str:
        """``field: `` of the first field that cannot be written."""
        for name in message.__slots__:
            probe = type(message)()
            setattr(probe, name, value := getattr(message, name))
            try:
                self._encoder(type(message))(probe, bytearray(HEADER))
            except Wrong:
                inner = self._culprit(value) if isinstance(value, MessageBase) else ""
                return f"{name}.{inner}" if inner else f"{name}: "
        return ""


@cache
def message_types() -> MessageTypes:
    """The classes of this process."""
    return MessageTypes()


def _type_name(msg_type: Any) -> str:
    try:
        return str(msg_type.__msgtype__)
    except AttributeError:
        raise MessageError(
            f"{msg_type!r} is no message class", "take the class from node.messages"
        ) from None


def _undecodable(msg_type: Any, reason: str) -> MessageError:
    return MessageError(
        f"bytes are not a {msg_type.__msgtype__} ({reason})",
        "check that both sides have the same definition of it",
    )
