"""What a linear model reads: the words with the largest weights, and how sure they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..cohort.displays import primitives
from ..cohort.effects import EFFECTS
from .linear_models import Ridge

__all__ = ["planted_displays", "word_weights"]


def word_weights(
    matrix: Float[np.ndarray, "n d"],
    names: Sequence[str],
    target: Float[np.ndarray, " n"],
    n_draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Ridge weights of everyone's standardised features, with intervals bootstrapped over people; largest first.

    Returns one row a feature: word, weight (in units of the label for one standard deviation more of the word), ci_low,
    ci_high, correlation with the label (a word may predict the label and yet get no weight, beside others that do).

    Arguments:
        matrix: (n, d) one row a person.
        names: of the features.
        target: (n,) label.
        n_draws: people are drawn again, and the model fitted anew, so often.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    people = np.arange(len(matrix))
    whole = Ridge.fitted(matrix, target[:, None], people).weights[:, 0]
    drawn = []
    for _ in range(n_draws):
        draw = np.sort(rng.choice(people, len(people)))
        drawn.append(Ridge.fitted(matrix[draw], target[draw][:, None], draw).weights[:, 0])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    spread = matrix.std(0) * target.std()
    covariance = (matrix - matrix.mean(0)).T @ (target - target.mean()) / len(target)
    correlation = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 1e-12)
    table = pd.DataFrame(
        {"word": list(names), "weight": whole, "ci_low": low, "ci_high": high, "correlation": correlation}
    )
    return table.iloc[np.argsort(-np.abs(whole), kind="stable")].reset_index(drop=True)


def planted_displays(label: str, where: str, effect_size: float = 1.0) -> dict[str, Float[np.ndarray, " 52"]]:
    """The displays that a label shifts in simulated people, strongest effects first: psi at full strength by title.

    Arguments:
        label: as `conditions.EFFECTS` calls it.
        where: `"detectable"`, `"beyond"` or `"timing"`.
        effect_size: of the cohort; the titles give the shift that it makes of each effect.

    >>> list(planted_displays("conscientiousness", "beyond", effect_size=3.0))
    ['jaw_sideways, -0.60']
    """
    names, psi = primitives()
    effects = [effect for effect in EFFECTS if (effect.label, effect.where) == (label, where)]
    found = {}
    for effect in sorted(effects, key=lambda effect: -abs(effect.size)):
        for display in effect.displays:
            name = display if display in names else f"{display}_left"
            found[f"{display}, {effect_size * effect.size:+.2f}"] = psi[names.index(name)]
    return found
