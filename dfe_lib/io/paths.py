"""Where things are, resolved from the package and never from the working directory."""

import os
from pathlib import Path

__all__ = ["PROJECT", "assets_dir", "cache_dir", "notebooks_dir", "params_dir", "results_dir"]

PROJECT = Path(__file__).resolve().parents[2]


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
