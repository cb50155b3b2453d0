"""Random actors: the shape of a head, how its face moves, and its looks, all from a seeded generator."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from ..blendshapes import ACTIONS, mirror_permutation
from ..errors import UserError
from ..morphable.model import LandmarkEmbedding, MorphableModel
from ..morphable.painting import BROWS, OUTER_LIPS, Palette, paint
from ..morphable.rendering import subdivision
from .creases import Creases, sample_creases

__all__ = ["Actor", "fine_mesh", "landmarks_of", "sample_actor", "sample_expression_basis", "smooth_field"]

Rgb = Float[np.ndarray, "3"]

SKINS = np.array([[0.95, 0.80, 0.72], [0.88, 0.69, 0.58], [0.76, 0.57, 0.44], [0.56, 0.38, 0.27], [0.33, 0.21, 0.15]])
HAIRS = np.array([[0.07, 0.06, 0.06], [0.22, 0.15, 0.10], [0.42, 0.28, 0.17], [0.75, 0.60, 0.38], [0.55, 0.22, 0.10],
                  [0.65, 0.64, 0.63], [0.90, 0.89, 0.87]])  # fmt: skip
IRISES = np.array([[0.20, 0.12, 0.07], [0.36, 0.24, 0.13], [0.36, 0.42, 0.30], [0.32, 0.45, 0.60], [0.48, 0.52, 0.56]])
NOSTRILS_TO_CORNERS = ((98, 206, 212), (327, 426, 432))
LID_CREASES = ((247, 30, 29, 27, 28, 56), (467, 260, 259, 257, 258, 286))
MOUTHS = ([0.45, 0.2, 0.2], [0.8, 0.45, 0.45])
CROWN, EARS = 10, [127, 356]


@dataclass(frozen=True)
class Actor:
    """One person made of polygons.

    Arguments:
        neutral: (V, 3) neutral head, metres.
        expression: (52, V, 3) what each action does on this head, metres: the person's own way to move.
        colours: (W, 3) in [0, 1], of the vertices of :func:`fine_mesh`.
        strangeness: how far `expression` lies from the nominal basis; 0 is the nominal basis itself.
        glasses: whether it wears them.
        creases: what its expressions do to the skin; None is smooth skin.
    """

    neutral: Float[np.ndarray, "v 3"]
    expression: Float[np.ndarray, "e v 3"]
    colours: Float[np.ndarray, "w 3"]
    strangeness: float = 0.0
    glasses: bool = False
    creases: Creases | None = None

    def vertices(self, psi: Float[np.ndarray, " e"]) -> Float[np.ndarray, "v 3"]:
        return self.neutral + np.tensordot(psi, self.expression, 1)

    def painted(self, psi: Float[np.ndarray, " e"]) -> Float[np.ndarray, "w 3"]:
        """Colours with this expression."""
        return self.colours if self.creases is None else self.creases.on(self.colours, psi)


def sample_actor(
    head: MorphableModel,
    refine: csr_matrix,
    rng: np.random.Generator,
    strangeness: float | None = None,
    neutral: Float[np.ndarray, "v 3"] | None = None,
    ageing: np.random.Generator | None = None,
) -> Actor:
    """A random actor on the topology of `head`.

    Arguments:
        head: the model, with landmarks.
        refine: (W, V) matrix of :func:`fine_mesh`.
        rng: the only source of chance.
        strangeness: of the expression basis, drawn from 0 to 1.3 when None.
        neutral: the head to dress; drawn from the model's identity space (and beyond it) when None.
        ageing: source of the creases' chance; smooth skin when None.
    """
    amount = float(rng.uniform(0, 1.3)) if strangeness is None else strangeness
    shape = _sample_shape(head, rng) if neutral is None else neutral.astype(float)
    shape = shape + _hair_volume(head, shape, rng)
    expression = sample_expression_basis(head, rng, amount)
    colours, glasses = _sample_colours(head, refine, rng), bool(rng.uniform() < 0.06)
    creases = sample_creases(refine @ head.template.astype(float), _marks(head), ageing) if ageing else None
    return Actor(shape, expression, colours, amount, glasses, creases)


def fine_mesh(head: MorphableModel) -> tuple[csr_matrix, Int[np.ndarray, "g 3"]]:
    """Refinement matrix (W, V) and triangles: fine where a detector looks (eyes, brows, lips), coarse elsewhere."""
    marks = _marks(head)
    detail = [33, 133, 159, 145, 263, 362, 386, 374, *OUTER_LIPS, *(i for brow in BROWS for row in brow for i in row)]
    near = cKDTree(marks[detail]).query(head.template)[0] < 0.009
    eyes = head.region("left_eye") | head.region("right_eye")
    refine, faces = subdivision(head.faces, len(head.template), 0)
    for wanted in (head.region("face") | near | eyes, near | eyes, eyes):
        chosen = (refine @ wanted.astype(float))[faces].mean(1) > 0.6
        step, fine = subdivision(faces[chosen], refine.shape[0], 1)
        refine, faces = csr_matrix(step @ refine), np.concatenate([faces[~chosen], fine])
    return refine, faces


def smooth_field(
    points: Float[np.ndarray, "v 3"], rng: np.random.Generator, length: float, n: int, symmetry: float = 0.75
) -> Float[np.ndarray, "v n"]:
    r"""n smooth random fields of unit variance over points in metres (random Fourier features, Rahimi and Recht 2007).

    Arguments:
        length: correlation length in metres.
        symmetry: share of the variance that is the same on both sides of the face.
    """
    folded = points * [0.0, 1.0, 1.0] + np.abs(points) * [1.0, 0.0, 0.0]
    total = np.zeros((len(points), n))
    for places, share in ((folded, symmetry), (points, 1 - symmetry)):
        waves, phases = rng.normal(0, 1 / length, (3, 32)), rng.uniform(0, 2 * np.pi, 32)
        total += np.cos(places @ waves + phases) @ rng.normal(0, np.sqrt(2 * share / 32), (32, n))
    return total


def sample_expression_basis(
    head: MorphableModel, rng: np.random.Generator, strangeness: float
) -> Float[np.ndarray, "e v 3"]:
    """The nominal basis bent at random: gain, reach, direction and cross-talk of each action differ between people.

    An estimator that has only seen one basis trusts its exact geometry and fails on other heads.
    """
    basis = head.expression.astype(float)
    if strangeness == 0:
        return basis
    soft = ~(head.region("left_eye") | head.region("right_eye"))
    fields = smooth_field(head.template.astype(float), rng, 0.04, 4 * len(basis)) * soft[:, None]
    fields = strangeness * fields.reshape(len(soft), len(basis), 4).transpose(1, 0, 2)
    size = np.linalg.norm(basis, axis=2, keepdims=True)
    bent = basis * (1 + 0.25 * fields[..., :1]) + 0.22 * size * fields[..., 1:]
    return np.tensordot(_crosstalk(head, rng, strangeness), _gains(rng, strangeness)[:, None, None] * bent, 1)


def landmarks_of(head: MorphableModel, vertices: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "l 3"]:
    """The 478 landmarks on vertices of the head's topology; raises UserError when the head has no embedding."""
    return _embedding(head)(vertices)


def _embedding(head: MorphableModel) -> LandmarkEmbedding:
    if head.landmarks is None:
        raise UserError("this head model has no landmark embedding: fit it with dfe_lib.morphable.embedding first")
    return head.landmarks


def _marks(head: MorphableModel) -> Float[np.ndarray, "l 3"]:
    """Landmarks of the mean head, metres."""
    return landmarks_of(head, head.template)


def _gains(rng: np.random.Generator, strangeness: float) -> Float[np.ndarray, " e"]:
    mirror = mirror_permutation()
    own, pair = rng.normal(0, 0.09, len(ACTIONS)), rng.normal(0, 0.2, len(ACTIONS))
    shared = (pair + pair[mirror]) / np.where(np.arange(len(mirror)) == mirror, 2, np.sqrt(2))
    gains = np.clip(np.exp(strangeness * (own + shared)), 0.6, 1.6)
    lids = [ACTIONS.index("eyeBlinkLeft"), ACTIONS.index("eyeBlinkRight")]
    gains[lids] = np.clip(gains[lids], 0.93, 1.12)  # a blink closes the eye in everybody
    return gains


def _crosstalk(head: MorphableModel, rng: np.random.Generator, strangeness: float) -> Float[np.ndarray, "e e"]:
    """Identity plus a little of the actions that move the same skin."""
    gram = head.gram()
    norm = np.sqrt(np.maximum(np.diag(gram), 1e-9))
    related = np.abs(gram / norm / norm[:, None]) > 0.08
    np.fill_diagonal(related, False)
    reach = np.minimum(norm[:, None] / norm, 2.0)  # a small action never drags a large one along
    return np.eye(len(norm)) + strangeness * 0.07 * rng.normal(size=related.shape) * related * reach


def _sample_shape(head: MorphableModel, rng: np.random.Generator) -> Float[np.ndarray, "v 3"]:
    """Identity coefficients of a spread that differs between actors, and a smooth deformation beyond the model."""
    beta = rng.normal(0, rng.uniform(0.5, 1.1), len(head.identity))
    bend = smooth_field(head.template.astype(float), rng, 0.05, 3, symmetry=0.95) * rng.uniform(0, 0.0035)
    shape = head.template + np.tensordot(beta, head.identity, 1) + bend
    return (shape * rng.normal(1, 0.03, 3)).astype(float)


def _hair_volume(
    head: MorphableModel, shape: Float[np.ndarray, "v 3"], rng: np.random.Generator
) -> Float[np.ndarray, "v 3"]:
    """Hair that stands off the scalp, up to 25 mm; the ears stay where they are."""
    marks = _marks(head)
    above = head.template[:, 1] - marks[CROWN, 1] - 0.012 + 0.9 * np.maximum(marks[CROWN, 2] - head.template[:, 2], 0)
    weight = 0.5 + 0.5 * np.tanh((above - 0.015) / 0.01)
    outwards = shape - shape.mean(0)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    lumps = 1 + 0.3 * smooth_field(shape, rng, 0.03, 1)
    thick = rng.uniform(0, 0.025) * (rng.uniform() < 0.6)
    ears = np.abs(head.template[:, 0]) - np.abs(marks[EARS, 0]).mean()
    weight *= head.region("skin") * (0.5 - 0.5 * np.tanh((ears - 0.004) / 0.003))
    return thick * weight[:, None] * outwards * lumps


def _sample_colours(head: MorphableModel, refine: csr_matrix, rng: np.random.Generator) -> Float[np.ndarray, "w 3"]:
    """Paint of a random complexion: the palette, then brows, moustache, lines, spots and make-up on top of it."""
    skin = _mixed(SKINS, rng, 0.03)
    hair = _mixed(HAIRS, rng, 0.02)
    canvas = paint(head, _embedding(head), refine, _palette(skin, hair, rng))
    points, marks = refine @ head.template.astype(float), _marks(head).astype(float)
    face = (refine @ (head.region("skin") & (head.template[:, 2] > marks[[33, 263], 2].mean() - 0.05))) > 0.5
    brows = rng.uniform(0.3, 0.9) * np.minimum(hair, 0.9 * skin)
    _paint_brows(canvas, points, marks, face, np.clip(brows, 0, 1), rng)
    if rng.uniform() < 0.15:
        _stroke(canvas, points, marks[[212, 165, 164, 391, 432]], rng.uniform(2, 5), face * rng.uniform(0.4, 1), hair)
    for lines in (NOSTRILS_TO_CORNERS, LID_CREASES):
        strength = rng.uniform(0, 0.6) * (rng.uniform() < 0.6)
        for line in lines:
            _stroke(canvas, points, marks[list(line)], rng.uniform(0.8, 2.5), face * strength, canvas.mean(0) * 0.6)
    if rng.uniform() < 0.25:
        shadow = rng.uniform(0.1, 0.7, 3)
        for crease in LID_CREASES:
            _stroke(canvas, points, marks[list(crease)], rng.uniform(2, 5), face * rng.uniform(0.2, 0.7), shadow)
    _spots(canvas, points, face, rng)
    blotches = smooth_field(points, rng, rng.uniform(0.008, 0.04), 3, symmetry=0.2)
    canvas *= 1 + rng.uniform(0, 0.06) * blotches * (refine @ head.region("skin"))[:, None]
    return np.clip(canvas, 0, 1)


def _palette(skin: Rgb, hair: Rgb, rng: np.random.Generator) -> Palette:
    lips = skin * np.clip(rng.normal([0.86, 0.55, 0.55], 0.08), 0.2, 1.0)
    if rng.uniform() < 0.15:
        lips = rng.uniform([0.45, 0.02, 0.05], [0.9, 0.3, 0.4])
    bald = rng.uniform() < 0.1
    teeth = rng.uniform() < 0.5
    return Palette(
        skin=_rgb(skin), lips=_rgb(lips), hair=_rgb(skin if bald else hair), iris=_rgb(_mixed(IRISES, rng, 0.03)),
        sclera=_rgb(np.full(3, rng.uniform(0.72, 0.97)) * [1, 0.99, 0.97]),
        lashes=_rgb(np.minimum(skin * 0.5, hair) if rng.uniform() < 0.4 else hair * 0.4),
        mouth=_rgb(rng.uniform([0.12, 0.02, 0.02], [0.45, 0.2, 0.2])),
        tongue=_rgb(rng.uniform([0.8, 0.75, 0.65], 0.95) if teeth else rng.uniform(*MOUTHS)),
        brow_mm=1e-3, lash_mm=float(rng.uniform(0.4, 2.2)), hairline_mm=float(rng.uniform(4, 28)),
        beard=float(rng.uniform(0.1, 1) * (rng.uniform() < 0.25)), blush=float(rng.uniform(0, 0.5)),
    )  # fmt: skip


def _mixed(table: Float[np.ndarray, "n 3"], rng: np.random.Generator, spread: float) -> Rgb:
    """Between two neighbours of the table, and a little off."""
    place = rng.uniform(0, len(table) - 1)
    low, share = int(place), place - int(place)
    colour = table[low] * (1 - share) + table[min(low + 1, len(table) - 1)] * share
    return np.clip(colour + rng.normal(0, spread, 3), 0.02, 0.98)


def _rgb(colour: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    red, green, blue = np.clip(colour, 0, 1).tolist()
    return red, green, blue


def _paint_brows(
    canvas: np.ndarray, points: np.ndarray, marks: np.ndarray, face: np.ndarray, colour: Rgb, rng: np.random.Generator
) -> None:
    """Brows of random thickness, density, height, length and arch."""
    thick, dense, lift, arch = rng.uniform(1.5, 5.5), rng.uniform(0.5, 1), rng.normal(0, 1e-3), rng.normal(0, 1e-3)
    for lower, upper in BROWS:
        line = (marks[list(lower)] + marks[list(upper)]) / 2
        line[:, 1] += lift + arch * np.array([-1, 0.5, 1, 0.5, -1])
        line[0] += (line[1] - line[0]) * rng.uniform(0, 0.4)
        _stroke(canvas, points, line, thick, face * dense, colour)


def _stroke(
    canvas: np.ndarray, points: np.ndarray, line: np.ndarray, width_mm: float, alpha: np.ndarray, colour: np.ndarray
) -> None:
    """Draws a soft polyline onto the canvas."""
    steps = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    dense = (line[:-1] * (1 - steps) + line[1:] * steps).reshape(-1, 3)
    away = cKDTree(dense).query(points, distance_upper_bound=3 * width_mm / 1000)[0] * 1000
    opacity = alpha * (0.5 + 0.5 * np.tanh((width_mm - np.minimum(away, 1e3)) / (0.25 * width_mm)))
    canvas += opacity[:, None] * (colour - canvas)


def _spots(canvas: np.ndarray, points: np.ndarray, face: np.ndarray, rng: np.random.Generator) -> None:
    """Freckles and moles."""
    count = int(rng.integers(0, 60)) if rng.uniform() < 0.3 else int(rng.integers(0, 4))
    if count == 0:
        return
    centres = points[rng.choice(np.flatnonzero(face), count)]
    away = cKDTree(centres).query(points)[0]
    opacity = rng.uniform(0.2, 0.6) * np.exp(-((away / rng.uniform(0.001, 0.0025)) ** 2)) * face
    canvas -= opacity[:, None] * 0.6 * canvas
