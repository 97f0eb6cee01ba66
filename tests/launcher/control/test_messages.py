"""Control messages: each has one direction, and travels whole or not at all."""

from __future__ import annotations

import contextlib
import inspect
import types
import typing
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.errors import ProtocolError
from launcher.control import environments, files, looks, nodes, passing, updates
from launcher.control import messages as m
from launcher.control import recordings as recorded

ALL = (*m.FROM_LAUNCHER, *m.FROM_AGENT)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Whatever a field of this type may hold."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(st.none(), *(values(each) for each in arguments if each is not type(None)))
    scalars = {
        int: st.integers(-(2**63), 2**64 - 1),
        bool: st.booleans(),
        float: st.floats(allow_nan=False),
        str: st.text(max_size=20),
        bytes: st.binary(max_size=20),
    }
    return scalars[hint] if hint in scalars else records(hint)


def records(kind: type) -> st.SearchStrategy[Any]:
    """Any record of this class."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: values(hint) for name, hint in hints.items()})


MESSAGES = st.sampled_from(ALL).flatmap(records)


@given(message=MESSAGES)
def test_round_trip(message: Any) -> None:
    """What is packed comes back equal and of the same class."""
    back = m.CONTROL.unpack(m.CONTROL.pack(message))
    assert (type(message), message) == (type(back), back)


@given(message=MESSAGES, data=st.data())
def test_damaged(message: Any, data: st.DataObject) -> None:
    """Cut short, prolonged or changed, it is refused or is a message: nothing else leaves."""
    packed = m.CONTROL.pack(message)
    position = data.draw(st.integers(0, len(packed) - 1))
    changed = bytearray(packed)
    changed[position] ^= data.draw(st.integers(1, 255))
    for damaged in (packed[:position], packed + b"\xc0"):
        with pytest.raises(ProtocolError):
            m.CONTROL.unpack(damaged)
    with contextlib.suppress(ProtocolError):
        assert type(m.CONTROL.unpack(bytes(changed))) in ALL


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    """From any bytes one kind of exception leaves, or a message."""
    with contextlib.suppress(ProtocolError):
        assert type(m.CONTROL.unpack(data)) in ALL


def test_each_has_one_direction() -> None:
    """Every message class of the module is sent by exactly one side."""
    inside = (
        m.NodeOrder,
        m.Setting,
        looks.NodeStatus,
        looks.RunStatus,
        looks.NodeStacks,
        passing.WantBlob,
        environments.WheelFile,
    )
    classes = [
        each
        for module in (m, looks, files, nodes, passing, recorded, environments, updates)
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__ and each not in inside  # parts of other messages
    ]
    assert sorted(map(str, classes)) == sorted(map(str, ALL))
    assert len(set(ALL)) == len(ALL)


@given(message=MESSAGES)
def test_all_are_frozen(message: Any) -> None:
    """A message cannot be changed once it is made."""
    with pytest.raises(FrozenInstanceError):
        message.more = 1


def test_canary_pickle() -> None:
    """S-03: a pickle is no message, and is not loaded to find out."""
    canary = b"cos\nsystem\n(S'touch /tmp/distrcomp-canary'\ntR."
    with pytest.raises(ProtocolError):
        m.CONTROL.unpack(canary)
