"""What a bag is made of."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple


class BagMessage(NamedTuple):
    """One message.

    Attributes:
        topic: its name in the bag.
        time_ns: when it was recorded, since the Unix epoch.
        payload: CDR with its header.
    """

    topic: str
    time_ns: int
    payload: bytes


class Survey(NamedTuple):
    """What a file holds: name -> type of its topics, and name -> how many messages."""

    topics: dict[str, str]
    counts: Counter[str]
