"""The runner: the five notebooks in order, checked before anything runs and skipped when nothing changed.

In come `params/<profile>`; out go the executed notebooks, their results and `manifest.json`, and a verdict on every
sentence that README and notebooks say of the results. Two runs can be set side by side. No notebook imports this room:
nothing in it can change a result.
"""

from ..lazy import importer

_MODULES = {
    "Runner": "runner",
    "check_claims": "claims",
    "compare_runs": "compare",
    "read_claims": "claims",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
