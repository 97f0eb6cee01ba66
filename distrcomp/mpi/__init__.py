"""The face of mpi4py: `from distrcomp.mpi import MPI` where a program says `from mpi4py import MPI`.

`distrcomp run --mpi4py prog.py` and `python -m distrcomp.mpi prog.py` put this package where the program's
`import mpi4py` finds it. See docs/mpi4py.md.
"""
