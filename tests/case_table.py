"""Writes the tables of attacks and faults into the documentation.

`python -m tests.case_table FILE...`, where a FILE is what `pytest --case-report FILE` wrote; more
than one count as one run. Each table stands between two marks in its page. A report of a part of
the tests would say of the other cases that they were not tried, so it needs `--partial`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.case_report import FAILED, NOT_TRIED, VERDICTS, merged, times_text
from tests.cases import ATTACK, CASES, FAULT, KINDS

PAGES = {ATTACK: "docs/security.md", FAULT: "docs/failures.md"}

_ROOT = Path(__file__).parents[1]
_END = "<!-- end of the table -->"
_TESTS_SHOWN_MAX = 3


def table(kind: str, report: dict[str, Any]) -> str:
    """The counts, the figures, and a row for each case of this kind.

    Args:
        kind: ATTACK or FAULT.
        report: what `--case-report` wrote.
    """
    counts = report["counts"][KINDS[kind]]
    lines = [
        "Of {} {}: {}.".format(
            sum(counts.values()),
            KINDS[kind],
            ", ".join(f"{counts[word]} {word}" for word in VERDICTS),
        ),
        "",
        *(f"- {figure}" for figure in sorted(report["figures"][KINDS[kind]])),
        *(f"- {line}" for line in times_text(report["seconds"][KINDS[kind]])),
        "",
        "| case | what is done | result | tests | known limit |",
        "|---|---|---|---|---|",
    ]
    for name, case in CASES.items():
        if name.startswith(kind):
            found = report["cases"][name]
            limit = case.limit or (case.waits_for and f"waits for {case.waits_for}")
            cells = (name, case.title, found["verdict"], _files(found["tests"]), limit)
            lines.append("| {} |".format(" | ".join(cells)))
    return "\n".join(lines) + "\n"


def with_table(page: str, kind: str, text: str) -> str:
    """`page` with `text` between the marks for this kind of case.

    Raises:
        ValueError: the page has no such marks.
    """
    begin = begin_mark(kind)
    before, found, rest = page.partition(begin)
    _, end, after = rest.partition(_END)
    if not found or not end:
        raise ValueError(f"no table between {begin} and {_END}")
    return f"{before}{begin}\n{text}{_END}{after}"


def begin_mark(kind: str) -> str:
    """The line before the table of this kind of case."""
    return f"<!-- {KINDS[kind]}: python -m tests.case_table -->"


def not_held(report: dict[str, Any]) -> list[str]:
    """The cases that have failed, and those not tried of which no limit tells why."""
    return [
        name
        for name, found in report["cases"].items()
        if found["verdict"] == FAILED or (found["verdict"] == NOT_TRIED and not CASES[name].limit)
    ]


def _files(tests: dict[str, str]) -> str:
    """The files of the tests that ran, the first few of them."""
    ran = [test for test, outcome in tests.items() if outcome != "skipped"]
    paths = (Path(test.partition("::")[0]).with_suffix("") for test in ran)
    files = list(dict.fromkeys("/".join(path.parts[-2:]) for path in paths))
    more = [f"{len(files) - _TESTS_SHOWN_MAX} more"] if len(files) > _TESTS_SHOWN_MAX else []
    return ", ".join([*(f"`{file}`" for file in files[:_TESTS_SHOWN_MAX]), *more])


def untried(report: dict[str, Any]) -> list[str]:
    """The cases that were not tried and of which no limit tells why."""
    return [name for name in not_held(report) if report["cases"][name]["verdict"] == NOT_TRIED]


def main(words: list[str]) -> None:
    """Rewrites the tables from these reports; tells which cases want attention."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.case_table",
        description="Writes the tables of attacks and faults into docs/ from reports of the tests.",
        epilog="A report: pytest -n auto --full-matrix --case-report cases.json",
    )
    parser.add_argument("reports", nargs="*", metavar="FILE", help="what --case-report wrote")
    parser.add_argument("--partial", action="store_true", help="even where cases were not tried")
    options = parser.parse_args(words)
    if not options.reports:
        parser.error(
            "no report; pytest -n auto --full-matrix --case-report cases.json makes cases.json"
        )
    report = merged(json.loads(Path(path).read_text("utf-8")) for path in options.reports)
    missing = untried(report)
    if missing and not options.partial:
        parser.error(f"not tried: {', '.join(missing)}; --partial writes the tables all the same")
    for kind, name in PAGES.items():
        page = _ROOT / name
        text = page.read_text("utf-8")
        if begin_mark(kind) in text:
            page.write_text(with_table(text, kind, table(kind, report)), "utf-8")
        else:
            print(f"{name} has no table: put {begin_mark(kind)} and {_END} where it shall stand")
    for name in not_held(report):
        print(f"{name} {report['cases'][name]['verdict']}")


if __name__ == "__main__":
    main(sys.argv[1:])
