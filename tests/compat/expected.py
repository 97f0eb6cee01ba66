"""The tests of mpi4py's suite that are expected to fail on distrcomp, each with its reason."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from .runs import BAD, ModuleResult


class Expected(NamedTuple):
    """Tests that are expected to fail.

    Attributes:
        tests: their full names; `*` stands for anything.
        reason: why they do.
        nodes: on how many nodes; on any number without it.
        always: whether each of them fails each time; otherwise one that passes is fine, too.
    """

    tests: str
    reason: str
    nodes: tuple[int, ...] = ()
    always: bool = True


_ABI = "tells the binary interfaces of MPI libraries apart; distrcomp is no such library"
_FILES = "headers and declarations to compile against MPI; distrcomp has no C interface"

EXPECTED = (
    Expected(
        "test_mpiapi.TestMPIAPI.*", "compares mpi4py's declarations with an MPI library's symbols"
    ),
    Expected("test_package.TestMPIABI.*", _ABI),
    Expected("test_package.TestImport.testImportMPIABI", _ABI),
    Expected("test_package.TestDataFiles.testCython", _FILES),
    Expected("test_package.TestDataFiles.testHeaders", _FILES),
    Expected("test_package.TestDataFiles.testTyping", "stub files; our sources are annotated"),
    Expected("test_toplevel.TestConfig.testGetInclude", _FILES),
    Expected("test_spawn.*", "Spawn: distrcomp starts no nodes while a run goes on"),
)


def entry_of(test: str, n_node: int) -> Expected | None:
    """Why a test may fail on so many nodes; None if it may not."""
    for entry in EXPECTED:
        if fnmatchcase(test, entry.tests) and (not entry.nodes or n_node in entry.nodes):
            return entry
    return None


def surprises(result: ModuleResult) -> list[str]:
    """What fails and is not listed, or is listed and passes."""
    found = []
    for test, verdict in result.verdicts.items():
        entry = entry_of(test, result.n_node)
        if verdict.outcome in BAD and entry is None:
            found.append(f"{test} on {result.n_node}: {verdict.outcome}, which is not expected")
        elif verdict.outcome == "passed" and entry is not None and entry.always:
            found.append(f"{test} on {result.n_node}: passes, though it is listed to fail")
    return found
