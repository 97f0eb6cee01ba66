"""`python -m distrcomp.mpi.futures_server PATH`: a spawned worker; see `futures_spawn`."""

from __future__ import annotations

import sys

from distrcomp.mpi.futures_spawn import main

if __name__ == "__main__":
    main(sys.argv[1])
