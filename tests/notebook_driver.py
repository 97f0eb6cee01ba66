"""Executes a real notebook by nbclient: a JSON list of cells on stdin, their outputs on stdout.

A cell with a line `# interrupt` is interrupted as the menu does it, by SIGINT to the kernel, once a
file `busy` lies in the current folder; the kernel is to have written its number to `kernel`.
It is a program of its own, because nbclient and what it stands on have warnings that tests forbid.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from tests.leaks import wait_until


def interrupt() -> None:
    """Ctrl-C, once the cell is busy."""
    wait_until(Path("busy").exists, 30, "the cell is busy")
    os.kill(int(Path("kernel").read_text()), signal.SIGINT)


def before(cell: Any, **_: Any) -> None:
    """Called by nbclient when a cell is about to be executed."""
    if "# interrupt" in cell.source.splitlines():
        threading.Thread(target=interrupt, daemon=True).start()


def shown(output: Any) -> list[str]:
    """A cell's output as kind and text."""
    match output.output_type:
        case "stream":
            return [output.name, output.text]
        case "error":
            return ["error", "\n".join(output.traceback)]
        case _:
            kinds = ["image/png"] if "image/png" in output.data else []
            return [",".join(["text", *kinds]), output.data.get("text/plain", "")]


def main() -> None:
    """Executes the cells."""
    sources = json.load(sys.stdin)
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", allow_errors=True, on_cell_execute=before
    )
    try:
        client.execute()
    except DeadKernelError:
        print("the kernel has died", file=sys.stderr)
    print(json.dumps([[shown(output) for output in cell.outputs] for cell in notebook.cells]))


if __name__ == "__main__":
    main()
