"""Where the eyes point: on the head model, on rendered actors whose truth is known, and on a real clip."""

from pathlib import Path

import numpy as np
import pytest

from dfe_lib.actors.benchmark_set import rendered_set
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.angles import gaze_degrees, gaze_map
from dfe_lib.fitting.benchmark import actor_psi, padded
from dfe_lib.fitting.estimator import pretrained_estimator
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import read_arrays
from dfe_lib.morphable.anny import anny_head
from dfe_lib.tracking.extraction import extract_clip

IRIS = {"left_eye": 473, "right_eye": 468}


def looks(psi: np.ndarray) -> np.ndarray:
    """Yaw and pitch (degrees, mean of both eyes) from each eyeball's fitted centre to the iris, beyond rest."""
    head, found = anny_head(), []
    for face in (np.zeros(52), psi):
        vertices = head.vertices(face)
        ways = []
        for region, iris in IRIS.items():
            ball = vertices[head.region(region)]
            centre = np.linalg.lstsq(np.c_[2 * ball, np.ones(len(ball))], np.square(ball).sum(1), rcond=None)[0][:3]
            x, y, z = head.landmarks(vertices)[iris] - centre
            ways.append(np.degrees([np.arctan2(x, z), -np.arctan2(y, np.hypot(x, z))]))
        found.append(np.mean(ways, 0))
    return found[1] - found[0]


@pytest.mark.parametrize(
    ("actions", "sideways", "down"),
    [
        (("eyeLookOutLeft", "eyeLookInRight"), 1, 0), (("eyeLookInLeft", "eyeLookOutRight"), -1, 0),
        (("eyeLookUpLeft", "eyeLookUpRight"), 0, -1), (("eyeLookDownLeft", "eyeLookDownRight"), 0, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_gaze_is_that_of_the_eyes_that_the_head_shows(actions, sideways, down, strength) -> None:
    psi = np.zeros(52)
    psi[[ACTIONS.index(name) for name in actions]] = strength
    gaze, shown = gaze_degrees(psi[None], gaze_map(anny_head()))[0], looks(psi)
    np.testing.assert_allclose(gaze, shown, atol=1.0)
    assert np.array_equal(np.sign(np.round(gaze / 2)), [sideways, down])


def test_rendered_eyes_are_seen_to_turn_the_right_way() -> None:
    shown, turns = rendered_set(), gaze_map(anny_head())
    ours, scores = np.zeros_like(shown.psi), np.zeros_like(shown.psi)
    for actor in np.unique(shown.actor):
        rows = shown.actor == actor
        ours[rows] = actor_psi(shown, rows, pretrained_estimator())
        scores[rows] = padded(shown.scores[rows] - shown.scores[rows & shown.neutral].mean(0))
    clear = ~shown.neutral & (shown.condition == "rendered")
    truth, seen, plain = (gaze_degrees(psi[clear], turns) for psi in (shown.psi, ours, scores))
    for axis, least in ((0, 0.95), (1, 0.8)):
        looking = np.abs(truth[:, axis]) > 3
        assert looking.sum() > 90
        assert (np.sign(seen[looking, axis]) == np.sign(truth[looking, axis])).mean() > least
    assert (np.abs(seen - truth).mean(0) < np.minimum(np.abs(plain - truth).mean(0), 1.6)).all()


def test_in_a_real_clip_gaze_follows_the_irises(tmp_path: Path) -> None:
    extract_clip(asset("carphone_pristine.mp4"), tmp_path / "clip.parquet")
    table = read_arrays(tmp_path / "clip.parquet", ["landmarks", "blendshapes", "features"])
    marks, rest = table["landmarks"].reshape(-1, 478, 3), (table["blendshapes"], table["features"])
    model = pretrained_estimator()
    found = model.estimate(marks, rest[0], model.neutral_of_clip(marks, *rest), rest[1])
    gaze = gaze_degrees(found.psi, gaze_map(anny_head()))
    places = []
    for iris, right, left in ((473, 362, 263), (468, 33, 133)):
        across = (marks[:, left] - marks[:, right])[:, :2].astype(float)
        offset = marks[:, iris, :2] - (marks[:, left] + marks[:, right])[:, :2] / 2
        down = np.stack([-across[:, 1], across[:, 0]], 1)
        places.append(
            np.stack([(offset * way).sum(1) for way in (across, down)], 1) / np.square(across).sum(1)[:, None]
        )
    where = np.mean(places, 0)
    assert np.corrcoef(gaze[:, 0], where[:, 0])[0, 1] > 0.8 and np.corrcoef(gaze[:, 1], where[:, 1])[0, 1] > 0.6
