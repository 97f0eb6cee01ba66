"""Hatch's build hook: the compiled copy of the hot modules, for who asks for it.

    DISTRCOMP_COMPILE=1 pip install distrcomp --no-binary distrcomp

Without the variable, in an editable installation, and where compiling fails, what is built is the
plain package, which does the same.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULES = ("array_path", "fast_path", "gate", "link_path", "long_path", "links/ring")
DIRECTIVES = {
    "annotation_typing": False,  # what is annotated as an int may be anything with __index__
    "auto_pickle": False,
    "binding": True,
    "embedsignature": False,
    "language_level": "3",
}


class CompiledCopy(BuildHookInterface[Any]):
    """Adds the extension modules to the wheel."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return ["cython>=3.1", "setuptools"] if _is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles; what fails leaves the wheel as it was."""
        if not _is_wanted():
            return
        if version == "editable":
            self.app.display_warning("distrcomp is not compiled: the copy would hide your edits")
            return
        self._folder = tempfile.mkdtemp(prefix="distrcomp-compile-")
        try:
            built = _compile(Path(self.root), Path(self._folder))
        except (Exception, SystemExit) as error:  # noqa: BLE001  setuptools exits
            self.app.display_warning(f"distrcomp is not compiled: {error}")
            return
        build_data["force_include"].update(built)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Removes what was made on the way."""
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)


def _is_wanted() -> bool:
    return os.environ.get("DISTRCOMP_COMPILE", "0") not in ("", "0")


def _compile(root: Path, folder: Path) -> dict[str, str]:
    """Compiles copies of the sources: where each extension module is, and where it belongs."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    shutil.copytree(root / "distrcomp", folder / "distrcomp")
    before = Path.cwd()
    os.chdir(folder)  # tracebacks then say distrcomp/fast_path.py
    try:
        extensions = [
            Extension(
                "distrcomp." + name.replace("/", "."),
                [f"distrcomp/{name}.py"],
                extra_compile_args=["-g0", "-O2", "-w"],
            )
            for name in MODULES
        ]
        modules = cythonize(extensions, compiler_directives=DIRECTIVES, quiet=True)
        command = build_ext(Distribution({"name": "distrcomp", "ext_modules": modules}))
        command.build_lib, command.build_temp = "built", "objects"
        command.parallel = os.cpu_count()
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
    built = folder / "built"
    return {str(each): str(each.relative_to(built)) for each in built.rglob("*") if each.is_file()}
