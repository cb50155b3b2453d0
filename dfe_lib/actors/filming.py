"""Actors before a camera: light, pose, lens, background and picture quality; detected, and stored with their truth."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter
from safetensors.numpy import save_file

from ..io.tables import atomic_path
from ..morphable.model import MM_PER_M, MorphableModel
from ..morphable.rendering import Camera, HeadRenderer, Light, turn
from ..morphable.vtk_scene import VtkScene, pyvista_module
from ..tracking.landmark_network import crop_of
from ..tracking.landmarker import FaceLandmarks
from .actor import Actor, fine_mesh, landmarks_of, sample_actor
from .basis import response
from .expressions import KINDS, sample_expressions

__all__ = ["CONDITIONS", "Shot", "Studio", "contact_sheet", "film_actor", "film_actors", "sample_shot", "store_film"]

Picture = UInt8[np.ndarray, "h w 3"]
Smaller = UInt8[np.ndarray, "s s 3"]

SIZE = 400
"""Side of the rendered picture in pixels, before it is made smaller."""

FACE_M = 0.165
"""Chin to forehead of the mean head, metres."""

KEY = (0.0, 1.0, 0.0)
"""Background while rendering; what has exactly this colour is replaced."""

FPS = 30.0

CROP_QUALITY = 92
"""JPEG quality of a stored crop."""

CONDITIONS = ("train", "rendered", "rendered_large_pose", "rendered_low_quality")


@dataclass(frozen=True)
class Shot:
    """How one picture is taken.

    Arguments:
        yaw, pitch, roll: of the head, degrees.
        shift: of the head in the picture, metres (x, y).
        distance: of the camera, metres. fill: height of the face as a share of the rendered picture.
        face_px: height of the face in the final picture.
        lights: up to four. blur_px, noise, quality: of the final picture (noise in grey levels, JPEG quality).
        exposure: mean grey level of the head, before gamma, the tone curve. grey: the picture has no colours.
        seed: of background and noise. grain: another number, other noise on the same background.
    """

    yaw: float
    pitch: float
    roll: float
    shift: tuple[float, float]
    distance: float
    fill: float
    face_px: float
    lights: tuple[Light, ...]
    blur_px: float
    noise: float
    quality: int
    exposure: float
    gamma: float
    grey: bool
    seed: int
    grain: int = 0

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        return turn(self.yaw, self.pitch, self.roll)

    @property
    def camera(self) -> Camera:
        return Camera(self.distance, self.fill * SIZE * self.distance / FACE_M, SIZE, SIZE)

    @property
    def scale(self) -> float:
        """Final pixels for each rendered one."""
        return min(self.face_px / (self.fill * SIZE), 1.0)


def sample_shot(rng: np.random.Generator, condition: str = "train") -> Shot:
    """A random shot of one of `CONDITIONS`; `train` covers all of them."""
    yaw, pitch, roll = _sample_pose(rng, condition)
    poor = condition == "rendered_low_quality" or (condition == "train" and rng.uniform() < 0.12)
    good = condition in ("rendered", "rendered_large_pose")
    face_px = rng.uniform(55, 110) if poor else np.exp(rng.uniform(np.log(110), np.log(300)))
    return Shot(
        yaw, pitch, roll, (float(rng.normal(0, 0.008)), float(rng.normal(0, 0.008))),
        distance=float(np.exp(rng.uniform(np.log(0.5 if good else 0.35), np.log(1.5)))),
        fill=float(rng.uniform(0.42, 0.62)), face_px=float(face_px), lights=_sample_lights(rng),
        blur_px=float(rng.uniform(0.3, 1.6) if poor else rng.exponential(0.4)),
        noise=float(rng.uniform(3, 14) if poor else rng.exponential(2.5)),
        quality=int(rng.integers(18, 60) if poor else rng.integers(55, 97)),
        exposure=float(rng.uniform(85, 165)), gamma=float(np.exp(rng.normal(0, 0.2))),
        grey=bool(rng.uniform() < 0.15), seed=int(rng.integers(2**31)),
    )  # fmt: skip


def _sample_pose(rng: np.random.Generator, condition: str) -> tuple[float, float, float]:
    if condition == "rendered_large_pose":
        sides = rng.choice([-1, 1], 2)
        if rng.uniform() < 0.65:
            return float(sides[0] * rng.uniform(20, 40)), float(rng.uniform(-25, 25)), float(rng.normal(0, 8))
        return float(rng.uniform(-40, 40)), float(sides[1] * rng.uniform(14, 25)), float(rng.normal(0, 8))
    if condition == "train" and rng.uniform() < 0.3:
        return float(rng.uniform(-42, 42)), float(rng.uniform(-27, 27)), float(rng.normal(0, 14))
    yaw, pitch = np.clip(rng.normal(0, 11), -22, 22), np.clip(rng.normal(0, 8), -15, 15)
    return float(yaw), float(pitch), float(rng.normal(0, 6))


def _sample_lights(rng: np.random.Generator) -> tuple[Light, ...]:
    warmth = rng.normal(0, 0.06)
    lights = [_lamp(rng.uniform(-70, 70), rng.uniform(-15, 60), rng.uniform(0.4, 0.9), warmth)]
    lights.append(_lamp(rng.uniform(-85, 85), rng.uniform(-40, 60), rng.uniform(0, 0.45), rng.normal(0, 0.08)))
    lights.append(_lamp(rng.uniform(-15, 15), rng.uniform(-10, 25), rng.uniform(0.2, 0.6), warmth))
    return tuple(lights)


def _lamp(azimuth: float, elevation: float, strength: float, warmth: float) -> Light:
    a, e = np.radians([azimuth, elevation])
    place = (float(np.sin(a) * np.cos(e)), float(np.sin(e)), float(np.cos(a) * np.cos(e)))
    return Light(place, float(strength), (1.0, float(np.clip(1 - warmth / 2, 0, 1)), float(np.clip(1 - warmth, 0, 1))))


class Studio(HeadRenderer):
    """A renderer of actors; hold it open over many frames.

    Arguments:
        head: the model whose topology the actors have.
    """

    def __init__(self, head: MorphableModel) -> None:
        # without several samples a pixel the key stays exact; smaller pictures smooth the edges
        super().__init__(
            head.faces, len(head.template), Camera(width=SIZE, height=SIZE), background=KEY, smooth=False,
            renderer="vtk", fine=fine_mesh(head),
        )  # fmt: skip
        self._spectacles, self._frame = self._add_spectacles(head)

    def __enter__(self) -> "Studio":
        return self

    def picture(self, actor: Actor, psi: Float[np.ndarray, " e"], shot: Shot) -> Smaller:
        """The finished picture of an expression."""
        self.aim(shot.camera)
        self.light(shot.lights)
        posed = actor.vertices(psi) @ shot.rotation.T + [*shot.shift, 0]
        self._frame.SetVisibility(actor.glasses)
        self._spectacles.points = (self._resting @ shot.rotation.T + [*shot.shift, 0]).astype(np.float32)
        return finish(self.render(posed, actor.painted(psi)), shot)

    def _add_spectacles(self, head: MorphableModel) -> tuple:
        assert isinstance(self._scene, VtkScene)  # as asked for above
        pyvista = pyvista_module()
        marks = landmarks_of(head, head.template.astype(float))
        angles = np.linspace(0, 2 * np.pi, 33)
        rims = []
        for iris in (468, 473):
            centre = marks[iris] + [0, -0.003, 0.016]
            circle = [np.cos(angles) * 0.025, np.sin(angles) * 0.018, -0.002 * np.cos(2 * angles)]
            rims.append(centre + np.stack(circle, 1))
        bridge = np.stack([rims[0][0], rims[1][16]])
        pieces = [pyvista.MultipleLines(points).tube(radius=0.0011, n_sides=6) for points in (*rims, bridge)]
        mesh = pieces[0].merge(pieces[1:]).extract_surface(algorithm="dataset_surface")
        self._resting = np.array(mesh.points, float)
        return mesh, self._scene.plotter.add_mesh(mesh, color=(0.08, 0.07, 0.07))


def finish(rendered: Picture, shot: Shot) -> Smaller:
    """Background, size, tone, blur, noise and compression of a rendered picture."""
    rng = np.random.default_rng(shot.seed)
    alpha = Image.fromarray(np.where((rendered == np.array(KEY) * 255).all(-1), 0, 255).astype(np.uint8))
    subject = np.where((np.asarray(alpha) > 0)[..., None], rendered, 128).astype(np.uint8)
    side = round(SIZE * shot.scale)
    small = np.asarray(Image.fromarray(subject).resize((side, side), Image.Resampling.BOX), np.float32)
    cover = np.asarray(alpha.resize((side, side), Image.Resampling.BOX), np.float32)[..., None] / 255
    small = small * (shot.exposure / max(float((cover * small).sum() / (3 * cover.sum() + 1e-6)), 20.0))
    picture = cover * small + (1 - cover) * _background(side, rng)
    tones = (255 * np.linspace(0, 1, 256) ** shot.gamma).astype(np.uint8)
    toned = Image.fromarray(tones[np.clip(picture, 0, 255).astype(np.uint8)])
    toned = toned.convert("L").convert("RGB") if shot.grey else toned
    blurred = np.asarray(toned.filter(ImageFilter.GaussianBlur(shot.blur_px)), np.float32)
    if shot.grain:
        rng = np.random.default_rng([shot.seed, shot.grain])
    grain = shot.noise * rng.standard_normal(picture.shape, np.float32)
    noisy = np.clip(blurred + grain, 0, 255).astype(np.uint8)
    return _compressed(noisy, shot.quality)


def _background(side: int, rng: np.random.Generator) -> Float[np.ndarray, "s s 3"]:
    """A plain colour, a gradient or coarse random patches."""
    cells = int(rng.choice([1, 2, 3, 8]))
    patches = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(patches).resize((side, side), Image.Resampling.BICUBIC), np.float32)


def _compressed(picture: Smaller, quality: int) -> Smaller:
    return np.asarray(Image.open(io.BytesIO(_jpeg(picture, quality))))


def _jpeg(picture: Picture, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def film_actor(
    head: MorphableModel, studio: Studio, detector: FaceLandmarks, actor: Actor, psi: Float[np.ndarray, "n e"],
    shots: Sequence[Shot],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Films an actor, one shot for each row of psi (FPS of them a second, where the detector follows the face).

    Returns what the detector saw beside the truth.

    Returns arrays over the n frames: `landmarks` (n, 478, 3) pixels, `scores` (n, 51), `detected`, the truth `psi`
    (the actor's own actions), `exact` (n, 478, 3) landmark displacements in mm in head axes, `exact_px` (n, 478, 2),
    `rotation`, `distance`, `face_px`, `focal`, `scale`, `shift`, and once `neutral` (478, 3) mm; `crops`, the JPEG
    files of the landmark network's crops one after the other, and `crop_ends` (n,), where each ends.
    """
    columns: dict[str, list] = {}
    crops: list[bytes] = []
    ends: list[int] = []
    rest = landmarks_of(head, actor.neutral)
    for number, (row, shot) in enumerate(zip(psi, shots, strict=True)):
        vertices = actor.vertices(row)
        picture = studio.picture(actor, row, shot)
        found = detector(picture, number / FPS)
        exact = landmarks_of(head, vertices)
        seen = {"detected": bool(found), "landmarks": np.zeros((478, 3)), "scores": np.zeros(51)}
        if found:
            seen |= {"landmarks": found[0].landmarks, "scores": found[0].blendshapes}
            crops.append(_jpeg(crop_of(picture, found[0].landmarks)[0], CROP_QUALITY))
        ends.append(sum(map(len, crops)))
        projected = shot.camera.project(exact @ shot.rotation.T + [*shot.shift, 0]) * shot.scale
        truth = {"exact": (exact - rest) * MM_PER_M, "exact_px": projected, "rotation": shot.rotation}
        lens = {"distance": shot.distance, "focal": shot.camera.focal_px, "scale": shot.scale, "shift": shot.shift}
        for key, value in (seen | truth | lens | {"face_px": shot.face_px}).items():
            columns.setdefault(key, []).append(value)
    table = {key: _compact(np.stack(values)) for key, values in columns.items()}
    pictures = {"crops": np.frombuffer(b"".join(crops), np.uint8), "crop_ends": np.array(ends)}
    return table | pictures | {"psi": psi.astype(np.float32), "neutral": (rest * MM_PER_M).astype(np.float32)}


def _compact(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype == np.float64 else values


def film_actors(
    head: MorphableModel,
    folder: Path,
    actors: range,
    seed: int = 0,
    n_neutral: int = 6,
    n_expressive: int = 60,
    conditions: tuple[str, ...] = ("train",),
    strangeness: float | None = None,
    heads: Float[np.ndarray, "n v 3"] | None = None,
    shares: Mapping[str, float] = KINDS,
    creased: bool = False,
) -> Iterator[Path]:
    """Films actors, a safetensors file each, and yields the files; those that exist are left as they are.

    Arguments:
        folder: of `actor_<number>.safetensors`.
        actors: numbers; the number and the seed alone decide what an actor is and does.
        n_neutral, n_expressive: frames of each actor, for each condition. The first frames are the neutral ones.
        conditions: of `CONDITIONS`; the neutral frames are of the first.
        strangeness: of the expression basis; random when None.
        heads: neutral heads (V, 3) to use in place of the model's identity space, by number.
        shares: of the kinds of expression, see `performances.sample_expressions`.
        creased: whether expressions crease the skin; the actors are the same ones otherwise.
    """
    paths = {number: folder / f"actor_{number:05d}.safetensors" for number in actors}
    if all(path.exists() for path in paths.values()):
        yield from paths.values()
        return
    with Studio(head) as studio, FaceLandmarks(video=False) as detector:
        for number, path in paths.items():
            if not path.exists():
                rng = np.random.default_rng([seed, number])
                neutral = None if heads is None else heads[number]
                ageing = np.random.default_rng([seed, number, 1]) if creased else None
                actor = sample_actor(head, studio.refine, rng, strangeness, neutral, ageing)
                psi = np.concatenate([np.zeros((n_neutral, len(head.names))),
                                      sample_expressions(n_expressive * len(conditions), rng, shares)])  # fmt: skip
                where = [conditions[0]] * n_neutral + [name for name in conditions for _ in range(n_expressive)]
                shots = [sample_shot(rng, condition) for condition in where]
                table = film_actor(head, studio, detector, actor, psi, shots)
                store_film(path, table, where, response(head, actor.expression))
            yield path


def store_film(
    path: Path, film: dict[str, np.ndarray], conditions: Sequence[str], own: Float[np.ndarray, "e e"]
) -> None:
    """Writes what :func:`film_actor` returned, the condition of each frame, and the actor's own `nominal.response`."""
    where = np.array([CONDITIONS.index(name) for name in conditions], np.int8)
    table = film | {"condition": where, "response": own.astype(np.float32)}
    with atomic_path(path) as temporary:
        save_file({key: np.ascontiguousarray(value) for key, value in table.items()}, temporary)


def contact_sheet(head: MorphableModel, n: int = 24, columns: int = 8, seed: int = 0, side: int = 160) -> Picture:
    """Pictures of n actors, each with another expression, in a grid: what the estimator is trained on."""
    tiles = []
    with Studio(head) as studio:
        for number in range(n):
            rng = np.random.default_rng([seed, number])
            actor = sample_actor(head, studio.refine, rng)
            picture = studio.picture(actor, sample_expressions(1, rng)[0], sample_shot(rng))
            tiles.append(np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)))
    tiles += [np.full((side, side, 3), 255, np.uint8)] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
