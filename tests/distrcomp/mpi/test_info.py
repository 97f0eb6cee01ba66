"""Info objects: MPI's calls, and those of a dictionary."""

from __future__ import annotations

import pickle

import pytest

from distrcomp.mpi import MPI


def test_items_keep_their_order() -> None:
    """Keys come in the order of setting, from a mapping, pairs or another info."""
    info = MPI.Info.Create({"b": "1", "a": "2"})
    assert info.items() == [("b", "1"), ("a", "2")]
    assert [info.Get_nthkey(n) for n in range(info.Get_nkeys())] == list(info) == ["b", "a"]
    assert MPI.Info.Create(info).values() == MPI.Info.Create(info.items()).values() == ["1", "2"]


def test_get_set_delete() -> None:
    """A missing key gives None, and can't be deleted."""
    info = MPI.Info.Create()
    assert info.Get("key") is None
    info.Set("key", "value")
    assert info.Get("key") == "value"
    info.Delete("key")
    with pytest.raises(MPI.Exception) as raised:
        info.Delete("key")
    assert raised.value == MPI.ERR_INFO_NOKEY


def test_it_is_a_dictionary() -> None:
    """All that a dictionary does with strings."""
    info = MPI.Info.Create()
    info["a"] = "1"
    info.update([("b", "2")], c="3")
    assert (len(info), "b" in info, info["b"]) == (3, True, "2")
    assert info.get("x", "none") == info.pop("x", "none") == "none"
    assert info.popitem() == ("c", "3")
    del info["a"]
    assert info.pop("b") == "2"
    for call in (lambda: info["a"], lambda: info.pop("a"), info.popitem):
        with pytest.raises(KeyError):
            call()
    info.update(a="1")
    info.clear()
    assert info.keys() == []


def test_copies_are_apart() -> None:
    """A duplicate has the same items, and changes alone."""
    info = MPI.Info.Create([("a", "1")])
    copy = info.copy()
    copy["a"] = "2"
    assert (info["a"], copy["a"]) == ("1", "2")
    assert copy != info


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("", "v", MPI.ERR_INFO_KEY),
        ("k" * MPI.MAX_INFO_KEY, "v", MPI.ERR_INFO_KEY),
        ("k", "v" * MPI.MAX_INFO_VAL, MPI.ERR_INFO_VALUE),
    ],
)
def test_lengths_are_bound(key: str, value: str, error: int) -> None:
    """Keys and values have the lengths that MPI names."""
    with pytest.raises(MPI.Exception) as raised:
        MPI.Info.Create().Set(key, value)
    assert raised.value == error


def test_only_strings_are_taken() -> None:
    """An integer is no value."""
    with pytest.raises(TypeError):
        MPI.Info.Create({"a": 1})  # type: ignore[dict-item]


def test_the_null_info_is_an_empty_dictionary() -> None:
    """It is empty to look at, and nothing can be put into it."""
    null = MPI.INFO_NULL
    assert (len(null), null.items(), null.get("a"), null.copy()) == (0, [], None, null)
    for call in (lambda: null["a"], lambda: null.update([]), null.popitem):
        with pytest.raises(KeyError):
            call()
    for wrong in (lambda: null.Get("a"), null.Dup, null.Free):
        with pytest.raises(MPI.Exception) as raised:
            wrong()
        assert raised.value == MPI.ERR_INFO


def test_the_environment() -> None:
    """It says how the program was started, and can't be freed."""
    assert MPI.INFO_ENV["maxprocs"] == "1"
    assert MPI.INFO_ENV.Get("wdir") is not None
    assert MPI.Info.Create_env(["prog", "-x", "1"]).Get("argv") == "-x 1"
    with pytest.raises(MPI.Exception):
        MPI.INFO_ENV.Free()


def test_it_pickles_by_value() -> None:
    """What comes out is another info with the same items."""
    info = MPI.Info.Create([("a", "1")])
    found = pickle.loads(pickle.dumps(info))
    assert found != info
    assert found.items() == info.items()
