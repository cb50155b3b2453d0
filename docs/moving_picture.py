"""The moving picture at the head of README and site: an actor, who does not exist, filmed, encoded and shown.

    python docs/moving_picture.py docs/media/actor.webp

The actor plays displays of the simulated people under a head that sways; `dfe view --video` does the rest, from the
pictures alone.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from dfe_lib.actors import Actor, sample_actor
from dfe_lib.actors.filming import Shot, Studio, sample_shot
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort import primitives
from dfe_lib.encoding.view import encoded_clip
from dfe_lib.io import open_media
from dfe_lib.io.film import open_film
from dfe_lib.io.scratch import scratch
from dfe_lib.io.tables import atomic_path
from dfe_lib.morphable import anny_head

SEED = 18
FPS, EVERY = 25, 3
"""Frames a second that are filmed, and which of them are shown: with more of them the file is over a megabyte."""
ACTS = ("", "surprise", "", "smile", "laugh", "", "anger", "disgust", "", "pucker", "one_brow_left", "sadness", "")
"""What is played; at rest where there is no name."""
HOLD_S, STEP_S = 0.7, 0.45
"""How long each is held, and how long a transition takes."""
BLINK_EVERY_S = 3.2
SWAY_DEG, SWAY_S = (14.0, 5.0), (6.0, 4.3)
"""Of yaw and pitch."""
WIDTH_PX, QUALITY = 760, 40
"""Of the picture that is written."""


def main(out: Path) -> None:
    with scratch() as folder:
        film(folder / "actor.mp4")
        with encoded_clip(folder / "actor.mp4") as clip:
            clip.film(folder / "shown.mp4")
        write_animation(folder / "actor.mp4", folder / "shown.mp4", out)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def film(out: Path) -> None:
    """Films the play, in good light."""
    head, rng = anny_head(), np.random.default_rng(SEED)
    with Studio(head) as studio, open_film(out) as written:
        actor = sample_actor(head, studio.refine, rng, strangeness=0.0, ageing=np.random.default_rng(SEED))
        actor = replace(actor, glasses=False)
        shot = replace(sample_shot(rng, "rendered"), face_px=330.0, noise=1.5, blur_px=0.3, quality=95, grey=False,
                       shift=(0.0, -0.01), fill=0.55)  # fmt: skip
        for number, picture in enumerate(_pictures(studio, actor, shot)):
            written.write(picture, number / FPS)


def play() -> Float[np.ndarray, "n 52"]:
    """psi of each frame: displays held, with smooth transitions between, and blinks."""
    templates = dict(zip(*primitives(), strict=True)) | {"": np.zeros(len(ACTIONS))}
    acts = [templates[name] for name in ACTS]
    share = np.arange(1, round(STEP_S * FPS) + 1)[:, None] / round(STEP_S * FPS)
    share = share**2 * (3 - 2 * share)
    psi = [np.tile(acts[0], (round(HOLD_S * FPS), 1))]
    for here, there in pairwise(acts):
        psi += [here + share * (there - here), np.tile(there, (round(HOLD_S * FPS), 1))]
    psi = np.concatenate(psi)
    time_s = np.arange(len(psi)) / FPS
    shut = np.clip(1 - np.abs((time_s + 1) % BLINK_EVERY_S - 0.1) / 0.1, 0, 1)[:, None]
    return np.clip(psi + shut * templates["blink"], 0, 1)


def write_animation(clip: Path, film: Path, out: Path) -> None:
    """An animated WebP of a clip beside its film, smaller and of fewer frames."""
    with open_media(clip) as one, open_media(film) as other:
        pairs = enumerate(zip(one.frames, other.frames, strict=True))
        frames = [_beside(left.rgb, right.rgb) for i, (left, right) in pairs if i % EVERY == 0]
    out.parent.mkdir(exist_ok=True)
    with atomic_path(out) as partial:
        frames[0].save(partial, "WEBP", save_all=True, append_images=frames[1:], duration=round(1000 * EVERY / FPS),
                       loop=0, quality=QUALITY, method=4)  # fmt: skip


def _pictures(studio: Studio, actor: Actor, shot: Shot) -> Iterator[np.ndarray]:
    for number, psi in enumerate(play()):
        yaw, pitch = (
            size * np.sin(2 * np.pi * number / FPS / period) for size, period in zip(SWAY_DEG, SWAY_S, strict=True)
        )
        yield studio.picture(actor, psi, replace(shot, yaw=float(yaw), pitch=float(pitch), roll=0.0, grain=number))


def _beside(clip: np.ndarray, film: np.ndarray) -> Image.Image:
    """The middle of the clip's picture as high as the film's, and the film, side by side."""
    high, width = film.shape[0], film.shape[1] // 2
    cut = (high - width) // 2
    left = Image.fromarray(clip).resize((high, high), Image.Resampling.LANCZOS).crop((cut, 0, cut + width, high))
    both = Image.fromarray(np.hstack([np.asarray(left), film]))
    return both.resize((WIDTH_PX, round(both.height * WIDTH_PX / both.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
