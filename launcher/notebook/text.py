"""What a notebook shows of a cell's nodes; strings in, strings out."""

from __future__ import annotations

from collections.abc import Sequence

from ..run.plain import node_list, plain
from .answers import Answer


def cell_text(
    peers: Sequence[str],
    outputs: Sequence[str],
    answers: dict[int, Answer],
    said: Sequence[str] = (),
) -> str:
    """A block for each node that has something to show: output, result, traceback.

    Nodes that show the same have one block.

    Args:
        peers: the machine of each node.
        outputs: what each has printed.
        answers: of the nodes that have answered.
        said: remarks on all of them.

    Example:
        >>> print(cell_text(["h1", "h2"], ["", "hello"], {0: {"result": "42"}}), end="")
        --------(Node 0  h1)--------
        Out: 42
        --------(Node 1  h2)--------
        hello
    """
    blocks: dict[str, list[int]] = {}
    for node, output in enumerate(outputs):
        answer = answers.get(node, {})
        lines = [output.removesuffix("\n")] if output else []
        if answer.get("result"):
            lines.append(f"Out: {answer['result']}")
        if answer.get("traceback"):
            lines.append(str(answer["traceback"]).removesuffix("\n"))
        elif answer.get("error"):
            lines.append(str(answer["error"]))
        if lines:
            blocks.setdefault("\n".join(lines), []).append(node)
    parts: list[str] = []
    for block, nodes in blocks.items():
        who = f"Node {nodes[0]}  {plain(peers[nodes[0]])}"
        if len(nodes) > 1:
            who = node_list(nodes).capitalize()
        parts += [f"--------({who})--------", block]
    return "".join(f"{part}\n" for part in (*parts, *said))


def failure_text(answers: dict[int, Answer]) -> str:
    """One sentence for all nodes on which a cell failed; empty if it failed on none."""
    by_error: dict[str, list[int]] = {}
    for node in sorted(answers):
        if answers[node].get("error") is not None:
            by_error.setdefault(str(answers[node]["error"]), []).append(node)
    return "; ".join(f"{node_list(nodes)}: {error}" for error, nodes in by_error.items())
