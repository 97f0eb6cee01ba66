"""What is sent in each round, by whom, to whom and how: it follows from the seed alone.

A lane is one thread of each node with a communicator, or tags, of its own. It goes in rounds, and a
node begins the next one only when all have ended this one; so no more than one round is under way,
and that bounds the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.stress.values import KINDS, Spec

KIB, MIB = 2**10, 2**20
ROUND_BYTES = 16 * MIB
"""What one node is sent, at most, in a round of one lane."""
OBJECT_BYTES_MAX = 4 * MIB
_BOUNDARIES = (0, 8, 2047, 4 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 256 * KIB, MIB)
_NEAR = 48  # headers and descriptions lie between an object's size and a record's
WAYS = ("send", "isend", "issend", "ssend", "sendrecv")


class Style(NamedTuple):
    """What a round is like.

    Attributes:
        weight: how often it comes.
        messages: so many does a node get, shared among its senders.
        sizes: which; see `_nbytes`.
        kinds: of objects.
        ways: weights of WAYS but the last.
    """

    weight: int
    messages: int
    sizes: str
    kinds: Sequence[str]
    ways: tuple[int, int, int, int]


_LIGHT = ("int", "text", "dict", "bytes", "small object", "array")
STYLES = {
    "mixed": Style(40, 60, "all", KINDS, (6, 2, 0, 0)),
    "matched": Style(15, 40, "all", KINDS, (3, 2, 2, 2)),
    "burst": Style(25, 1200, "tiny", _LIGHT, (1, 0, 0, 0)),
    "large": Style(10, 12, "large", KINDS, (3, 2, 0, 0)),
    "arrays": Style(10, 80, "all", ("array",), (1, 0, 0, 0)),
}


class Post(NamedTuple):
    """One message."""

    tag: int
    way: str
    spec: Spec


class Lane(NamedTuple):
    """What all nodes know of a lane.

    Attributes:
        seed: of the run.
        number: of the lane.
        n_node: of its communicator.
        tags: what it uses; the first two are kept for `ssend` and `sendrecv`.
        edge: the size beyond which an array is no single record of a ring.
        patience: seconds after which a message that doesn't come is lost.
    """

    seed: int
    number: int
    n_node: int
    tags: tuple[int, ...]
    edge: int
    patience: float = 60.0


def chance(lane: Lane, *more: object) -> Random:
    """Random numbers for one purpose, the same on every node."""
    return Random(f"{lane.seed}/{lane.number}/" + "/".join(map(str, more)))


def style_of(lane: Lane, number: int) -> str:
    """Which style a round has."""
    weights = [style.weight for style in STYLES.values()]
    return chance(lane, "style", number).choices(list(STYLES), weights)[0]


def exchange(lane: Lane, number: int, source: int) -> tuple[int, Post]:
    """To whom `source` sends by the `sendrecv` that begins a round, and what."""
    shift = chance(lane, "shift", number).randrange(lane.n_node)
    dice = chance(lane, "exchange", number, source)
    spec = _spec(lane, dice, STYLES["mixed"], ROUND_BYTES // 16)
    return (source + shift) % lane.n_node, Post(lane.tags[1], "sendrecv", spec)


def posts(lane: Lane, number: int, source: int, dest: int) -> list[Post]:
    """All else that `source` sends to `dest` in a round, in order."""
    style = STYLES[style_of(lane, number)]
    dice = chance(lane, "posts", number, source, dest)
    left = ROUND_BYTES // lane.n_node
    made: list[Post] = []
    for _ in range(dice.randint(1, max(1, 2 * style.messages // lane.n_node))):
        way = dice.choices(WAYS[:4], style.ways)[0]
        spec = _spec(lane, dice, style, left)
        left -= spec.nbytes
        made.append(Post(lane.tags[0] if way == "ssend" else dice.choice(lane.tags[2:]), way, spec))
    return made


def _spec(lane: Lane, dice: Random, style: Style, left: int) -> Spec:
    kind = dice.choice(style.kinds)
    nbytes = min(_nbytes(lane, dice, style.sizes), OBJECT_BYTES_MAX, left)
    return Spec(kind, nbytes, dice.randrange(2**40))


def _nbytes(lane: Lane, dice: Random, sizes: str) -> int:
    if sizes == "tiny":
        return dice.randrange(200)
    if sizes == "large":
        return dice.randrange(256 * KIB, OBJECT_BYTES_MAX)
    if dice.random() < 0.5:
        return max(0, dice.choice((*_BOUNDARIES, lane.edge)) + dice.randint(-_NEAR, _NEAR))
    return int(2 ** dice.uniform(0, 19))
