"""The command `python -m tests.compat`; see the package's docstring."""

from __future__ import annotations

import argparse
import sys

from .runs import OUTCOMES, Bounds, ModuleResult, run_module
from .source import source


def main() -> int:
    """Runs what the command line asks for; 1 if anything failed."""
    options = _parser().parse_args()
    tests = source() / "test"
    modules = options.modules or sorted(path.stem for path in tests.glob("test_*.py"))
    bounds = Bounds(options.limit, options.stall)
    failed = False
    for n_node in options.n or [2]:
        for module in modules:
            result = run_module(tests, module, n_node, tuple(options.words), bounds)
            _print(result, options.verbose)
            failed |= any(result.count(outcome) for outcome in ("failed", "error", "hung"))
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of the suite; all without it")
    parser.add_argument("-n", type=int, action="append", help="nodes (2); repeatable")
    parser.add_argument("-k", dest="words", action="append", default=[], metavar="TEXT")
    parser.add_argument("-v", dest="verbose", action="count", default=0, help="show tracebacks")
    parser.add_argument("--limit", type=float, default=120.0, metavar="SECONDS")
    parser.add_argument("--stall", type=float, default=20.0, metavar="SECONDS")
    return parser


def _print(result: ModuleResult, verbose: int) -> None:
    counts = ", ".join(f"{result.count(outcome)} {outcome}" for outcome in OUTCOMES)
    print(f"{result.module} -n {result.n_node}: {counts} ({result.seconds:.1f} s)", flush=True)
    if not verbose:
        return
    for test, verdict in result.verdicts.items():
        if verdict.outcome in ("failed", "error", "hung") or verbose > 1:
            print(f"--- {verdict.outcome}: {test}", flush=True)
            if verdict.detail:
                print("    " + verdict.detail.strip().replace("\n", "\n    "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
