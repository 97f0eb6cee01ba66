"""The command `python -m tests.compat`; see the package's docstring."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .expected import surprises
from .report import table
from .runs import BAD, OUTCOMES, Bounds, ModuleResult, modules, run_module
from .source import source


def main() -> int:
    """Runs what the command line asks for; 1 if anything was not as it should be."""
    options = _parser().parse_args()
    known = modules(source())
    names = options.modules or list(known)
    bounds = Bounds(options.limit, options.stall)
    results: list[ModuleResult] = []
    wrong: list[str] = []
    for n_node in options.n or [2]:
        for name in names:
            if name not in known:
                print(f"mpi4py's suite has no module {name}", file=sys.stderr)
                return 2
            result = run_module(known[name], n_node, tuple(options.words), bounds)
            results.append(result)
            _print(result, options.verbose)
            wrong += surprises(result) if options.check else []
            if options.report is not None:
                options.report.write_text(table(results), "utf-8")
    print("\n".join(wrong), end="\n" if wrong else "")
    if options.check:
        return int(bool(wrong))
    return int(any(result.count(*BAD) for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of the suite; all without it")
    parser.add_argument("-n", type=int, action="append", help="nodes (2); repeatable")
    parser.add_argument("-k", dest="words", action="append", default=[], metavar="TEXT")
    parser.add_argument("-v", dest="verbose", action="count", default=0, help="show tracebacks")
    parser.add_argument("--check", action="store_true", help="compare with expected.py")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the table to a file")
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS")
    parser.add_argument("--stall", type=float, default=120.0, metavar="SECONDS")
    return parser


def _print(result: ModuleResult, verbose: int) -> None:
    counts = ", ".join(f"{result.count(outcome)} {outcome}" for outcome in OUTCOMES)
    print(f"{result.module} -n {result.n_node}: {counts} ({result.seconds:.1f} s)", flush=True)
    if not verbose:
        return
    for test, verdict in result.verdicts.items():
        if verdict.outcome in BAD or verbose > 1:
            print(f"--- {verdict.outcome}: {test}", flush=True)
            if verdict.detail:
                print("    " + verdict.detail.strip().replace("\n", "\n    "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
