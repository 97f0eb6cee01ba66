"""mpi4py's own test suite, run through `distrcomp.mpi` on real nodes.

    python -m tests.compat -n 3 test_group test_p2p_obj     # these modules on 3 nodes
    python -m tests.compat -n 2 -v test_status              # with failing tests and tracebacks
    python -m tests.compat -n 2 -k testPingPong test_p2p_obj    # tests whose name contains it
    python -m tests.compat -n 1 -n 2 -n 3 -n 5 --check      # all, against `expected`
    python -m tests.compat -n 1 -n 2 -n 3 -n 5 --report FILE    # and docs/mpi4py.md's table

One line per module says how many tests passed, failed, errored, were skipped or hung. A test counts
as the worst that it was on any node. mpi4py's tests run on all nodes at once, so one that fails on
one node may leave the others waiting: when no node has got on for `--stall` seconds (default 120)
the run is killed, what was being run counts as hung, and the rest of the module goes on in a new
run. `--limit` (default 600 s) bounds each such run.

Besides the modules of mpi4py's `test` folder there are `futures`, the tests of `mpi4py.futures`
with workers of the executors' own, and `futures_shared`, the same under `python -m mpi4py.futures`.

The suite comes from the source distribution of mpi4py 4.1.2, which is downloaded once into a cache
folder; MPI4PY_SOURCE names an unpacked one instead. Nothing of it is copied into this repository.
"""
