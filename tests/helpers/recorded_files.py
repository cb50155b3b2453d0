"""Files as other programs write them, for the tests: in the documented layouts, with invented contents."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfe_lib.action_units import OPENFACE_INTENSITY, OPENFACE_OCCURRENCE
from dfe_lib.blendshapes import ACTIONS

OPENFACE_KEY = ["frame", "timestamp", "confidence", "success"]
POSE = ["pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"]
GAZE = ["gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z", "gaze_angle_x", "gaze_angle_y"]
UNITS = [f"{name}_r" for name in OPENFACE_INTENSITY] + [f"{name}_c" for name in OPENFACE_OCCURRENCE]
E_DAIC = [*OPENFACE_KEY, *POSE, *GAZE, *UNITS]
"""The 4 + 49 columns of E-DAIC."""


def face_68(n: int, seed: int = 0) -> np.ndarray:
    """(n, 68, 2) pixels: a plain upright face that shakes a little."""
    jaw = np.c_[np.linspace(-80, 80, 17), 100 * np.sqrt(1 - np.linspace(-1, 1, 17) ** 2) - 20]
    brows = np.c_[np.r_[np.linspace(-60, -15, 5), np.linspace(15, 60, 5)], np.full(10, -45.0)]
    nose = np.r_[np.c_[np.zeros(4), np.linspace(-25, 10, 4)], np.c_[np.linspace(-15, 15, 5), np.full(5, 18.0)]]
    eye = np.array([[-14, 0], [-5, -5], [5, -5], [14, 0], [5, 5], [-5, 5]], float)
    turn = np.linspace(np.pi, 3 * np.pi, 13)[:-1]
    outer = np.c_[30 * np.cos(turn), 45 + 10 * np.sin(turn)]
    inner = np.c_[20 * np.cos(np.linspace(np.pi, 3 * np.pi, 9)[:-1]), np.full(8, 45.0)]
    mean = np.concatenate([jaw, brows, nose, np.add(eye, [-32, -25]), np.add(eye, [32, -25]), outer, inner])
    return np.add(mean, [320, 240]) + np.random.default_rng(seed).normal(0, 0.2, (n, 68, 2))


def write_table(path: Path, names: Sequence[str], rows: np.ndarray, glue: str = ", ") -> Path:
    lines = [glue.join(names), *(glue.join(f"{value:g}" for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def openface_rows(names: Sequence[str], n: int, fps: float = 30.0, seed: int = 0) -> np.ndarray:
    """Values from 0 to 1 under each name; frames from 1, times, success."""
    rows = np.random.default_rng(seed).random((n, len(names))).round(3)
    fixed = {"frame": np.arange(n) + 1, "timestamp": np.arange(n) / fps, "confidence": 0.9, "success": 1}
    for name, values in fixed.items():
        rows[:, list(names).index(name)] = values
    return rows


def write_live_link(path: Path, psi: np.ndarray, codes: Sequence[str], counts: Sequence[int] | None = None) -> Path:
    """psi (n, 52) in the order of ACTIONS, written in another order."""
    order = np.argsort(ACTIONS)
    names = [ACTIONS[i][0].upper() + ACTIONS[i][1:] for i in order]
    lines = [",".join(["Timecode", "BlendShapeCount", *names, "HeadYaw", "HeadPitch", "HeadRoll"])]
    counts = counts or [61] * len(psi)
    for code, count, row in zip(codes, counts, psi, strict=True):
        lines.append(",".join([code, str(count), *(f"{value:.7g}" for value in row[order]), "0", "0", "0"]))
    path.write_text("\n".join(lines) + "\n")
    return path


def flame_arrays(n_expression: int = 100, seed: int = 0) -> dict[str, object]:
    """A ball with two small balls for eyes, in the layout of FLAME's model file; the lower half goes with the jaw."""
    from scipy.sparse import csc_matrix
    from scipy.spatial import ConvexHull

    rng = np.random.default_rng(seed)
    parts = [
        _ball(rng, 120, 0.09, (0, 0, 0)),
        _ball(rng, 20, 0.01, (0.03, 0.02, 0.08)),
        _ball(rng, 20, 0.01, (-0.03, 0.02, 0.08)),
    ]
    points, faces, start = [], [], 0
    for part in parts:
        hull = ConvexHull(part)
        points.append(part)
        faces.append(hull.simplices + start)
        start += len(part)
    template = np.concatenate(points)
    weights = np.zeros((len(template), 5))
    lower = (template[:, 1] < -0.01) & (template[:, 2] > 0)
    weights[:, 1], weights[lower, 1], weights[lower, 2] = 1, 0, 1
    regressor = np.zeros((5, len(template)))
    regressor[:, :120] = rng.random((5, 120))
    regressor /= regressor.sum(1, keepdims=True)
    return {
        "v_template": template,
        "shapedirs": rng.normal(0, 0.002, (len(template), 3, 300 + n_expression)),
        "posedirs": rng.normal(0, 0.0005, (len(template), 3, 36)),
        "J_regressor": csc_matrix(regressor),
        "weights": weights,
        "f": np.concatenate(faces).astype(np.uint32),
        "kintree_table": np.array([[-1, 0, 1, 1, 1], range(5)]),
        "bs_style": "lbs",
    }


def write_flame(path: Path, eyelids: bool = False, **changes: object) -> Path:
    arrays = flame_arrays() | changes
    path.write_bytes(pickle.dumps(arrays, protocol=2))
    if eyelids:
        for seed, name in enumerate(("l_eyelid.npy", "r_eyelid.npy")):
            shift = np.random.default_rng(seed).normal(0, 0.003, np.shape(arrays["v_template"]))
            np.save(path.with_name(name), shift[None].astype("f4"))
    return path


def _ball(rng: np.random.Generator, n: int, radius: float, centre: Sequence[float]) -> np.ndarray:
    points = rng.normal(size=(n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * radius + centre
