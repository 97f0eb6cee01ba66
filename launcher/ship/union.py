"""What a run of several programs ships: all that each of them would ship alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import BadManifest, BadUsage
from .bundle import Bundle, Wanted, collect
from .manifest import FileEntry, Manifest, check_manifest


def collect_all(wanted: Sequence[Wanted]) -> tuple[Bundle, tuple[str | None, ...]]:
    """One bundle for several programs, and each one's path in the sandbox.

    Raises:
        BadUsage: what `collect` refuses, or two different files would lie at one place.
    """
    bundles = [collect(each) for each in wanted]
    files: dict[str, FileEntry] = {}
    sources: dict[bytes, Path] = {}
    reasons: dict[str, str] = {}
    for bundle in bundles:
        sources = bundle.sources | sources
        for entry in bundle.manifest.files:
            there = files.setdefault(entry.path, entry)
            if there.sha256 != entry.sha256:
                raise BadUsage(
                    f"{sources[there.sha256]} and {bundle.sources[entry.sha256]} would both lie "
                    f"at {entry.path}, of two programs: rename one, or put both below this folder"
                )
            files[entry.path] = replace(there, mode=there.mode | entry.mode)
            reasons.setdefault(entry.path, bundle.reasons.get(entry.path, ""))
    manifest = Manifest(tuple(files[path] for path in sorted(files)))
    try:
        check_manifest(manifest)
    except BadManifest as error:
        raise BadUsage(f"the programs cannot be shipped together: {error}") from error
    entries = tuple(bundle.entry for bundle in bundles)
    return Bundle(manifest, sources, reasons, entries[0]), entries
