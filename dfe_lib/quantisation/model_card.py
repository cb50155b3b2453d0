"""The card beside a trained model: what it was trained on and how, how well it does, and what it is not for."""

from pathlib import Path

import pandas as pd

from ..io.tables import SIMULATED, write_text
from .config import TrainConfig
from .rvqvae import RvqVaeConfig

__all__ = ["write_model_card"]

_CARD = """# RVQ-VAE of facial expressions, run `{run}`

{coefficients} expression coefficients become {stages} tokens out of {codes} ({bits:g} bits a frame) and come back
({shared} codebook, {decoder} decoder). {levels}Learnt in the metric `{metric}`{weights}.
Weights: `model.safetensors`; shape: `config.json`; no mesh is in them.

    from dfe_lib import DiscreteFacialEncoder
    tokens = DiscreteFacialEncoder.from_pretrained("{folder}").transform(psi)

## Data

{subjects}

Who is in which split: `subjects.csv`. Simulated people follow rules of this project; they are no recordings.

## Training

`dfe study --profile {run}` runs `03_train` with `params/{run}/03_train.yaml`; seed {seed}: the classical
start, then at most {steps} gradient steps of {batch} frames.

{aligned}## Held-out figures

{figures}

Errors are rms over the face's surface in {unit}{spread}; the baselines at equal bits are in
`tables/reconstruction.csv` of the run.
{trained}
## Limits

{simulated}- What the fit from video gets wrong, the tokens repeat.
- A token is a movement, not an emotion, a trait or a state of mind. Not for decisions about people.
"""

_ALIGNED = """Training started at the displays of `{known}`, and those that are still there keep their numbers:
{matched} of {count}, with cosines over the face of {low:.2f} to {high:.2f}, in the median {cosine:.2f}. {new}

"""
_TRAINED = """
## Trained again

From other seeds, and from the same start on a corpus with a little noise: the share of the displays above that come
again (a cosine over the face of 0.9 or more), and errors in {unit}.

{table}
"""
_LEVELS = "A token is one of {displays} displays at one of {levels} strengths; token 0 is a face at rest. "
_SIMULATED = """- The simulated people choose from an inventory of displays that we wrote down: the codebook knows
  those, and what the few real clips add. It is no dictionary of the human face.
"""


def write_model_card(
    folder: Path, run: str, config: RvqVaeConfig, training: TrainConfig, subjects: pd.DataFrame, figures: pd.DataFrame,
    unit: str, trainings: pd.DataFrame | None = None, aligned: pd.DataFrame | None = None, known: str = "",
) -> None:  # fmt: skip
    """Writes `README.md` into the model's folder.

    Arguments:
        folder: of the model.
        run: whose parameters trained it.
        config, training: its shape and training.
        subjects: data, subject_id, split, frames of each subject.
        figures: rows of the held-out table; those without a deviation over seeds are left out where others have one.
        unit: of errors.
        trainings: rows of :func:`~dfe_lib.comparison.retraining.training_table` of this model; one is none.
        aligned: of :func:`~dfe_lib.quantisation.alignment.alignment_table`, where the numbers are those of `known`.
        known: name of the model that gave them.
    """
    counts = subjects.groupby(["data", "split"]).agg(subjects=("subject_id", "size"), frames=("frames", "sum"))
    text = _CARD.format(
        run=run, coefficients=len(config.coefficients), stages=config.n_stages, codes=config.codebook_size,
        bits=figures["bits"].iloc[0], shared="one shared" if config.shared_codebook else "a separate",
        decoder=config.decoder, folder=f"results/{run}/model", subjects=_markdown(counts.reset_index()),
        seed=training.seed, steps=training.steps, batch=training.batch_size, figures=_markdown(_figures(figures)),
        spread=_spread(figures, known), trained=_trained(trainings, unit),
        metric=config.metric, weights=_weights(config), levels=_levels(config), aligned=_aligned(aligned, known),
        unit=unit, simulated=_SIMULATED if (subjects["data"] == SIMULATED).any() else "",
    )  # fmt: skip
    write_text(folder / "README.md", text)


def _weights(config: RvqVaeConfig) -> str:
    weights = ", ".join(f"{region} {weight:.3g}" for region, weight in config.region_weights)
    return f" (weights {weights})" if weights else ""


def _levels(config: RvqVaeConfig) -> str:
    if config.levels == 1:
        return ""
    return _LEVELS.format(displays=config.codebook_size // config.levels, levels=config.levels)


def _aligned(table: pd.DataFrame | None, known: str) -> str:
    if table is None:
        return ""
    same = table[table["matched"]]
    others = ", ".join(map(str, table["display"][~table["matched"]]))
    return _ALIGNED.format(
        known=known, matched=len(same), count=len(table), cosine=same["cosine"].median(), low=same["cosine"].min(),
        high=same["cosine"].max(), new=f"New are {others}." if others else "None is new.",
    )  # fmt: skip


def _figures(table: pd.DataFrame) -> pd.DataFrame:
    """A row a kind of data; with a deviation over seeds, only what has one."""
    if not _spread(table):
        return table.round(3)
    known = table[table["error_mm_sd"].notna()]
    error = [f"{m:.3f} ± {s:.3f}" for m, s in zip(known["error_mm"], known["error_mm_sd"], strict=True)]
    return known[["method", "bits", "data", "frames", "people"]].assign(error_mm=error, trainings=known["n_seeds"])


def _spread(table: pd.DataFrame, known: str = "") -> str:
    """How the errors are given."""
    if "error_mm_sd" not in table or table["error_mm_sd"].isna().all():
        return ""
    afresh = ", of which the first starts at known displays and the others from nothing" if known else ""
    return f", mean and standard deviation over the seeds{afresh}"


def _trained(table: pd.DataFrame | None, unit: str) -> str:
    """The trainings side by side, where there are several."""
    if table is None or table["training"].nunique() < 2:
        return ""
    wide = table[table["data"] != "all"].pivot_table(
        index=["training", "templates_again"], columns="data", values="error_mm", sort=False
    )
    return _TRAINED.format(unit=unit, table=_markdown(wide.reset_index().round(3)))


def _markdown(table: pd.DataFrame) -> str:
    """A table in Markdown.

    >>> print(_markdown(pd.DataFrame({"a": [1], "b": ["x"]})))
    | a | b |
    | --- | --- |
    | 1 | x |
    """
    rows = [table.columns, ["---"] * table.shape[1], *table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
