"""The user's own FLAME model file (Li et al. 2017; 2020 and 2023 releases) as a morphable model.

FLAME's licence binds whoever downloaded it, so its file is read where it lies and nothing of it is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation

from ..errors import UserError
from ..io.safe_arrays import open_array, open_arrays, read_array_pickle
from ..tracking.formats.flame_codes import EYELIDS, JAW, flame_names
from .model import MM_PER_M, MorphableModel

__all__ = ["FlameHead", "flame_head"]

NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f")
N_IDENTITY = 300
"""Shape directions of FLAME; its expression directions follow them."""
JAW_JOINT = 2
"""Of root, neck, jaw, left and right eye."""
STEP_RAD = 0.2
"""Jaw angle over which its basis is taken: an open mouth rather than a twitch (our choice)."""
EYELID_FILES = ("l_eyelid.npy", "r_eyelid.npy")
MOVES_MM = 1.0


@dataclass(frozen=True)
class FlameHead(MorphableModel):
    """FLAME with the jaw as it turns: vertices by skinning, the metric by the linear part.

    Arguments:
        jaw_weights: (V,) how far each vertex goes with the jaw.
        jaw_shape: (9, V, 3) corrections by the entries of the jaw's rotation minus the identity, metres.
        joint_basis: (1 + E, 3) the jaw's joint of the template, and what each coefficient moves it by.
    """

    jaw_weights: Float[np.ndarray, " v"] = field(kw_only=True)
    jaw_shape: Float[np.ndarray, "9 v 3"] = field(kw_only=True)
    joint_basis: Float[np.ndarray, "n 3"] = field(kw_only=True)

    def vertices(
        self, psi: Float[np.ndarray, "*b e"], beta: Float[np.ndarray, "... i"] | None = None
    ) -> Float[np.ndarray, "*b v 3"]:
        """Vertices in metres; the jaw turns about its joint (linear blend skinning)."""
        here = [i for i, name in enumerate(self.names) if name in JAW]
        if not here:
            return super().vertices(psi, beta)
        still = np.array(psi, float)
        still[..., here] = 0
        turn = Rotation.from_rotvec(np.asarray(psi, float)[..., here].reshape(-1, 3)).as_matrix()
        turn = turn.reshape(*still.shape[:-1], 3, 3)
        shape = super().vertices(still, beta)
        shape = shape + np.tensordot((turn - np.eye(3)).reshape(*still.shape[:-1], 9), self.jaw_shape, 1)
        joint = (self.joint_basis[0] + still @ self.joint_basis[1:])[..., None, :]
        turned = np.einsum("...ij,...vj->...vi", turn, shape - joint) + joint
        return shape + self.jaw_weights[:, None] * (turned - shape)

    def displacement_mm(self, psi: Float[np.ndarray, "*b e"]) -> Float[np.ndarray, "*b v 3"]:
        return (self.vertices(psi) - self.template) * MM_PER_M


def flame_head(path: Path, names: Sequence[str]) -> FlameHead:
    """FLAME's head with the coefficients of some codes.

    Arguments:
        path: FLAME's pickle, or a .npz of the same arrays. SMIRK's `l_eyelid.npy` and `r_eyelid.npy` are looked for
            beside it when the codes have eyelids.
        names: coefficients, as `flame_codes.flame_names` gives them.

    Raises UserError when the file is no FLAME model, or has fewer expression directions than the codes.
    """
    arrays = _arrays(path)
    template = arrays["v_template"].astype(float)
    n_expression = sum(name not in (*JAW, *EYELIDS) for name in names)
    if tuple(names) != flame_names(n_expression, JAW[0] in names, EYELIDS[0] in names):
        raise UserError("these coefficients are not FLAME's codes, so the FLAME file is of no use for them.")
    directions = np.moveaxis(arrays["shapedirs"], 2, 0).astype(float)
    if len(directions) < N_IDENTITY + n_expression:
        raise UserError(
            f"{path} has {len(directions)} directions, not the {N_IDENTITY} of shape and {n_expression} of expression "
            f"that the codes need: take FLAME 2020 or 2023, not a file cut down."
        )
    parts = [directions[N_IDENTITY : N_IDENTITY + n_expression]]
    if JAW[0] in names:
        parts.append(np.zeros((3, *template.shape)))
    if EYELIDS[0] in names:
        parts.append(_eyelids(path, template.shape))
    expression = np.concatenate(parts)
    regressor = arrays["J_regressor"][JAW_JOINT].astype(float)
    joints = np.concatenate([template[None], expression])
    bare = FlameHead(
        template,
        directions[:N_IDENTITY],
        expression,
        tuple(names),
        arrays["f"].astype(np.int32),
        jaw_weights=arrays["weights"][:, JAW_JOINT].astype(float),
        jaw_shape=_jaw_shape(arrays["posedirs"].astype(float)),
        joint_basis=np.tensordot(joints, regressor, (1, 0)),
    )
    return _with_linear_jaw(bare)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".npz":
        arrays: dict[str, object] = dict(open_arrays(path, NEEDED))
    else:
        arrays = read_array_pickle(path)
    found = {name: array for name in NEEDED if isinstance(array := arrays.get(name), np.ndarray)}
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise UserError(f"{path} lacks the arrays {', '.join(missing)}: it is no FLAME model file.")
    vertices = len(found["v_template"])
    shapes = {"shapedirs": (vertices, 3), "posedirs": (vertices, 3), "weights": (vertices,)}
    wrong = [name for name, shape in shapes.items() if found[name].shape[: len(shape)] != shape]
    if wrong or found["J_regressor"].shape[-1] != vertices or found["weights"].shape[1] <= JAW_JOINT:
        raise UserError(f"{path} has arrays that do not belong together ({', '.join(wrong) or 'joints'}).")
    return found


def _jaw_shape(posedirs: Float[np.ndarray, "v 3 p"]) -> Float[np.ndarray, "9 v 3"]:
    """FLAME's pose corrections of one joint; they count from the first joint after the root."""
    start = 9 * (JAW_JOINT - 1)
    return np.moveaxis(posedirs[:, :, start : start + 9], 2, 0)


def _eyelids(path: Path, shape: tuple[int, ...]) -> Float[np.ndarray, "2 v 3"]:
    files = [path.with_name(name) for name in EYELID_FILES]
    if not all(file.exists() for file in files):
        raise UserError(
            f"these codes have eyelids, which FLAME's file does not: put SMIRK's {' and '.join(EYELID_FILES)} "
            f"beside {path.name}."
        )
    bases = [np.asarray(open_array(file), float).reshape(-1, 3) for file in files]
    if any(basis.shape != shape for basis in bases):
        raise UserError(f"{EYELID_FILES[0]} and {EYELID_FILES[1]} have other vertices than {path.name}.")
    return np.stack(bases)


def _with_linear_jaw(head: FlameHead) -> FlameHead:
    """The same head whose basis has the jaw's part, a central difference, and whose face is known."""
    here = [i for i, name in enumerate(head.names) if name in JAW]
    expression = head.expression.copy()
    for i in here:
        step = np.zeros(len(head.names))
        step[i] = STEP_RAD
        expression[i] = (head.vertices(step) - head.vertices(-step)) / (2 * STEP_RAD)
    moved = np.linalg.norm(expression, axis=2).max(0) * MM_PER_M > MOVES_MM
    skin = _largest_part(head.faces, len(head.template))
    parts = {name: getattr(head, name) for name in ("jaw_weights", "jaw_shape", "joint_basis")}
    regions = {"skin": skin, "face": moved & skin}
    return FlameHead(head.template, head.identity, expression, head.names, head.faces, regions, **parts)


def _largest_part(faces: Int[np.ndarray, "f 3"], count: int) -> np.ndarray:
    """The skin: the eyeballs are surfaces of their own."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, label = connected_components(coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)))
    return label == np.bincount(label).argmax()
