"""What distrcomp can't give, in one table; the documentation is made from it.

Each such call raises `NotSupported`, a NotImplementedError that names the call and says why.
"""

from __future__ import annotations

from .errors import NotSupported

_NO_SPAWN = "distrcomp starts no nodes while a run goes on"
_NO_REVOKING = "a failed node ends the run, or with --on-failure continue stays lost"

UNSUPPORTED: dict[str, str] = {
    "Intracomm.Spawn": _NO_SPAWN,
    "Intracomm.Spawn_multiple": _NO_SPAWN,
    "Comm.Revoke": _NO_REVOKING,
    "Register_datarep": "files are written in the native representation only",
}


def unsupported(call: str) -> NotSupported:
    """The error to raise for a call of the table, as in `raise unsupported("Intracomm.Spawn")`."""
    return NotSupported(f"MPI.{call}: {UNSUPPORTED[call]}")
