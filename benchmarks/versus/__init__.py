"""The parts of `versus_mpi4py.py`: distrcomp against mpi4py on MPICH and on Open MPI."""
