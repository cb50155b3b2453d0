"""Seconds of simulated people rendered as video and taken through FaceLandmarker and the estimator."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from ..actors.actor import sample_actor
from ..actors.filming import Studio, sample_shot
from ..blendshapes import ACTIONS
from ..fitting.benchmark import PARTS
from ..fitting.estimator import Estimate, pretrained_estimator
from ..io.tables import N_FEATURES
from ..morphable.model import MM_PER_M, MorphableModel
from ..tracking.face_graph import FaceGraph
from ..tracking.feature_axes import kept_features
from .cohort import CohortConfig, Session, simulate_person
from .error_model import ErrorModel

__all__ = ["FilmedPerson", "film_people", "observation_table", "temporal_error"]

SWAY_DEG, SWAY_S = 5.0, 1.5
"""How far and how fast a head turns while its person is filmed (our choice)."""

ACTIVE, MIN_ACTIVE = 0.3, 20
"""An action is active above 0.3, and counts when it is so in at least 20 of the filmed frames."""


@dataclass(frozen=True)
class FilmedPerson:
    """Some seconds of one simulated person.

    Arguments:
        time_s: (n,). truth: (n, 52) exact psi. estimated: (n, 52) the estimator's, NaN where no face was found.
        sigma: (n, 52) its standard deviation, NaN like that.
        pictures: some of the frames, each with its time.
    """

    time_s: Float[np.ndarray, " n"]
    truth: Float[np.ndarray, "n 52"]
    estimated: Float[np.ndarray, "n 52"]
    sigma: Float[np.ndarray, "n 52"]
    pictures: list[tuple[float, UInt8[np.ndarray, "h w 3"]]]


def film_people(
    config: CohortConfig, people: range, frames: int, head: MorphableModel, keep: int = 0
) -> list[FilmedPerson]:
    """Films people of a cohort, the first in the middle of the funny video, the next in the interview, and so on.

    Each person gets a random actor's head and looks, a camera and a light; the head sways. The person's neutral is
    what the fit makes of the same frames, as in 02.

    Arguments:
        frames: of each person, at the cohort's rate; all of a task that has fewer.
        keep: pictures of each person, evenly spread.
    """
    with Studio(head) as studio:
        return [_film(simulate_person(config, index), index, frames, head, studio, keep) for index in people]


def temporal_error(films: list[FilmedPerson], model: ErrorModel) -> tuple[float, float]:
    """Share of the errors' variance that lasts for a film, and the seconds in which the rest falls to 1/e.

    Arguments:
        model: its response is taken out first, so that what remains is noise.
    """
    rows = [_left_over(film, model) for film in films]
    means = np.stack([row.mean(0) for row in rows])
    moving = [row - mean for row, mean in zip(rows, means, strict=True)]
    within = np.mean([np.square(row).mean(0).sum() for row in moving])
    between = means.var(0, ddof=1).sum()
    lag = np.mean([(row[1:] * row[:-1]).mean(0).sum() for row in moving]) / within
    step = float(np.median(np.diff(films[0].time_s)))
    return float(between / (between + within)), float(-step / np.log(np.clip(lag, 0.01, 0.99)))


def observation_table(films: list[FilmedPerson], model: ErrorModel, head: MorphableModel, seed: int) -> pd.DataFrame:
    """Errors of the filmed path beside those of the error model on the same frames.

    Columns: data, statistic, region_or_action, error_model, filmed. Errors are against psi beyond the face at rest,
    which the fit takes for neutral: mean in mm by region, gain and recall by action, and the autocorrelation of the
    error from one frame to the next.
    """
    modelled = [_modelled(film, model, seed + i) for i, film in enumerate(films)]
    both = {name: _statistics(paths, head) for name, paths in (("error_model", modelled), ("filmed", films))}
    table = both["error_model"].merge(both["filmed"], on=["statistic", "region_or_action"], how="outer", sort=False)
    table = table.rename(columns={"value_x": "error_model", "value_y": "filmed"})
    return table.assign(data="simulated")[["data", *table.columns]]


def _film(session: Session, index: int, frames: int, head: MorphableModel, studio: Studio, keep: int) -> FilmedPerson:
    rng = np.random.default_rng([session.seed, 6])
    task = ("funny_video", "interview")[index % 2]
    rows = np.flatnonzero(session.task == task)
    rows = rows[max(0, len(rows) - frames) // 2 :][:frames]
    actor, shot = sample_actor(head, studio.refine, rng), sample_shot(rng, "rendered")
    sway = _sway(session.time_s[rows], rng)
    landmarks, scores = np.full((len(rows), 478, 3), np.nan), np.zeros((len(rows), 51))
    features = np.full((len(rows), N_FEATURES), np.nan, np.float16)
    shown = set(np.linspace(0, len(rows) - 1, keep).round().astype(int)) if keep else set()
    pictures = []
    with FaceGraph(video=True) as detector:
        for i, row in enumerate(rows):
            turned = replace(shot, yaw=shot.yaw + sway[i, 0], pitch=shot.pitch + sway[i, 1])
            picture = studio.picture(actor, session.psi[row].astype(float), turned)
            for face in detector(picture, float(session.time_s[row]))[:1]:
                landmarks[i], scores[i], features[i] = face.landmarks, face.blendshapes, kept_features(face)
            if i in shown:
                pictures.append((float(session.time_s[row]), picture))
    found = _estimate(landmarks, scores, features)
    psi, sigma = found.psi.astype(float), found.sigma.astype(float)
    return FilmedPerson(session.time_s[rows], session.psi[rows] - session.rest, psi, sigma, pictures)


def _estimate(
    landmarks: Float[np.ndarray, "n 478 3"], scores: Float[np.ndarray, "n 51"], features: Float[np.ndarray, "n f"]
) -> Estimate:
    estimator, seen = pretrained_estimator(), np.isfinite(landmarks).all((1, 2))
    neutral = estimator.neutral_of_clip(landmarks[seen], scores[seen], features[seen])
    return estimator.estimate(landmarks, scores, neutral, features)


def _sway(time_s: Float[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n 2"]:
    """Slow turns of the head: sums of sines of random phase."""
    waves = 2 * np.pi * time_s[:, None, None] / (SWAY_S * np.array([2.0, 3.3, 5.1]))
    return SWAY_DEG * np.sqrt(2 / 3) * np.sin(waves + rng.uniform(0, 2 * np.pi, (1, 2, 3))).sum(2) / 2


def _left_over(film: FilmedPerson, model: ErrorModel) -> Float[np.ndarray, "n 52"]:
    seen = np.isfinite(film.estimated).all(1)
    return film.estimated[seen] - film.truth[seen] @ model.response.T - model.offset


def _modelled(film: FilmedPerson, model: ErrorModel, seed: int) -> FilmedPerson:
    estimated, found = model.observe(film.truth, film.time_s, seed, rest=np.zeros(film.truth.shape[1]))
    return replace(film, estimated=np.where(found[:, None], estimated, np.nan).astype(float))


def _statistics(films: list[FilmedPerson], head: MorphableModel) -> pd.DataFrame:
    seen = [np.isfinite(film.estimated).all(1) for film in films]
    truth = np.concatenate([film.truth[here] for film, here in zip(films, seen, strict=True)])
    estimated = np.concatenate([film.estimated[here] for film, here in zip(films, seen, strict=True)])
    rows = [("lost frames, share", "all", 1 - float(np.concatenate(seen).mean()))]
    rows += [("mean error, mm", region, value) for region, value in _region_errors(estimated - truth, head).items()]
    rows.append(("error autocorrelation, lag 1", "all", _autocorrelation(films)))
    for k, action in enumerate(ACTIONS):
        active = truth[:, k] > ACTIVE
        if active.sum() >= MIN_ACTIVE:
            rows.append(("gain", action, float(np.polyfit(truth[:, k], estimated[:, k], 1)[0])))
            rows.append(("recall", action, float((estimated[active, k] > ACTIVE / 2).mean())))
    return pd.DataFrame(rows, columns=["statistic", "region_or_action", "value"])


def _region_errors(error: Float[np.ndarray, "n 52"], head: MorphableModel) -> dict[str, float]:
    areas, found = head.areas(), {}
    for name, region in PARTS.items():
        inside = head.region(region)
        moved = np.tensordot(error.astype(np.float32), head.expression[:, inside] * np.float32(MM_PER_M), 1)
        found[name] = float((np.linalg.norm(moved, axis=2) @ (areas[inside] / areas[inside].sum())).mean())
    return found


def _autocorrelation(films: list[FilmedPerson]) -> float:
    """Of the error about its mean over each film, all actions together."""
    top, bottom = 0.0, 0.0
    for film in films:
        error = (film.estimated - film.truth)[np.isfinite(film.estimated).all(1)]
        error = error - error.mean(0)
        top, bottom = top + (error[1:] * error[:-1]).mean(), bottom + np.square(error).mean()
    return top / bottom
