"""What is measured, and the bar for each piece of work."""

from __future__ import annotations

import enum
from typing import NamedTuple

DISTRCOMP, MPICH, OPENMPI, PYTHON = "distrcomp", "mpich", "openmpi", "python -c pass"
STACKS = (DISTRCOMP, MPICH, OPENMPI)


class Rule(enum.Enum):
    """How a figure of ours is held against theirs."""

    RATIO_AT_MOST = "{:g} x"
    RATIO_AT_LEAST = "at least {:g} x"
    DIFFERENCE_AT_MOST = "+ {:g}"
    FIGURE_BELOW = "below {:g}"


class Unit(enum.Enum):
    """What a figure counts."""

    SECONDS = "s"
    RATE = "/s"
    PERCENT = "%"
    MEBIBYTES = "MiB"


class Bar(NamedTuple):
    """One row of the table: our call against theirs. A `limit` of None is for information.

    `what` says which of a work's figures it is, where the work's title doesn't.
    """

    theirs: str
    limit: float | None
    rule: Rule = Rule.RATIO_AT_MOST
    unit: Unit = Unit.SECONDS
    ours: str = "send"
    what: str = ""


class Work(NamedTuple):
    """One piece of work.

    Attributes:
        name: what `--only` takes.
        title: what the table says.
        job: KIND, PAYLOAD, COUNT and BLOCKS of program.py; without one it is a whole launch, and
            on no node the import.
        n_node: on how many nodes.
        cores: on how many cores, where it isn't all.
        network: between network namespaces, two of them or for launches three, not inside one
            machine.
        rounds_max: in how many rounds it takes part.
        mpich_job: a smaller job where MPICH is too slow for the common one, in one round only.
    """

    name: str
    title: str
    job: tuple[str, str, int, int] | None
    bars: tuple[Bar, ...]
    n_node: int = 2
    cores: int | None = None
    network: bool = False
    rounds_max: int = 1000
    mpich_job: tuple[str, str, int, int] | None = None


def _send(limit: float) -> tuple[Bar, ...]:
    return (Bar("send", limit),)


def _array(limit: float, buffers: float | None = None) -> tuple[Bar, ...]:
    return (Bar("send", limit), Bar("Send", buffers), Bar("pkl5 send", None))


def _into(limit: float) -> tuple[Bar, ...]:
    """Receiving into an array that is there, by distrcomp's calls and by its face of mpi4py."""
    return (
        Bar("Send", limit, ours="send out", what=", out="),
        Bar("Send", limit, ours="face Send", what=", distrcomp.mpi"),
    )


def _objects(kind: str, limit: float) -> tuple[Bar, ...]:
    return (Bar(kind, limit, ours=kind),)


def _collective(kind: str, limit: float, buffers: float, face: float | None) -> tuple[Bar, ...]:
    """A collective on arrays; `face` is the bar of our face of mpi4py."""
    upper = kind.capitalize()
    return (
        Bar(kind, limit, ours=kind),
        Bar(upper, buffers, ours=f"{kind} out", what=", out="),
        Bar(upper, face, ours=f"face {upper}", what=", distrcomp.mpi"),
    )


_IMPORT = (
    Bar("time", 3.0, Rule.RATIO_AT_MOST, Unit.SECONDS, "time", ", time"),
    Bar("memory", 12.0, Rule.DIFFERENCE_AT_MOST, Unit.MEBIBYTES, "memory", ", peak memory"),
)

# A crowded block has to take several of the scheduler's slices, or one of them decides.
_CROWDED_SHARE = 2

_OBJECT_ROWS = (
    # name, title, kind, payload, repetitions at 2 nodes, bar there
    ("allreduce", "allreduce of an int", "allreduce", "int", 2000, 1.0),
    ("gather", "gather of an int", "gather", "int", 2000, 1.0),
    ("alltoall", "alltoall of small dicts", "alltoall", "dict", 2000, 1.0),
    ("bcast", "bcast of a small dict", "bcast", "dict", 2000, 1.5),
    ("barrier", "barrier", "barrier", "int", 2000, 1.0),
    ("gather-1MiB", "gather of 1 MiB arrays", "gather", "1024", 20, 0.6),
)
_ARRAY_ROWS = (
    # ... and the bars against the upper-case call: of ours with out=, of our face of mpi4py
    ("allreduce-1MiB", "allreduce of a 1 MiB array", "allreduce", "1024", 20, 0.1, 2.0, 1.2),
    ("allreduce-16MiB", "allreduce of a 16 MiB array", "allreduce", "16384", 3, 0.1, 2.0, 1.2),
    ("bcast-16MiB", "bcast of a 16 MiB array", "bcast", "16384", 3, 0.1, 1.5, None),
)


_STARTS = ((1, 1.3), (4, 0.9), (16, 0.4), (64, 0.15), (128, None))
MEETING = 128
"""So many nodes also meet: a barrier and an allreduce."""


def _starts() -> tuple[Work, ...]:
    """Launches on one machine, and on three hosts against the same on one."""
    here = [
        Work(
            f"start-{n_node}",
            f"launch of {n_node} node{'s' if n_node > 1 else ''}",
            None,
            (Bar("time", limit, ours="time"),),
            n_node=n_node,
        )
        for n_node, limit in _STARTS
    ]
    hosts = Work(
        "start-hosts",
        "launch of 16 nodes on three hosts",
        None,
        (Bar("time", 0.6, ours="time"),),
        n_node=16,
        network=True,
    )
    return (*here, hosts)


def _collectives() -> tuple[Work, ...]:
    """Each collective between two nodes, and among more nodes than there are cores."""
    works = []
    rows = [
        *((*row[:5], _objects(row[2], row[5]), _objects(row[2], 1.0)) for row in _OBJECT_ROWS),
        *(
            (*row[:5], _collective(row[2], *row[5:]), _collective(row[2], 1.0, 1.0, None))
            for row in _ARRAY_ROWS
        ),
    ]
    for name, title, kind, payload, count, bars, crowded in rows:
        works.append(Work(name, title, (kind, payload, count, 9), bars))
        for n_node in (4, 8):
            works.append(
                Work(
                    f"{name}-{n_node}",
                    f"{title}, {n_node} nodes on 2 cores",
                    (kind, payload, max(2, count // _CROWDED_SHARE), 5),
                    crowded,
                    n_node=n_node,
                    cores=2,
                    mpich_job=(kind, payload, 2, 3),
                )
            )
    return tuple(works)


WORKS = (
    Work("int", "int", ("bounce", "int", 10000, 9), _send(1.0)),
    Work("dict", "small dict", ("bounce", "dict", 10000, 9), _send(1.0)),
    Work("string", "100-character string", ("bounce", "string", 10000, 9), _send(1.0)),
    Work("array-1KiB", "1 KiB array", ("bounce", "1", 2000, 9), _array(0.35)),
    Work("array-64KiB", "64 KiB array", ("bounce", "64", 500, 9), _array(0.7)),
    Work("array-1MiB", "1 MiB array", ("bounce", "1024", 50, 9), _array(0.3, 1.2) + _into(1.2)),
    Work("array-16MiB", "16 MiB array", ("bounce", "16384", 5, 7), _array(0.25, 1.2) + _into(1.2)),
    Work("array-64MiB", "64 MiB array", ("bounce", "65536", 2, 5), _array(0.12)),
    Work(
        "arrays",
        "dict of ten 100 KiB arrays",
        ("bounce", "arrays", 50, 9),
        (Bar("send", 0.3), Bar("pkl5 send", None)),
    ),
    Work(
        "rate",
        "one-way rate of ints",
        ("rate", "int", 20000, 9),
        (Bar("send", 1.0, Rule.RATIO_AT_LEAST, Unit.RATE),),
    ),
    Work(
        "ring",
        "ring of 8 nodes on 2 cores, a hop",
        ("ring", "int", 100, 9),
        _send(1.2),
        n_node=8,
        cores=2,
        mpich_job=("ring", "int", 2, 3),
    ),
    Work(
        "network-int", "two namespaces: int", ("bounce", "int", 2000, 9), _send(1.0), network=True
    ),
    Work(
        "network-64MiB",
        "two namespaces: 64 MiB array",
        ("bounce", "65536", 2, 5),
        _array(0.35),
        network=True,
    ),
    Work(
        "idle",
        "idle node in recv",
        ("wait", "int", 5, 1),
        (Bar("send", 1.0, Rule.FIGURE_BELOW, Unit.PERCENT),),
        rounds_max=1,
    ),
    Work("import", "import distrcomp", None, _IMPORT, n_node=0),
    *_starts(),
    *_collectives(),
)


def job_of(work: Work, stack: str, quick: bool) -> list[str]:
    """The arguments of program.py for this work on this stack; `quick` takes fewer blocks."""
    job = work.mpich_job if stack == MPICH and work.mpich_job else work.job
    if job is None:
        return []
    kind, payload, count, blocks = job
    return [kind, payload, str(count), str(min(blocks, 3) if quick else blocks)]


def rounds_of(work: Work, stack: str) -> int:
    """In how many rounds at most this work is done on this stack."""
    return 1 if stack == MPICH and work.mpich_job else work.rounds_max
