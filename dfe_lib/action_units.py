"""The action units of the Facial Action Coding System (FACS): their shapes, and which of them each detector gives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import pandas as pd

__all__ = [
    "ACTION_UNITS",
    "AU_SETS",
    "BP4D",
    "DISFA",
    "FULL",
    "LIBREFACE_DETECTED",
    "LIBREFACE_INTENSITY",
    "OPENFACE_INTENSITY",
    "OPENFACE_OCCURRENCE",
    "PYFEAT",
    "ActionUnit",
    "au_names",
    "unit_table",
]

MANUAL = "Ekman, Friesen and Hager 2002"
"""Where numbers, names and muscles come from; what ARKit's actions amount to is our own reading of both texts."""


@dataclass(frozen=True)
class ActionUnit:
    """One action unit, or one side of it.

    Arguments:
        code: As the tables write it, such as `AU12`, and `AU12L` for its left side alone.
        number: Of the manual.
        name: What the face does.
        muscles: What does it.
        side: `both`, `left` or `right` (the subject's), `top` or `bottom` (of the lips), `middle` for what has no
            sides here.
        actions: ARKit actions at the unit's full strength and their weights; empty where ARKit has none.
    """

    code: str
    number: int
    name: str
    muscles: str
    side: str
    actions: Mapping[str, float]


def _unit(number: int, name: str, muscles: str, pairs: str = "", singles: str = "", letter: str = "") -> ActionUnit:
    """A unit from `action weight, ...`; `pairs` are actions with a left and a right that move together."""
    actions = {f"{action}{end}": weight for action, weight in _weights(pairs) for end in ("Left", "Right")}
    side = {"": "both" if pairs else "middle", "L": "left", "R": "right", "T": "top", "B": "bottom"}[letter]
    actions |= dict(_weights(singles))
    return ActionUnit(f"AU{number:02d}{letter}", number, name, muscles, side, MappingProxyType(actions))


def _weights(text: str) -> list[tuple[str, float]]:
    return [(part.split()[0], float(part.split()[1])) for part in text.split(",") if part]


_UNITS = (
    _unit(1, "inner brow raiser", "frontalis, pars medialis", singles="browInnerUp 1"),
    _unit(2, "outer brow raiser", "frontalis, pars lateralis", "browOuterUp 1"),
    _unit(4, "brow lowerer", "depressor glabellae, depressor supercilii, corrugator", "browDown 1"),
    _unit(5, "upper lid raiser", "levator palpebrae superioris", "eyeWide 1"),
    _unit(6, "cheek raiser", "orbicularis oculi, pars orbitalis", "cheekSquint 1"),
    _unit(7, "lid tightener", "orbicularis oculi, pars palpebralis", "eyeSquint 1"),
    _unit(8, "lips toward each other", "orbicularis oris", singles="mouthClose 1"),
    _unit(9, "nose wrinkler", "levator labii superioris alaeque nasi", "noseSneer 1"),
    _unit(10, "upper lip raiser", "levator labii superioris, caput infraorbitalis", "mouthUpperUp 1"),
    _unit(11, "nasolabial deepener", "zygomaticus minor", "mouthUpperUp 0.4, cheekSquint 0.2"),
    _unit(12, "lip corner puller", "zygomaticus major", "mouthSmile 1"),
    _unit(13, "sharp lip puller", "levator anguli oris", "mouthSmile 0.6, cheekSquint 0.3"),
    _unit(14, "dimpler", "buccinator", "mouthDimple 1"),
    _unit(15, "lip corner depressor", "depressor anguli oris", "mouthFrown 1"),
    _unit(16, "lower lip depressor", "depressor labii inferioris", "mouthLowerDown 1"),
    _unit(17, "chin raiser", "mentalis", singles="mouthShrugLower 1, mouthShrugUpper 0.5"),
    _unit(18, "lip pucker", "incisivi labii", singles="mouthPucker 1"),
    _unit(19, "tongue show", "genioglossus", singles="tongueOut 1"),
    _unit(20, "lip stretcher", "risorius", "mouthStretch 1"),
    _unit(21, "neck tightener", "platysma"),
    _unit(22, "lip funneler", "orbicularis oris", singles="mouthFunnel 1"),
    _unit(23, "lip tightener", "orbicularis oris", "mouthPress 0.3", "mouthRollUpper 0.3, mouthRollLower 0.3"),
    _unit(24, "lip pressor", "orbicularis oris", "mouthPress 1"),
    _unit(25, "lips part", "depressor labii, relaxed mentalis or orbicularis oris",
          "mouthLowerDown 0.5, mouthUpperUp 0.3"),
    _unit(26, "jaw drop", "masseter, temporal and internal pterygoid relaxed", singles="jawOpen 1"),
    _unit(27, "mouth stretch", "pterygoids, digastric", singles="jawOpen 1"),
    _unit(28, "lip suck", "orbicularis oris", singles="mouthRollUpper 1, mouthRollLower 1"),
    _unit(28, "upper lip suck", "orbicularis oris", singles="mouthRollUpper 1", letter="T"),
    _unit(28, "lower lip suck", "orbicularis oris", singles="mouthRollLower 1", letter="B"),
    _unit(29, "jaw thrust", "pterygoids, masseter", singles="jawForward 1"),
    _unit(30, "jaw sideways, to the left", "pterygoids, temporalis", singles="jawLeft 1", letter="L"),
    _unit(30, "jaw sideways, to the right", "pterygoids, temporalis", singles="jawRight 1", letter="R"),
    _unit(31, "jaw clencher", "masseter"),
    _unit(32, "bite", "masseter"),
    _unit(33, "blow", "buccinator relaxed", singles="cheekPuff 0.7, mouthPucker 0.4"),
    _unit(34, "puff", "buccinator relaxed, orbicularis oris", singles="cheekPuff 1"),
    _unit(35, "cheek suck", "buccinator", singles="cheekPuff -0.5"),
    _unit(36, "bulge", "tongue"),
    _unit(37, "lip wipe", "tongue"),
    _unit(38, "nostril dilator", "nasalis, pars alaris"),
    _unit(39, "nostril compressor", "nasalis, pars transversa, and depressor septi nasi"),
    _unit(43, "eyes closed", "levator palpebrae superioris relaxed", "eyeBlink 1"),
    _unit(45, "blink", "levator palpebrae superioris relaxed, orbicularis oculi", "eyeBlink 1"),
    _unit(61, "eyes turn left", "rectus lateralis and medialis", singles="eyeLookOutLeft 1, eyeLookInRight 1"),
    _unit(62, "eyes turn right", "rectus lateralis and medialis", singles="eyeLookInLeft 1, eyeLookOutRight 1"),
    _unit(63, "eyes up", "rectus superior", "eyeLookUp 1"),
    _unit(64, "eyes down", "rectus inferior", "eyeLookDown 1"),
    _unit(65, "walleye", "rectus lateralis", "eyeLookOut 1"),
    _unit(66, "cross-eye", "rectus medialis", "eyeLookIn 1"),
)  # fmt: skip

_SIDED = (2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 20, 24, 43)
"""Units that the full set holds side by side. ARKit gives no sides to unit 1, and none to the lips' middle."""


def _sides(unit: ActionUnit) -> list[ActionUnit]:
    sides = []
    for end in ("Left", "Right"):
        half = {action: weight for action, weight in unit.actions.items() if action.endswith(end)}
        sides.append(replace(unit, code=unit.code + end[0], side=end.lower(), actions=MappingProxyType(half)))
    return sides


def _with_sides() -> dict[str, ActionUnit]:
    units: dict[str, ActionUnit] = {}
    for unit in _UNITS:
        units |= {each.code: each for each in (unit, *(_sides(unit) if unit.number in _SIDED else ()))}
    return units


ACTION_UNITS: Mapping[str, ActionUnit] = MappingProxyType(_with_sides())
"""Every action unit by its code, in FACS order. Detectors give no side, so that theirs move both sides equally.

Seven units have no ARKit action, and no head here can do them: 21, 31, 32, 36 to 39.
"""


def au_names(numbers: Iterable[int]) -> tuple[str, ...]:
    """Names as the tables write them.

    >>> au_names([1, 12])
    ('AU01', 'AU12')
    """
    return tuple(f"AU{number:02d}" for number in numbers)


def unit_table() -> pd.DataFrame:
    """The action units as a table for people: code, number, name, muscles, side, actions with weights, source.

    >>> unit_table().query("code == 'AU12L'").actions.item()
    'mouthSmileLeft 1'
    """
    rows = [
        {
            "code": unit.code,
            "number": unit.number,
            "name": unit.name,
            "muscles": unit.muscles,
            "side": unit.side,
            "actions": ", ".join(f"{action} {weight:g}" for action, weight in unit.actions.items()),
            "source": f"{MANUAL}; actions: our reading",
        }
        for unit in ACTION_UNITS.values()
    ]
    return pd.DataFrame(rows)


OPENFACE_INTENSITY = au_names([1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45])
"""OpenFace 2 (Baltrusaitis et al. 2018): 17 intensities, 0 to 5."""
OPENFACE_OCCURRENCE = au_names([1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45])
"""OpenFace 2: 18 occurrences, 0 or 1."""
PYFEAT = au_names([1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43])
"""Py-Feat (Cheong et al. 2023): 20 occurrences, 0 to 1."""
LIBREFACE_INTENSITY = au_names([1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26])
"""LibreFace (Chang et al. 2024): 12 intensities, 0 to 5."""
LIBREFACE_DETECTED = au_names([1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24])
"""LibreFace: 12 occurrences, 0 or 1."""
DISFA = au_names([1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26])
"""DISFA (Mavadati et al. 2013): 12 coded intensities, 0 to 5."""
BP4D = au_names([1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24])
"""BP4D (Zhang et al. 2014): the 12 occurrences that detectors are usually trained and scored on."""

_SUMS = (11, 13, 23, 25, 33, 35, 65, 66)
"""Units whose shape on ARKit's actions is a sum (35: the opposite) of the shapes of other units."""
_SAME = ("AU27", "AU28", "AU45")
"""In one frame these are 26, 28 of the upper and lower lip, and 43."""

FULL: tuple[str, ...] = tuple(
    code
    for code, unit in ACTION_UNITS.items()
    if unit.actions
    and unit.number not in _SUMS
    and code not in _SAME
    and not (unit.side == "both" and unit.number in _SIDED)
)
"""All of FACS that the 52 ARKit actions can show in one frame, with left and right, upper and lower lip, and gaze."""

AU_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "openface17": OPENFACE_INTENSITY,
        "pyfeat20": PYFEAT,
        "libreface12": LIBREFACE_INTENSITY,
        "disfa12": DISFA,
        "bp4d12": BP4D,
        "facs": FULL,
    }
)
"""What each detector or coded data set reports, and `facs`, an ideal coder's account of a frame."""
