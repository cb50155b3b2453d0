"""Denoising encoders by context and seed: `python -m dfe_lib.study.denoising [seeds]`, a part of `make sweep`.

Trained on simulated people through the error model and on the filmed moving actors; judged on other
simulated people through the error model, on simulated people who were filmed, and on the rendered test actors.
"""

import sys

import numpy as np
from jaxtyping import Bool

from ..actors.benchmark_set import MOVING, RenderedSet, rendered_set
from ..cohort.cohort import CohortConfig, simulate_person
from ..cohort.error_model import ErrorModel, pretrained_error_model
from ..cohort.filmed import film_people
from ..comparison.denoising import denoising_table
from ..comparison.rvqvae_code import TrainedCode
from ..fitting.benchmark import actor_estimate
from ..fitting.estimator import pretrained_estimator
from ..io.run import Study
from ..morphable.anny import anny_head
from ..quantisation.denoising import NoisyFrames, fit_denoising
from ..quantisation.rvqvae import STUDY_MODEL, RvqVae

__all__ = ["actor_frames", "filmed_frames", "run_denoising", "simulated_frames"]

CONTEXTS = (0, 8)
LEARNERS, JUDGED, FILMED = 100, 20, 8
"""Simulated people to learn from, to judge on, and to film."""
FILM_FRAMES = 100
PEOPLE = CohortConfig(people=LEARNERS + JUDGED + FILMED, minutes=1, fps=10, seed=700)
"""Of a seed that no study and no error model uses."""


def run_denoising(seeds: int = 3) -> None:
    """Trains every context with every seed, and writes `results/sweep/tables/denoising.csv`."""
    head, noise = anny_head(), pretrained_error_model()
    metric = head.gram()
    simulated = [simulated_frames(PEOPLE, index, noise) for index in range(LEARNERS + JUDGED)]
    people = simulated[:LEARNERS] + actor_frames(rendered_set(MOVING))
    kinds = {
        "simulated, error model": simulated[LEARNERS:],
        "simulated, filmed": filmed_frames(range(LEARNERS + JUDGED, PEOPLE.people)),
        "rendered actors": actor_frames(rendered_set(), film=False),
    }
    encoders = {"none": [None]} | {
        f"{context} frames before": [fit_denoising(people, metric, context, seed=seed) for seed in range(seeds)]
        for context in CONTEXTS
    }
    code = TrainedCode.of(RvqVae.from_pretrained(STUDY_MODEL))
    Study("sweep").save_table(denoising_table(code, encoders, kinds, metric), "denoising", digits=4)


def simulated_frames(config: CohortConfig, index: int, noise: ErrorModel) -> NoisyFrames:
    """A simulated person as the error model lets an estimator see them; psi is that beyond the face at rest."""
    session = simulate_person(config, index)
    estimated, _ = noise.observe(session.psi, session.time_s, index, rest=session.rest)
    return NoisyFrames(estimated, noise.sigma(estimated), session.psi - session.rest)


def filmed_frames(people: range) -> list[NoisyFrames]:
    """Simulated people rendered as film and estimated; frames without a face are left out."""
    films = film_people(PEOPLE, people, FILM_FRAMES, anny_head())
    seen = [np.isfinite(film.estimated).all(1) for film in films]
    return [
        NoisyFrames(film.estimated[here], film.sigma[here], film.truth[here])
        for film, here in zip(films, seen, strict=True)
    ]


def actor_frames(actors: RenderedSet, film: bool = True) -> list[NoisyFrames]:
    """Rendered actors, each calibrated on their neutral frames.

    Arguments:
        film: whether the frames follow one another.
    """
    return [_actor(actors, actors.actor == number, film) for number in np.unique(actors.actor)]


def _actor(actors: RenderedSet, rows: Bool[np.ndarray, " n"], film: bool) -> NoisyFrames:
    found = actor_estimate(actors, rows, pretrained_estimator())
    shown = found.valid & (film | ~actors.neutral[rows])
    return NoisyFrames(found.psi[shown].astype(float), found.sigma[shown].astype(float), actors.psi[rows][shown], film)


if __name__ == "__main__":
    run_denoising(*map(int, sys.argv[1:2]))
