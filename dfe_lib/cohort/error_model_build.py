"""Fits the shipped error model anew: `python -m dfe_lib.cohort.error_model_build`."""

from dataclasses import replace

import numpy as np

from ..actors.benchmark_set import rendered_set
from ..fitting.benchmark import actor_psi
from ..fitting.estimator import pretrained_estimator
from ..morphable.anny import anny_head
from .cohort import CohortConfig
from .error_model import fit_error_model
from .filmed import film_people, temporal_error

__all__: list[str] = []

LOST = 0.0
"""No frame of the benchmark's 680 in good light and pose lost its face."""
FILMED, FILM_FRAMES, FILM_SEED = 8, 100, 900
"""People filmed for the errors' memory, their frames, and the seed of a cohort that no study uses. So few determine it
roughly."""


def _main() -> None:
    """Fits the shipped error model: benchmark for response and noise, films of people of no study for its memory."""
    head, actors, estimator = anny_head(), rendered_set(), pretrained_estimator()
    estimated = np.zeros_like(actors.psi)
    for actor in np.unique(actors.actor):
        rows = actors.actor == actor
        estimated[rows] = actor_psi(actors, rows, estimator)
    good = actors.condition == "rendered"
    first = fit_error_model(actors.psi[good], estimated[good], 0.5, 1.0, LOST)
    films = film_people(CohortConfig(FILMED, 5, 10, seed=FILM_SEED), range(FILMED), FILM_FRAMES, head)
    lasting, memory_s = temporal_error(films, first)
    replace(first, lasting=lasting, memory_s=memory_s).save()
    print(f"noise: {100 * lasting:.0f} % last for a session, the rest is forgotten in {memory_s:.2f} s")


if __name__ == "__main__":
    _main()
