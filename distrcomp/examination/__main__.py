"""What each node of `distrcomp doctor` runs.

Its one argument is a JSON object. An empty one asks for what the machine is like and for the ways
to the others; one with `rounds`, lists of pairs of nodes that measure at the same time, has them
measure, each pair for about `seconds`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import distrcomp as dc


def main(arguments: list[str]) -> int:
    """Does the part that the argument says; the exit code."""
    if len(arguments) != 1:
        print("start it by `distrcomp doctor`", file=sys.stderr)  # noqa: T201  a program's own
        return 2
    wanted = json.loads(arguments[0])
    if "rounds" in wanted:
        from .pairs import measure_rounds

        for line in measure_rounds(wanted["rounds"], wanted["seconds"]):
            _tell(line)
        return 0
    from .facts import machine_facts
    from .ways import stay, ways_to_others

    _tell({"facts": machine_facts()})
    for way in ways_to_others():  # a line for each: the launcher cuts one that is too long
        _tell({"way": way})
    _tell({"done": True})
    stay()
    return 0


def _tell(what: dict[str, Any]) -> None:
    line = json.dumps({"node": dc.node_id, **what})
    print(line, flush=True)  # noqa: T201  its result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
