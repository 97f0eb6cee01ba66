"""Which wheel is for which machine."""

from __future__ import annotations

import pytest

from launcher.environment.building import this_platform
from launcher.environment.lock import Wheel
from launcher.environment.tags import Platform, best_wheel

DEBIAN = Platform((3, 11), "cp311", "x86_64", "glibc", (2, 36))
ALPINE = Platform((3, 12), "cp312", "aarch64", "musl", (1, 2))
NO_GIL = Platform((3, 13), "cp313t", "x86_64", "glibc", (2, 36))


def best(platform: Platform, *tags: str) -> str | None:
    """The tag of the wheel that is best for that machine."""
    wheels = [Wheel(f"pkg-1.0-{tag}.whl", "", b"") for tag in tags]
    found = best_wheel(wheels, platform)
    return None if found is None else found.name.removeprefix("pkg-1.0-").removesuffix(".whl")


@pytest.mark.parametrize(
    "tag",
    [
        *("py3-none-any", "py2.py3-none-any", "py311-none-any", "py39-none-any"),
        "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        *("cp311-cp311-manylinux_2_36_x86_64", "cp311-cp311-manylinux1_x86_64"),
        *("cp39-abi3-manylinux_2_28_x86_64", "cp311-abi3-linux_x86_64"),
        *("cp311-none-any", "1-py3-none-any", "cp311-cp311-linux_x86_64"),
    ],
)
def test_what_fits(tag: str) -> None:
    """Pure ones, those for its Python, and those for the stable interface of an older one."""
    assert tag == best(DEBIAN, tag)


@pytest.mark.parametrize(
    "tag",
    [
        *("py2-none-any", "py312-none-any", "cp312-cp312-manylinux_2_17_x86_64"),
        *("cp311-cp311-manylinux_2_17_aarch64", "cp311-cp311-manylinux_2_37_x86_64"),
        *("cp311-cp311-musllinux_1_2_x86_64", "cp311-cp311-macosx_11_0_arm64"),
        *("cp311-cp311-win_amd64", "cp311-cp311t-manylinux_2_17_x86_64", "cp312-abi3-linux_x86_64"),
        *("pp311-pypy311_pp73-manylinux_2_17_x86_64", "cp310-none-any", "any", "a-b-c-d-e-f"),
    ],
)
def test_what_does_not(tag: str) -> None:
    """Another Python, another processor, a newer C library, another one, another system."""
    assert best(DEBIAN, tag) is None


def test_the_closest_is_taken() -> None:
    """A binary for this very Python comes first, then the one for the newest C library."""
    tags = ["py3-none-any", "cp39-abi3-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_x86_64"]
    assert tags[2] == best(DEBIAN, *tags)
    newer = "cp311-cp311-manylinux_2_28_x86_64"
    assert newer == best(DEBIAN, newer, *tags)
    assert "2-py3-none-any" == best(DEBIAN, "1-py3-none-any", "2-py3-none-any")


def test_other_machines() -> None:
    """One with musl takes what is for that; one without the GIL nothing of the stable interface."""
    assert "cp312-cp312-musllinux_1_2_aarch64" == best(
        ALPINE, "cp312-cp312-manylinux_2_17_aarch64", "cp312-cp312-musllinux_1_2_aarch64"
    )
    assert "cp313-cp313t-manylinux_2_17_x86_64" == best(
        NO_GIL, "cp39-abi3-manylinux_2_17_x86_64", "cp313-cp313t-manylinux_2_17_x86_64"
    )
    assert best(NO_GIL, "cp39-abi3-manylinux_2_17_x86_64") is None


def test_this_machine() -> None:
    """It can use what is made for any, and knows itself."""
    assert "py3-none-any" == best(this_platform(), "py3-none-any")
    assert this_platform().libc in ("glibc", "musl")
