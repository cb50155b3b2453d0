"""Everyday words for movements of the face, and the displays that explain most of each."""

import numpy as np
from jaxtyping import Float

from ...action_units import ACTION_UNITS
from ...cohort.displays import primitives
from ...facs import au_basis
from ...morphable.metric import mesh_cosine

__all__ = ["asked_displays"]

LEAST_SHARE = 0.1
"""A display is found by a word when it explains this share of the movement (our choice)."""
SAME = {
    "brow_flash": "raised brows, brows up",
    "brow_lower": "frown, brows down",
    "smile": "happiness, happy, joy, grin",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "afraid, scared",
    "anger": "angry",
    "disgust": "disgusted",
    "pucker": "kiss, pout",
    "lip_stretch": "grimace",
    "lip_press": "pressed lips",
    "nose_wrinkle": "wrinkled nose, sneer",
    "lip_corner_depressor": "mouth frown",
    "eyes_shut": "closed eyes, eyes closed",
}
"""Other words for displays of the inventory."""


def asked_displays(
    templates: Float[np.ndarray, "k 52"], metric: Float[np.ndarray, "52 52"]
) -> dict[str, list[tuple[int, float]]]:
    r"""By everyday word, emotion or action unit: (display, share of that movement it explains), most first.

    One display explains $\max(0, \cos)^2$ of a movement, the cosine that of the mesh.

    Arguments:
        templates: change of psi that each display makes, ARKit's actions. metric: of the mesh.
    """
    words = _movements()
    cosine = mesh_cosine(np.stack(list(words.values())), templates, metric)
    share = np.square(np.maximum(cosine, 0.0))
    found = {}
    for word, row in zip(words, share, strict=True):
        order = [int(k) for k in np.argsort(-row, kind="stable") if row[k] >= LEAST_SHARE]
        found[word] = [(k, round(float(row[k]), 3)) for k in order]
    return found


def _movements() -> dict[str, Float[np.ndarray, " 52"]]:
    """psi of what each word asks for; all small letters."""
    shown = dict(zip(*primitives(), strict=True))
    found = {name.replace("_", " "): psi for name, psi in shown.items()}
    found |= {word: shown[name] for name, others in SAME.items() for word in others.split(", ")}
    codes = [code for code, unit in ACTION_UNITS.items() if unit.actions]
    for code, psi in zip(codes, au_basis(codes)[1], strict=True):
        number = code.removeprefix("AU").lstrip("0").lower()
        found |= {f"au{number}": psi, code.lower(): psi}
        if not ACTION_UNITS[code].side:
            found.setdefault(ACTION_UNITS[code].name, psi)
    return found
