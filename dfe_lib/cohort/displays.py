"""The inventory of facial displays that simulated people choose from: what moves, how strongly, how fast, and why.

A line of the table is a display: its actions, times and sides, and where it is described. Rates, times and strengths
are our choice unless the source is a number; only the order of magnitude of a second and the blinks are published.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS

__all__ = ["DISPLAYS", "GROUPS", "Display", "display_index", "primitives", "side_templates"]

GROUPS = ("positive", "negative", "conversation", "mouth", "blink", "gaze", "speech")
"""Displays of one group share a person's liking for them, and how often each task calls for them."""

EKMAN = "Ekman, Friesen and Hager 2002"
COMPOUND = "Du, Tao and Martinez 2014"
CHOVIL = "Chovil 1991"
DESCRIPTORS = "action descriptors of Ekman, Friesen and Hager 2002"
OURS = "our choice"


USUAL, FAST, SLOW = (0.4, 1.5, 0.7), (0.15, 0.5, 0.2), (0.7, 2.5, 1.0)
SYLLABLE, SACCADE = (0.08, 0.2, 0.1), (0.05, 0.9, 0.05)
"""Onset, hold and offset in seconds."""


@dataclass(frozen=True)
class Display:
    """A facial display.

    Arguments:
        name: what it is called in the tables.
        group: one of `GROUPS`.
        actions: strength in [0, 1] of each ARKit action at full strength; a stem stands for both of its sides.
        rate: events a minute, to be multiplied by what the task asks for (`sessions.TASKS`).
        level: median strength of an event, a share of `actions`.
        onset_s, hold_s, offset_s: median times of rise, of the whole at half height, and of fall.
        one_sided: share of events that show on one side alone.
        beyond_facs: does it rest on movements, or on a side, that the usual detectors of action units do not report?
        source: of its form.
    """

    name: str
    group: str
    actions: dict[str, float]
    rate: float
    level: float
    onset_s: float
    hold_s: float
    offset_s: float
    one_sided: float
    beyond_facs: bool
    source: str


def _actions(text: str) -> dict[str, float]:
    """Pairs of a stem and tenths: `"jawOpen 3"` is 0.3."""
    words = text.split()
    return {stem: int(tenths) / 10 for stem, tenths in zip(words[::2], words[1::2], strict=True)}


def _display(
    name: str, group: str, actions: str, rate: float, source: str, *, times: tuple[float, float, float] = USUAL,
    level: float = 0.6, one_sided: float = 0.0, beyond: bool = False,
) -> Display:  # fmt: skip
    return Display(name, group, _actions(actions), rate, level, *times, one_sided, beyond, source)


DISPLAYS: tuple[Display, ...] = (
    # prototypes of emotions
    _display("smile", "positive", "mouthSmile 9 cheekSquint 5 eyeSquint 3", 0.9, EKMAN, times=(0.5, 2.0, 0.9)),
    _display("laugh", "positive", "mouthSmile 10 cheekSquint 8 eyeSquint 6 jawOpen 4 mouthUpperUp 4 mouthLowerDown 3",
             0.3, "Ruch and Ekman 2001", times=(0.3, 2.5, 1.0), level=0.7),
    _display("polite_smile", "positive", "mouthSmile 6 mouthDimple 1", 1.2, "Ekman and Friesen 1982"),
    _display("sadness", "negative", "browInnerUp 8 browDown 3 mouthFrown 7 mouthShrugLower 3", 0.35, EKMAN, times=SLOW),
    _display("surprise", "conversation", "browInnerUp 8 browOuterUp 9 eyeWide 8 jawOpen 4", 0.25, EKMAN,
             times=(0.2, 0.8, 0.5)),
    _display("fear", "negative", "browInnerUp 9 browOuterUp 5 browDown 4 eyeWide 8 mouthStretch 7 jawOpen 2", 0.12,
             EKMAN),
    _display("anger", "negative", "browDown 9 eyeWide 3 eyeSquint 5 mouthPress 7 mouthRollUpper 2", 0.2, EKMAN),
    _display("disgust", "negative", "noseSneer 9 mouthUpperUp 6 browDown 3 mouthShrugLower 3", 0.25, EKMAN),
    _display("contempt", "negative", "mouthDimple 8 mouthSmile 2", 0.2, "Ekman and Friesen 1986", one_sided=1.0,
             beyond=True),
    _display("pain", "negative", "browDown 7 cheekSquint 8 eyeSquint 8 noseSneer 4 mouthUpperUp 5 eyeBlink 5", 0.1,
             "Prkachin and Solomon 2008"),
    # compound emotions
    _display("happily_surprised", "positive", "browInnerUp 7 browOuterUp 7 mouthSmile 8 jawOpen 3", 0.2, COMPOUND),
    _display("happily_disgusted", "positive", "mouthUpperUp 7 mouthSmile 7 cheekSquint 5", 0.1, COMPOUND),
    _display("sadly_angry", "negative", "browDown 8 mouthFrown 7", 0.15, COMPOUND, times=SLOW),
    _display("sadly_fearful", "negative", "browInnerUp 8 browDown 4 mouthFrown 6 mouthStretch 6", 0.08, COMPOUND),
    _display("fearfully_surprised", "negative", "browInnerUp 8 browOuterUp 8 eyeWide 8 mouthStretch 6 jawOpen 3", 0.08,
             COMPOUND),
    _display("angrily_disgusted", "negative", "browDown 8 eyeSquint 6 mouthUpperUp 7 mouthShrugLower 5", 0.1, COMPOUND),
    _display("angrily_surprised", "negative", "browDown 7 jawOpen 4 eyeWide 4", 0.08, COMPOUND),
    _display("awed", "conversation", "browInnerUp 6 browOuterUp 6 eyeWide 6 jawOpen 2", 0.08, COMPOUND),
    # conversational signals
    _display("brow_flash", "conversation", "browInnerUp 7 browOuterUp 8", 1.0, "Ekman 1979", times=FAST),
    _display("brow_lower", "conversation", "browDown 7", 0.9, "Ekman 1979", times=(0.3, 1.5, 0.5)),
    _display("inner_brow_raise", "conversation", "browInnerUp 8", 0.4, "Ekman 1979"),
    _display("lid_raise", "conversation", "eyeWide 8", 0.3, CHOVIL, times=FAST),
    _display("squint", "conversation", "eyeSquint 8", 0.5, CHOVIL),
    _display("nose_wrinkle", "conversation", "noseSneer 8", 0.3, CHOVIL, times=FAST),
    _display("upper_lip_raise", "conversation", "mouthUpperUp 7", 0.3, CHOVIL),
    _display("dimpler", "conversation", "mouthDimple 9", 0.6, "Girard et al. 2014"),
    _display("lip_corner_depressor", "conversation", "mouthFrown 9", 0.5, "Girard et al. 2014"),
    _display("facial_shrug", "conversation", "mouthFrown 6 mouthShrugLower 8 mouthShrugUpper 5 browOuterUp 4", 0.3,
             CHOVIL),
    _display("chin_raise", "conversation", "mouthShrugLower 9 mouthShrugUpper 3", 0.4, EKMAN),
    _display("lip_press", "conversation", "mouthPress 8", 0.8, "Keltner 1995", times=(0.3, 1.2, 0.4)),
    _display("lip_stretch", "conversation", "mouthStretch 8", 0.3, EKMAN),
    _display("miserable_smile", "conversation", "mouthSmile 6 mouthFrown 5 mouthShrugLower 6", 0.15,
             "Ekman and Friesen 1982"),
    _display("embarrassed_smile", "conversation", "mouthSmile 6 mouthPress 6 eyeLookDown 5", 0.2, "Keltner 1995"),
    _display("eyes_shut", "conversation", "eyeBlink 10", 0.15, EKMAN, times=(0.2, 1.2, 0.3), level=0.95),
    _display("yawn", "mouth", "jawOpen 9 eyeSquint 5 browInnerUp 3 mouthStretch 3", 0.04, "Provine 1986",
             times=(1.5, 3.5, 1.2), level=0.8),
    _display("swallow", "mouth", "mouthPress 4 mouthShrugLower 4", 0.8, OURS, times=(0.3, 0.8, 0.4)),
    # movements and sides that the usual detectors do not report
    _display("one_sided_smile", "mouth", "mouthSmile 7", 0.3, EKMAN, one_sided=1.0, beyond=True),
    _display("one_sided_sneer", "mouth", "mouthUpperUp 7 noseSneer 4", 0.2, EKMAN, one_sided=1.0, beyond=True),
    _display("one_brow", "conversation", "browOuterUp 9", 0.25, "Ekman 1979", one_sided=1.0, beyond=True),
    _display("wink", "conversation", "eyeBlink 9 cheekSquint 5", 0.06, DESCRIPTORS, times=FAST, level=0.9,
             one_sided=1.0,
             beyond=True),
    _display("jaw_sideways", "mouth", "jawLeft 8 jawRight 8", 0.6, DESCRIPTORS, one_sided=1.0, beyond=True),
    _display("jaw_thrust", "mouth", "jawForward 8", 0.6, DESCRIPTORS, beyond=True),
    _display("jaw_circle", "mouth", "jawLeft 6 jawRight 6 jawOpen 3 jawForward 3", 0.25, OURS, one_sided=1.0,
             beyond=True),
    _display("cheek_puff", "mouth", "cheekPuff 9 mouthPress 3", 0.5, DESCRIPTORS, beyond=True),
    _display("cheek_suck", "mouth", "mouthPucker 5 mouthDimple 5 jawOpen 2 mouthClose 2", 0.5,
             DESCRIPTORS + "; ARKit has no action for drawn-in cheeks, this mixture is our choice", beyond=True),
    _display("blow", "mouth", "cheekPuff 6 mouthPucker 6 mouthFunnel 2", 0.25, DESCRIPTORS, beyond=True),
    _display("lower_lip_roll", "mouth", "mouthRollLower 9", 0.7, DESCRIPTORS, beyond=True),
    _display("upper_lip_roll", "mouth", "mouthRollUpper 9", 0.4, DESCRIPTORS, beyond=True),
    _display("lips_in", "mouth", "mouthRollLower 8 mouthRollUpper 8 mouthPress 2", 0.4, EKMAN, beyond=True),
    _display("mouth_sideways", "mouth", "mouthLeft 8 mouthRight 8", 0.5, OURS, one_sided=1.0, beyond=True),
    _display("sideways_pucker", "mouth", "mouthLeft 5 mouthRight 5 mouthPucker 6", 0.3, OURS, one_sided=1.0,
             beyond=True),
    _display("pucker", "mouth", "mouthPucker 9 mouthFunnel 2", 0.4, EKMAN, beyond=True),
    _display("tongue_show", "mouth", "tongueOut 8 jawOpen 2", 0.4, DESCRIPTORS, times=(0.2, 0.7, 0.2), beyond=True),
    _display("lip_lick", "mouth", "tongueOut 5 mouthRollLower 4 jawOpen 1", 0.5, DESCRIPTORS, times=(0.25, 0.8, 0.3),
             beyond=True),
    _display("tongue_in_corner", "mouth", "tongueOut 4 mouthLeft 5 mouthRight 5", 0.2, OURS, one_sided=1.0,
             beyond=True),
    # eyes
    _display("blink", "blink", "eyeBlink 10", 1.0, "rates: Bentivoglio et al. 1997", times=(0.08, 0.18, 0.14),
             level=0.92),
    _display("gaze_left", "gaze", "eyeLookOutLeft 8 eyeLookInRight 8", 1.0, OURS, times=SACCADE, level=0.4),
    _display("gaze_right", "gaze", "eyeLookInLeft 8 eyeLookOutRight 8", 1.0, OURS, times=SACCADE, level=0.4),
    _display("gaze_up", "gaze", "eyeLookUp 8", 0.5, OURS, times=SACCADE, level=0.4),
    _display("gaze_down", "gaze", "eyeLookDown 8 eyeBlink 1", 1.0, OURS, times=SACCADE, level=0.5),
    # mouth shapes of vowels and consonants; rate is a share of the syllables
    _display("viseme_a", "speech", "jawOpen 5 mouthLowerDown 4 mouthUpperUp 2", 0.2, OURS, times=SYLLABLE),
    _display("viseme_e", "speech", "jawOpen 3 mouthStretch 3 mouthSmile 1 mouthLowerDown 4", 0.2, OURS, times=SYLLABLE),
    _display("viseme_o", "speech", "jawOpen 3 mouthFunnel 6", 0.12, OURS, times=SYLLABLE),
    _display("viseme_u", "speech", "jawOpen 1 mouthPucker 6 mouthFunnel 3", 0.08, OURS, times=SYLLABLE),
    _display("viseme_m", "speech", "mouthPress 4 mouthRollLower 2 mouthRollUpper 1", 0.14, OURS, times=SYLLABLE),
    _display("viseme_f", "speech", "jawOpen 1 mouthRollLower 5 mouthUpperUp 3", 0.08, OURS, times=SYLLABLE),
    _display("viseme_sh", "speech", "jawOpen 1 mouthShrugUpper 3 mouthFunnel 4 jawForward 1", 0.08, OURS,
             times=SYLLABLE),
    _display("viseme_l", "speech", "jawOpen 2 tongueOut 2 mouthLowerDown 3", 0.1, OURS, times=SYLLABLE),
)  # fmt: skip
"""Every display, in the order of the tables."""


def display_index(name: str) -> int:
    """Place of a display in `DISPLAYS`.

    >>> DISPLAYS[display_index("cheek_puff")].beyond_facs
    True
    """
    return next(i for i, display in enumerate(DISPLAYS) if display.name == name)


@cache
def side_templates() -> tuple[Float[np.ndarray, "d 52"], Float[np.ndarray, "d 52"]]:
    r"""What each of the D displays adds to psi for each unit of strength on the left, and on the right side.

    An event of strengths (l, r) adds $l T_l + r T_r$. Actions of the middle take half of either side, so that
    l = r = 1 is the full display, and an action with a side of its own goes with that side; where the middle of the
    mouth moves to a side, (1, 0) is the whole movement.

    >>> left, right = side_templates()
    >>> left.shape == right.shape == (len(DISPLAYS), 52)
    True
    """
    left, right = np.zeros((2, len(DISPLAYS), len(ACTIONS)))
    for row, display in enumerate(DISPLAYS):
        middle = 1.0 if display.one_sided == 1.0 else 0.5
        for stem, weight in display.actions.items():
            for column, name in enumerate(ACTIONS):
                if name in (stem, stem + "Left", stem + "Right"):
                    sides = _sides(name, display, middle)
                    left[row, column], right[row, column] = sides[0] * weight, sides[1] * weight
    return left, right


def _sides(action: str, display: Display, middle: float) -> tuple[float, float]:
    if display.group == "gaze":  # both eyes turn alike
        return 0.5, 0.5
    return float(action.endswith("Left")) or middle * _is_middle(action), (
        float(action.endswith("Right")) or middle * _is_middle(action)
    )


def _is_middle(action: str) -> bool:
    return not action.endswith(("Left", "Right"))


def primitives() -> tuple[list[str], Float[np.ndarray, "p 52"]]:
    """Names and psi (P, 52) of every display at full strength: on both sides, or each side of a one-sided display.

    >>> names, psi = primitives()
    >>> len(names) == len(psi), float(psi.max()) <= 1.0
    (True, True)
    """
    left, right = side_templates()
    names, rows = [], []
    for display, one, other in zip(DISPLAYS, left, right, strict=True):
        if display.one_sided == 1.0:
            names += [f"{display.name}_left", f"{display.name}_right"]
            rows += [one, other]
        else:
            names.append(display.name)
            rows.append(one + other)
    return names, np.stack(rows)
