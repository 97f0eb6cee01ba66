"""The folder of its own into which a node puts files that shall be kept."""

from __future__ import annotations

import os

OUTPUT_FOLDER = "distrcomp-output"


def output_dir() -> str:
    """This node's output folder, which is made if it is missing.

    In a run `DISTRCOMP_OUTPUT_DIR` says where it is; elsewhere it lies below the current folder.
    """
    own = os.path.join(os.getcwd(), OUTPUT_FOLDER, os.environ.get("DISTRCOMP_NODE_ID", "0"))
    folder = os.environ.get("DISTRCOMP_OUTPUT_DIR") or own
    os.makedirs(folder, 0o700, exist_ok=True)
    return folder
