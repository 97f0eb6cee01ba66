"""What is started to measure the start: each node says who it is.

hello.py distrcomp|mpi4py [meet]
"""

from __future__ import annotations

import sys

if sys.argv[1] == "mpi4py":
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    node_id, n_node = world.Get_rank(), world.Get_size()
else:
    import distrcomp as world

    node_id, n_node = world.node_id, world.n_node

if sys.argv[2:] == ["meet"]:
    world.barrier()
    assert world.allreduce(1) == n_node
print(f"node {node_id} of {n_node}")
