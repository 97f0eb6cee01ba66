"""`python -m distrcomp.mpi PROGRAM.py [ARGS]...`: a program of mpi4py as a world of one.

`-m MODULE`, `-c CODE` and `-` as in Python. Inside a run the process is its node.
"""

from __future__ import annotations

from ..tracebacks import cut
from .run import main
from .shim import prepare

if __name__ == "__main__":
    prepare()
    try:
        main("distrcomp.mpi")
    except Exception as error:
        cut(error)
        raise
