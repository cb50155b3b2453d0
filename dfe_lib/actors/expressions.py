"""Random expressions: single actions, combinations, emblems of emotions, speech-like mouths, gaze and blinks."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS

__all__ = ["EMBLEMS", "FREE_KINDS", "KINDS", "SPEECH", "STRONG_KINDS", "sample_expressions"]

EMBLEMS: dict[str, dict[str, float]] = {
    "joy": {"mouthSmile": 0.9, "cheekSquint": 0.6, "eyeSquint": 0.4, "jawOpen": 0.2, "mouthUpperUp": 0.3},
    "anger": {"browDown": 0.9, "eyeSquint": 0.5, "noseSneer": 0.4, "mouthPress": 0.6, "mouthRollUpper": 0.2},
    "disgust": {"noseSneer": 0.9, "mouthUpperUp": 0.7, "browDown": 0.5, "eyeSquint": 0.5, "mouthShrugLower": 0.3},
    "fear": {"browInnerUp": 0.8, "browOuterUp": 0.5, "eyeWide": 0.8, "mouthStretch": 0.7, "jawOpen": 0.3},
    "sadness": {"browInnerUp": 0.8, "mouthFrown": 0.7, "mouthShrugLower": 0.5, "eyeSquint": 0.2, "eyeLookDown": 0.3},
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.9, "eyeWide": 0.7, "jawOpen": 0.6},
    "contempt": {"mouthDimpleLeft": 0.7, "mouthSmileLeft": 0.4, "mouthPress": 0.3},
    "pain": {"browDown": 0.7, "cheekSquint": 0.8, "eyeSquint": 0.9, "mouthStretch": 0.5, "mouthUpperUp": 0.5},
    "kiss": {"mouthPucker": 0.9, "mouthFunnel": 0.3, "eyeSquint": 0.2},
    "puff": {"cheekPuff": 0.9, "mouthPress": 0.4, "mouthPucker": 0.2},
    "doubt": {"mouthShrugLower": 0.8, "mouthShrugUpper": 0.5, "browOuterUp": 0.5, "mouthFrown": 0.3},
    "thought": {"mouthLeft": 0.6, "mouthPress": 0.4, "eyeLookUp": 0.5, "browDownRight": 0.3},
}
"""Typical displays by action (both sides when no side is named), after the descriptions of Ekman and Friesen 1978."""

SPEECH: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.55, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
    {"jawOpen": 0.3, "mouthStretch": 0.3, "mouthSmile": 0.2, "mouthLowerDown": 0.3},
    {"jawOpen": 0.35, "mouthFunnel": 0.6},
    {"jawOpen": 0.15, "mouthPucker": 0.7, "mouthFunnel": 0.3},
    {"mouthClose": 0.15, "jawOpen": 0.15, "mouthPress": 0.4, "mouthRollUpper": 0.2, "mouthRollLower": 0.3},
    {"jawOpen": 0.12, "mouthRollLower": 0.5, "mouthUpperUp": 0.3},
    {"jawOpen": 0.15, "mouthShrugUpper": 0.3, "mouthFunnel": 0.4, "mouthUpperUp": 0.2},
    {"jawOpen": 0.2, "tongueOut": 0.3, "mouthLowerDown": 0.3},
    {"jawOpen": 0.2, "jawForward": 0.3, "mouthFunnel": 0.3, "mouthLowerDown": 0.2},
)
"""Mouth shapes of vowels and consonants (a, e, o, u, m/b/p, f/v, sh, l/th, r/ch)."""

STEMS = sorted({name.removesuffix("Left").removesuffix("Right") for name in ACTIONS} - {"eyeBlink"})
MOVING = [stem for stem in STEMS if not stem.startswith("eyeLook")]
OPPOSED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("eyeLookUpLeft", "eyeLookDownLeft"),
           ("eyeLookUpRight", "eyeLookDownRight"), ("eyeWideLeft", "eyeBlinkLeft"),
           ("eyeWideRight", "eyeBlinkRight"))  # fmt: skip
"""Pairs of which at most one is active."""

KINDS = {"single": 0.17, "combination": 0.2, "emblem": 0.25, "speech": 0.25, "independent": 0.08, "faint": 0.05}
"""Shares of the kinds of display."""
FREE_KINDS = {"single": 0.12, "combination": 0.2, "emblem": 0.17, "speech": 0.18, "independent": 0.28, "faint": 0.05}
"""More frames in which anything goes with anything, so that an estimator takes no combination for granted."""
STRONG_KINDS = {"strong": 1.0}
"""Three movements a frame, each strong and each as often as the others, to judge every action by."""
LOOKS = {
    "left": ("eyeLookOutLeft", "eyeLookInRight"),
    "right": ("eyeLookInLeft", "eyeLookOutRight"),
    "up": ("eyeLookUpLeft", "eyeLookUpRight"),
    "down": ("eyeLookDownLeft", "eyeLookDownRight"),
}
SIDEWAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
STRONG = LOOKS | {
    stem: tuple(name for name in ACTIONS if name in (stem, f"{stem}Left", f"{stem}Right"))
    for stem in [*SIDEWAYS, *MOVING, "eyeBlink"]
    if stem not in ("jaw", "mouth")
}
"""Movements of `STRONG_KINDS`, by name, and the actions of each."""


def sample_expressions(
    n: int, rng: np.random.Generator, shares: Mapping[str, float] = KINDS
) -> Float[np.ndarray, "n 52"]:
    """n random psi in [0, 1]; every kind of display that the module's first line names.

    Arguments:
        shares: of each kind, sum 1: `KINDS`, `FREE_KINDS` or `STRONG_KINDS`.

    >>> psi = sample_expressions(3, np.random.default_rng(0))
    >>> psi.shape, bool((psi >= 0).all() and (psi <= 1).all())
    ((3, 52), True)
    """
    kinds = rng.choice(list(shares), n, p=list(shares.values()))
    return np.stack([_one(str(kind), rng) for kind in kinds])


def _one(kind: str, rng: np.random.Generator) -> Float[np.ndarray, "52"]:
    psi = np.zeros(len(ACTIONS))
    if kind == "strong":
        return _strong(psi, rng)
    if kind == "single":
        _add(psi, {str(rng.choice(MOVING)): 1.0}, rng.uniform(0.2, 1.0), rng, one_sided=0.4)
    elif kind in ("combination", "faint"):
        strength = 1.0 if kind == "combination" else 0.25
        for stem in rng.choice(MOVING, rng.integers(2, 5), replace=False):
            _add(psi, {str(stem): strength}, rng.uniform(0.2, 1.0), rng, one_sided=0.25)
    elif kind == "emblem":
        _add(psi, EMBLEMS[str(rng.choice(list(EMBLEMS)))], rng.uniform(0.3, 1.15), rng, one_sided=0.05)
        if rng.uniform() < 0.3:
            _add(psi, SPEECH[rng.integers(len(SPEECH))], rng.uniform(0.3, 1.0), rng)
    elif kind == "speech":
        _add(psi, SPEECH[rng.integers(len(SPEECH))], rng.uniform(0.3, 1.4), rng)
        _add(psi, {str(rng.choice(MOVING)): 1.0}, rng.uniform(0.0, 0.7), rng, one_sided=0.2)
    else:
        active = rng.uniform(size=len(psi)) < rng.uniform(0.03, 0.12)
        psi[active] = rng.uniform(0.1, 1.0, active.sum())
    _look(psi, rng)
    _blink(psi, rng)
    return _exclude(np.clip(psi, 0, 1), rng)


def _strong(psi: Float[np.ndarray, "52"], rng: np.random.Generator) -> Float[np.ndarray, "52"]:
    """Three movements at .55 to 1; of two that exclude each other, one."""
    for movement in rng.choice(list(STRONG), 3, replace=False):
        psi[[ACTIONS.index(name) for name in STRONG[str(movement)]]] = rng.uniform(0.55, 1.0)
    return _exclude(psi, rng)


def _add(
    psi: Float[np.ndarray, "52"], display: dict[str, float], scale: float, rng: np.random.Generator,
    one_sided: float = 0.0,
) -> None:  # fmt: skip
    """Adds a display, each action stronger or weaker than its entry, the two sides not quite alike."""
    side = rng.choice(["Left", "Right"]) if rng.uniform() < one_sided else ""
    lean = rng.normal(0, 0.12)
    for stem, value in display.items():
        level = scale * value * rng.lognormal(0, 0.3)
        for index, name in enumerate(ACTIONS):
            if name == stem or name in (f"{stem}Left", f"{stem}Right"):
                tilt = 1 + lean * (name.endswith("Left") - name.endswith("Right"))
                psi[index] += level * tilt * (not side or not _is_other_side(name, stem, side))


def _is_other_side(name: str, stem: str, side: str) -> bool:
    return name != stem and not name.endswith(side)


def _look(psi: Float[np.ndarray, "52"], rng: np.random.Generator) -> None:
    """Both eyes look the same way; half of the time straight ahead."""
    if rng.uniform() < 0.5:
        return
    across, up = rng.normal(0, 0.35, 2)
    ways = {"eyeLookOutLeft": across, "eyeLookInRight": across, "eyeLookInLeft": -across, "eyeLookOutRight": -across}
    ways |= {f"eyeLookUp{side}": up for side in ("Left", "Right")}
    ways |= {f"eyeLookDown{side}": -up for side in ("Left", "Right")}
    for name, value in ways.items():
        psi[ACTIONS.index(name)] += max(value, 0)


def _blink(psi: Float[np.ndarray, "52"], rng: np.random.Generator) -> None:
    if rng.uniform() > 0.18:
        return
    level = rng.uniform(0.2, 1.1)
    sides = ("Left", "Right") if rng.uniform() < 0.75 else (rng.choice(["Left", "Right"]),)
    for side in sides:
        psi[ACTIONS.index(f"eyeBlink{side}")] += level


def _exclude(psi: Float[np.ndarray, "52"], rng: np.random.Generator) -> Float[np.ndarray, "52"]:
    for pair in OPPOSED:
        first, second = (ACTIONS.index(name) for name in pair)
        if psi[first] > 0 and psi[second] > 0:
            tied = psi[first] == psi[second] and rng.uniform() < 0.5
            psi[first if psi[first] < psi[second] or tied else second] = 0
    if psi[ACTIONS.index("mouthClose")] > psi[ACTIONS.index("jawOpen")] and rng.uniform() < 0.8:
        psi[ACTIONS.index("jawOpen")] = psi[ACTIONS.index("mouthClose")]
    return psi
