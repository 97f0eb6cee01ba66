"""Which node runs which of several programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from launcher.cluster.peers_file import Peer
from launcher.control.programs import Program
from launcher.run.ledger import Ledger
from launcher.run.programs import bundled, names_by_node, programs_of, with_programs
from launcher.run.request import Part, Request
from launcher.ship.bundle import Wanted
from tests.launcher.run.course_kit import make_course


def request(folder: Path) -> Request:
    """Of node 0 running -m.py, and 1 and 2 a command."""
    (folder / "-m.py").write_text("")
    nothing = Wanted(None, None, (), (), folder)
    file = Wanted(Path("./-m.py"), None, (), (), folder)
    return Request(
        (
            Part(Program(("./-m.py", "x"), True), file, 1),
            Part(Program(("sh", "-c", "true"), False), nothing, 2),
        ),
        (Peer("localhost"),),
    )


def test_nodes_are_numbered_over_the_programs(tmp_path: Path) -> None:
    """In their order; a single one without a number has all."""
    asked = request(tmp_path)
    alone = replace(asked, parts=(replace(asked.parts[0], n_node=None),))
    assert (3, None) == (asked.n_node, alone.n_node)
    programs, program_of = programs_of(asked, 3)
    assert ([True, False], (0, 1, 1)) == ([each.is_python for each in programs], program_of)
    assert (0, 0, 0, 0) == programs_of(alone, 4)[1]
    assert ("./-m.py x", "sh -c true", "sh -c true") == names_by_node(asked, 3)
    assert () == names_by_node(alone, 3)


def test_programs_are_called_by_their_place(tmp_path: Path) -> None:
    """A file that looks like an option gets a path; a command stays as it is."""
    asked, bundle = bundled(request(tmp_path))
    assert (("./-m.py", "x"), "-m.py") == (asked.parts[0].program.arguments, bundle.entry)
    assert ("sh", "-c", "true") == asked.parts[1].program.arguments


def test_results_name_the_program() -> None:
    """Only where there are several."""
    course = replace(make_course((0, 0, 1)), programs=("a.py", "b.py"), program_of=(0, 1, 1))
    results = Ledger(course.labels, course.placement).results()
    assert ["a.py", "b.py", "b.py"] == [each.program for each in with_programs(results, course)]
    assert results == with_programs(results, make_course((0, 0, 1)))
