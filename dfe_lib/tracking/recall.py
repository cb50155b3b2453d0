"""How small a face is still found: sample people, shrunk and pasted into large frames with no one else in them."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Float32, UInt8
from PIL import Image
from sklearn.datasets import load_sample_images

from ..io.assets import asset
from ..io.media import Frame, open_media
from .detection import FaceFinder
from .landmarker import Box, FaceLandmarks

__all__ = ["Person", "background_scenes", "faces_found", "found_row", "person_in"]

Picture = UInt8[np.ndarray, "_ _ 3"]

WIDTH, HEIGHT = 1920, 1080
FPS = 25
FRAMES = 6
"""Frames that a pasted person is seen in, moving a little."""
FACELESS_FRAMES = 30
"""Frames of a clip without a face."""
PEOPLE = {
    "WolfgangLanger_Pexels.mp4": (0, 60, 150, 230, 300, 400, 440),
    "single_face.mp4": (0, 20, 45, 60),
    "carphone_pristine.mp4": (0, 30, 70, 110),
    "noface_face.mov": (150,),
    "multi_face.jpg": (0,),
    "single_face.jpg": (0,),
}
"""Frames of the sample media whose people are pasted."""
SOFT = 0.18
"""Share of a pasted picture's radius over which it fades into the frame."""
LONE, CROWDED = 2.4, 1.6
"""Side of the picture around a person, in sides of the face's box: without, and with, others beside."""
STEP, PAN_PX = 0.04, 7
"""What a person moves from frame to frame, in face heights, and an empty scene, in pixels."""
OVERLAP = 0.4
QUALITY = 85
"""Of the JPEG coding that a pasted frame goes through, as a camera's own."""


@dataclass(frozen=True)
class Person:
    """A square picture around a person, and where the landmarks lie in it."""

    rgb: Picture
    landmarks: Float32[np.ndarray, "478 3"]


def faces_found(sizes: tuple[int, ...] = (40, 60, 80, 120), seed: int = 0) -> pd.DataFrame:
    """Recall by size of the face, by MediaPipe's FaceLandmarker alone and by :class:`detection.FaceFinder`.

    A face is found where the centre of a box lies in the true one and the two overlap by more than 0.4; any other is
    false. Truth are the landmarks of the person before it was shrunk.

    Arguments:
        sizes: Heights of the faces' landmarks in pixels, in frames of 1920 x 1080.
        seed: Of places, directions and textures.

    Returns:
        A row a size, and one with face_px 0 for clips without a face: `face_px`, `frames`, and `recall` and
        `false_faces` (their number), each also for MediaPipe alone as `mediapipe_recall`, `mediapipe_false_faces`.
    """
    people, scenes, rng = _people(), background_scenes(seed), np.random.default_rng(seed)
    rows = [found_row(people, size, scenes, rng) for size in sizes]
    return pd.DataFrame([*rows, _row(0, (_panned(scene) for scene in scenes))])


def found_row(
    people: Iterable[Person], size: int, scenes: list[Picture], rng: np.random.Generator
) -> dict[str, float | int]:
    """Recall of people whose faces are `size` pixels high, each moving in one of the scenes: a row of `faces_found`."""
    return _row(size, (_walk(person, size, scenes, rng) for person in people))


Clip = Iterator[tuple[Picture, Box | None]]
"""Pictures, and where the face in each is."""


def _row(size: int, clips: Iterator[Clip]) -> dict[str, float | int]:
    frames = hits = alone_hits = wrong = alone_wrong = 0
    for clip in clips:
        with FaceFinder(still=False) as find, FaceLandmarks(video=True) as alone:
            for index, (rgb, truth) in enumerate(clip):
                time_s = index / FPS
                found = _counts([each.box for each in find(Frame(index, time_s, rgb))], truth)
                seen = _counts([Box.around(face.landmarks) for face in alone(rgb, time_s)], truth)
                frames, hits, wrong = frames + 1, hits + found[0], wrong + found[1]
                alone_hits, alone_wrong = alone_hits + seen[0], alone_wrong + seen[1]
    shown = frames if size else np.nan
    return {
        "face_px": size, "frames": frames, "mediapipe_recall": alone_hits / shown, "recall": hits / shown,
        "mediapipe_false_faces": alone_wrong, "false_faces": wrong,
    }  # fmt: skip


def _counts(boxes: list[Box], truth: Box | None) -> tuple[bool, int]:
    """Is the face found, and how many others are?"""
    right = [truth is not None and truth.holds(box.centre) and box.overlap(truth) > OVERLAP for box in boxes]
    return any(right), len(right) - sum(right)


def _people() -> list[Person]:
    return [person for name, wanted in PEOPLE.items() for person in _people_of(name, wanted)]


def _people_of(name: str, wanted: tuple[int, ...]) -> list[Person]:
    people = []
    for rgb in _pictures(name, wanted):
        with FaceFinder(still=True) as find:
            found = find(Frame(0, 0.0, rgb))
        people += [person_in(rgb, each.face.landmarks, LONE if len(found) == 1 else CROWDED) for each in found]
    return people


def _pictures(name: str, wanted: tuple[int, ...]) -> list[Picture]:
    with open_media(asset(name)) as reader:
        return [frame.rgb for frame in reader.frames if frame.index in wanted]


def person_in(rgb: Picture, landmarks: Float32[np.ndarray, "478 3"], sides: float = LONE) -> Person:
    """The person cut out of a picture, `sides` times as wide as the face's box."""
    box = Box.around(landmarks)
    side = round(sides * max(box.x1 - box.x0, box.y1 - box.y0))
    left, top = (round(middle - side / 2) for middle in box.centre)
    wide = cv2.copyMakeBorder(rgb, side, side, side, side, cv2.BORDER_REPLICATE)
    cut = wide[top + side : top + 2 * side, left + side : left + 2 * side]
    return Person(cut, landmarks - np.array([left, top, 0], np.float32))


def _walk(person: Person, size: int, scenes: list[Picture], rng: np.random.Generator) -> Clip:
    """The person, with a face `size` pixels high, moving a little somewhere in one of the scenes."""
    box = Box.around(person.landmarks)
    shrink = size / (box.y1 - box.y0)
    small = cv2.resize(person.rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    face = Box(*(side * shrink for side in (box.x0, box.y0, box.x1, box.y1)))
    scene, half = scenes[rng.integers(len(scenes))], len(small) / 2
    x, y = (rng.uniform(half, side - half - size) for side in (WIDTH, HEIGHT))
    step = rng.normal(size=2) * STEP * size
    for i in range(FRAMES):
        left, top = (int(np.clip(v, 0, side - len(small))) for v, side in zip(
            (x - half + step[0] * i, y - half + step[1] * i), (WIDTH, HEIGHT), strict=True))  # fmt: skip
        yield _pasted(scene, small, left, top), Box(face.x0 + left, face.y0 + top, face.x1 + left, face.y1 + top)


def _pasted(scene: Picture, small: Picture, left: int, top: int) -> Picture:
    """Faded into the scene at its rim, and as a camera's coding leaves it."""
    away = np.linspace(-1, 1, len(small))
    weight = np.clip((1 - np.hypot(away[:, None], away)) / SOFT, 0, 1)[..., None]
    whole = scene.copy()
    under = whole[top : top + len(small), left : left + len(small)]
    under[:] = weight * small + (1 - weight) * under
    coded = io.BytesIO()
    Image.fromarray(whole).save(coded, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(coded))


def background_scenes(seed: int) -> list[Picture]:
    """A room and two photographs without people, and two textures."""
    rooms = _pictures("no_face.mp4", (0, 45))
    textures = [_texture(np.random.default_rng([seed, i])) for i in range(2)]
    return [*map(_covering, [*rooms, *load_sample_images().images]), *textures]


def _covering(rgb: Picture) -> Picture:
    """Enlarged until it fills a frame, and cut to it."""
    grow = max(WIDTH / rgb.shape[1], HEIGHT / rgb.shape[0])
    large = cv2.resize(rgb, None, fx=grow, fy=grow, interpolation=cv2.INTER_CUBIC)
    left, top = (large.shape[1] - WIDTH) // 2, (large.shape[0] - HEIGHT) // 2
    return np.ascontiguousarray(large[top : top + HEIGHT, left : left + WIDTH])


def _texture(rng: np.random.Generator) -> Picture:
    """Clouds: noise of every scale, the louder the coarser."""
    clouds = np.tile(rng.uniform(60, 190, 3), (HEIGHT, WIDTH, 1))
    for octave in range(2, 9):
        noise = rng.normal(size=(2**octave * 9 // 16 + 1, 2**octave, 3))
        clouds += 60 * 0.75**octave * cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return clouds.clip(0, 255).astype(np.uint8)


def _panned(scene: Picture) -> Clip:
    for i in range(FACELESS_FRAMES):
        yield np.roll(scene, PAN_PX * i, axis=1), None
