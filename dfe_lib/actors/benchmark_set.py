"""The benchmark's rendered actors: what the detector saw of people that no estimator has seen, and the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int
from safetensors.numpy import load_file

from ..errors import UserError
from ..io.tables import atomic_path, read_parquet
from ..morphable.model import MM_PER_M, MorphableModel
from ..tracking.feature_axes import reduced
from ..tracking.landmark_network import LandmarkNetwork
from .film_features import film_features

__all__ = ["CHANNELS", "FILE", "MOVING", "RenderedSet", "pack_actors", "rendered_set"]

FILE = Path(__file__).parent / "data" / "test_actors.parquet"
MOVING = FILE.with_name("moving_actors.parquet")
"""Actors of `motion.film_motion`."""
CHANNELS = FILE.with_name("channel_actors.parquet")
"""Other actors, whose skin creases and who make every movement often and strongly: to judge each action by."""
STEP_MM = 0.2
"""Detected landmarks are kept to a fifth of a millimetre, as differences from where they truly lie."""
FACE_MM = 165.0


@dataclass(frozen=True)
class RenderedSet:
    """Frames of actors that no estimator has seen: what the detector saw, and the truth.

    Arguments:
        landmarks: (n, 478, 3) detected, pixels. scores: (n, 51). psi: (n, 52) truth, on the nominal basis.
        features: (n, 448) of the landmark network, see `tracking.feature_axes`.
        rotation: (n, 3, 3) head to camera. actor: (n,). condition: (n,). neutral: (n,) marks the neutral frames.
        rest: (a, 478, 3) true neutral landmarks of each actor, mm, head axes.
    """

    landmarks: Float[np.ndarray, "n 478 3"]
    scores: Float[np.ndarray, "n 51"]
    features: Float[np.ndarray, "n 448"]
    psi: Float[np.ndarray, "n 52"]
    rotation: Float[np.ndarray, "n 3 3"]
    actor: Int[np.ndarray, " n"]
    condition: np.ndarray
    neutral: Bool[np.ndarray, " n"]
    rest: Float[np.ndarray, "a 478 3"]

    def only(self, rows: Bool[np.ndarray, " n"]) -> "RenderedSet":
        columns = {item.name: getattr(self, item.name)[rows] for item in fields(self) if item.name != "rest"}
        return replace(self, **columns)

    def exact(self, head: MorphableModel) -> Float[np.ndarray, "n 478 3"]:
        """True landmarks in camera axes, mm."""
        marks = head.landmark_model().expression.astype(float) * MM_PER_M
        return _turned(self.rest[self.actor] + np.tensordot(self.psi, marks, 1), self.rotation)


def pack_actors(paths: Sequence[Path], out: Path, head: MorphableModel) -> None:
    """Writes films of `filming.film_actors` as the benchmark's file, small enough to ship."""
    from .filming import CONDITIONS

    frames, rest, network = [], [], LandmarkNetwork()
    for number, path in enumerate(paths):
        film = load_file(path)
        rest.append(film["neutral"])
        seen = np.flatnonzero(film["detected"])
        offset, scale = _differences(film, seen)
        frames.append(pd.DataFrame({
            "actor": np.int16(number), "condition": [CONDITIONS[i] for i in film["condition"][seen]],
            "neutral": film["psi"][seen].sum(1) == 0, "scale": scale.astype(np.float32),
            "rotation": list(film["rotation"][seen].reshape(-1, 9)), "shift": list(film["exact_px"][seen].mean(1)),
            "psi": list(film["psi"][seen]), "scores": list(film["scores"][seen]), "offset": list(offset),
            "features": list(reduced(film_features(film, network)[seen].astype(np.float32))),
        }))  # fmt: skip
    table = pa.Table.from_pandas(pd.concat(frames), preserve_index=False)
    padding = [None] * (len(table) - len(rest))
    table = table.append_column("rest", pa.array([*np.stack(rest).reshape(len(rest), -1), *padding]))
    with atomic_path(out) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19, use_dictionary=False,
                       column_encoding={"offset.list.element": "BYTE_STREAM_SPLIT"})  # fmt: skip


def _differences(film: Mapping[str, np.ndarray], rows: Int[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """Detected minus true landmarks in steps of STEP_MM, and pixels for each mm."""
    scale = film["face_px"][rows] / FACE_MM
    centre = film["exact_px"][rows].mean(1)
    truth = _placed(film["neutral"] + film["exact"][rows], film["rotation"][rows], scale, centre)
    steps = (film["landmarks"][rows] - truth) / scale[:, None, None] / STEP_MM
    return np.clip(np.round(steps), -32768, 32767).astype(np.int16).reshape(len(rows), -1), scale


def _placed(
    points: Float[np.ndarray, "n l 3"], rotation: Float[np.ndarray, "n 3 3"], scale: Float[np.ndarray, " n"],
    centre: Float[np.ndarray, "n 2"],
) -> Float[np.ndarray, "n l 3"]:  # fmt: skip
    """Pixels of true landmarks (mm, head axes), seen from far away."""
    turned = _turned(points, rotation) * [1, -1, -1] * scale[:, None, None]
    turned -= turned.mean(1, keepdims=True)
    turned[..., :2] += centre[:, None]
    return turned


def _turned(points: Float[np.ndarray, "n l 3"], rotation: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n l 3"]:
    return np.einsum("nij,nlj->nli", rotation.astype(float), points.astype(float))


@cache
def rendered_set(path: Path = FILE) -> RenderedSet:
    """The benchmark's actors, which come with the package."""
    from ..morphable.anny import anny_head

    if not path.exists():
        raise UserError(f"{path} is missing: `dfe estimator` writes it")
    table = read_parquet(path)
    columns = {name: _stacked(table[name]) for name in ("rotation", "shift", "psi", "scores", "offset", "features")}
    rest = _stacked(table["rest"].drop_null()).reshape(-1, 478, 3).astype(float)
    actor, scale = table["actor"].to_numpy().astype(int), table["scale"].to_numpy().astype(float)
    rotation, psi = columns["rotation"].reshape(-1, 3, 3).astype(float), columns["psi"].astype(float)
    marks = anny_head().landmark_model().expression.astype(float) * MM_PER_M
    truth = _placed(rest[actor] + np.tensordot(psi, marks, 1), rotation, scale, columns["shift"].astype(float))
    landmarks = truth + columns["offset"].reshape(-1, 478, 3) * STEP_MM * scale[:, None, None]
    return RenderedSet(
        landmarks, columns["scores"].astype(float), columns["features"].astype(float), psi, rotation, actor,
        table["condition"].to_numpy(), table["neutral"].to_numpy(), rest,
    )  # fmt: skip


def _stacked(column: pa.ChunkedArray) -> np.ndarray:
    return np.stack(column.to_numpy())
