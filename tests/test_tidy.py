"""The form of our code, held by tests; the checks stand in `tidy.py`, each shown to fail here."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tidy

ROOT = Path(__file__).parents[1]

# Protocol and decision logic: bytes or events in, events or actions out.
PURE_MODULES = (
    "distrcomp/frames.py",
    "distrcomp/schema.py",
    "distrcomp/codec.py",
    "distrcomp/arguments.py",
    "distrcomp/arrays.py",
    "distrcomp/views.py",
    "distrcomp/out.py",
    "distrcomp/fates.py",
    "distrcomp/mailbox.py",
    "distrcomp/targets.py",
    "distrcomp/notices.py",
    "distrcomp/preamble.py",
    "distrcomp/waits.py",
    "distrcomp/mpi/typemap.py",
    "distrcomp/mpi/layout_copy.py",
    "distrcomp/mpi/external32.py",
    "distrcomp/mpi/elements.py",
    "distrcomp/mpi/element_arrays.py",
    "distrcomp/mpi/datatype_state.py",
    "distrcomp/mpi/datatype_contents.py",
    "distrcomp/mpi/distributed_array.py",
    "distrcomp/mpi/file_view.py",
    "distrcomp/mpi/window_epochs.py",
    "distrcomp/mpi/window_locks.py",
    "distrcomp/mpi/window_messages.py",
    "distrcomp/mpi/window_protocol.py",
    "distrcomp/surroundings.py",
    "distrcomp/mpi/buffer_moves.py",
    "distrcomp/mpi/cartesian.py",
    "distrcomp/mpi/collective_side.py",
    "distrcomp/mpi/graphs.py",
    "distrcomp/benchmark/timing.py",
    "distrcomp/pytest_nodes/verdict.py",
    "benchmarks/versus/table.py",
    "benchmarks/versus/works.py",
    "distrcomp/examination/clock.py",
    "launcher/agent/service_unit.py",
    "launcher/cluster/announcement.py",
    "launcher/doctor/advice.py",
    "launcher/doctor/facts.py",
    "launcher/doctor/rounds.py",
    "launcher/doctor/table.py",
    "launcher/run/namesakes.py",
    "launcher/bench/figures.py",
    "launcher/bench/layout.py",
    "launcher/bench/plot.py",
    "launcher/bench/table.py",
    "launcher/run/units.py",
    "launcher/run/machine.py",
    "launcher/run/course.py",
    "launcher/run/events.py",
    "launcher/run/ledger.py",
    "launcher/run/life.py",
    "launcher/run/opening.py",
    "launcher/run/watching.py",
    "launcher/run/deadlock.py",
    "launcher/run/waiting.py",
    "launcher/run/verdict.py",
    "launcher/run/closing.py",
    "launcher/run/plan.py",
    "launcher/run/output.py",
    "launcher/run/report.py",
    "launcher/agent/session.py",
    "launcher/agent/relay.py",
    "launcher/ship/manifest.py",
    "launcher/ship/ignore.py",
    "launcher/cluster/peers_file.py",
    "launcher/cluster/join_line.py",
)

# They do no I/O and import all the same: os, for the parts of a path; threading, for a lock.
PURE_ALL_THE_SAME = ("distrcomp/accounts.py", "distrcomp/places.py", "distrcomp/spaces.py")

# Its methods have the parameters that mpi4py's have, however many.
MPI_FACE = "distrcomp/mpi/"

Check = Callable[[tidy.Source], list[str]]


def read(*folders: str) -> list[tidy.Source]:
    """Every Python file below these folders of the repository."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [
        tidy.parse(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths
    ]


PRODUCT = read("distrcomp", "launcher")
BENCHMARKS = read("benchmarks")
TESTS = read("tests")
EXAMPLES = read("examples")


def hold(check: Check, sources: list[tidy.Source]) -> None:
    """Fails with every finding of `check`, one a line."""
    findings = [finding for source in sources for finding in check(source)]
    if findings:
        pytest.fail("\n".join(findings), pytrace=False)


def found(check: Check, text: str, path: str = "launcher/made_up.py") -> int:
    """How many findings `check` has on a made-up file."""
    return len(check(tidy.parse(path, text)))


@pytest.mark.parametrize("check", [tidy.long_files, tidy.long_functions, tidy.banned_uses])
def test_all_code_is_tidy(check: Check) -> None:
    """Files and functions are short everywhere, and no banned name stands anywhere."""
    hold(check, [*PRODUCT, *BENCHMARKS, *TESTS, *EXAMPLES])


def test_nothing_is_inflated() -> None:
    """S-17: no module of the product can inflate what came compressed: no such message exists."""
    bans = tuple(ban for ban in tidy.BANS if ban.used in ("zlib.decompress", "gzip", "lzma"))
    assert 6 == len(bans)
    hold(lambda source: tidy.banned_uses(source, bans), PRODUCT)


@pytest.mark.parametrize(
    "check", [tidy.wide_functions, tidy.deep_packages, tidy.undocumented_module]
)
def test_product_is_tidy(check: Check) -> None:
    """Few parameters, one level of sub-packages, and each module says what it is."""
    sources = [*PRODUCT, *BENCHMARKS]
    if check is tidy.wide_functions:
        sources = [source for source in sources if not source.path.startswith(MPI_FACE)]
    hold(check, sources)


def test_tests_say_what_they_prove() -> None:
    """Every test has a docstring."""
    hold(tidy.undocumented_tests, TESTS)


def test_pure_modules_reach_nothing() -> None:
    """Protocol and decision logic imports neither clock, socket, process, thread nor chance."""
    pure = [source for source in [*PRODUCT, *BENCHMARKS] if source.path in PURE_MODULES]
    assert sorted(PURE_MODULES) == sorted(source.path for source in pure)
    hold(tidy.impure_imports, pure)


def test_who_claims_to_be_pure_is_held_to_it() -> None:
    """A module whose docstring says that it does no I/O imports nothing that could."""
    claiming = [source for source in PRODUCT if tidy.claims_purity(source)]
    assert "launcher/run/clocks.py" in {source.path for source in claiming}
    hold(tidy.impure_imports, [each for each in claiming if each.path not in PURE_ALL_THE_SAME])


def test_no_import_cycles() -> None:
    """No module imports itself by way of others."""
    assert tidy.import_cycle({source.module: source for source in [*PRODUCT, *BENCHMARKS]}) == []


def test_every_module_has_its_place_in_the_list() -> None:
    """docs/architecture.md names each module of the launcher and of distrcomp's first level."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"\w+", page.split("```text")[1].split("```")[0]))
    modules = {
        source.module.split(".")[-1]
        for source in PRODUCT
        if not source.path.endswith(("__init__.py", "__main__.py"))
        and (source.path.startswith("launcher/") or source.path.count("/") == 1)
    }
    assert set() == modules - named


def test_public_names_are_documented() -> None:
    """The documentation speaks of `dc.NAME` for exactly the names that distrcomp exports."""
    import distrcomp

    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    documented = {
        name
        for page in pages
        for name in re.findall(r"\bdc\.([a-zA-Z_]\w*)", page.read_text("utf-8"))
    }
    assert documented == set(distrcomp.__all__)


def test_public_names_have_docstrings() -> None:
    """`help()` has something to say on every exported function and class."""
    import distrcomp

    exported = {name: getattr(distrcomp, name) for name in distrcomp.__all__}
    silent = [name for name, it in exported.items() if callable(it) and not inspect.getdoc(it)]
    assert silent == []


def test_import_is_light() -> None:
    """`import distrcomp` loads neither typing, numpy nor asyncio, nor the launcher."""
    code = "import distrcomp, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "distrcomp" in loaded
    assert loaded & {"typing", "numpy", "asyncio", "launcher"} == set()


# Each check can fail.


def test_long_files_are_found() -> None:
    """400 lines are one too many."""
    assert found(tidy.long_files, "x = 1\n" * 399) == 0
    assert found(tidy.long_files, "x = 1\n" * 400) == 1


def test_long_functions_are_found() -> None:
    """70 lines are one too many, in a method too."""
    assert found(tidy.long_functions, "def f():\n" + "    x = 1\n" * 68) == 0
    assert found(tidy.long_functions, "def f():\n" + "    x = 1\n" * 69) == 1
    method = "class C:\n    async def f(self):\n" + "        x = 1\n" * 69
    assert found(tidy.long_functions, method) == 1


def test_wide_functions_are_found() -> None:
    """Seven parameters of any kind are one too many; `self` is none."""
    assert found(tidy.wide_functions, "def f(a, b, c, d, e, g): pass") == 0
    assert found(tidy.wide_functions, "def f(a, /, b, *c, d, e, g, **h): pass") == 1
    assert found(tidy.wide_functions, "class C:\n    def f(self, a, b, c, d, e, g): pass") == 0


def test_deep_packages_are_found() -> None:
    """A package inside a sub-package is found by the path of its files."""
    assert found(tidy.deep_packages, "", path="launcher/run/plan.py") == 0
    assert found(tidy.deep_packages, "", path="launcher/run/deep/plan.py") == 1


def test_undocumented_modules_are_found() -> None:
    """A module with code and without a docstring is found; an empty or private one is not."""
    assert found(tidy.undocumented_module, "x = 1") == 1
    assert found(tidy.undocumented_module, "") == 0
    assert found(tidy.undocumented_module, "x = 1", path="launcher/_private.py") == 0


def test_undocumented_tests_are_found() -> None:
    """A test without a docstring is found, in a class too; a helper needs none."""
    assert found(tidy.undocumented_tests, "def test_a(): pass\ndef helper(): pass") == 1
    assert found(tidy.undocumented_tests, "class TestA:\n    def test_a(self): pass") == 1
    assert found(tidy.undocumented_tests, "def test_a():\n    '''Adds.'''") == 0


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_x.py", "from unittest import mock"),
        ("tests/test_x.py", "from unittest.mock import Mock"),
        ("tests/test_x.py", "import unittest.mock"),
        ("tests/test_x.py", "import time\ntime.sleep(1)"),
        ("tests/test_x.py", "import time as t\ndef f():\n    t.sleep(1)"),
        ("tests/hosts/test_x.py", "from time import sleep"),
        ("launcher/ship/store.py", "import pickle"),
        ("launcher/ship/store.py", "def f():\n    from pickle import loads"),
        ("launcher/ship/store.py", "import tarfile"),
        ("launcher/ship/store.py", "import zipfile"),
        ("launcher/ship/store.py", "import shutil\nshutil.unpack_archive('x')"),
        ("launcher/run/plan.py", "print('x')"),
        ("launcher/run/plan.py", "show = print"),
        ("launcher/run/plan.py", "import os\nos.system('ls')"),
        ("launcher/run/plan.py", "import subprocess\nsubprocess.run('ls', shell=True)"),
        ("launcher/run/plan.py", "def f(x):\n    assert x"),
        ("distrcomp/world.py", "def f(x):\n    assert x"),
        ("distrcomp/world.py", "def f():\n    import asyncio"),
        ("distrcomp/world.py", "import asyncio.events as events"),
    ],
)
def test_banned_names_are_found(path: str, text: str) -> None:
    """Every ban is found, under another name and inside a function too."""
    assert found(tidy.banned_uses, text, path) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_x.py", "def f(x):\n    assert x\n    print(x)"),
        ("tests/test_x.py", "import time\ntime.monotonic()\nclock.sleep(1)"),
        ("distrcomp/codec.py", "import pickle"),
        ("launcher/cli/run.py", "print('x')"),
        ("launcher/run/plan.py", "from . import pickle_free\nreport.print('x')"),
        ("launcher/run/plan.py", "import subprocess\nsubprocess.run(['ls'], shell=False)"),
        (
            "distrcomp/world.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import asyncio",
        ),
    ],
)
def test_allowed_names_pass(path: str, text: str) -> None:
    """What only looks like a banned name, or stands where it is allowed, passes."""
    assert found(tidy.banned_uses, text, path) == 0


def test_every_ban_has_its_made_up_case() -> None:
    """No ban of the table names a thing that the check can't see in a made-up file."""
    for ban in tidy.BANS:
        syntax = {"assert": "assert x", "shell=True": "f(shell=True)", "print": "print"}
        text = syntax.get(ban.used, f"import {ban.used}")
        assert found(tidy.banned_uses, text, ban.where.replace("*", "x.py")) >= 1, ban


def test_impure_imports_are_found() -> None:
    """A clock in a pure module is found; what only the type checker reads is not."""
    assert found(tidy.impure_imports, "import time\nfrom os import path\nimport struct") == 2
    assert found(tidy.impure_imports, "import typing\nif typing.TYPE_CHECKING:\n import os") == 0


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        (True, '"""Sums; no I/O."""'),
        (True, '"""A run as text; strings in,\nstrings out."""\nimport time'),
        (False, '"""Reads a file.\n\nIts neighbour does no I/O."""'),
        (False, "x = 1"),
    ],
)
def test_claims_of_purity_are_found(claims: bool, text: str) -> None:
    """They stand in the first paragraph of a module's docstring."""
    assert claims == tidy.claims_purity(tidy.parse("launcher/run/made_up.py", text))


def test_import_cycles_are_found() -> None:
    """A cycle over three modules is found by relative, absolute and late imports."""
    texts = {
        "launcher/a.py": "from .run import b",
        "launcher/run/__init__.py": "",
        "launcher/run/b.py": "from ..c import thing",
        "launcher/c.py": "def f():\n    import launcher.a",
    }
    sources = [tidy.parse(path, text) for path, text in texts.items()]
    (cycle,) = tidy.import_cycle({source.module: source for source in sources})
    assert {"launcher.a", "launcher.run.b", "launcher.c"} <= set(re.split(r"[ :]", cycle))
    del sources[-1]
    assert tidy.import_cycle({source.module: source for source in sources}) == []
