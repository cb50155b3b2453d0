"""Everyday words for movements of the face, and the displays that explain most of each."""

import numpy as np
from jaxtyping import Float

from ...action_units import ACTION_UNITS
from ...cohort.displays import DISPLAYS, primitives
from ...facs import EMOTIONS, au_basis, emotion_prototypes
from ...morphable.metric import mesh_cosine
from ...morphable.model import MorphableModel
from ...quantisation.rvqvae import RvqVae

__all__ = ["asked_displays", "meanings", "region_metric"]

LEAST_SHARE = 0.1
"""A display is found by a word when it explains this share of the movement (our choice)."""
SAME = {
    "brow_flash": "raised brows, brows up",
    "brow_lower": "frown, frowning, brows down, furrowed brows",
    "smile": "smiling, grin, happy face",
    "laugh": "laughing, laughter",
    "pain": "painful",
    "wink": "winking",
    "blow": "blowing",
    "cheek_puff": "puffed cheeks",
    "jaw_thrust": "chin forward, jaw forward",
    "yawn": "yawning",
    "squint": "squinting, narrowed eyes",
    "lid_raise": "wide eyes, eyes wide",
    "pucker": "kiss, pout",
    "lip_stretch": "grimace",
    "lip_press": "pressed lips",
    "nose_wrinkle": "wrinkled nose, sneer",
    "lip_corner_depressor": "mouth frown",
    "eyes_shut": "closed eyes, eyes closed",
}
"""Other words for displays of the inventory."""
FELT = {
    "happiness": "happy, joy",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "afraid, scared, fearful",
    "anger": "angry",
    "disgust": "disgusted",
    "contempt": "contemptuous",
}
"""Other words for emotions. A face that shows a prototype need not feel it."""
EMFACS = "EMFACS, Friesen and Ekman 1983"


def asked_displays(
    templates: Float[np.ndarray, "k 52"], metric: Float[np.ndarray, "52 52"]
) -> dict[str, list[tuple[int, float]]]:
    r"""By everyday word, emotion or action unit: (display, share of that movement it explains), most first.

    One display explains $\max(0, \cos)^2$ of a movement, the cosine that of the mesh. Of a word without a side the
    better side counts.

    Arguments:
        templates: change of psi that each display makes, ARKit's actions. metric: see :func:`region_metric`.
    """
    words = _movements()
    found = {}
    for word, ways in words.items():
        row = np.square(np.maximum(mesh_cosine(ways, templates, metric), 0.0)).max(0)
        order = [int(k) for k in np.argsort(-row, kind="stable") if row[k] >= LEAST_SHARE]
        found[word] = [(k, round(float(row[k]), 3)) for k in order]
    return found


def region_metric(head: MorphableModel, model: RvqVae) -> Float[np.ndarray, "e e"]:
    """The metric of the mesh in which every region counts alike, as far as the model's training weighed them.

    In plain mm a surprise is an open mouth, for the jaw moves by ten times as much as brows and lids.
    """
    weights = dict(model.config.region_weights)
    if not weights:
        return head.gram()
    return np.sum([weight * head.gram(region) for region, weight in weights.items()], axis=0)


def meanings() -> dict[str, str]:
    """What is searched for by each word that is no unit's name: the units, or the movements, and their source."""
    found: dict[str, str] = {}
    for display in DISPLAYS:
        told = f"{', '.join(display.actions)} ({display.source})"
        found |= dict.fromkeys([display.name.replace("_", " "), *_others(SAME, display.name)], told)
    for emotion, codes in EMOTIONS.items():
        told = f"the prototype {' + '.join(code.replace('AU0', 'AU') for code in codes)} ({EMFACS})"
        found |= dict.fromkeys([emotion, *_others(FELT, emotion)], told)
    return {word: found[word] for word in sorted(found.keys() & _movements().keys())}


def _others(words: dict[str, str], name: str) -> list[str]:
    return words[name].split(", ") if name in words else []


def _movements() -> dict[str, Float[np.ndarray, "m 52"]]:
    """psi of what each word asks for, one or its sides; all small letters."""
    found: dict[str, list[np.ndarray]] = {}
    for name, psi in zip(*primitives(), strict=True):
        whole = name.removesuffix("_left").removesuffix("_right")
        for word in dict.fromkeys((name.replace("_", " "), whole.replace("_", " "), *_others(SAME, whole))):
            found.setdefault(word, []).append(psi)
    for name, psi in emotion_prototypes().items():
        found |= {word: [psi] for word in (name, *_others(FELT, name))}
    codes = [code for code, unit in ACTION_UNITS.items() if unit.actions]
    for code, psi in zip(codes, au_basis(codes)[1], strict=True):
        number = code.removeprefix("AU").lstrip("0").lower()
        found |= {word: [psi] for word in (f"au{number}", f"au {number}", code.lower())}
        if ACTION_UNITS[code].side in ("both", "middle"):
            found.setdefault(ACTION_UNITS[code].name, [psi])
    return {word: np.stack(ways) for word, ways in found.items()}
