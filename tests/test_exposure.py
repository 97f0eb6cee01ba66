"""The scan for secrets finds each place in which one can be seen."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.cluster import certificates
from tests.exposure import KEYS, odd_descriptors, shared_descriptors, shown_below, shown_by

pytestmark = pytest.mark.processes

KEY = certificates.key_to_pem(certificates.new_key())
OPENS = "import sys\nopened = open(sys.argv[1])\nprint(flush=True)\nsys.stdin.read()"


@contextmanager
def running(code: str, *arguments: str, **environment: str) -> Iterator[int]:
    """The pid of a process that runs until the end of the block."""
    words = [sys.executable, "-I", "-S", "-c", code, *arguments]
    with subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_keys_begin_like_that() -> None:
    """Each new key of ours has the marks that are looked for, in PEM and in DER."""
    lines = KEY.splitlines()
    der = base64.b64decode(b"".join(lines[1:-1]))
    assert [mark in KEY for mark in KEYS] == [True, True, False]
    assert KEYS[2] in der


def test_what_is_found(tmp_path: Path, leaks: object) -> None:
    """A key in the arguments, the environment or an open file is found; without one, nothing."""
    innocent, secret = tmp_path / "innocent", tmp_path / "secret"
    innocent.write_text("nothing")
    secret.write_bytes(KEY)
    with running(OPENS, str(innocent), A="b") as pid:
        assert [] == shown_by(pid)
    with running(OPENS, str(innocent), KEY.decode()) as pid:
        assert "cmdline" in shown_by(pid)[0]
    with running(OPENS, str(innocent), A=KEY.decode()) as pid:
        assert "environ" in shown_by(pid)[0]
    with running(OPENS, str(secret)) as pid:
        assert "descriptor 3" in shown_by(pid)[0]
        assert {3: str(secret)} == odd_descriptors(pid)
        with running(OPENS, str(secret)) as other:
            assert {str(secret)} == shared_descriptors(pid, other)
    assert 2 == len(shown_below(tmp_path, []))
    assert [] == shown_below(tmp_path, [secret])
