"""The runner: the five notebooks in order, checked before anything runs and skipped when nothing changed.

In come `params/<profile>`; out go the executed notebooks, their results and `manifest.json`. No notebook imports this
room: nothing in it can change a result.
"""

from .runner import Runner

__all__ = ["Runner"]
