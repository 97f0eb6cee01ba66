"""`python -m mpi4py.futures PROGRAM.py`: node 0 runs the program, the others are its workers."""

from __future__ import annotations

import sys

from distrcomp.mpi.configuration import rc
from distrcomp.mpi.run import run_command_line, split_rc


def main() -> None:
    """The command `python -m mpi4py.futures`."""
    words, options = split_rc(sys.argv[1:])
    rc(**options)
    from distrcomp.mpi.futures_core import SharedPoolCtx, set_shared_pool

    with SharedPoolCtx() as shared:
        if shared is not None:
            set_shared_pool(shared)
            run_command_line(words)


if __name__ == "__main__":
    main()
