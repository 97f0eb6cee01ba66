"""Where a program has called us."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import distrcomp.places
from distrcomp import limits
from distrcomp.places import called, place_of


def ours(name: str, act: Callable[[], Any]) -> Any:
    """What `act` gives when it is called from a function `name` of the package."""
    space: dict[str, Any] = {"act": act}
    exec(compile(f"def {name}():\n return act()\n", distrcomp.places.__file__, "exec"), space)
    return space[name]()


def frame_of(path: str) -> FrameType:
    """A frame of a program's at this path."""
    space: dict[str, Any] = {"sys": sys}
    exec(compile("\nframe = sys._getframe()", path, "exec"), space)
    frame: FrameType = space["frame"]
    return frame


def test_called() -> None:
    """The outermost function of ours, and the first frame that is not."""
    name, frame = called(ours("recv", sys._getframe))
    assert ("recv", "ours") == (name, frame.f_code.co_name if frame is not None else "")
    assert ("", sys._getframe()) == called(sys._getframe())
    assert ("", None) == called(None)


def test_place_of() -> None:
    """By its path in the program's folder; cut to a bound, of which the end is kept."""
    assert "prog.py:2" == place_of(frame_of("/home/prog.py"), "/home/")
    assert "/lib/x.py:2" == place_of(frame_of("/lib/x.py"), "/home/")
    place = place_of(frame_of("x" * 1000 + "/y.py"), "/")
    assert (limits.PLACE_CHARS_MAX, "/y.py:2") == (len(place), place[-7:])
    assert "" == place_of(None, "/")
