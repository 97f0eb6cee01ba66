"""The compiled copy of the hot modules: what it is made of, and how to know that it is there."""

from __future__ import annotations

import importlib
import inspect
import re
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from distrcomp import fast_path, framed, plain
from distrcomp.communicator import Communicator
from distrcomp.links.ring import RingReader, RingWriter
from launcher.cli import main

MODULES = ("array_path", "fast_path", "gate", "link_path", "long_path", "links.ring")
PACKAGE = Path(plain.__file__).parent


def file_of(name: str) -> str:
    """Where a module of distrcomp was loaded from."""
    return str(importlib.import_module(f"distrcomp.{name}").__file__)


def test_all_or_none_is_compiled() -> None:
    """The modules know each other's insides, so one alone is never compiled."""
    assert {fast_path.IS_COMPILED} == {not file_of(name).endswith(".py") for name in MODULES}


@pytest.mark.parametrize("command", [[], ["run"]])
def test_the_version_tells_which_copy_it_is(command: list[str]) -> None:
    """A user who asked for the compiled copy sees whether they have it."""
    out = CliRunner().invoke(main, [*command, "--version"]).output
    assert fast_path.IS_COMPILED == out.splitlines()[0].endswith(", compiled")


@pytest.mark.parametrize("name", MODULES)
def test_types_name_every_attribute(name: str) -> None:
    """An attribute that is missing beside the source would be missing in the compiled copy."""
    path = PACKAGE / (name.replace(".", "/") + ".pxd")
    typed = re.split(r"^cdef class (\w+).*:$", path.read_text(), flags=re.MULTILINE)[1:]
    module = importlib.import_module(f"distrcomp.{name}")
    for owner, body in zip(typed[::2], typed[1::2], strict=True):
        fields = re.findall(r"^    cdef ([^()=\n]+)$", body, flags=re.MULTILINE)
        declared = {each.split()[-1] for line in fields for each in line.split(",")}
        assert set(getattr(module, owner).__slots__) == declared


@pytest.mark.parametrize("name", ["send", "recv"])
def test_calls_look_alike(name: str) -> None:
    """The frame around a compiled call takes what the call takes, and bears its documentation."""
    call = inspect.signature(getattr(fast_path.FastPath, name))
    around = inspect.signature(getattr(framed, name))
    assert list(call.parameters) == list(around.parameters)
    assert [each.default for each in call.parameters.values()] == [
        each.default for each in around.parameters.values()
    ]
    assert "Raises:" in str(inspect.getdoc(getattr(Communicator, name)))


@pytest.mark.parametrize("length", [*range(1, 20), 2047])
def test_records_of_the_compiled_copy(length: int) -> None:
    """What is put by one call at the writing end is found by one look at the reading end."""
    memory = memoryview(bytearray(b"\xff" * 8 * 400))
    memory[64:72] = bytes(8)
    writer, reader = RingWriter(memory), RingReader(memory, 0)
    beyond = 1 + (length + 7 >> 3)
    data = bytes(range(1, 256)) * 9
    assert 0 == reader.look()
    writer.put_bytes(77, data[:length], beyond)
    assert (77, data[:length]) == (reader.look(), reader.take_bytes(length))
    assert bytes(-length % 8 + 8) == bytes(memory[72 + length : 72 + 8 * beyond])
    assert (beyond, beyond, 0) == (writer.position, reader.position, reader.look())
    writer.put_integer(2**64 - 1, -3, beyond + 2)
    assert (2**64 - 1, -3) == (reader.look(), reader.integers[beyond + 1])
    with pytest.raises((OverflowError, struct.error)):
        writer.put_integer(1, 2**63, beyond + 4)
    assert beyond + 2 == writer.position


def test_nothing_is_read_beyond_the_ring() -> None:
    """A malformed record is an error that the short way catches, and never other memory."""
    reader = RingReader(memoryview(bytearray(8 * 16)), 0)
    reader.position = 7
    for length in (1, 8, 2047):
        with pytest.raises((IndexError, struct.error)):
            reader.take_bytes(length)
    assert 7 == reader.position
    assert b"" == reader.take_bytes(0)
    with pytest.raises(IndexError):
        reader.look()
