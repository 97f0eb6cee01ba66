"""One picture of what launchers and agents tell, and the run that is meant."""

from __future__ import annotations

import pytest

from launcher.control import looks
from launcher.errors import BadUsage
from launcher.run.looking import chosen_run, merged


def run(run_id: bytes, *nodes: int, whole: bool = False, seconds: float = 1.0) -> looks.RunStatus:
    """A run as somebody tells it."""
    told = tuple(looks.NodeStatus(node, "h1", "running", 1) for node in nodes)
    return looks.RunStatus(run_id, "prog.py", 3, seconds, whole, told)


def test_agents_together() -> None:
    """What several agents run of one run is one, in node order; the oldest run comes first."""
    other = run(b"b", 0, seconds=9.0)
    (old, new) = merged([run(b"a", 2), other, run(b"a", 0, 1)])
    assert (other, [0, 1, 2]) == (old, [node.node for node in new.nodes])


@pytest.mark.parametrize("turned", [False, True])
def test_the_launcher_knows_best(turned: bool) -> None:
    """Where its launcher tells of it, what agents know is left out."""
    told = [run(b"a", 0, 1, 2, whole=True), run(b"a", 2)]
    assert [told[0]] == merged(reversed(told) if turned else told)


def test_chosen_run() -> None:
    """A run is named by its id or the beginning of it, if that is one."""
    runs = [run(b"\x12\x34"), run(b"\x12\x56")]
    assert runs[1] == chosen_run(runs, "125")
    assert b"\xab" == chosen_run([run(b"\xab")], "AB").run_id
    for text, why in (("12", "2 runs begin with '12'"), ("9", "no run '9'"), ("", "no run ''")):
        with pytest.raises(BadUsage, match=why):
            chosen_run(runs, text)
