"""Where things are: what the project has, from the package; what users name, from where they stand.

A file that a parameter names (`media`, `subject_table`, `labels`, `clips`, `flame`) is looked for in the working
directory first and in the project's folder second. A notebook that `dfe study` runs works in the project's folder; it
is told by `DFE_STANDS` where the user stood. Everything else never depends on the working directory.
"""

import glob
import os
from pathlib import Path

__all__ = ["PROJECT", "STANDS", "assets_dir", "cache_dir", "notebooks_dir", "params_dir", "results_dir", "user_path"]

PROJECT = Path(__file__).resolve().parents[2]
STANDS = "DFE_STANDS"
"""Environment variable with the folder in which a run was started."""


def user_path(name: str | os.PathLike) -> Path:
    """A file, folder or glob that the user names: from the working directory, else from the project's folder.

    What is in neither is taken from the working directory, where whoever reads it says that it is missing.

    >>> user_path("dfe_lib/errors.py") == PROJECT / "dfe_lib/errors.py"
    True
    """
    path = Path(name).expanduser()
    here = Path(os.environ.get(STANDS) or Path.cwd()) / path
    if not _is_there(here) and _is_there(PROJECT / path):
        return PROJECT / path
    return here


def _is_there(path: Path) -> bool:
    return path.exists() or any(True for _ in glob.iglob(str(path), recursive=True))  # noqa: PTH207 - may be absolute


def assets_dir() -> Path:
    """Folder of the fetched models and media: `DFE_ASSETS`, or the user's cache."""
    return Path(os.environ.get("DFE_ASSETS") or _user_cache() / "assets").expanduser().absolute()


def cache_dir() -> Path:
    """Folder of what the project computes once (the films that the estimator is trained on); safe to delete."""
    return assets_dir() / "built"


def notebooks_dir() -> Path:
    return PROJECT / "notebooks"


def params_dir(profile: str) -> Path:
    return PROJECT / "params" / profile


def results_dir(run: str) -> Path:
    """Folder of one run, `results/<run>`; `DFE_RESULTS` moves `results` elsewhere."""
    return Path(os.environ.get("DFE_RESULTS") or PROJECT / "results").expanduser().absolute() / run


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfe"
