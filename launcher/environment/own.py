"""What an environment takes from the agent's own installation: distrcomp and what that needs.

A node of any environment must be able to `import distrcomp`, of the very version of its agent. So
an environment has a folder of links to those packages, which stands last on its path: what the
lock names comes first. They are found where this process would import them from, so an
installation that is editable, or from a wheel, or on PYTHONPATH, does the same.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from .need import OURS, OWN_FOLDER

_OUR_PACKAGES = ("distrcomp", "launcher")
_PATH_FILE = "_distrcomp_own.pth"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def own_packages() -> dict[str, Path]:
    """What to link: a name on the path, and what it stands for."""
    links: dict[str, Path] = {}
    for name in _OUR_PACKAGES:
        links.update(_imported(name))
    seen: set[str] = set()
    waiting = [OURS]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # not for this Python or machine
            continue
        for link, target in _installed(distribution, name):
            links.setdefault(link, target)
        for requirement in distribution.requires or ():
            found = _REQUIREMENT.match(requirement)
            if found and "extra ==" not in requirement:
                waiting.append(found[0].lower().replace("_", "-"))
    return dict(sorted(links.items()))


def link_own(environment: Path, links: dict[str, Path]) -> None:
    """Gives an environment these packages; raises OSError."""
    folder = environment / OWN_FOLDER
    folder.mkdir()
    for name, target in links.items():
        (folder / name).symlink_to(target)
    for site in (environment / "lib").glob("python*/site-packages"):
        (site / _PATH_FILE).write_text(f"../../../{OWN_FOLDER}\n", "utf-8")


def _imported(name: str) -> Iterator[tuple[str, Path]]:
    """A module as it would be imported now."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return
    for folder in spec.submodule_search_locations or ():
        yield Path(folder).name, Path(folder).absolute()
        return
    if spec.origin is not None:
        yield Path(spec.origin).name, Path(spec.origin).absolute()


def _installed(
    distribution: importlib.metadata.Distribution, name: str
) -> Iterator[tuple[str, Path]]:
    """What a distribution has put on the path: its packages, modules, libraries and metadata."""
    # Its `files` would make an object of each of thousands, and look whether it is there.
    lines = (distribution.read_text("RECORD") or "").splitlines()
    tops = {line.partition(",")[0].strip('"').partition("/")[0] for line in lines}
    if not lines:  # a system's package may not list them
        yield from _imported(name.replace("-", "_"))
        return
    for top in tops - {"", "..", "__pycache__"}:
        target = Path(str(distribution.locate_file(top))).absolute()
        if target.exists() and not top.endswith((".pth", ".egg-link")):
            yield top, target
