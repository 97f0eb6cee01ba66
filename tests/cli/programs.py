"""What the tests of the command line share."""

from __future__ import annotations

from tests.command import Machine, Result


def run_source(machine: Machine, source: str, *options: str, stdin: str = "") -> Result:
    """Runs a program given as text."""
    (machine.work_dir / "prog.py").write_text(source)
    return machine.run("run", *options, "prog.py", stdin=stdin)


def blocks(report: str) -> dict[int, str]:
    """The block of each node in a merged report."""
    parts = report.split("--------(Node ")[1:]
    return {int(part.split()[0]): part.partition("--------\n")[2] for part in parts}
