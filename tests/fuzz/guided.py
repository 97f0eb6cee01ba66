"""libFuzzer over one target; `tests.fuzz.__main__` starts it."""

from __future__ import annotations

import sys


def main(name: str, target: str, *arguments: str) -> None:
    """Hands over to libFuzzer, which ends the process.

    Args:
        name: by what libFuzzer starts itself anew.
        target: what to fuzz.
        arguments: of libFuzzer.
    """
    import atheris

    with atheris.instrument_imports(include=["distrcomp", "launcher"]):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([name, *arguments], TARGETS[target].hold)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
