"""The algorithms of collectives: who sends what to whom, in which order; no I/O.

An algorithm is a generator that one node runs. It sends by `port.send(node, value)`, which never
waits, and yields the node from which the next value is to come, or that and the memory for it; what
it is given then is the value. What it returns is what the call returns. So the same code serves
blocking calls, requests, simulated nodes and tests that need no process, and nothing here knows
which.

What always holds: each node derives the algorithm from the same facts (how many nodes, who sits on
which machine, the shape of an array), so that what one sends the other expects. Messages between
two nodes stay in order, therefore one tag serves all messages of one collective.
"""

from .barriers import barrier
from .kinds import (
    ALLGATHER,
    ALLREDUCE,
    ALLTOALL,
    BARRIER,
    BCAST,
    CREATE,
    EXSCAN,
    FREE,
    GATHER,
    LARGE_ALLREDUCE,
    LARGE_REDUCE,
    REDUCE,
    REDUCE_SCATTER,
    SCAN,
    SCATTER,
    SPLIT,
    Kind,
)
from .moving import EXCHANGE_MAX, allgather, alltoall, bcast, gather, scatter
from .port import Algorithm, Port
from .prefixes import exscan, scan
from .reducing import LARGE_BYTES, allreduce, large_allreduce, large_reduce, reduce, reduce_scatter

__all__ = [
    "ALLGATHER",
    "ALLREDUCE",
    "ALLTOALL",
    "BARRIER",
    "BCAST",
    "CREATE",
    "EXCHANGE_MAX",
    "EXSCAN",
    "FREE",
    "GATHER",
    "LARGE_ALLREDUCE",
    "LARGE_BYTES",
    "LARGE_REDUCE",
    "REDUCE",
    "REDUCE_SCATTER",
    "SCAN",
    "SCATTER",
    "SPLIT",
    "Algorithm",
    "Kind",
    "Port",
    "allgather",
    "allreduce",
    "alltoall",
    "barrier",
    "bcast",
    "exscan",
    "gather",
    "large_allreduce",
    "large_reduce",
    "reduce",
    "reduce_scatter",
    "scan",
    "scatter",
]
