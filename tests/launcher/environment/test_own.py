"""What an environment takes from the agent's installation."""

from __future__ import annotations

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
