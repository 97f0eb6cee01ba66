"""What the nodes of a soak's program send each other, and the sending of it.

All follows from a seed, the same on every node and for the judge: rounds, and in each the messages
of each pair of nodes. A message is (sequence number, checksum, body). Numbers count for each pair
and tag, so a message that is lost, comes twice, or overtakes another one is seen by who gets the
next; a changed byte by the checksum. `Ledger` counts what was begun and what has come.

The first thing that a program sends, and all that it receives, goes through here; it is shipped
beside `program.py`, which runs on the nodes.
"""

from __future__ import annotations

import zlib
from collections import Counter
from random import Random
from typing import Any, NamedTuple

from distrcomp import Status

TAGS = (0, 1, 2, 40_000)
STRAY_TAG = 77
"""Of messages that nobody receives, on purpose."""
_STYLES = {"mail": 5, "any": 3, "ring": 2, "large": 1, "collectives": 4, "part": 2}
_COLLECTIVES = ("barrier", "bcast", "allreduce", "gather", "alltoall")
_SIZES = (0, 7, 200, 2047, 5_000, 40_000, 300_000)
_LARGE_BYTES = 6 * 2**20


class Post(NamedTuple):
    """One message; see `value_of`."""

    tag: int
    nbytes: int
    is_array: bool
    way: str


class Wrong(Exception):
    """What came is not what was sent."""


def rounds(seed: int) -> list[str]:
    """The styles of a program's rounds."""
    dice = Random(f"{seed}/rounds")
    names, weights = list(_STYLES), list(_STYLES.values())
    return dice.choices(names, weights, k=dice.randint(2, 12))


def posts(seed: int, number: int, style: str, pair: tuple[int, int], n_node: int) -> list[Post]:
    """What one node sends another one in a round, in order."""
    source, dest = pair
    dice = Random(f"{seed}/{number}/{source}/{dest}")
    if style == "ring":
        return [_post(dice, "sendrecv")] if dest == (source + 1) % n_node else []
    if style == "large":
        is_next = dest == (source + 1 + seed % (n_node - 1)) % n_node
        return [_post(dice, "isend")._replace(nbytes=_LARGE_BYTES)] if is_next else []
    if style not in ("mail", "any"):
        return []
    ways = ("send", "send", "isend", "issend")
    return [_post(dice, dice.choice(ways)) for _ in range(dice.choice((0, 1, 3, 20)))]


def _post(dice: Random, way: str) -> Post:
    return Post(dice.choice(TAGS), dice.choice(_SIZES), dice.random() < 0.3, way)


def strays(seed: int, n_node: int) -> dict[int, int]:
    """How many messages node 0 sends each other node that nobody receives; mostly none."""
    dice = Random(f"{seed}/strays")
    if dice.random() < 0.6:
        return {}
    return {node: dice.randint(1, 3) for node in range(1, n_node) if dice.random() < 0.5}


def expected(seed: int, n_node: int) -> dict[tuple[int, int], int]:
    """How many messages go from each node to each, without strays, if nothing is in the way."""
    counts: Counter[tuple[int, int]] = Counter()
    for number, style in enumerate(rounds(seed)):
        for source in range(n_node):
            for dest in range(n_node):
                if source != dest:
                    pair = (source, dest)
                    counts[pair] += len(posts(seed, number, style, pair, n_node))
    return {pair: count for pair, count in counts.items() if count}


class Ledger:
    """What one node has begun to send, and what it has received and found right."""

    def __init__(self) -> None:
        self.begun: Counter[int] = Counter()
        self.received: Counter[int] = Counter()
        self.nbytes = 0
        self._sent: Counter[tuple[int, int]] = Counter()
        self._next: Counter[tuple[int, int]] = Counter()

    def wrap(self, dest: int, post: Post) -> tuple[int, int, Any]:
        """The next message for a node."""
        key = (dest, post.tag)
        number = self._sent[key]
        self._sent[key] += 1
        self.begun[dest] += 1
        body = Random(f"{key}/{number}").randbytes(post.nbytes)
        checksum = zlib.crc32(body)
        if post.is_array:
            import numpy

            return number, checksum, numpy.frombuffer(body, numpy.uint8)
        return number, checksum, body

    def check(self, source: int, tag: int, value: tuple[int, int, Any]) -> None:
        """A message has come.

        Raises:
            Wrong: it is not the next one, or not as it was sent.
        """
        number, checksum, body = value
        key = (source, tag)
        if number != self._next[key]:
            raise Wrong(f"message {number} from {source}, tag {tag}, instead of {self._next[key]}")
        content = bytes(body)
        if zlib.crc32(content) != checksum:
            raise Wrong(f"message {number} from {source}, tag {tag}, has changed on its way")
        self._next[key] += 1
        self.received[source] += 1
        self.nbytes += len(content)


class Traffic:
    """The sending and receiving of one node.

    Args:
        world: the communicator of all.
        seed: decides all of it.
    """

    def __init__(self, world: Any, seed: int) -> None:
        self.ledger = Ledger()
        self._world = world
        self._seed = seed
        self._others = [node for node in range(world.n_node) if node != world.node_id]

    def run(self) -> None:
        """All rounds, and the strays."""
        world = self._world
        for number, style in enumerate(rounds(self._seed)):
            if style in ("collectives", "part"):
                self._collect(number, style)
            else:
                self._exchange(number, style)
        if world.node_id == 0:
            for node, count in strays(self._seed, world.n_node).items():
                for _ in range(count):
                    world.send(node, b"nobody wants me", tag=STRAY_TAG)
        world.barrier()

    def _posts(self, number: int, style: str, source: int, dest: int) -> list[Post]:
        return posts(self._seed, number, style, (source, dest), self._world.n_node)

    def _exchange(self, number: int, style: str) -> None:
        world, here = self._world, self._world.node_id
        requests = []
        for dest in self._others:
            for post in self._posts(number, style, here, dest):
                value = self.ledger.wrap(dest, post)
                if post.way == "sendrecv":
                    self._turn(number, dest, post, value)
                elif post.way == "send":
                    world.send(dest, value, post.tag)
                else:
                    requests.append(getattr(world, post.way)(dest, value, post.tag))
        coming = {source: self._posts(number, style, source, here) for source in self._others}
        if style == "any":
            self._receive_any(sum(map(len, coming.values())))
        elif style != "ring":
            for source in Random(f"{self._seed}/{number}/order").sample(
                self._others, k=len(coming)
            ):
                for post in coming[source]:
                    self.ledger.check(source, post.tag, world.recv(source, post.tag))
        for request in requests:
            request.wait()
        if style == "any":  # else what belongs to the next round might be taken
            world.barrier()

    def _turn(self, number: int, dest: int, post: Post, value: Any) -> None:
        world = self._world
        source = (world.node_id - 1) % world.n_node
        (coming,) = self._posts(number, "ring", source, world.node_id)
        got = world.sendrecv(dest, value, source, tag=post.tag, recv_tag=coming.tag)
        self.ledger.check(source, coming.tag, got)

    def _receive_any(self, count: int) -> None:
        world = self._world
        for _ in range(count):
            status = Status()
            value = world.recv(status=status)
            self.ledger.check(status.source, status.tag, value)

    def _collect(self, number: int, style: str) -> None:
        world = self._world
        dice = Random(f"{self._seed}/{number}/collectives")
        part = world if style == "collectives" else world.split(world.node_id % 2)
        for _ in range(dice.randint(1, 6)):
            _collective(part, dice.choice(_COLLECTIVES), dice.randrange(100) % part.n_node)
        if style == "part":
            part.free()


def _collective(part: Any, kind: str, root: int) -> None:
    """One collective, whose result is looked at."""
    n, here = part.n_node, part.node_id
    found: Any = None
    right: Any = None
    if kind == "barrier":
        part.barrier()
    elif kind == "bcast":
        found, right = part.bcast(f"root {root}", root), f"root {root}"
    elif kind == "allreduce":
        found, right = part.allreduce(here + 1), n * (n + 1) // 2
    elif kind == "gather":
        found, right = part.gather(here, root), list(range(n)) if here == root else None
    else:
        found = part.alltoall([(here, node) for node in range(n)])
        right = [(node, here) for node in range(n)]
    if found != right:
        raise Wrong(f"{kind} gave {found!r} instead of {right!r}")
