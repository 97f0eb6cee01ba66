"""What is left of a traceback when an exception has left the program."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import distrcomp
from distrcomp.errors import CallError, InternalError
from distrcomp.tracebacks import cut

OURS = str(Path(distrcomp.__file__).with_name("made_by_a_test.py"))


def ours(source: str, **names: Any) -> Callable[..., Any]:
    """A function `call` as if it stood in a file of distrcomp's."""
    exec(compile(source, OURS, "exec"), names)
    call: Callable[..., Any] = names["call"]
    return call


def files(error: BaseException) -> list[str]:
    """The files that the traceback of an error names, from the outermost on."""
    return [entry.filename for entry in traceback.extract_tb(error.__traceback__)]


def raised(call: Callable[..., object], *arguments: object) -> BaseException:
    """The exception of a call, cut."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011  whichever it is
        call(*arguments)
    cut(caught.value)
    return caught.value


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, NotImplementedError, CallError])
def test_an_error_raised_on_purpose(error: type[Exception]) -> None:
    """Of a call that was wrong the program's own lines remain."""
    deep = "def check(): raise kind('so not')\ndef call(): check()"
    assert files(raised(ours(deep, kind=error))) == [__file__]


@pytest.mark.parametrize("source", ["1 / 0", "assert not 1", "raise InternalError('a bug')"])
def test_an_error_that_may_be_our_bug(source: str) -> None:
    """One that nobody raised on purpose keeps our lines."""
    call = ours(f"def call(): {source}", InternalError=InternalError)
    assert files(raised(call)) == [__file__, OURS]


def test_a_function_of_the_program_inside_of_ours() -> None:
    """Both lines of the program remain, and ours between them don't."""

    def fail() -> None:
        raise ZeroDivisionError

    assert files(raised(ours("def call(function): function()"), fail)) == [__file__, __file__]


def test_a_context_manager_of_ours() -> None:
    """What Python itself runs between two lines of ours goes with them."""
    source = (
        "@contextlib.contextmanager\n"
        "def translated():\n"
        "    try: yield\n"
        "    except OSError: raise CallError('so not') from None\n"
        "def call():\n"
        "    with translated(): raise OSError\n"
    )
    call = ours(source, contextlib=contextlib, CallError=CallError)
    assert files(raised(call)) == [__file__]


def test_lines_in_front_of_the_program() -> None:
    """How we run a program is none of its lines, even where the program has a bug."""
    inner: list[BaseException] = []

    def program() -> None:
        try:
            ours("def call(function): function()")(lambda: 1 / 0)
        except ZeroDivisionError as error:
            inner.append(error.with_traceback(error.__traceback__.tb_next))  # type: ignore[union-attr]

    program()
    cut(inner[0])
    assert files(inner[0]) == [__file__]


def test_what_we_tried_first_is_not_told() -> None:
    """An error of ours alone, that was being handled, is none of the program's concern."""
    source = "def call():\n  try: {}['a']\n  except KeyError: raise ValueError('so not')"
    assert "KeyError" not in "".join(traceback.format_exception(raised(ours(source))))


def test_what_the_program_tried_first_is_told() -> None:
    """Its own errors are the story of how it came to call, and are cut as well."""
    call = ours("def call(): raise ValueError('so not')")

    def program() -> None:
        try:
            call()
        except ValueError as error:
            raise LookupError("the program's own") from error

    error = raised(program)
    assert error.__cause__ is not None
    assert files(error.__cause__) == [__file__]


def test_a_program_that_never_began() -> None:
    """There is no line to show."""
    error = raised(ours("def call(): raise ValueError"))
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    cut(error)
    assert files(error) == []
