"""What distrcomp can't give, in one table; the documentation is made from it.

Each such call raises `NotSupported`, a NotImplementedError that names the call and says why.
"""

from __future__ import annotations

from .errors import NotSupported

_NO_SPAWN = "distrcomp starts no nodes while a run goes on"
_NO_PORTS = "a run of distrcomp is closed; runs don't connect to each other"
_NO_ULFM = "a failed node ends the run, or with --on-failure continue stays lost"

UNSUPPORTED: dict[str, str] = {
    "Intracomm.Spawn": _NO_SPAWN,
    "Intracomm.Spawn_multiple": _NO_SPAWN,
    "Intracomm.Accept": _NO_PORTS,
    "Intracomm.Connect": _NO_PORTS,
    "Comm.Join": _NO_PORTS,
    "Comm.Revoke": _NO_ULFM,
    "Open_port": _NO_PORTS,
    "Close_port": _NO_PORTS,
    "Publish_name": _NO_PORTS,
    "Unpublish_name": _NO_PORTS,
    "Lookup_name": _NO_PORTS,
    "Register_datarep": "files are written in the native representation only",
}


def unsupported(call: str) -> NotSupported:
    """The error to raise for a call of the table, as in `raise unsupported("Intracomm.Spawn")`."""
    return NotSupported(f"MPI.{call}: {UNSUPPORTED[call]}")
