"""What was measured: the program's JSON ↔ figures; no I/O."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import CannotStart

JSON_FORMAT = 1


@dataclass(frozen=True)
class Row:
    """One measurement; all times are of one message, or of one exchange for "both ways".

    Attributes:
        group: "objects", "arrays" (half round trips), "one way" or "both ways".
        name: what the message is; empty for an array.
        bytes: how long it is, pickled where it is no array.
        seconds: the median of the samples; `seconds_low` and `seconds_high` the outer ones.
        ceiling_seconds: the best sample for the same bytes by the barest means, None if there is
            none.
    """

    group: str
    name: str
    bytes: int
    seconds: float
    seconds_low: float
    seconds_high: float
    ceiling_seconds: float | None

    @property
    def moved_bytes(self) -> int:
        """The bytes that move in `seconds`: of an exchange, both ways together."""
        return 2 * self.bytes if self.group == "both ways" else self.bytes

    @property
    def share_of_ceiling(self) -> float | None:
        """The part of the ceiling's speed that was reached."""
        if self.ceiling_seconds is None or self.seconds <= 0:
            return None
        return self.ceiling_seconds / self.seconds


@dataclass(frozen=True)
class PairFigures:
    """What two nodes have measured.

    Attributes:
        nodes, peers: who, and where.
        cores: of the leading node's machine.
        ceiling: "memory copy" or "TCP"; `ceiling_missing` says why there is none, else empty.
        left_out: the sizes at which one message would have taken too long.
    """

    nodes: tuple[int, int]
    peers: tuple[str, str]
    cores: int
    ceiling: str
    ceiling_missing: str
    left_out: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def is_inside(self) -> bool:
        """Whether both nodes are on one machine."""
        return self.peers[0] == self.peers[1]

    @property
    def title(self) -> str:
        """Who, for people."""
        nodes = f"nodes {self.nodes[0]} and {self.nodes[1]}"
        if self.is_inside:
            return f"Inside {self.peers[0]} ({nodes})"
        return f"From {self.peers[0]} to {self.peers[1]} ({nodes})"


@dataclass(frozen=True)
class CollectiveRow:
    """What one collective call took, when called again and again.

    Attributes:
        name: of the call.
        message: what each node gave: "int", of a barrier "nothing"; empty for an array.
        bytes: how long that was, pickled where it is no array.
        seconds: the median of the samples; `seconds_low` and `seconds_high` the outer ones.
    """

    name: str
    message: str
    bytes: int
    seconds: float
    seconds_low: float
    seconds_high: float


@dataclass(frozen=True)
class CollectiveFigures:
    """What all nodes have measured together; `peers` has the machine of each."""

    peers: tuple[str, ...]
    rows: tuple[CollectiveRow, ...]

    @property
    def is_inside(self) -> bool:
        """Whether all nodes are on one machine."""
        return len(set(self.peers)) == 1

    @property
    def title(self) -> str:
        """Who, for people."""
        where = (f"{count} on {peer}" for peer, count in Counter(self.peers).items())
        return f"Collectives of {len(self.peers)} nodes ({', '.join(where)})"


@dataclass(frozen=True)
class Figures:
    """All that `distrcomp bench` knows in the end."""

    distrcomp: str
    python: str
    data_plane: str
    pairs: tuple[PairFigures, ...]
    collectives: CollectiveFigures


def read_output(
    output: bytes, labels: Sequence[str]
) -> tuple[tuple[PairFigures, ...], CollectiveFigures]:
    """The figures in what node 0 printed.

    Args:
        labels: the name of each node's peer.

    Raises:
        CannotStart: it is no such output: the peer has another distrcomp.
    """
    try:
        document = json.loads(output.strip().splitlines()[-1])
        pairs = tuple(_pair(pair, labels) for pair in document["pairs"])
        rows = tuple(CollectiveRow(**row) for row in document["collectives"])
        return pairs, CollectiveFigures(tuple(labels), rows)
    except (ValueError, LookupError, TypeError) as error:
        raise CannotStart(
            f"{labels[0]} has measured nothing that can be read: is distrcomp there the same as "
            "here?"
        ) from error


def render_json(figures: Figures) -> str:
    """Everything as one JSON object, in seconds and bytes; what follows from them comes with it."""
    document = {"format": JSON_FORMAT, **asdict(figures)}
    for pair, told in zip(figures.pairs, document["pairs"], strict=True):
        told["rows"] = [_row_and_more(row) for row in pair.rows]
    return json.dumps(document, indent=2) + "\n"


def _row_and_more(row: Row) -> dict[str, Any]:
    return {
        **asdict(row),
        "messages_per_s": 1 / row.seconds,
        "bytes_per_s": row.moved_bytes / row.seconds,
        "share_of_ceiling": row.share_of_ceiling,
    }


def _pair(told: dict[str, Any], labels: Sequence[str]) -> PairFigures:
    one, other = told["nodes"]
    return PairFigures(
        nodes=(one, other),
        peers=(labels[one], labels[other]),
        cores=int(told["cores"]),
        ceiling=str(told["ceiling"]),
        ceiling_missing=str(told["ceiling_missing"]),
        left_out=tuple(int(size) for size in told["left_out"]),
        rows=tuple(Row(**row) for row in told["rows"]),
    )
