"""A folder in which even root's tests meet the rights of an ordinary user."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534


@contextlib.contextmanager
def ordinary_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of the user as whom the code inside runs: nobody where the tests are root's."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    # pytest's own folders are closed to others, and so may be TMPDIR.
    folder = Path(tempfile.mkdtemp(prefix="distrcomp-test-", dir="/tmp"))
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
