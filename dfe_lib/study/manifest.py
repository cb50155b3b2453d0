"""What went into a run and what came out: parameters, hashes, versions, time and memory, as one JSON file."""

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..io.assets import file_sha256
from ..io.machine import cpu_count
from ..io.paths import PROJECT
from ..io.tables import write_text
from .fingerprint import all_rooms, imported_packages

__all__ = [
    "environment",
    "file_hashes",
    "read_json",
    "versions",
    "write_json",
    "write_manifest",
]


def environment() -> dict[str, object]:
    """The commit, the versions and the machine."""
    return {
        "git": _git(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": cpu_count(),
        "versions": versions(imported_packages(all_rooms())),
    }


def versions(names: Iterable[str]) -> dict[str, str | None]:
    """Installed versions of packages; None: not installed."""
    return {name: _version(name) for name in names}


def file_hashes(files: Iterable[Path], root: Path, prefix: str = "") -> dict[str, str]:
    """sha256 of each file under its path from `root`, sorted by path."""
    return {prefix + path.relative_to(root).as_posix(): file_sha256(path) for path in sorted(files)}


def write_manifest(path: Path, run: str, steps: Mapping[str, object]) -> None:
    """Write the manifest of one run.

    Arguments:
        path: The JSON file.
        run: Name of the run.
        steps: For each step its parameters, seed, inputs, outputs, wall_s and peak_mb.
    """
    write_json(path, {"run": run, **environment(), "steps": dict(steps)})


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys, all of it or nothing."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict:
    """The mapping in a JSON file; empty when the file is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _git() -> dict[str, object]:
    commit = _git_says("rev-parse", "HEAD")
    # The run itself writes results, so they do not make the code dirty.
    changes = _git_says("status", "--porcelain", "--", ".", ":(exclude)results")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git_says(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
