"""The program that runs on each node: `distrcomp run -m tests.stress.node JOB`.

In the first half of the time only the main thread talks, in the second half several do, on the
world with tags of their own, on communicators of their own, and on one of some of the nodes only.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import distrcomp as dc
from distrcomp import memory
from distrcomp.segment import ring_bytes
from tests.stress import plan, tally
from tests.stress.lane import Runner

LARGEST_TAG = 2**31 - 1
_CONTROL = 100  # a lane's second communicator has this number more than its first


def runner(job: dict[str, Any], number: int) -> Runner | None:
    """A lane as this node has it; None where the node takes no part."""
    engine = dc.world._engine
    members = tuple(range(dc.n_node))
    kind = number % 4
    if kind == 0 and number and dc.n_node > 2:
        members = members[:0:-1]  # all but node 0, the other way round
    if dc.node_id not in members:
        return None
    names_tags = kind in (1, 2)
    tags = tuple(1000 * number + each for each in range(6)) if names_tags else ()
    lane = plan.Lane(
        job["seed"],
        number,
        len(members),
        tags or (90, 91, 0, 1, 7, LARGEST_TAG),
        ring_bytes(job["n_local"]) // 4,
        job["patience"],
    )
    own = dc.world
    if number and not names_tags:
        own = dc.Communicator(engine, number, members, job["patience"])
    control = dc.Communicator(engine, _CONTROL + number, members, job["patience"])
    spoil = job["spoil"] if dc.node_id == 0 and number == 0 else ""
    return Runner(lane, own, control, names_tags, spoil)


def run_or_die(made: Runner, until: float) -> None:
    """In a thread: whatever goes wrong ends the node."""
    try:
        made.run(until)
    except BaseException:  # noqa: BLE001  the others would wait for this lane
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


class Watch:
    """Samples of the memory that is neither shared nor in the pool of recycled memory."""

    def __init__(self) -> None:
        self._start = self._now()
        self._samples: list[int] = []

    def look(self) -> None:
        """One sample."""
        self._samples.append(self._now())

    def growth(self) -> tuple[int, int]:
        """Peak and creep of the samples since the last time."""
        samples, self._samples = self._samples, []
        return tally.growth(samples, self._start)

    def _now(self) -> int:
        text = Path("/proc/self/status").read_text()
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return int(lines["RssAnon"].split()[0]) * 1024 - memory._POOL._bytes


def main() -> None:
    """Does the job and prints what was counted as a line of JSON."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    dc.setup_connection()
    lanes = [made for number in range(job["threads"] + 1) if (made := runner(job, number))]
    watch = Watch()
    begin = monotonic()
    until = begin + job["seconds"] / (2 if job["threads"] else 1)
    lanes[0].run(until, watch.look)
    grown = [watch.growth()]
    if job["threads"]:
        until = monotonic() + job["seconds"] / 2
        threads = [threading.Thread(target=run_or_die, args=(each, until)) for each in lanes[2:]]
        for thread in threads:
            thread.start()
        lanes[1].run(until, watch.look)
        for thread in threads:
            thread.join()
        grown.append(watch.growth())
    peak, creep = (max(figures) for figures in zip(*grown, strict=True))
    counts: Counter[str] = sum((made.counts for made in lanes), Counter())
    links = sorted({type(link).__name__ for link in dc.world._engine._links.values()})
    seconds = monotonic() - begin
    said = {"counts": counts, "seconds": seconds, "peak": peak, "creep": creep, "links": links}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
