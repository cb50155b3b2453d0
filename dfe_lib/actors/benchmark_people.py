"""Who the benchmark's actors are: skin tone, age, sex and ancestry as they were drawn, to compare errors by."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.sparse import csr_matrix

from ..morphable.anny_build import HeadSampler
from ..morphable.model import MorphableModel
from .actor import Actor, fine_mesh, sample_actor

__all__ = ["PEOPLE", "benchmark_people", "describe_people", "skin_tone"]

PEOPLE = Path(__file__).parent / "data" / "test_people.csv"
CHEEKS = (50, 280, 205, 425, 101, 330)
"""Landmarks whose surroundings are skin in everybody."""
REACH_M = 0.012
# from linear RGB to XYZ (sRGB, D65), and the white point
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


@cache
def benchmark_people() -> pd.DataFrame:
    """One row an actor of `benchmark_set.rendered_set`: actor, filmed (expressive frames), skin_tone (individual
    typology angle in degrees, large is light), sex (0 man, 1 woman), age (0.6 young to 1 old), shares of ancestry."""
    return pd.read_csv(PEOPLE)


def describe_people(head: MorphableModel, count: int, seed: int, filmed: int) -> pd.DataFrame:
    """The people that `fitting.estimator_build` films with this seed: the same draws, without a camera.

    Arguments:
        head: Anny's. count: of actors. seed: of actors and heads. filmed: expressive frames of each.
    """
    sampler, refine = HeadSampler(), fine_mesh(head)[0]
    phenotypes = sampler.phenotypes(count, np.random.default_rng(seed))
    heads = sampler.identities(count, np.random.default_rng(seed))
    rows = []
    for number, (about, neutral) in enumerate(zip(phenotypes, heads, strict=True)):
        actor = sample_actor(head, refine, np.random.default_rng([seed, number]), 0.0, neutral)
        rows.append({
            "actor": number, "filmed": filmed, "skin_tone": skin_tone(actor, head, refine), "sex": about["gender"],
            **{name: about[name] for name in ("age", "african", "asian", "caucasian")},
        })  # fmt: skip
    return pd.DataFrame(rows)


def skin_tone(actor: Actor, head: MorphableModel, refine: csr_matrix) -> float:
    r"""Individual typology angle of the cheeks, $\arctan((L^* - 50) / b^*)$ in degrees: above 41 light, below 10 dark.

    References:
        Chardon, Cretois and Hourseau, "Skin colour typology and suntanning pathways", 1991.
    """
    assert head.landmarks is not None
    points, marks = refine @ head.template.astype(float), head.landmarks(head.template.astype(float))
    away = np.linalg.norm(points[:, None] - marks[list(CHEEKS)], axis=2).min(1)
    lightness, _, yellow = _lab(np.median(actor.colours[away < REACH_M], axis=0))
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def _lab(colour: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """CIELAB of an sRGB colour."""
    linear = np.where(colour > 0.04045, ((colour + 0.055) / 1.055) ** 2.4, colour / 12.92)
    x, y, z = np.cbrt(XYZ @ linear / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
