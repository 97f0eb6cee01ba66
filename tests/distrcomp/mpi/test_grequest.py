"""Generalized requests: the program ends them."""

from __future__ import annotations

import threading

import pytest

from distrcomp.mpi import MPI


def test_functions_are_called() -> None:
    """The query for each status, the release at the end, with the arguments that were given."""
    told: list[object] = []

    def query(status: MPI.Status, *args: object, **kwargs: object) -> None:
        status.source = 3
        told.append(("query", args, kwargs))

    request = MPI.Grequest.Start(
        query, lambda *_, **__: told.append("free"), None, args=(1,), kwargs={"a": 2}
    )
    status = MPI.Status()
    assert not request.Test()
    request.Complete()
    assert request.Get_status(status)
    assert [("query", (1,), {"a": 2})] == told
    assert request.Wait(status)
    assert (3, [*told[:1] * 2, "free"]) == (status.source, told)


def test_object_is_the_result() -> None:
    """What `complete` was given is what `wait` and `test` return."""
    for finish in (
        lambda r: r.wait(),
        lambda r: r.test()[1],
        lambda r: MPI.Request.waitall([r])[0],
    ):
        request = MPI.Grequest.Start()
        request.complete({"a": 1})
        assert {"a": 1} == finish(request)
        assert not request


def test_completed_by_a_thread() -> None:
    """A wait, also for the first of several, ends when another thread completes the request."""
    request = MPI.Grequest.Start()
    other = MPI.COMM_SELF.irecv(tag=9)
    thread = threading.Thread(target=request.complete, args=("done",))
    thread.start()
    assert (1, "done") == MPI.Request.waitany([other, request])
    thread.join()
    other.Cancel()
    other.Wait()


def test_errors_in_functions(capsys: pytest.CaptureFixture[str]) -> None:
    """They are printed, and become errors of MPI."""

    def fail(*_: object) -> None:
        raise ValueError("broken")

    for place in range(3):
        functions = [None, None, None]
        functions[place] = fail  # type: ignore[call-overload]
        request = MPI.Grequest.Start(*functions)
        if place < 2:
            request.Complete()
        with pytest.raises(MPI.Exception) as raised:
            request.Cancel() if place == 2 else request.Wait()
        assert MPI.ERR_OTHER == raised.value.Get_error_class()
        assert "ValueError: broken" in capsys.readouterr().err


def test_wrong_use() -> None:
    """Only generalized requests can be completed."""
    with pytest.raises(MPI.Exception):
        MPI.Grequest().Complete()
    with pytest.raises(TypeError):
        MPI.Grequest(MPI.COMM_SELF.isend(1, MPI.PROC_NULL))
