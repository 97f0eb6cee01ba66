"""What an environment takes from the agent's installation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cloudpickle
import msgpack
import numpy as np

import distrcomp
import launcher
from launcher.environment.own import link_own, own_packages


def test_where_this_process_has_them() -> None:
    """Each is found where it is imported from, an editable installation's too."""
    links = own_packages()
    for module in (distrcomp, launcher, cloudpickle, msgpack, np):
        folder = Path(str(module.__file__)).parent
        assert folder.samefile(links[folder.name])


def test_nothing_else() -> None:
    """What only tests need is not there, nor what another tool has put on the path."""
    links = own_packages()
    assert not {"pytest", "hypothesis", "pip", "..", "__pycache__"} & links.keys()
    assert not [name for name in links if name.endswith(".pth")]
    assert all(target.exists() for target in links.values())


def test_they_come_last_on_the_path(tmp_path: Path) -> None:
    """The folder of links is named from the environment's own, so it may be moved."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    link_own(tmp_path, {"thing": tmp_path / "lib"})
    (path_file,) = site.glob("*.pth")
    folder = site / path_file.read_text().strip()
    assert [tmp_path / "lib"] == [link.resolve() for link in folder.iterdir()]


INSTALLED = """
import sys
sys.path.insert(0, sys.argv[1])
from launcher.environment.own import own_packages
print(*(f"{name}={target}" for name, target in own_packages().items()), sep="\\n")
"""


def test_an_installation_from_wheels(tmp_path: Path) -> None:
    """What lies in a folder of packages is taken from there, by what wheels say they have put."""
    for module in (distrcomp, launcher):
        source = Path(str(module.__file__)).parent
        shutil.copytree(
            source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__")
        )
    wheels = {
        "distrcomp": (["distrcomp/__init__.py", "launcher/__init__.py", "../bin/distrcomp"], "a_b"),
        "a-b": (["a_b/__init__.py", "a_b.libs/x.so", "loose.py", "a_b.pth"], "gone; extra == 'x'"),
        "gone": (["gone/__init__.py"], ""),
    }
    for name, (files, requires) in wheels.items():
        info = f"{name.replace('-', '_')}-1.0.dist-info"
        for file in (*files, f"{info}/METADATA", f"{info}/RECORD"):
            path = tmp_path / "site" / file if file.startswith("..") else tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        metadata += f"Requires-Dist: {requires}\n" if requires else ""
        (tmp_path / info / "METADATA").write_text(metadata)
        record = "".join(f"{file},,\n" for file in (*files, f"{info}/METADATA", f"{info}/RECORD"))
        (tmp_path / info / "RECORD").write_text(record)
    command = [sys.executable, "-I", "-S", "-c", INSTALLED, str(tmp_path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = ["a_b", "a_b-1.0.dist-info", "a_b.libs", "distrcomp", "distrcomp-1.0.dist-info"]
    expected = [f"{name}={tmp_path / name}" for name in [*names, "launcher", "loose.py"]]
    assert expected == printed.splitlines()
