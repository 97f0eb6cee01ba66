"""What a program may set before it imports `MPI`: `mpi4py.rc`.

A variable `MPI4PY_RC_...` of the environment wins over what the program has set, as in mpi4py;
`setting` gives the value that counts.
"""

from __future__ import annotations

import os
import warnings

Value = bool | int | str | None

_DEFAULTS: dict[str, Value] = {
    "initialize": True,
    "threads": True,
    "thread_level": "multiple",
    "finalize": None,
    "fast_reduce": True,
    "recv_mprobe": True,
    "irecv_bufsz": 32768,
    "errors": "exception",
}
_YES = ("1", "y", "yes", "t", "true", "on")
_NO = ("0", "n", "no", "f", "false", "off")


class Rc:
    """Runtime configuration options, read when `MPI` is imported.

    Attributes:
        initialize: initialise at import.
        threads: ask for thread support.
        thread_level: which level of it.
        finalize: finalise at exit; None means as `initialize`.
        fast_reduce: accepted; objects are always reduced along trees.
        recv_mprobe: accepted; receives are always matched.
        irecv_bufsz: accepted; a receive takes what comes, of any size.
        errors: what an MPI error does: "exception", "default", "abort" or "fatal".
    """

    initialize: Value
    threads: Value
    thread_level: Value
    finalize: Value
    fast_reduce: Value
    recv_mprobe: Value
    irecv_bufsz: Value
    errors: Value

    def __init__(self, **options: Value) -> None:
        """Sets options by name."""
        self(**options)

    def __call__(self, **options: Value) -> None:
        """Sets options by name."""
        for name in options:
            _require_known(name)
        for name, value in options.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Value) -> None:
        """Sets an option; TypeError for a name that is none."""
        _require_known(name)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Value:
        """The default of an option that was not set."""
        if name not in _DEFAULTS:
            raise AttributeError(f"mpi4py.rc has no option {name!r}")
        return _DEFAULTS[name]

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in _DEFAULTS)
        return f"mpi4py.rc({options})"


def _require_known(name: str) -> None:
    if name not in _DEFAULTS:
        raise TypeError(f"mpi4py.rc has no option {name!r}")


rc = Rc()


def setting(name: str) -> Value:
    """The value of an option that counts: the environment's, or else that of `rc`."""
    text = os.environ.get(f"MPI4PY_RC_{name.upper()}")
    if text is None:
        value: Value = getattr(rc, name)
        return value
    default = _DEFAULTS[name]
    if isinstance(default, bool) or default is None:
        return _yes_or_no(name, text)
    return int(text) if isinstance(default, int) else text


def _yes_or_no(name: str, text: str) -> Value:
    word = text.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    if _DEFAULTS[name] is None and word in ("none", ""):
        return None
    variable = f"MPI4PY_RC_{name.upper()}"
    warnings.warn(f"{variable}={text!r} is neither yes nor no", RuntimeWarning, stacklevel=3)
    value: Value = getattr(rc, name)
    return value
