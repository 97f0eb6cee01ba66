"""The table of pass counts for docs/mpi4py.md."""

from __future__ import annotations

from collections.abc import Sequence

from .runs import BAD, ModuleResult


def table(results: Sequence[ModuleResult]) -> str:
    """Markdown: a line for each module, a column for each number of nodes.

    A cell says how many tests passed and, behind a slash, of how many that were run; those that
    the suite skips are not among them.
    """
    counts = sorted({result.n_node for result in results})
    names = list(dict.fromkeys(result.module for result in results))
    by_place = {(result.module, result.n_node): result for result in results}
    lines = [
        "| module | " + " | ".join(_nodes(n_node) for n_node in counts) + " |",
        "|---|" + "---:|" * len(counts),
    ]
    for name in names:
        cells = [_cell([by_place[name, n]]) if (name, n) in by_place else "" for n in counts]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    totals = [_cell([each for each in results if each.n_node == n_node]) for n_node in counts]
    lines.append("| **all** | " + " | ".join(totals) + " |")
    shares = [_share([each for each in results if each.n_node == n_node]) for n_node in counts]
    lines.append("| | " + " | ".join(shares) + " |")
    return "\n".join(lines) + "\n"


def _nodes(n_node: int) -> str:
    return "1 node" if n_node == 1 else f"{n_node} nodes"


def _cell(results: Sequence[ModuleResult]) -> str:
    passed = sum(result.count("passed") for result in results)
    bad = sum(result.count(*BAD) for result in results)
    return f"{passed:,} / {passed + bad:,}"


def _share(results: Sequence[ModuleResult]) -> str:
    passed = sum(result.count("passed") for result in results)
    bad = sum(result.count(*BAD) for result in results)
    return f"{100 * passed / (passed + bad or 1):.1f} %"
