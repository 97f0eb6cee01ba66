"""Records are frozen dataclasses, whenever their methods are made."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, replace

import pytest

from launcher.records import record


@record
class Place:
    """What a record may have: a default, one that is made, and one that is not shown."""

    name: str
    slots: int = 1
    tags: tuple[str, ...] = field(default_factory=tuple)
    secret: str = field(default="", repr=False)


def test_is_a_dataclass() -> None:
    """Values by place and by name, equality, hash, text, copies: all as `dataclass` makes them."""
    place = Place("h1", slots=2)
    assert Place("h1", 2, (), "") == place
    assert hash(Place("h1", 2)) == hash(place)
    assert "Place(name='h1', slots=2, tags=())" == repr(place)
    assert Place("h2", 2) == replace(place, name="h2")
    assert {"name": "h1", "slots": 2, "tags": (), "secret": ""} == asdict(place)
    assert ["name", "slots", "tags", "secret"] == [each.name for each in fields(place)]
    with pytest.raises(FrozenInstanceError):
        place.name = "h2"  # type: ignore[misc]


def test_is_matched_by_place() -> None:
    """`case Place(name, slots)` works, and of another class before there is one of this."""

    @record
    class Never:
        name: str

    match Place("h1"):
        case Never(name):
            raise AssertionError(name)
        case Place(name, slots):
            assert ("h1", 1) == (name, slots)


def test_wrong_arguments() -> None:
    """The first one made wrongly is refused as any other."""

    @record
    class Once:
        name: str

    for _ in range(2):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
            Once()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no place for 'slots'"):
        Once("h1", slots=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no place for 'name'"):
        Once("h1", name="h2")  # type: ignore[misc]
    with pytest.raises(TypeError, match="no place for 2 values"):
        Once("h1", "h2")  # type: ignore[call-arg]


def test_travels_by_pickle() -> None:
    """A copy by pickle is equal, and as frozen."""
    copy = pickle.loads(pickle.dumps(Place("h1", 3)))
    assert Place("h1", 3) == copy
    with pytest.raises(FrozenInstanceError):
        del copy.name
