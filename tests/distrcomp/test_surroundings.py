"""distrcomp.surroundings: which launchers' variables make a process a node of an MPI job."""

from __future__ import annotations

import pytest

from distrcomp.surroundings import UNTOLD, mpi_place


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ("", None),
        ("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=1", (1, 4)),
        ("PMI_RANK=0 PMI_SIZE=2", (0, 2)),
        ("MV2_COMM_WORLD_RANK=3 MV2_COMM_WORLD_SIZE=8", (3, 8)),
        ("JSM_NAMESPACE_RANK=3 JSM_NAMESPACE_SIZE=8", (3, 8)),
        ("FLUX_TASK_RANK=3 FLUX_JOB_SIZE=8", (3, 8)),
        ("SLURM_PROCID=5 SLURM_STEP_NUM_TASKS=6 SLURM_NTASKS=6", (5, 6)),
        ("PMIX_RANK=2 SLURM_PROCID=2 SLURM_STEP_NUM_TASKS=6", (2, 6)),
        ("PMIX_RANK=2", (2, UNTOLD)),
        ("SLURM_PROCID=0 SLURM_NTASKS=6", None),  # the batch script itself
        ("PMI_RANK=0 PMI_SIZE=1", None),  # a job of one
        ("PMI_RANK=0", None),
        ("PMI_SIZE=2", None),
        ("PMI_RANK=2 PMI_SIZE=2", None),
        ("PMI_RANK=-1 PMI_SIZE=2", None),
        ("PMI_RANK=x PMI_SIZE=2", None),
        ("RANK=1 WORLD_SIZE=2", None),  # anybody's
        ("DISTRCOMP_NODE_ID=1 PMI_RANK=1 PMI_SIZE=2", None),  # ours, or what a node has started
    ],
)
def test_launchers(variables: str, place: tuple[int, int] | None) -> None:
    """Rank and size where the launcher tells both; nothing where this is no node of a job."""
    environment = dict(each.split("=") for each in variables.split())
    assert place == mpi_place(environment)
