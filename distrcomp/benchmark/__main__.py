"""What each node of `distrcomp bench` runs; node 0 prints all figures as one line of JSON.

Its one argument is a JSON object: `pairs`, of which each has `nodes` (the leader first) and
`directions` (see `ceiling.Direction`; empty inside one machine), `bytes_max` and `seconds`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import distrcomp as dc

from .ceiling import Direction
from .pair import follow, lead
from .together import measure

_TAG = 3


def main(arguments: list[str]) -> int:
    """Measures the pairs one after the other, and all nodes together; the exit code."""
    if len(arguments) != 1:
        print("start it by `distrcomp bench`", file=sys.stderr)  # noqa: T201  a program's own
        return 2
    wanted = json.loads(arguments[0])
    pairs = [_pair(pair, wanted) for pair in wanted["pairs"]]
    # An array that was too long for one message is so for many.
    too_long = min((size for pair in pairs for size in pair["left_out"]), default=sys.maxsize)
    collectives = measure(min(wanted["bytes_max"], too_long - 1), wanted["seconds"])
    if dc.node_id == 0:
        told = {"pairs": pairs, "collectives": collectives}
        print(json.dumps(told), flush=True)  # noqa: T201  its result
    return 0


def _pair(pair: dict[str, Any], wanted: dict[str, Any]) -> Any:
    """One pair's figures, which every node has in the end: until then it takes no part, or does."""
    leader, other = pair["nodes"]
    directions = [Direction(*direction) for direction in pair["directions"]]
    bytes_max: int = wanted["bytes_max"]
    if dc.node_id == leader:
        figures = {"nodes": pair["nodes"], **lead(other, directions, bytes_max, wanted["seconds"])}
        for node in range(dc.n_node):
            if node != leader:
                dc.send(node, figures, _TAG)
        return figures
    if dc.node_id == other:
        follow(leader, directions, bytes_max)
    return dc.recv(leader, _TAG)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
