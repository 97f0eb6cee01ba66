"""Whether this process is one of an MPI job, by what its launcher left in the environment; no I/O.

So node ids are known before MPI is loaded. Of Slurm only SLURM_STEP_NUM_TASKS counts, which `srun`
sets: SLURM_NTASKS stands in the batch script, too, which runs once and is no node.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, Cray; srun --mpi=pmi2
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),  # MVAPICH2
    ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"),  # IBM's jsrun
    ("FLUX_TASK_RANK", "FLUX_JOB_SIZE"),  # flux run
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),  # srun with any other plugin
)
_RANK_ALONE = "PMIX_RANK"  # any launcher by PMIx, which has no variable for the size

UNTOLD = 0
"""The size where the launcher tells only that there is a job: MPI itself must be asked."""


def mpi_place(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """(node id, how many nodes) of a process that an MPI launcher has started as one of several.

    None in a process that an agent of ours has started, in what such a node starts itself, and in
    a job of one.

    Example:
        >>> mpi_place({"PMI_RANK": "3", "PMI_SIZE": "4"})
        (3, 4)
        >>> mpi_place({"PMI_RANK": "0", "PMI_SIZE": "1"}) is None
        True
    """
    if "DISTRCOMP_NODE_ID" in environment:
        return None
    for rank, size in _LAUNCHERS:
        if rank in environment and size in environment:
            place = _number(environment[rank]), _number(environment[size])
            return place if 0 <= place[0] < place[1] != 1 else None
    rank_alone = _number(environment.get(_RANK_ALONE, ""))
    return None if rank_alone < 0 else (rank_alone, UNTOLD)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1
