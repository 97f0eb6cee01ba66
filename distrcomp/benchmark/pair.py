"""Two nodes measure the messages between them: one leads, the other follows its orders."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import distrcomp as dc

from .ceiling import Bare, Ceiling, Direction, agree
from .patterns import Path
from .timing import Batch, in_turn
from .works import Work, works

# A message that would take longer than this is left out: some ten of each are sent.
MESSAGE_S_MAX = 1.0
_PAYLOAD, _ORDERS = 0, 1
_BROKEN_TIMEOUT_S = 5.0


def lead(other: int, directions: Sequence[Direction], bytes_max: int, seconds: float) -> Any:
    """Measures everything with node `other`, which follows.

    Args:
        directions: see `ceiling.agree`.
        bytes_max: the longest array.
        seconds: about how long each line may take.

    Returns:
        What is told of the pair, made of dicts, lists, strings and numbers.
    """
    todo = works(bytes_max)
    ceiling = agree(other, directions, _longest(todo))
    rows: list[dict[str, Any]] = []
    left_out: list[int] = []
    for index, work in enumerate(todo):
        if _is_too_slow(work, rows):
            left_out.append(work.payload_bytes)
            continue
        _say(work)
        dc.send(other, ("work", index), _ORDERS)
        rows.append(_row(work, _measure(work, other, ceiling.bare, seconds)))
    dc.send(other, ("end",), _ORDERS)
    if ceiling.bare is not None:
        ceiling.bare.close()
    return {
        "cores": len(os.sched_getaffinity(0)),
        "ceiling": ceiling.kind,
        "ceiling_missing": ceiling.missing,
        "left_out": sorted(set(left_out)),
        "rows": rows,
    }


def follow(leader: int, directions: Sequence[Direction], bytes_max: int) -> None:
    """The other side of `lead`."""
    todo = works(bytes_max)
    ceiling: Ceiling = agree(leader, directions, _longest(todo))
    work, paths = todo[0], list[Path]()
    while True:
        match dc.recv(leader, _ORDERS):
            case ("work", index):
                work = todo[index]
                paths = _paths(work, leader, ceiling.bare)
            case ("batch", which, rounds):
                _whole(leader, partial(work.pattern.follow, paths[which], rounds))
            case _:
                break
    if ceiling.bare is not None:
        ceiling.bare.close()


def _measure(work: Work, other: int, bare: Bare | None, seconds: float) -> list[list[float]]:
    def batch(which: int, path: Path, rounds: int) -> float:
        dc.send(other, ("batch", which, rounds), _ORDERS)
        took: float = _whole(other, partial(work.pattern.lead, path, rounds))
        return took

    paths = enumerate(_paths(work, other, bare))
    batches: list[Batch] = [partial(batch, which, path) for which, path in paths]
    return in_turn(batches, seconds)


def _paths(work: Work, other: int, bare: Bare | None) -> list[Path]:
    """The path of messages, and the barest one if there is any."""
    send = partial(dc.send, other, work.make(), _PAYLOAD)
    receive = partial(dc.recv, other, _PAYLOAD)

    def swap() -> None:
        send()
        receive()

    paths = [Path(send, receive, swap)]
    return paths if bare is None else [*paths, bare.path(work.payload_bytes)]


def _whole(other: int, act: Callable[[], Any]) -> Any:
    """Does `act`; where the bare connection broke, tells whether the other node has ended."""
    try:
        return act()
    except dc.DistrcompError:
        raise
    except OSError as error:
        with contextlib.suppress(dc.RecvTimeout):
            dc.recv(other, _ORDERS, timeout=_BROKEN_TIMEOUT_S)
        raise dc.LinkFailed(f"the bare connection to node {other} broke: {error}") from error


def _row(work: Work, samples: list[list[float]]) -> dict[str, Any]:
    """What is told of one line of the table; `samples` are of rounds."""
    messages, *bare = [[sample / work.pattern.messages for sample in each] for each in samples]
    return {
        "group": work.group,
        "name": work.name,
        "bytes": work.payload_bytes,
        "seconds": median(messages),
        "seconds_low": min(messages),
        "seconds_high": max(messages),
        "ceiling_seconds": min(bare[0]) if bare else None,
    }


def _is_too_slow(work: Work, rows: Sequence[dict[str, Any]]) -> bool:
    """Whether one message would take too long, going by the longest array so far."""
    sizes = {row["bytes"]: row["seconds"] for row in rows if row["group"] == "arrays"}
    longest = max(sizes, default=0)
    if work.name or not longest or work.payload_bytes <= longest:
        return False
    return bool(sizes[longest] * work.payload_bytes / longest > MESSAGE_S_MAX)


def _longest(todo: Sequence[Work]) -> int:
    return max(work.payload_bytes for work in todo)


def _say(work: Work) -> None:
    """On stderr: the launcher shows the last line while the run goes."""
    what = work.name or f"array, {work.payload_bytes:,} bytes"
    print(f"{work.group}: {what}", file=sys.stderr, flush=True)  # noqa: T201  it is a program
