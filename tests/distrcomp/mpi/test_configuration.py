"""distrcomp.mpi.configuration: `mpi4py.rc`."""

from __future__ import annotations

import pytest

from distrcomp.mpi.configuration import Rc, rc, setting


def test_defaults() -> None:
    """Options have mpi4py's defaults, and show them."""
    fresh = Rc()
    assert (True, "multiple", None, 32768) == (
        fresh.threads,
        fresh.thread_level,
        fresh.finalize,
        fresh.irecv_bufsz,
    )
    assert "thread_level='multiple'" in repr(fresh)


def test_setting_by_call_and_attribute() -> None:
    """Both ways set what was named and nothing else."""
    fresh = Rc(threads=False)
    fresh(errors="fatal")
    fresh.irecv_bufsz = 1
    assert (False, "fatal", 1, True) == (
        fresh.threads,
        fresh.errors,
        fresh.irecv_bufsz,
        fresh.initialize,
    )


def test_unknown_options() -> None:
    """A name that is no option is a mistake, and nothing is set."""
    fresh = Rc()
    with pytest.raises(TypeError, match="no option 'thread'"):
        fresh(threads=False, thread=1)
    with pytest.raises(TypeError):
        fresh.thread = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = fresh.thread
    assert fresh.threads is True


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("threads", "0", False),
        ("initialize", "No", False),
        ("fast_reduce", "yes", True),
        ("finalize", "none", None),
        ("finalize", "on", True),
        ("irecv_bufsz", "99", 99),
        ("thread_level", "single", "single"),
    ],
)
def test_environment_wins(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: object
) -> None:
    """A variable MPI4PY_RC_... counts more than what the program has set."""
    assert setting(name) == getattr(rc, name)
    monkeypatch.setenv(f"MPI4PY_RC_{name.upper()}", text)
    assert setting(name) is expected or setting(name) == expected


def test_neither_yes_nor_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that says neither is warned of, and what the program has set counts."""
    monkeypatch.setenv("MPI4PY_RC_THREADS", "perhaps")
    with pytest.warns(RuntimeWarning, match="'perhaps' is neither yes nor no"):
        assert setting("threads") is True
